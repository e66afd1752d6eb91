//! Escaping a value for the place it stands in. A user chooses his name, an attacker chooses his user name: no value may end the
//! string, the element, the parameter or the header it was put into.

use std::fmt::Write;

/// For a segment of a path, a part of a query, or a form field: everything but the unreserved characters of RFC 3986 section 2.3 as `%XX`
/// of its UTF-8. A space is `%20`, which every decoder of forms takes too.
pub(crate) fn url(value: &str, into: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

/// For the inside of a JSON string (RFC 8259 section 7). Not only what must be: `/` and `<` too, so that JSON inside HTML stays inside.
pub(crate) fn json(value: &str, into: &mut String) {
    for character in value.chars() {
        match character {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            control if control.is_control() || "<>/\u{2028}\u{2029}".contains(control) => {
                let mut units = [0; 2];
                for unit in control.encode_utf16(&mut units) {
                    let _ = write!(into, "\\u{unit:04x}");
                }
            }
            plain => into.push(plain),
        }
    }
}

/// For text or a quoted attribute of XML 1.0. Characters that XML cannot carry in any form (section 2.2) become spaces; a carriage return and
/// a tab are written as references, or a parser would make other white space of them.
pub(crate) fn xml(value: &str, into: &mut String) {
    for character in value.chars() {
        match character {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&apos;"),
            '\r' => into.push_str("&#13;"),
            '\t' => into.push_str("&#9;"),
            '\n' => into.push_str("&#10;"),
            '\u{FFFE}' | '\u{FFFF}' => into.push(' '),
            control if control < ' ' => into.push(' '),
            plain => into.push(plain),
        }
    }
}

/// For the value of a header field: control characters, line breaks among them, become spaces (RFC 9110 section 5.5).
pub(crate) fn header(value: &str, into: &mut String) {
    into.extend(
        value
            .chars()
            .map(|character| if character.is_control() { ' ' } else { character }),
    );
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn escaped(escape: impl Fn(&str, &mut String), value: &str) -> String {
        let mut into = String::new();
        escape(value, &mut into);
        into
    }

    /// What a parser makes of the references that [`xml`] writes.
    fn unescaped_xml(text: &str) -> String {
        let references = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&apos;", "'"),
            ("&#13;", "\r"),
            ("&#9;", "\t"),
            ("&#10;", "\n"),
            ("&amp;", "&"),
        ];
        references.iter().fold(text.to_owned(), |text, (reference, character)| {
            text.replace(reference, character)
        })
    }

    proptest! {
        #[test]
        fn json_stays_one_string(value in any::<String>()) {
            let document = format!("{{\"a\":\"{}\",\"b\":1}}", escaped(json, &value));
            let parsed: serde_json::Value = serde_json::from_str(&document).unwrap();
            prop_assert_eq!(parsed, serde_json::json!({"a": value, "b": 1}));
        }

        #[test]
        fn a_parameter_stays_one_parameter(value in any::<String>()) {
            let query = format!("a={}&b=1", escaped(url, &value));
            prop_assert!(query.bytes().all(|byte| byte.is_ascii_graphic()));
            let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            prop_assert_eq!(pairs, [("a".to_owned(), value), ("b".to_owned(), "1".to_owned())]);
        }

        #[test]
        fn xml_has_no_markup_left(value in any::<String>()) {
            let text = escaped(xml, &value);
            prop_assert!(!text.contains(['<', '>', '"', '\'']));
            prop_assert!(!text.chars().any(|character| character < ' '));
            let carried = |character: char| character >= ' ' || "\t\r\n".contains(character);
            let expected: String = value
                .chars()
                .map(|character| if carried(character) && !"\u{FFFE}\u{FFFF}".contains(character) { character } else { ' ' })
                .collect();
            prop_assert_eq!(unescaped_xml(&text), expected);
        }

        #[test]
        fn a_header_stays_one_line(value in any::<String>()) {
            let text = escaped(header, &value);
            prop_assert!(!text.contains(['\r', '\n', '\0']));
            prop_assert!(HeaderValue::from_bytes(text.as_bytes()).is_ok());
        }
    }
}
