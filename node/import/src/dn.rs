//! Distinguished names (RFC 4514), as far as an import looks into them: which two are the same, and what the first part says.

/// Two names with the same key are the same name: case and the blanks around separators do not count.
pub(crate) fn key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for part in parts(name) {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        key.push_str(&attribute.trim().to_lowercase());
        key.push('=');
        key.push_str(&value.trim().to_lowercase());
        key.push(',');
    }
    key
}

/// The value of the first part, unescaped: `Alice, B.` of `cn=Alice\, B.,ou=people`.
pub(crate) fn first_value(name: &str) -> Option<String> {
    let first = parts(name).next()?;
    let (_, value) = first.split_once('=')?;
    let value = unescaped(without_blanks(value));
    (!value.is_empty()).then_some(value)
}

/// The value of the first part with one of these attributes.
pub(crate) fn value_of(name: &str, attributes: &[&str]) -> Option<String> {
    parts(name)
        .filter_map(|part| part.split_once('='))
        .find(|(attribute, _)| {
            attributes
                .iter()
                .any(|wanted| attribute.trim().eq_ignore_ascii_case(wanted))
        })
        .map(|(_, value)| unescaped(without_blanks(value)))
        .filter(|value| !value.is_empty())
}

/// A value as it stands in a name.
pub(crate) fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for (index, symbol) in value.char_indices() {
        let at_end = index == 0 || index + symbol.len_utf8() == value.len();
        if matches!(symbol, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=')
            || (symbol == '#' && index == 0)
            || (symbol == ' ' && at_end)
        {
            text.push('\\');
        }
        text.push(symbol);
    }
    text
}

/// The parts between commas that are not escaped.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    name.split(move |symbol| {
        let separator = symbol == ',' && !escaped;
        escaped = symbol == '\\' && !escaped;
        separator
    })
}

/// Without the blanks around it that are not escaped. Other white space belongs to the value.
fn without_blanks(value: &str) -> &str {
    let mut value = value.trim_start_matches(' ');
    while let Some(shorter) = value.strip_suffix(' ') {
        if shorter.ends_with('\\') {
            break;
        }
        value = shorter;
    }
    value
}

fn unescaped(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let Some(next) = rest.next() else { break };
        let high = char::from(next).to_digit(16);
        let low = rest.peek().and_then(|low| char::from(*low).to_digit(16));
        if let (Some(high), Some(low)) = (high, low) {
            rest.next();
            bytes.push((high << 4 | low) as u8);
        } else {
            bytes.push(next);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_compared_without_case_and_blanks() {
        assert_eq!(
            key("UID=Alice, OU=People,DC=example"),
            key("uid=alice,ou=people, dc=example")
        );
        assert_ne!(key("uid=alice,ou=a"), key("uid=alice,ou=b"));
    }

    #[test]
    fn values_are_unescaped() {
        assert_eq!(first_value("cn=Alice\\, B.,ou=x").as_deref(), Some("Alice, B."));
        assert_eq!(first_value("cn=\\C3\\A4b,ou=x").as_deref(), Some("äb"));
        assert_eq!(first_value("nonsense"), None);
        assert_eq!(value_of("OU=x,UID=jsmith,DC=net", &["uid"]).as_deref(), Some("jsmith"));
        assert_eq!(value_of("DC=example-bank,DC=net", &["uid", "cn"]), None);
        assert_eq!(first_value("cn=\\"), None);
        assert_eq!(first_value("cn= a\\  ,ou=x").as_deref(), Some("a "));
        assert_eq!(first_value("cn=a\u{a0},ou=x").as_deref(), Some("a\u{a0}"));
    }

    proptest! {
        #[test]
        fn what_was_escaped_is_unescaped(value in "[^ \\p{Cc}]([^\\p{Cc}]{0,10}[^ \\p{Cc}])?") {
            prop_assert_eq!(first_value(&format!("cn={},ou=x", escaped(&value))), Some(value));
        }
    }
}
