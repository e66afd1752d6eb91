//! Distinguished names (RFC 4514), as far as they have to be understood: whether something is one, and what its first part is called.
//!
//! Names are compared by the controller. Where this crate must know whether it has met a name before (a group in a cycle), it compares
//! what one controller sent, without regard to the case of ASCII letters.

use crate::limits::DN_BYTES_MAX;

/// Whether this is a distinguished name of at least one part.
pub(crate) fn is_valid(dn: &str) -> bool {
    !dn.is_empty() && dn.len() <= DN_BYTES_MAX && split(dn, ',').all(|rdn| split(rdn, '+').all(is_pair))
}

/// Whether this is an attribute's name or object identifier, with options or without (RFC 4512 §2.5).
pub(crate) fn is_attribute(name: &str) -> bool {
    let good = |part: &str| {
        !part.is_empty()
            && part.len() <= 128
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric()) && name.split(';').all(good)
}

/// The value of the first part: `admins` of `cn=admins,ou=groups,…`.
pub(crate) fn first_value(dn: &str) -> Option<String> {
    let rdn = split(dn, ',').next()?;
    let (_, value) = split(rdn, '+').next()?.split_once('=')?;
    unescaped(value.trim())
}

/// What two spellings of one name have in common.
pub(crate) fn key(dn: &str) -> String {
    dn.to_ascii_lowercase()
}

fn is_pair(pair: &str) -> bool {
    pair.split_once('=').is_some_and(|(name, value)| {
        is_attribute(name.trim()) && !value.trim().is_empty() && unescaped(value).is_some()
    })
}

/// Parts between separators that are not escaped.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |character| {
        let divides = character == separator && !escaped;
        escaped = character == '\\' && !escaped;
        divides
    })
}

/// `\,` and `\2c` become what they stand for; nothing if a `\` stands for nothing, or what comes out is no text.
fn unescaped(value: &str) -> Option<String> {
    let mut bytes = value.bytes();
    let mut out = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let first = bytes.next()?;
        match char::from(first).to_digit(16) {
            Some(high) => {
                let low = char::from(bytes.next()?).to_digit(16)?;
                out.push(u8::try_from(high * 16 + low).ok()?);
            }
            None => out.push(first),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_told_from_what_is_none() {
        for right in [
            "dc=example",
            "ou=people, dc=example,dc=com",
            r"cn=Smith\, John+uid=js,dc=x",
            r"cn=Zo\c3\ab,dc=x",
        ] {
            assert!(is_valid(right), "{right}");
        }
        for wrong in [
            "",
            "example.com",
            "dc=",
            "dc=a,",
            ",dc=a",
            "cn=a\\",
            r"cn=a\4",
            "svc@example.com",
        ] {
            assert!(!is_valid(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_first_part_has_a_value() {
        assert_eq!(first_value("cn=admins,ou=groups,dc=x").as_deref(), Some("admins"));
        assert_eq!(first_value(r"CN=Smith\, John,dc=x").as_deref(), Some("Smith, John"));
        assert_eq!(first_value("nothing"), None);
    }

    #[test]
    fn attributes_have_names() {
        for right in [
            "uid",
            "cn;lang-de",
            "1.2.840.113556.1.4.1",
            "msDS-User-Account-Control-Computed",
        ] {
            assert!(is_attribute(right), "{right}");
        }
        for wrong in ["", "a b", "uid=", "(uid", ";", "uid;"] {
            assert!(!is_attribute(wrong), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".{0,100}") {
            let _ = (is_valid(&text), first_value(&text), is_attribute(&text));
        }
    }
}
