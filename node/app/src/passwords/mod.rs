//! What a local password has to be like ([`PasswordRules`]), judged by the node that sets it: every rule that it breaks, at once.
//!
//! A password is text in Unicode form NFC, so that it is the same from a keyboard that composes its letters and from one that does
//! not; nothing else is changed, and case counts. Whoever checks a password brings it into that form first ([`in_normal_form`]).
//! Comparing with the user's name and with common passwords is done in the form in which names are compared: NFKC, lower case.
//!
//! Caveats
//! - A script without upper and lower case can prove neither: a site whose people write in one turns these rules off.
//! - Whether a password was there before needs the open verifiers and an Argon2id each; see [`History`].

mod common;
mod history;

use quorate_core::{PasswordRules, UserName};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub(crate) use self::history::{History, verifier_aad};
use crate::fields::FieldErrors;
use crate::limits;
use crate::names::fold_text;

/// A rule that a password breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenRule {
    /// Fewer characters than this.
    TooShort(u8),
    /// More bytes than [`limits::PASSWORD_BYTES`].
    TooLong,
    /// A control character: RADIUS pads with NUL, and no other can be typed everywhere.
    ControlCharacter,
    /// No upper-case letter.
    NoUpper,
    /// No lower-case letter.
    NoLower,
    /// No digit.
    NoDigit,
    /// Nothing but letters and digits.
    NoSpecial,
    /// The user's name is in it.
    HasName,
    /// Many people use it, or something that differs from theirs by a few digits and signs.
    Common,
    /// It is one of so many that the user had last.
    Used(u8),
}

impl BrokenRule {
    /// What is wrong, as the rest of a sentence that begins with the password.
    #[must_use]
    pub fn problem(self) -> String {
        match self {
            Self::TooShort(_) => "is too short".to_owned(),
            Self::TooLong => "is too long".to_owned(),
            Self::ControlCharacter => "has a control character".to_owned(),
            Self::NoUpper => "has no upper-case letter".to_owned(),
            Self::NoLower => "has no lower-case letter".to_owned(),
            Self::NoDigit => "has no digit".to_owned(),
            Self::NoSpecial => "has letters and digits alone".to_owned(),
            Self::HasName => "has the user's name in it".to_owned(),
            Self::Common => "is one that many people use, or nearly so".to_owned(),
            Self::Used(_) => "was used before".to_owned(),
        }
    }

    /// What would be right.
    #[must_use]
    pub fn hint(self) -> String {
        match self {
            Self::TooShort(min) => format!("at least {min} characters"),
            Self::TooLong => format!("at most {} bytes of UTF-8", limits::PASSWORD_BYTES.end()),
            Self::ControlCharacter => "printable characters only".to_owned(),
            Self::NoUpper => "at least one, as in A to Z".to_owned(),
            Self::NoLower => "at least one, as in a to z".to_owned(),
            Self::NoDigit => "at least one, as in 0 to 9".to_owned(),
            Self::NoSpecial => "at least one sign or space".to_owned(),
            Self::HasName => "leave the name out".to_owned(),
            Self::Common => "several words that do not belong together are hard to guess".to_owned(),
            Self::Used(last) => format!("none of the last {last}"),
        }
    }

    /// As short as it can be said to somebody who logs in.
    fn sentence(self) -> String {
        match self {
            Self::TooShort(min) => format!("At least {min} characters."),
            Self::TooLong => "Too long.".to_owned(),
            Self::ControlCharacter => "Printable characters only.".to_owned(),
            Self::NoUpper => "An upper-case letter is missing.".to_owned(),
            Self::NoLower => "A lower-case letter is missing.".to_owned(),
            Self::NoDigit => "A digit is missing.".to_owned(),
            Self::NoSpecial => "A sign is missing.".to_owned(),
            Self::HasName => "Not with your user name.".to_owned(),
            Self::Common => "Too many people use it.".to_owned(),
            Self::Used(last) => format!("None of your last {last}."),
        }
    }
}

/// Every rule that a password of this user breaks, but for former passwords.
#[must_use]
pub fn broken_rules(rules: &PasswordRules, name: &UserName, password: &str) -> Vec<BrokenRule> {
    let bytes = limits::PASSWORD_BYTES;
    let password = Zeroizing::new(password.nfc().collect::<String>());
    let lacks = |is: fn(char) -> bool| !password.chars().any(is);
    // More is never looked at: a megabyte is not worth folding.
    let too_long = password.len() > *bytes.end();
    let folded = Zeroizing::new(if too_long { String::new() } else { fold_text(&password) });
    let min_chars = rules.min_chars;
    [
        (password.chars().count() < usize::from(min_chars)).then_some(BrokenRule::TooShort(min_chars)),
        too_long.then_some(BrokenRule::TooLong),
        password
            .chars()
            .any(char::is_control)
            .then_some(BrokenRule::ControlCharacter),
        (rules.upper && lacks(char::is_uppercase)).then_some(BrokenRule::NoUpper),
        (rules.lower && lacks(char::is_lowercase)).then_some(BrokenRule::NoLower),
        (rules.digit && lacks(char::is_numeric)).then_some(BrokenRule::NoDigit),
        (rules.special && lacks(is_special)).then_some(BrokenRule::NoSpecial),
        (rules.not_the_name && has_name(&folded, &name.name)).then_some(BrokenRule::HasName),
        (rules.not_common && common::is_common(&folded)).then_some(BrokenRule::Common),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What keeps a password from being anybody's, whoever judges it: RADIUS could not carry it.
pub(crate) fn unusable(password: &str) -> Vec<BrokenRule> {
    let none = PasswordRules {
        min_chars: 1,
        upper: false,
        lower: false,
        digit: false,
        special: false,
        not_the_name: false,
        not_common: false,
        history: 0,
        max_age_days: None,
    };
    broken_rules(&none, &UserName::new("", ""), password)
}

/// Adds every broken rule to what is wrong with a request.
pub(crate) fn add_broken(errors: &mut FieldErrors, field: &str, broken: &[BrokenRule]) {
    for rule in broken {
        errors.add(field, rule.problem(), rule.hint());
    }
}

/// Every broken rule in one line, for the text of a challenge.
pub(crate) fn sentences(broken: &[BrokenRule]) -> String {
    let sentences: Vec<String> = broken.iter().map(|rule| rule.sentence()).collect();
    sentences.join(" ")
}

/// What was typed, as passwords are compared: NFC. What is no text stays as it is, and is never right.
pub(crate) fn in_normal_form(typed: &[u8]) -> Zeroizing<Vec<u8>> {
    match std::str::from_utf8(typed) {
        Ok(text) if !text.is_ascii() => Zeroizing::new(text.nfc().collect::<String>().into_bytes()),
        Ok(_) | Err(_) => Zeroizing::new(typed.to_vec()),
    }
}

fn is_special(c: char) -> bool {
    !c.is_alphanumeric()
}

/// A name of one or two letters is in half of all passwords.
fn has_name(folded: &str, name: &str) -> bool {
    match name.chars().count() < limits::NAME_CHARS_BARRED {
        true => !name.is_empty() && folded == name,
        false => folded.contains(name),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn broken(password: &str) -> Vec<BrokenRule> {
        broken_rules(&PasswordRules::default(), &UserName::new("corp", "alice"), password)
    }

    const NONE: PasswordRules = PasswordRules {
        min_chars: 4,
        upper: false,
        lower: false,
        digit: false,
        special: false,
        not_the_name: false,
        not_common: false,
        history: 0,
        max_age_days: None,
    };

    #[test]
    fn every_broken_rule_is_named_at_once() {
        use BrokenRule::*;
        assert_eq!(broken(""), [TooShort(8), NoUpper, NoLower, NoDigit, NoSpecial]);
        assert_eq!(broken("alice"), [TooShort(8), NoUpper, NoDigit, NoSpecial, HasName]);
        assert_eq!(
            broken("ALICE\0"),
            [TooShort(8), ControlCharacter, NoLower, NoDigit, HasName]
        );
        assert_eq!(broken("password"), [NoUpper, NoDigit, NoSpecial, Common]);
        assert_eq!(broken(&"Xy7.".repeat(31)), [TooLong]);
        assert_eq!(broken("Correct 9 horse"), []);
        assert_eq!(broken("Çilek-7-Ağacı"), []);
    }

    #[test]
    fn each_rule_can_be_turned_off_and_what_radius_cannot_carry_cannot_be_turned_on() {
        let name = UserName::new("", "alice");
        assert_eq!(broken_rules(&NONE, &name, "alice"), []);
        for (rules, rule) in [
            (PasswordRules { upper: true, ..NONE }, BrokenRule::NoUpper),
            (PasswordRules { digit: true, ..NONE }, BrokenRule::NoDigit),
            (PasswordRules { special: true, ..NONE }, BrokenRule::NoSpecial),
            (
                PasswordRules {
                    not_the_name: true,
                    ..NONE
                },
                BrokenRule::HasName,
            ),
        ] {
            assert_eq!(broken_rules(&rules, &name, "alice"), [rule]);
        }
        let common = PasswordRules {
            not_common: true,
            ..NONE
        };
        assert_eq!(broken_rules(&common, &name, "password"), [BrokenRule::Common]);
        let lower = PasswordRules { lower: true, ..NONE };
        assert_eq!(broken_rules(&lower, &name, "ALICE"), [BrokenRule::NoLower]);
        assert_eq!(broken_rules(&NONE, &name, "a\nb c"), [BrokenRule::ControlCharacter]);
    }

    #[test]
    fn the_name_is_found_in_any_spelling_and_a_very_short_one_only_as_a_whole() {
        for password in ["My-Alice-77", "my-ＡＬＩＣＥ-A77"] {
            assert_eq!(broken(password), [BrokenRule::HasName], "{password}");
        }
        let rules = PasswordRules {
            not_the_name: true,
            ..NONE
        };
        let al = UserName::new("", "al");
        assert_eq!(broken_rules(&rules, &al, "also"), []);
        assert!(!has_name("also", "al") && has_name("al", "al"));
    }

    #[test]
    fn one_password_in_two_forms_of_unicode_is_one() {
        let (composed, decomposed) = ("Gr\u{fc}n-7-Tee", "Gru\u{308}n-7-Tee");
        assert_eq!(
            in_normal_form(composed.as_bytes()),
            in_normal_form(decomposed.as_bytes())
        );
        assert_eq!(*in_normal_form(b"\xff\xfe"), b"\xff\xfe");
        // Characters are counted in that form, too.
        let rules = PasswordRules { min_chars: 11, ..NONE };
        let name = UserName::new("", "alice");
        assert_eq!(
            broken_rules(&rules, &name, decomposed),
            broken_rules(&rules, &name, composed)
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(password in "\\PC{0,200}", name in "\\PC{0,20}") {
            let _ = broken_rules(&PasswordRules::default(), &UserName::new("", &name), &password);
        }
    }
}
