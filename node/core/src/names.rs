//! Whether a name is canonical. Only checked here: folding needs Unicode tables, which differ between versions, so
//! the node that takes a name in folds it and puts the result into the command.

use crate::{limits, records::UserName};

/// Whether a text can be any object's name: 1 to 253 bytes, no control characters, no space at either end.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && is_label(text)
}

/// Whether a text can describe an object: a name, or empty.
pub fn is_label(text: &str) -> bool {
    text.len() <= limits::NAME_BYTES && !text.chars().any(char::is_control) && text.trim_matches(' ') == text
}

/// Whether a user's name is in canonical form as far as that can be told without tables: no ASCII capitals, no
/// spaces at the ends, and nothing that would be read as a domain.
pub fn is_canonical(name: &UserName) -> bool {
    let folded = |text: &str| !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let unambiguous = |text: &str| !text.contains(['@', '\\']);
    is_name(&name.name)
        && is_label(&name.domain)
        && folded(&name.name)
        && folded(&name.domain)
        && unambiguous(&name.domain)
        && (name.domain.is_empty() || unambiguous(&name.name))
}

/// A language's tag in the one spelling in which they are compared: `pt-br` for `pt_BR`. None if it has not the shape of RFC 5646,
/// section 2.1: subtags of one to eight letters and digits, a language of two or three letters first.
pub fn language(typed: &str) -> Option<Box<str>> {
    let tag = typed.trim().replace('_', "-").to_ascii_lowercase();
    is_language(&tag).then(|| tag.into())
}

/// Whether a text is a tag in the spelling of [`language`].
pub fn is_language(tag: &str) -> bool {
    let is_subtag = |subtag: &str| {
        (1..=8).contains(&subtag.len())
            && subtag
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let first = tag.split('-').next().unwrap_or_default();
    tag.len() <= limits::LANGUAGE_BYTES
        && (2..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && tag.split('-').all(is_subtag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_not_folded() {
        assert!(is_canonical(&UserName::new("", "alice")));
        assert!(is_canonical(&UserName::new("example.org", "jürgen")));
        assert!(!is_canonical(&UserName::new("", "Alice")));
        assert!(!is_canonical(&UserName::new("", "")));
        assert!(!is_canonical(&UserName::new("", " alice")));
        assert!(!is_canonical(&UserName::new("", "a\nb")));
        assert!(!is_canonical(&UserName::new("a\\b", "alice")));
        assert!(!is_canonical(&UserName::new("", &"a".repeat(254))));
    }

    #[test]
    fn languages_have_one_spelling() {
        for (typed, tag) in [
            ("de", Some("de")),
            (" pt_BR", Some("pt-br")),
            ("zh-Hant-TW", Some("zh-hant-tw")),
            ("german", None),
            ("d", None),
            ("de-", None),
            ("de-ä", None),
            ("de, en;q=0.8", None),
            ("", None),
        ] {
            assert_eq!(language(typed).as_deref(), tag, "{typed}");
        }
        assert!(!is_language("DE"));
        assert!(!is_language(&format!("de{}", "-abcdefgh".repeat(4))));
    }
}
