//! Making what a gateway answered fit to be kept: answers quote what was sent, and what was sent holds a code, a number and a password.
//!
//! Every text that leaves an attempt (error, answer, step of a test, log line) goes through one [`Mask`]. It hides the code, the number (also
//! with separators, without its country code, or a part of it), the address, the secrets of the gateway in the spellings in which they were
//! sent, and long words of the text, such as links.

use std::ops::Range;

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{
    escape,
    limits::QUOTE_CHARS,
    message::{Message, Recipient},
};

/// What stands where something was hidden.
const HIDDEN: &str = "***";

/// A secret shorter than this would hide every second word; it protects nothing anyway.
const WORD_BYTES: usize = 4;

/// A word of the text this long is a link or a token, not a word.
const LINK_BYTES: usize = 16;

/// As many digits of a number tell whose it is.
const TELLING_DIGITS: usize = 7;

/// Hides what must not be kept.
pub(crate) struct Mask {
    words: Vec<Zeroizing<String>>,
    code: Zeroizing<String>,
    number: String,
}

impl Mask {
    /// For one message through a gateway with these secrets.
    pub(crate) fn new(message: &Message, secrets: &[Zeroizing<String>]) -> Self {
        let code = message.code.expose();
        let links = message.text.split_whitespace().filter(|word| word.len() >= LINK_BYTES);
        let own = links.chain([code, message.text.as_str()]).flat_map(spellings);
        let mut words: Vec<_> = own.chain(secrets.iter().cloned()).collect();
        let mut number = String::new();
        match &message.to {
            Recipient::Phone(phone) => phone.digits().clone_into(&mut number),
            Recipient::Mail(address) => words.extend(spellings(address.as_str())),
        }
        let mut mask = Self {
            words,
            code: Zeroizing::new(digits_only(code)),
            number,
        };
        mask.order();
        mask
    }

    /// One more secret.
    pub(crate) fn hide(&mut self, secret: &str) {
        self.words.extend(spellings(secret));
        self.order();
    }

    /// The longest first: a word may begin another.
    fn order(&mut self) {
        self.words.retain(|word| word.len() >= WORD_BYTES);
        self.words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    }

    /// `text` on one line, without what must not be kept, cut to a sentence.
    pub(crate) fn apply(&self, text: &str) -> String {
        let hidden = self.words.iter().fold(Zeroizing::new(text.to_owned()), |text, word| {
            Zeroizing::new(text.replace(word.as_str(), HIDDEN))
        });
        let hidden = Zeroizing::new(self.without_digits(&hidden));
        let line = hidden.split(|character: char| character.is_control() || character.is_whitespace());
        let line = line.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(QUOTE_CHARS) {
            None => line,
            Some((end, _)) => format!("{}…", &line[..end]),
        }
    }

    /// Hides code and number wherever their digits follow each other, with separators or without.
    fn without_digits(&self, text: &str) -> String {
        let mut hidden = String::with_capacity(text.len());
        let mut done = 0;
        for run in runs_of_digits(text) {
            let telling = self.telling(&text[run.clone()]);
            if let Some(inside) = telling {
                hidden.push_str(&text[done..run.start + inside.start]);
                hidden.push_str(HIDDEN);
                done = run.start + inside.end;
            }
        }
        hidden.push_str(&text[done..]);
        hidden
    }

    /// The part of a run of digits that tells something.
    fn telling(&self, run: &str) -> Option<Range<usize>> {
        let places: Vec<usize> = run
            .bytes()
            .enumerate()
            .filter(|(_, byte)| byte.is_ascii_digit())
            .map(|(at, _)| at)
            .collect();
        let digits = digits_only(run);
        let end_of_number = &self.number[self.number.len().saturating_sub(TELLING_DIGITS)..];
        let code = (self.code.len() >= WORD_BYTES).then_some(self.code.as_str());
        let number = (!end_of_number.is_empty()).then_some(end_of_number);
        let found = [code, number].into_iter().flatten().filter_map(|needle| {
            let first = digits.find(needle)?;
            // To the last occurrence: between two of them there is nothing worth keeping.
            let last = digits.rfind(needle)? + needle.len();
            Some(first..last)
        });
        let part_of_number = digits.len() >= TELLING_DIGITS && self.number.contains(&digits);
        let parts = found.chain(part_of_number.then_some(0..digits.len()));
        let whole = parts.reduce(|one, other| one.start.min(other.start)..one.end.max(other.end))?;
        Some(places[whole.start]..places[whole.end - 1] + 1)
    }
}

/// The ways in which a secret may come back: as it is, and as URL, form, JSON and XML carried it.
pub(crate) fn spellings(secret: &str) -> Vec<Zeroizing<String>> {
    let mut all = vec![Zeroizing::new(secret.to_owned())];
    for escape in [escape::url, escape::json, escape::xml] {
        let mut escaped = Zeroizing::new(String::with_capacity(secret.len() * 3));
        escape(secret, &mut escaped);
        all.push(escaped);
    }
    all.push(Zeroizing::new(secret.replace(' ', "+")));
    all.push(Zeroizing::new(
        serde_json::Value::from(secret).to_string().trim_matches('"').to_owned(),
    ));
    all.dedup();
    all.retain(|spelling| spelling.len() >= WORD_BYTES);
    all
}

/// `user:password` as basic authentication sends it.
pub(crate) fn basic(user: &str, password: &str) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{user}:{password}"));
    Zeroizing::new(STANDARD.encode(pair.as_bytes()))
}

fn digits_only(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Digits with at most two separators between any two of them.
fn runs_of_digits(text: &str) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        debug_assert!(byte.is_ascii_digit());
        match runs.last_mut() {
            Some(run) if are_separators(&text.as_bytes()[run.end..at]) => run.end = at + 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

fn are_separators(between: &[u8]) -> bool {
    between.len() <= 2 && between.iter().all(|byte| b" -.()/+,".contains(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{message::Channel, phone::Phone, secret::Secret};

    fn mask(code: &str) -> Mask {
        let to = Recipient::Phone(Phone::parse("+905321234567", "").unwrap());
        let text = Zeroizing::new(format!("Your code is {code} https://portal.example/r/abcdef"));
        let message = Message::new(Channel::Sms, to, "r1", text).unwrap();
        Mask::new(
            &message.with_code(Secret::new(code)).unwrap(),
            &spellings("s3cret & word"),
        )
    }

    #[test]
    fn what_was_sent_does_not_come_back() {
        for (answer, wanted) in [
            ("550 5.1.1 no such user", "550 5.1.1 no such user"),
            ("invalid To +905321234567", "invalid To +***"),
            ("invalid To 0532 123 45 67!", "invalid To ***!"),
            ("to=(532) 123-45-67", "to=(***"),
            ("550 5.7.1 492039 rejected", "550 5.7.1 *** rejected"),
            ("550 492039 or 4 9 2 0 3 9, 123", "550 *** or ***, 123"),
            ("starts 9053212 and goes on", "starts *** and goes on"),
            ("password s3cret & word is wrong", "password *** is wrong"),
            ("pass=s3cret%20%26%20word", "pass=***"),
            ("pass=s3cret &amp; word", "pass=***"),
            ("see https://portal.example/r/abcdef", "see ***"),
            ("a\r\nb\tc", "a b c"),
        ] {
            assert_eq!(mask("492039").apply(answer), wanted);
        }
        assert_eq!(mask("492039").apply(&"x".repeat(300)).chars().count(), QUOTE_CHARS + 1);
    }

    proptest! {
        #[test]
        fn neither_code_nor_number_is_left(before in "\\PC{0,20}", between in "[ .a0-9+-]{0,8}", after in "\\PC{0,20}") {
            let answer = format!("{before}492039{between}5321234567{after}");
            let kept = mask("492039").apply(&answer);
            prop_assert!(!kept.contains("492039"), "{}", kept);
            prop_assert!(!kept.contains("1234567"), "{}", kept);
        }

        #[test]
        fn nothing_makes_it_panic(answer in any::<String>(), code in "\\PC{0,12}") {
            let _ = mask(&code).apply(&answer);
        }
    }
}
