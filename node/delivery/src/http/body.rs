//! Bodies with placeholders. Where a placeholder may stand is decided by the structure, not by the operator's quotation marks: JSON is
//! parsed before placeholders are looked for and written anew afterwards; XML is scanned, and a placeholder outside of text and quoted
//! attributes is refused.

use std::borrow::Cow;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{
    escape,
    limits::{ENTRIES, TEMPLATE_BYTES},
    problem::Checker,
    settings::Body,
    template::{Template, TemplateError},
};

/// A body ready to be rendered.
pub(super) enum BodyTemplate {
    None,
    /// Encoded names, and values.
    Form(Vec<(String, Template)>),
    Json(Json),
    Xml(Template),
}

/// JSON with templates for strings.
pub(super) enum Json {
    Fixed(Value),
    Text(Template),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl BodyTemplate {
    pub(super) fn compile(body: &Body, known: &dyn Fn(&str) -> bool, checker: &mut Checker) -> Self {
        match body {
            Body::None => Self::None,
            Body::Form(fields) => Self::Form(form(fields, known, checker)),
            Body::Json(text) => Self::Json(json(text, known, checker)),
            Body::Xml(text) => {
                if let Err(problem) = check_xml(text) {
                    checker.wrong("body.xml", problem);
                }
                Self::Xml(parsed("body.xml", text, known, checker))
            }
        }
    }

    pub(super) const fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Form(_) => Some("application/x-www-form-urlencoded"),
            Self::Json(_) => Some("application/json"),
            Self::Xml(_) => Some("application/xml; charset=utf-8"),
        }
    }

    pub(super) fn render<'a>(&self, value: &dyn Fn(&str) -> Option<Cow<'a, str>>) -> Zeroizing<String> {
        match self {
            Self::None => Zeroizing::default(),
            Self::Form(fields) => {
                let mut form = Zeroizing::new(String::with_capacity(TEMPLATE_BYTES));
                for (name, template) in fields {
                    if !form.is_empty() {
                        form.push('&');
                    }
                    form.push_str(name);
                    form.push('=');
                    form.push_str(&template.render(value, escape::url));
                }
                form
            }
            Self::Json(json) => {
                let mut text = Zeroizing::new(String::with_capacity(TEMPLATE_BYTES));
                json.render(value, &mut text);
                text
            }
            Self::Xml(template) => template.render(value, escape::xml),
        }
    }
}

fn parsed(field: &str, text: &str, known: &dyn Fn(&str) -> bool, checker: &mut Checker) -> Template {
    Template::parse(text, known).unwrap_or_else(|error: TemplateError| {
        checker.wrong(field, format!("cannot be used: {error}"));
        Template::default()
    })
}

fn form(
    fields: &[crate::settings::Field],
    known: &dyn Fn(&str) -> bool,
    checker: &mut Checker,
) -> Vec<(String, Template)> {
    checker.require(
        fields.len() <= ENTRIES,
        "body.form",
        format!("has more than {ENTRIES} fields"),
    );
    let compile = |(index, field): (usize, &crate::settings::Field)| {
        let path = format!("body.form[{index}]");
        checker.require(!field.name.is_empty(), &format!("{path}.name"), "is empty");
        let mut name = String::new();
        escape::url(&field.name, &mut name);
        (name, parsed(&format!("{path}.value"), &field.value, known, checker))
    };
    fields.iter().enumerate().map(compile).collect()
}

fn json(text: &str, known: &dyn Fn(&str) -> bool, checker: &mut Checker) -> Json {
    if text.len() > TEMPLATE_BYTES {
        checker.wrong("body.json", format!("is longer than {TEMPLATE_BYTES} bytes"));
        return Json::Fixed(Value::Null);
    }
    match serde_json::from_str(text) {
        Ok(value) => Json::compile(value, "", known, checker),
        Err(error) => {
            let hint = "placeholders belong inside of strings: \"{to}\"";
            checker.wrong("body.json", format!("is not JSON: {error} ({hint})"));
            Json::Fixed(Value::Null)
        }
    }
}

impl Json {
    fn compile(value: Value, path: &str, known: &dyn Fn(&str) -> bool, checker: &mut Checker) -> Self {
        match value {
            Value::String(text) => {
                let template = Template::parse(&text, known);
                Self::Text(template.unwrap_or_else(|error| {
                    checker.wrong(
                        "body.json",
                        format!("cannot be used at {}: {error}", path.trim_start_matches('.')),
                    );
                    Template::default()
                }))
            }
            Value::Array(values) => {
                let values = values.into_iter().enumerate();
                Self::Array(
                    values
                        .map(|(at, value)| Self::compile(value, &format!("{path}.{at}"), known, checker))
                        .collect(),
                )
            }
            Value::Object(fields) => Self::object(fields, path, known, checker),
            fixed => Self::Fixed(fixed),
        }
    }

    fn object(fields: Map<String, Value>, path: &str, known: &dyn Fn(&str) -> bool, checker: &mut Checker) -> Self {
        let compile = |(name, value): (String, Value)| {
            let placeholder = name.contains('{') || name.contains("<%");
            checker.require(
                !placeholder,
                "body.json",
                format!("has a placeholder in the name {name:?}"),
            );
            let value = Self::compile(value, &format!("{path}.{name}"), known, checker);
            (name, value)
        };
        Self::Object(fields.into_iter().map(compile).collect())
    }

    /// Written by hand, so that no value is left behind in a tree of plain strings.
    fn render<'a>(&self, value: &dyn Fn(&str) -> Option<Cow<'a, str>>, into: &mut String) {
        match self {
            Self::Fixed(fixed) => into.push_str(&fixed.to_string()),
            Self::Text(template) => {
                // The fixed parts of the string are escaped with the values.
                let text = template.render(value, |value, into| into.push_str(value));
                into.push('"');
                escape::json(&text, into);
                into.push('"');
            }
            Self::Array(values) => {
                into.push('[');
                for (at, item) in values.iter().enumerate() {
                    into.push_str(if at == 0 { "" } else { "," });
                    item.render(value, into);
                }
                into.push(']');
            }
            Self::Object(fields) => {
                into.push('{');
                for (at, (name, field)) in fields.iter().enumerate() {
                    into.push_str(if at == 0 { "\"" } else { ",\"" });
                    escape::json(name, into);
                    into.push_str("\":");
                    field.render(value, into);
                }
                into.push('}');
            }
        }
    }
}

/// Where in XML one stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Tag,
    Quoted(char),
    /// Until these characters: comments, CDATA sections, processing instructions, declarations.
    Until(&'static str),
}

/// That placeholders stand where the escaping of [`escape::xml`] protects, and that nothing is left open.
fn check_xml(text: &str) -> Result<(), String> {
    let mut place = Place::Text;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let braces = rest.starts_with("{{");
        if !braces && (character == '{' || rest.starts_with("<%")) {
            if !matches!(place, Place::Text | Place::Quoted(_)) {
                let line = text[..text.len() - rest.len()].matches('\n').count() + 1;
                return Err(format!(
                    "has a placeholder outside of text and quoted attributes, in line {line}"
                ));
            }
            let closing = if character == '{' { '}' } else { '>' };
            rest = rest.split_once(closing).map_or("", |(_, rest)| rest);
            continue;
        }
        let length = if braces { 2 } else { step(&mut place, rest, character) };
        rest = &rest[length..];
    }
    if place == Place::Text {
        Ok(())
    } else {
        Err("is not complete: something in it is never closed".to_owned())
    }
}

/// Goes over one character, or over the marks that open and close; says how many bytes that were.
fn step(place: &mut Place, rest: &str, character: char) -> usize {
    const OPENINGS: [(&str, &str); 4] = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("<!", ">")];
    match (*place, character) {
        (Place::Text, '<') => {
            if let Some((opening, closing)) = OPENINGS.into_iter().find(|(opening, _)| rest.starts_with(opening)) {
                *place = Place::Until(closing);
                return opening.len();
            }
            *place = Place::Tag;
        }
        (Place::Tag, '>') => *place = Place::Text,
        (Place::Tag, '"' | '\'') => *place = Place::Quoted(character),
        (Place::Quoted(quote), _) if quote == character => *place = Place::Tag,
        (Place::Until(closing), _) if rest.starts_with(closing) => {
            *place = Place::Text;
            return closing.len();
        }
        _ => {}
    }
    character.len_utf8()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn known(name: &str) -> bool {
        ["text", "user"].contains(&name)
    }

    fn compiled(body: &Body) -> Result<BodyTemplate, Vec<String>> {
        let mut checker = Checker::default();
        let template = BodyTemplate::compile(body, &known, &mut checker);
        let (problems, _) = checker.finish();
        if problems.is_empty() {
            Ok(template)
        } else {
            Err(problems.iter().map(ToString::to_string).collect())
        }
    }

    fn problem(body: &Body) -> String {
        compiled(body).err().unwrap().join("\n")
    }

    #[test]
    fn a_placeholder_outside_of_its_place_is_refused() {
        for (text, wanted) in [
            (
                "{\"a\":{text}}",
                "body.json is not JSON: key must be a string at line 1 column 7 (placeholders belong inside of strings: \"{to}\")",
            ),
            ("{\"{text}\":1}", "body.json has a placeholder in the name \"{text}\""),
            (
                "{\"a\":[1,{\"b\":\"{pin}\"}]}",
                "body.json cannot be used at a.1.b: line 1, column 1: nothing is called {pin} here",
            ),
        ] {
            assert_eq!(problem(&Body::Json(text.to_owned())), wanted);
        }
        let outside = "body.xml has a placeholder outside of text and quoted attributes, in line 1";
        for text in [
            "<{text}/>",
            "<a {text}='1'/>",
            "<a b={text}/>",
            "<!-- {text} -->",
            "<![CDATA[{text}]]>",
            "<?pi {text}?>",
            "<!DOCTYPE {text}>",
        ] {
            assert_eq!(problem(&Body::Xml(text.to_owned())), outside, "{text}");
        }
        for text in ["<a", "<a b='", "<!-- >", "<a>{text}</a><b"] {
            assert!(problem(&Body::Xml(text.to_owned())).contains("never closed"), "{text}");
        }
        for text in [
            "<a b='{text}' c=\"{user}\">{text}</a>",
            "<?xml version='1.0'?><!-- x --><a>{{<![CDATA[<]]></a>",
            "<a><%TOKEN%></a>",
        ] {
            let problems = compiled(&Body::Xml(text.to_owned())).err().unwrap_or_default();
            assert!(
                problems.iter().all(|problem| problem.contains("<%TOKEN%>")),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn numbers_stay_numbers() {
        let body = compiled(&Body::Json(
            "{\"a\": [1, true, null, 2.5], \"b\": {\"c\": \"x{{{text}\"}}".to_owned(),
        ))
        .ok()
        .unwrap();
        let text = body.render(&|_| Some(Cow::from("\"")));
        assert_eq!(text.as_str(), "{\"a\":[1,true,null,2.5],\"b\":{\"c\":\"x{\\\"\"}}");
    }

    proptest! {
        #[test]
        fn no_value_breaks_out(text in any::<String>(), user in any::<String>()) {
            let value = |name: &str| Some(Cow::from(if name == "text" { text.clone() } else { user.clone() }));
            let body = compiled(&Body::Json("{\"to\":[\"{user}\"],\"t\":\"a \\\"{text}\\\" b\"}".to_owned())).ok().unwrap();
            let parsed: Value = serde_json::from_str(&body.render(&value)).unwrap();
            prop_assert_eq!(parsed, json!({"to": [user], "t": format!("a \"{text}\" b")}));

            let field = |name: &str, value: &str| crate::settings::Field { name: name.to_owned(), value: value.to_owned() };
            let body = compiled(&Body::Form(vec![field("u&x", "{user}"), field("t", "<{text|xml}>")])).ok().unwrap();
            let form = body.render(&value);
            let pairs: Vec<_> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
            prop_assert_eq!(pairs.len(), 2);
            prop_assert_eq!(&pairs[0], &("u&x".to_owned(), user.clone()));
            prop_assert_eq!(pairs[1].1.matches(['<', '>']).count(), 2);

            let body = compiled(&Body::Xml("<a b='{user}'>{text}</a>".to_owned())).ok().unwrap();
            let xml = body.render(&value);
            prop_assert_eq!(xml.matches(['<', '>', '\'']).count(), 6);
        }

        #[test]
        fn nothing_makes_it_panic(text in "\\PC*", shaped in "[<>!?{}'\"a\\[\\]%/ -]{0,40}") {
            for text in [text, shaped] {
                let _ = compiled(&Body::Xml(text.clone()));
                let _ = compiled(&Body::Json(text));
            }
        }
    }
}
