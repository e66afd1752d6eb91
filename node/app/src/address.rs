//! Addresses that codes are sent to: brought into one form when they are taken in, and shown with most left out.
//!
//! Caveat: what a provider can really reach only a message tells, which is why a token is verified by one.

use quorate_core::Channel;

use crate::limits;

/// The address as it is sealed: a number in international form with its plus and digits alone (E.164), or a mail address as it was
/// typed. None if it is neither.
pub(crate) fn normal(channel: Channel, typed: &str) -> Option<String> {
    match channel {
        Channel::Sms | Channel::Voice => number(typed.trim()),
        Channel::Email => mail(typed.trim()),
    }
}

/// What an address of this channel looks like.
pub(crate) const fn form(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "a mail address",
        Channel::Sms | Channel::Voice => "a number in international form, such as +49 171 2345667",
    }
}

/// What its user is shown: enough to tell which of one's own it is.
pub(crate) fn hint(channel: Channel, address: &str) -> String {
    match channel {
        Channel::Sms | Channel::Voice => {
            let last = address.len().saturating_sub(2);
            format!("···{}", address.get(last..).unwrap_or_default())
        }
        Channel::Email => {
            let (name, domain) = address.rsplit_once('@').unwrap_or((address, ""));
            let first: String = name.chars().take(1).collect();
            let mut hint = format!("{first}···@{domain}");
            while hint.len() > quorate_core::limits::HINT_BYTES {
                hint.pop();
            }
            hint
        }
    }
}

fn number(typed: &str) -> Option<String> {
    let national = typed.strip_prefix('+')?;
    let digits: String = national.chars().filter(|c| !" -./()".contains(*c)).collect();
    let fits = limits::NUMBER_DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    (fits && !digits.starts_with('0')).then(|| format!("+{digits}"))
}

fn mail(typed: &str) -> Option<String> {
    let (name, domain) = typed.rsplit_once('@')?;
    let fits = typed.len() <= limits::MAIL_BYTES && !name.is_empty() && !domain.is_empty();
    let strange = |c: char| c.is_control() || c.is_whitespace() || "<>\"(),:;\\[]".contains(c);
    (fits && !typed.contains(strange) && !name.contains('@')).then(|| typed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_brought_into_one_form() {
        for (typed, wanted) in [
            ("+49 171 234-5667", Some("+491712345667")),
            (" +1 (212) 555.0123 ", Some("+12125550123")),
            ("0171 2345667", None),
            ("+0171 2345667", None),
            ("+49171x345667", None),
            ("+123456", None),
            ("+1234567890123456", None),
            ("+", None),
            ("", None),
        ] {
            assert_eq!(normal(Channel::Sms, typed).as_deref(), wanted, "{typed}");
        }
        assert_eq!(hint(Channel::Sms, "+491712345667"), "···67");
    }

    #[test]
    fn mail_addresses_cannot_leave_their_brackets() {
        for wrong in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c.d",
            "a@b@c",
            "a\r\nRCPT TO:<x@y>@c.d",
            "<a>@c.d",
            "\"a\"@c.d",
            "a,b@c.d",
        ] {
            assert_eq!(normal(Channel::Email, wrong), None, "{wrong:?}");
        }
        assert_eq!(
            normal(Channel::Email, " alice@example.org ").unwrap(),
            "alice@example.org"
        );
        assert_eq!(hint(Channel::Email, "alice@example.org"), "a···@example.org");
        let long = format!("é@{}.example", "é".repeat(100));
        assert!(hint(Channel::Email, &long).len() <= quorate_core::limits::HINT_BYTES);
    }
}
