//! Patterns: `*` for any characters, `?` for one, anything else for itself in whatever ASCII case.

/// Whether a text is like a pattern. Takes the product of their lengths at most, and no recursion.
pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut wanted) = (0, 0);
    // Where the last star stands, and how far into the text it was taken to reach.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(wanted) {
            Some('*') => {
                star = Some((wanted, at));
                wanted += 1;
            }
            Some(one) if *one == '?' || one.eq_ignore_ascii_case(&text[at]) => {
                at += 1;
                wanted += 1;
            }
            _ => match star {
                Some((place, reach)) => {
                    star = Some((place, reach + 1));
                    (at, wanted) = (reach + 1, place + 1);
                }
                None => return false,
            },
        }
    }
    pattern[wanted..].iter().all(|one| *one == '*')
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn stars_and_question_marks_stand_for_characters_and_all_else_for_itself() {
        for (text, pattern) in [
            ("alice", "alice"),
            ("alice", "*"),
            ("", "*"),
            ("alice", "a*e"),
            ("alice", "*li*"),
            ("alice", "a?ice"),
            ("alice", "AL*"),
            ("aab", "*ab"),
            ("zoë", "zo?"),
            ("a.b", "a.b"),
        ] {
            assert!(is_like(text, pattern), "{text} is like {pattern}");
        }
        for (text, pattern) in [
            ("alice", "lice"),
            ("alice", "a?e"),
            ("alice", ""),
            ("", "?"),
            ("aXb", "a.b"),
            ("malice", "a*"),
            ("alice2", "*e"),
        ] {
            assert!(!is_like(text, pattern), "{text} is not like {pattern}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_longer_than_the_product_of_the_lengths() {
        let (text, pattern) = ("a".repeat(253), "*a".repeat(126) + "b");
        assert!(!is_like(&text, &pattern));
    }
}
