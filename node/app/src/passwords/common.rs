//! Passwords that many people use: thirty thousand, and whatever differs from one of them by a few digits and signs around it or by
//! the usual signs for letters (`P@ssw0rd1!`).
//!
//! The list is text, sorted, one lower-case password in each line, as `data/README.md` says. It is searched where it lies, which needs no
//! memory and no beginning: fifteen comparisons each, and at most a few dozen searches for a password.

use crate::limits;

const LIST: &str = include_str!("../../data/common-passwords.txt");

/// Whether a folded password is a common one, or nearly so.
pub(super) fn is_common(folded: &str) -> bool {
    cores(folded).any(|core| {
        is_listed(core)
            || SPELLINGS
                .iter()
                .any(|one| is_listed(&core.chars().map(|sign| letter(sign, *one)).collect::<String>()))
    })
}

/// What `1` stands for: both are common.
const SPELLINGS: [char; 2] = ['i', 'l'];

/// The password itself, and what is left of it without the digits and signs at its beginning, at its end and at both, unless they
/// are more than a few: somebody who adds many has made something else.
fn cores(folded: &str) -> impl Iterator<Item = &str> {
    let around = |c: char| !c.is_alphabetic();
    let whole = folded.chars().count();
    [
        folded,
        folded.trim_start_matches(around),
        folded.trim_end_matches(around),
        folded.trim_matches(around),
    ]
    .into_iter()
    .filter(move |core| whole - core.chars().count() <= limits::COMMON_PASSWORD_EXTRAS)
}

/// The letter that a sign stands for.
fn letter(sign: char, one: char) -> char {
    match sign {
        '@' | '4' => 'a',
        '3' => 'e',
        '1' | '!' => one,
        '0' => 'o',
        '$' | '5' => 's',
        '7' | '+' => 't',
        other => other,
    }
}

/// Whether exactly this line is in the list.
fn is_listed(password: &str) -> bool {
    let (list, wanted) = (LIST.as_bytes(), password.as_bytes());
    // The line that is wanted, if it is there, begins in low..high; both are beginnings of lines.
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let begin = list[low..middle]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(low, |at| low + at + 1);
        let end = list[middle..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(list.len(), |at| middle + at);
        match list[begin..end].cmp(wanted) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = begin,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_folded_and_found_whole() {
        let lines: Vec<&str> = LIST.lines().collect();
        assert_eq!(lines.len(), 30_000, "as data/README.md says");
        assert!(lines.is_sorted_by(|former, next| former < next));
        for line in &lines {
            assert!(is_listed(line), "{line}");
            assert_eq!(crate::names::fold_text(line), *line);
        }
        for absent in [
            "",
            "\n",
            "password\n",
            "passwor\nd",
            "zzzzzzzzzzzzz",
            "!",
            "kemo-tusa-wira",
        ] {
            assert!(!is_listed(absent), "{absent:?}");
        }
    }

    #[test]
    fn what_people_do_to_a_common_password_does_not_make_it_another() {
        for password in [
            "password",
            "password1!",
            "p@ssw0rd1!",
            "$ummer2026",
            "2026summer!",
            "p4$$word",
            "qwerty123",
            "we1come#1",
        ] {
            assert!(is_common(password), "{password}");
        }
        for password in [
            "password12345678!",
            "correct 9 horse",
            "summer-password-rain",
            "kemo-7tusa-wira",
            "",
        ] {
            assert!(!is_common(password), "{password}");
        }
    }
}
