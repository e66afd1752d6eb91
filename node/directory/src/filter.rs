//! Search filters (RFC 4515): what an operator wrote, and the names that strangers put into it.
//!
//! A name never becomes part of a filter's structure: every byte that is not plainly a letter, a digit or one of a few signs is written
//! as `\` and two hexadecimal digits (RFC 4515 §3), which is allowed for any byte.

use std::fmt::Write;

use crate::limits::{FILTER_BYTES_MAX, FILTER_DEPTH_MAX};

/// Stands for the name that is searched for.
pub(crate) const NAME: &str = "{name}";

/// Why a filter is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// More than [`FILTER_BYTES_MAX`].
    #[error("it is longer than {FILTER_BYTES_MAX} bytes")]
    TooLong,
    /// More than [`FILTER_DEPTH_MAX`].
    #[error("it is nested deeper than {FILTER_DEPTH_MAX} levels")]
    TooDeep,
    /// Brackets that do not match.
    #[error("a bracket has no partner")]
    Brackets,
    /// Anything else.
    #[error("it does not parse; expected is something like (&(objectClass=person)(uid=alice))")]
    Grammar,
}

/// Whether this is a filter, `{name}` standing for some name.
pub(crate) fn check(filter: &str) -> Result<(), Fault> {
    if filter.trim().is_empty() {
        return Err(Fault::Empty);
    }
    if filter.len() > FILTER_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    check_brackets(filter)?;
    match ldap3::parse_filter(with_name(filter, "a")) {
        Ok(_) => Ok(()),
        Err(()) => Err(Fault::Grammar),
    }
}

/// Brackets in values are escaped, so all others are structure.
fn check_brackets(filter: &str) -> Result<(), Fault> {
    let mut depth = 0_usize;
    for byte in filter.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1).ok_or(Fault::Brackets)?,
            _ => {}
        }
        if depth > FILTER_DEPTH_MAX {
            return Err(Fault::TooDeep);
        }
    }
    if depth == 0 { Ok(()) } else { Err(Fault::Brackets) }
}

/// The filter with this name in it, in brackets.
pub(crate) fn with_name(filter: &str, name: &str) -> String {
    bracketed(&filter.replace(NAME, &escaped(name.as_bytes())))
}

/// The filter that holds for every name.
pub(crate) fn with_any_name(filter: &str) -> String {
    bracketed(&filter.replace(NAME, "*"))
}

/// All of them hold. One alone stays as it is.
pub(crate) fn all<'a>(filters: impl IntoIterator<Item = &'a str>) -> String {
    joined('&', filters)
}

/// One of them holds.
pub(crate) fn any<'a>(filters: impl IntoIterator<Item = &'a str>) -> String {
    joined('|', filters)
}

/// An attribute has this value.
pub(crate) fn equals(attribute: &str, value: &[u8]) -> String {
    format!("({attribute}={})", escaped(value))
}

fn joined<'a>(operator: char, filters: impl IntoIterator<Item = &'a str>) -> String {
    let filters: Vec<String> = filters.into_iter().map(bracketed).collect();
    match &filters[..] {
        [one] => one.clone(),
        several => format!("({operator}{})", several.concat()),
    }
}

fn bracketed(filter: &str) -> String {
    let filter = filter.trim();
    if filter.starts_with('(') {
        filter.to_owned()
    } else {
        format!("({filter})")
    }
}

/// A value as it may stand in a filter.
pub(crate) fn escaped(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for &byte in value {
        let plain = byte.is_ascii_alphanumeric() || b"-_.@=,:+/ ".contains(&byte);
        if plain {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "\\{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_structure_is_escaped() {
        assert_eq!(escaped(b"*)(uid=*"), "\\2a\\29\\28uid=\\2a");
        assert_eq!(escaped(b"a\\b\0"), "a\\5cb\\00");
        assert_eq!(escaped("Zoë".as_bytes()), "Zo\\c3\\ab");
    }

    #[test]
    fn filters_are_told_from_what_is_none() {
        assert_eq!(check("(&(objectClass=person)(uid={name}))"), Ok(()));
        assert_eq!(check("uid={name}"), Ok(()));
        assert_eq!(check("(member:1.2.840.113556.1.4.1941:={name})"), Ok(()));
        assert_eq!(check("(&(uid={name})"), Err(Fault::Brackets));
        assert_eq!(check("(uid={name}))("), Err(Fault::Brackets));
        assert_eq!(check("(uid)"), Err(Fault::Grammar));
        assert_eq!(check(""), Err(Fault::Empty));
        let deep = "(!".repeat(5_000) + "(uid={name})" + &")".repeat(5_000);
        assert_eq!(check(&deep), Err(Fault::TooLong));
        let deep = "(!".repeat(200) + "(uid={name})" + &")".repeat(200);
        assert_eq!(check(&deep), Err(Fault::TooDeep));
    }

    #[test]
    fn filters_join() {
        assert_eq!(all(["(a=1)"]), "(a=1)");
        assert_eq!(all(["(a=1)", "b=2"]), "(&(a=1)(b=2))");
        assert_eq!(super::any(["(a=1)", "(b=2)"]), "(|(a=1)(b=2))");
        assert_eq!(with_any_name("(uid={name})"), "(uid=*)");
    }

    proptest! {
        #[test]
        fn no_name_changes_the_structure(name in ".{0,80}") {
            let filter = with_name("(&(objectClass=person)(uid={name}))", &name);
            let brackets = |filter: &str| filter.bytes().filter(|byte| b"()*&|!".contains(byte)).count();
            prop_assert_eq!(brackets(&filter), 7);
            prop_assert!(ldap3::parse_filter(&filter).is_ok());
        }

        #[test]
        fn checking_never_panics(filter in ".{0,200}") {
            let _ = check(&filter);
        }
    }
}
