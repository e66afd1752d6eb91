//! What people type as a user name, and the one form it is compared in.
//!
//! `Alice`, `alice`, `CORP\Alice` and `alice@corp` are spellings. Folded, a name is (domain, name), both in Unicode
//! form NFKC and lower case; a domain that this site calls its own becomes the empty one. Folding needs Unicode
//! tables that differ between versions, so it happens on the judging node, never in replicated code: there the
//! result travels inside the command.
//!
//! Caveat: folding is for comparing. What was typed is what the audit shows.

use quorate_core::{UserName, limits};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// The domains that mean "no domain".
#[derive(Debug, Clone, Default)]
pub struct Names {
    local_domains: Vec<String>,
}

/// Why a text is no user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    #[error("is empty")]
    Empty,
    #[error("is longer than {} bytes", limits::NAME_BYTES)]
    TooLong,
    #[error("has a control character, or a space at its beginning or end")]
    Character,
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("has more than one domain")]
    TwoDomains,
}

impl Names {
    /// `local_domains` are names of the site's default domain (`CORP`, `corp.example`): users in it are known without one.
    #[must_use]
    pub fn new<'a>(local_domains: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            local_domains: local_domains.into_iter().map(fold_text).collect(),
        }
    }

    /// The site's default domain, in all its names, folded.
    pub(crate) fn local_domains(&self) -> &[String] {
        &self.local_domains
    }

    /// Folds a name as it was typed: `name`, `DOMAIN\name` or `name@domain`.
    ///
    /// # Errors
    /// [`NameProblem`] when no user can have this name.
    pub fn fold(&self, typed: &str) -> Result<UserName, NameProblem> {
        // Before folding, too: a megabyte is not worth it.
        if typed.len() > limits::NAME_BYTES {
            return Err(NameProblem::TooLong);
        }
        let folded = fold_text(typed);
        let (domain, name) = split(&folded)?;
        if domain.len() + name.len() > limits::NAME_BYTES {
            return Err(NameProblem::TooLong);
        }
        check(name)?;
        if domain.is_empty() || self.local_domains.iter().any(|local| local == domain) {
            return Ok(UserName::new("", name));
        }
        check(domain)?;
        Ok(UserName::new(domain, name))
    }

    /// Folds the bytes of a User-Name attribute.
    ///
    /// # Errors
    /// As [`fold`](Self::fold).
    pub fn fold_bytes(&self, received: &[u8]) -> Result<UserName, NameProblem> {
        let text = std::str::from_utf8(received).map_err(|_| NameProblem::NotUtf8)?;
        self.fold(text)
    }
}

/// The parts of a folded text. One domain at most, so that a name's printed form folds to the name again.
fn split(folded: &str) -> Result<(&str, &str), NameProblem> {
    let (domain, name) = match (folded.split_once('\\'), folded.split_once('@')) {
        (Some((domain, name)), _) => (domain, name),
        (None, Some((name, domain))) => (domain, name),
        (None, None) => ("", folded),
    };
    if [domain, name].iter().any(|part| part.contains(['\\', '@'])) {
        return Err(NameProblem::TwoDomains);
    }
    Ok((domain, name))
}

fn check(part: &str) -> Result<(), NameProblem> {
    if part.is_empty() {
        Err(NameProblem::Empty)
    } else if part.trim() != part || part.chars().any(char::is_control) {
        Err(NameProblem::Character)
    } else {
        Ok(())
    }
}

/// NFKC, lower case, NFKC again (lowering can undo the first: U+0130). Plain ASCII takes the short way.
pub(crate) fn fold_text(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.nfkc().collect::<String>().to_lowercase();
    match is_nfkc_quick(lower.chars()) {
        IsNormalized::Yes => lower,
        IsNormalized::No | IsNormalized::Maybe => lower.nfkc().collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fold(typed: &str) -> Result<UserName, NameProblem> {
        Names::new(["CORP", "corp.example"]).fold(typed)
    }

    #[test]
    fn spellings_of_one_name_fold_to_one() {
        for typed in [
            "alice",
            "Alice",
            "CORP\\alice",
            "ALICE@corp.example",
            "alice@Corp",
            "ａｌｉｃｅ",
            "\\alice",
        ] {
            assert_eq!(fold(typed), Ok(UserName::new("", "alice")), "{typed}");
        }
        for typed in ["OTHER\\bob", "bob@other", "Bob@Other"] {
            assert_eq!(fold(typed), Ok(UserName::new("other", "bob")), "{typed}");
        }
    }

    #[test]
    fn what_no_user_can_be_called_is_said() {
        assert_eq!(fold(""), Err(NameProblem::Empty));
        assert_eq!(fold("@corp"), Err(NameProblem::Empty));
        assert_eq!(fold(" alice"), Err(NameProblem::Character));
        assert_eq!(fold("al\0ice"), Err(NameProblem::Character));
        for typed in ["a\\b\\c", "a@b@c", "a\\b@c"] {
            assert_eq!(fold(typed), Err(NameProblem::TwoDomains), "{typed}");
        }
        assert_eq!(fold(&"a".repeat(254)), Err(NameProblem::TooLong));
        assert_eq!(Names::default().fold_bytes(&[0xff]), Err(NameProblem::NotUtf8));
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(typed in "\\PC{1,40}") {
            if let Ok(name) = Names::default().fold(&typed) {
                prop_assert_eq!(Names::default().fold(&name.to_string()), Ok(name));
            }
        }

        #[test]
        fn no_bytes_panic(received in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Names::default().fold_bytes(&received);
        }
    }
}
