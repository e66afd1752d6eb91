//! Replies of a mail server (RFC 5321 section 4.2): a code of three digits, on one line or several.

use crate::attempt::{Blame, Halt};

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<String>,
}

/// One line of a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) code: u16,
    pub(super) is_last: bool,
    pub(super) text: String,
}

impl Line {
    /// Reads a line without its end; nothing if it is not one.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let digits = line.get(..3)?;
        let code = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let is_last = match line.get(3) {
            None | Some(b' ') => true,
            Some(b'-') => false,
            Some(_) => return None,
        };
        if !digits.iter().all(u8::is_ascii_digit) || !(200..600).contains(&code) {
            return None;
        }
        let text = String::from_utf8_lossy(line.get(4..).unwrap_or_default()).into_owned();
        Some(Self { code, is_last, text })
    }
}

impl Reply {
    /// Code and words on one line.
    pub(super) fn text(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" "))
    }

    /// That the server agrees (2xx).
    pub(super) fn positive(&self, blame: Blame) -> Result<(), Halt> {
        if (200..300).contains(&self.code) {
            Ok(())
        } else {
            Err(self.refusal(blame))
        }
    }

    /// That the server answers with exactly this code.
    pub(super) fn code(&self, code: u16, blame: Blame) -> Result<(), Halt> {
        if self.code == code {
            Ok(())
        } else {
            Err(self.refusal(blame))
        }
    }

    /// 421 is the server's own trouble, whatever it was asked (RFC 5321 section 3.8).
    pub(super) fn refusal(&self, blame: Blame) -> Halt {
        Halt::Refused {
            answer: self.text(),
            blame: if self.code == 421 { Blame::Gateway } else { blame },
        }
    }

    /// What most servers say of a message they have taken: `queued as 4F2A…`.
    pub(super) fn queued_as(&self) -> Option<String> {
        let text = self.lines.join(" ");
        let (_, rest) = text.split_once("queued as ")?;
        let id = rest.split_whitespace().next()?;
        Some(
            id.chars()
                .filter(|character| !character.is_control())
                .take(64)
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_told_from_noise() {
        let line = |code, is_last, text: &str| {
            let text = text.to_owned();
            Some(Line { code, is_last, text })
        };
        assert_eq!(Line::parse(b"250 OK"), line(250, true, "OK"));
        assert_eq!(Line::parse(b"250-SIZE 1"), line(250, false, "SIZE 1"));
        assert_eq!(Line::parse(b"354"), line(354, true, ""));
        for noise in [&b""[..], b"25", b"+50 x", b"250x", b"199 x", b"600 x", b"HTTP/1.1 200"] {
            assert_eq!(Line::parse(noise), None);
        }
    }

    #[test]
    fn the_name_in_the_queue_is_found() {
        let reply = |text: &str| Reply {
            code: 250,
            lines: vec![text.to_owned()],
        };
        assert_eq!(reply("2.0.0 Ok: queued as 4F2A1").queued_as(), Some("4F2A1".to_owned()));
        assert_eq!(reply("Message accepted").queued_as(), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(line in any::<Vec<u8>>()) {
            let _ = Line::parse(&line);
        }
    }
}
