//! Texts with placeholders: `{code}`, `{user}`, …; `{{` is a brace; `<%TOKEN%>` is the code, as in templates that people bring along.
//!
//! One grammar serves messages for people and requests to gateways. What a placeholder may be called is said by the caller; a name that
//! is not known is an error with the place where it stands, so that a typing error is found when the template is saved and not when
//! somebody waits for a code. A value is never looked at for placeholders again.
//!
//! A filter escapes a value for what it is wrapped in *within* its place: `{text|xml}` in a form field that holds XML is escaped for XML
//! first and for the form afterwards. Filters: `xml`, `json`, `url`.

use std::borrow::Cow;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    escape,
    limits::{PLACEHOLDER_BYTES, PLACEHOLDERS, TEMPLATE_BYTES},
};

/// A parsed template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value { name: String, filter: Option<Filter> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    Xml,
    Json,
    Url,
}

/// Where in a template something is wrong. Both count from one; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Character in the line.
    pub column: usize,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A name that means nothing here.
    #[error("line {}, column {}: nothing is called {placeholder} here", .at.line, .at.column)]
    Unknown {
        /// As it stands in the template, with its braces.
        placeholder: String,
        /// Where it begins.
        at: Position,
    },
    /// A filter that does not exist.
    #[error("line {}, column {}: {placeholder} has an unknown filter; there are xml, json and url", .at.line, .at.column)]
    Filter {
        /// As it stands in the template, with its braces.
        placeholder: String,
        /// Where it begins.
        at: Position,
    },
    /// A brace or `<%` that nothing closes.
    #[error("line {}, column {}: {opening} is never closed; a plain brace is written {{{{", .at.line, .at.column)]
    Unclosed {
        /// What was opened.
        opening: &'static str,
        /// Where.
        at: Position,
    },
    /// Longer than a template may be.
    #[error("is longer than {TEMPLATE_BYTES} bytes")]
    TooLong,
    /// More placeholders than a template may have.
    #[error("has more than {PLACEHOLDERS} placeholders")]
    TooMany,
}

/// What the legacy placeholder is called in the grammar of today.
const LEGACY_TOKEN: &str = "code";

impl Template {
    /// Parses `text`, in which only names may stand that are `known`.
    pub(crate) fn parse(text: &str, known: impl Fn(&str) -> bool) -> Result<Self, TemplateError> {
        if text.len() > TEMPLATE_BYTES {
            return Err(TemplateError::TooLong);
        }
        let mut template = Self::default();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let (part, length) = next_part(text, at, rest, &known)?;
            template.push(part);
            at += length;
        }
        if template.names().count() > PLACEHOLDERS {
            return Err(TemplateError::TooMany);
        }
        Ok(template)
    }

    /// The names in it, in order, with repetitions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with every placeholder replaced by its `value`, escaped for the place it stands in. What has no value is empty.
    pub(crate) fn render<'a>(
        &self,
        value: impl Fn(&str) -> Option<Cow<'a, str>>,
        escape: impl Fn(&str, &mut String),
    ) -> Zeroizing<String> {
        let mut rendered = Zeroizing::new(String::with_capacity(self.capacity()));
        for part in &self.parts {
            match part {
                Part::Text(text) => rendered.push_str(text),
                Part::Value { name, filter } => {
                    let value = value(name).unwrap_or_default();
                    escape(&Filter::apply(*filter, &value), &mut rendered);
                }
            }
        }
        rendered
    }

    fn push(&mut self, part: Part) {
        match (self.parts.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(more)) => before.push_str(&more),
            (_, part) => self.parts.push(part),
        }
    }

    /// Roughly what will be needed, so that a secret is seldom left behind in a buffer that was outgrown.
    fn capacity(&self) -> usize {
        let of = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Value { .. } => 512,
        };
        self.parts.iter().map(of).sum()
    }
}

impl Filter {
    fn named(name: &str) -> Option<Self> {
        match name {
            "xml" => Some(Self::Xml),
            "json" => Some(Self::Json),
            "url" => Some(Self::Url),
            _ => None,
        }
    }

    fn apply(filter: Option<Self>, value: &str) -> Zeroizing<String> {
        let mut escaped = Zeroizing::new(String::with_capacity(value.len() * 2));
        match filter {
            None => escaped.push_str(value),
            Some(Self::Xml) => escape::xml(value, &mut escaped),
            Some(Self::Json) => escape::json(value, &mut escaped),
            Some(Self::Url) => escape::url(value, &mut escaped),
        }
        escaped
    }
}

/// The part that begins at `at`, and its length in bytes. Never of no length.
fn next_part(text: &str, at: usize, rest: &str, known: impl Fn(&str) -> bool) -> Result<(Part, usize), TemplateError> {
    if rest.starts_with("{{") {
        return Ok((Part::Text("{".to_owned()), 2));
    }
    if rest.starts_with("}}") {
        return Ok((Part::Text("}".to_owned()), 2));
    }
    if rest.starts_with("<%") {
        return legacy(text, at, rest, known);
    }
    if rest.starts_with('{') {
        return placeholder(text, at, rest, known);
    }
    let special = ["{", "}}", "<%"];
    let length = special.iter().filter_map(|word| rest.find(word)).min();
    let plain = &rest[..length.unwrap_or(rest.len())];
    Ok((Part::Text(plain.to_owned()), plain.len()))
}

fn placeholder(
    text: &str,
    at: usize,
    rest: &str,
    known: impl Fn(&str) -> bool,
) -> Result<(Part, usize), TemplateError> {
    let whole = closed(rest, "}").ok_or_else(|| TemplateError::Unclosed {
        opening: "{",
        at: position(text, at),
    })?;
    let inside = whole[1..whole.len() - 1].trim();
    let (name, filter) = match inside.split_once('|') {
        None => (inside, None),
        Some((name, filter)) => match Filter::named(filter.trim()) {
            Some(filter) => (name.trim(), Some(filter)),
            None => {
                return Err(TemplateError::Filter {
                    placeholder: whole.to_owned(),
                    at: position(text, at),
                });
            }
        },
    };
    if !known(name) {
        return Err(unknown(text, at, whole));
    }
    let name = name.to_owned();
    Ok((Part::Value { name, filter }, whole.len()))
}

fn legacy(text: &str, at: usize, rest: &str, known: impl Fn(&str) -> bool) -> Result<(Part, usize), TemplateError> {
    let whole = closed(rest, "%>").ok_or_else(|| TemplateError::Unclosed {
        opening: "<%",
        at: position(text, at),
    })?;
    let name = whole[2..].trim_end_matches("%>").trim();
    if !name.eq_ignore_ascii_case("TOKEN") || !known(LEGACY_TOKEN) {
        return Err(unknown(text, at, whole));
    }
    let (name, filter) = (LEGACY_TOKEN.to_owned(), None);
    Ok((Part::Value { name, filter }, whole.len()))
}

/// `rest` up to and with `closing`, if that comes soon.
fn closed<'a>(rest: &'a str, closing: &str) -> Option<&'a str> {
    let end = rest.find(closing)? + closing.len();
    (end <= PLACEHOLDER_BYTES).then(|| &rest[..end])
}

fn unknown(text: &str, at: usize, whole: &str) -> TemplateError {
    TemplateError::Unknown {
        placeholder: whole.to_owned(),
        at: position(text, at),
    }
}

fn position(text: &str, at: usize) -> Position {
    let before = &text[..at];
    let line_begins = before.rfind('\n').map_or(0, |end| end + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_begins..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(name: &str) -> bool {
        ["code", "user", "secret.key"].contains(&name)
    }

    fn rendered(text: &str) -> String {
        let template = Template::parse(text, known).unwrap();
        let value = |name: &str| Some(Cow::from(format!("<{name}>")));
        template
            .render(value, |value, into| into.push_str(value))
            .as_str()
            .to_owned()
    }

    #[test]
    fn placeholders_are_replaced() {
        for (text, wanted) in [
            ("", ""),
            ("no placeholder", "no placeholder"),
            ("{code}", "<code>"),
            ("Hello { user }: {code}.", "Hello <user>: <code>."),
            ("Your code is <%TOKEN%>", "Your code is <code>"),
            ("<% token %>{secret.key}", "<code><secret.key>"),
            ("{{code}} is {{{code}}}", "{code} is {<code>}"),
            ("a } b < c % d > e", "a } b < c % d > e"),
            ("{user|xml}", "&lt;user&gt;"),
        ] {
            assert_eq!(rendered(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, wanted) in [
            ("{pin}", "line 1, column 1: nothing is called {pin} here"),
            ("hi\nşu {pin} ", "line 2, column 4: nothing is called {pin} here"),
            ("<%PIN%>", "line 1, column 1: nothing is called <%PIN%> here"),
            ("{}", "line 1, column 1: nothing is called {} here"),
            (
                "{user|html}",
                "line 1, column 1: {user|html} has an unknown filter; there are xml, json and url",
            ),
            (
                "your {code",
                "line 1, column 6: { is never closed; a plain brace is written {{",
            ),
            (
                "<%TOKEN>",
                "line 1, column 1: <% is never closed; a plain brace is written {{",
            ),
        ] {
            assert_eq!(Template::parse(text, known).unwrap_err().to_string(), wanted, "{text}");
        }
        let long = "x".repeat(TEMPLATE_BYTES + 1);
        assert_eq!(Template::parse(&long, known), Err(TemplateError::TooLong));
        let many = "{code}".repeat(PLACEHOLDERS + 1);
        assert_eq!(Template::parse(&many, known), Err(TemplateError::TooMany));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC*", braces in "[{}<%>a|. \n]{0,60}") {
            let _ = Template::parse(&text, known);
            let _ = Template::parse(&braces, |_| true);
            let _ = Template::parse(&format!("{text}{braces}{text}"), known);
        }

        #[test]
        fn a_value_is_not_looked_at_again(value in "\\PC*") {
            let template = Template::parse("[{code}]", known).unwrap();
            let text = template.render(|_| Some(Cow::from(value.as_str())), |value, into| into.push_str(value));
            prop_assert_eq!(text.as_str(), format!("[{value}]"));
        }

        #[test]
        fn doubled_braces_are_the_text_itself(text in "[a-z{} ]*") {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            let template = Template::parse(&doubled, |_| false).unwrap();
            let text_again = template.render(|_| None, |_, _| ());
            prop_assert_eq!(text_again.as_str(), text);
        }
    }
}
