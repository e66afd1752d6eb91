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
}
