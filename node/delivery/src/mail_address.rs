//! Mail addresses: one mailbox, without a display name, as it goes into an SMTP envelope.
//!
//! Taken are the dot-atoms of RFC 5322 section 3.2.3, and letters and digits of any script (RFC 6531). Quoted local parts and address literals
//! (`"a b"@example.com`, `a@[192.0.2.1]`) are refused: hardly anybody has one, and they are what injections into envelopes are made of.

use std::fmt;

use thiserror::Error;

use crate::limits::{MAIL_BYTES, MAIL_LOCAL_BYTES};

/// A mail address. `Debug` shows it masked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailAddress(String);

/// Why something is not a mail address that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MailAddressError {
    /// No `@`, or nothing on one side of it.
    #[error("not of the form name@domain")]
    Form,
    /// Longer than SMTP carries.
    #[error("longer than {MAIL_BYTES} bytes, or {MAIL_LOCAL_BYTES} before the @")]
    TooLong,
    /// Something before the `@` that cannot stand there.
    #[error("the part before the @ has {0:?}, or a dot at a wrong place")]
    Local(char),
    /// A domain that cannot be one.
    #[error("the domain is not one")]
    Domain,
}

impl MailAddress {
    /// Checks `input`; spaces around it are dropped, nothing else is changed.
    ///
    /// # Errors
    ///
    /// Why it cannot be used; see [`MailAddressError`].
    pub fn parse(input: &str) -> Result<Self, MailAddressError> {
        let input = input.trim();
        let (local, domain) = input.rsplit_once('@').ok_or(MailAddressError::Form)?;
        if local.is_empty() || domain.is_empty() {
            return Err(MailAddressError::Form);
        }
        if input.len() > MAIL_BYTES || local.len() > MAIL_LOCAL_BYTES {
            return Err(MailAddressError::TooLong);
        }
        check_local(local)?;
        if !is_domain(domain) {
            return Err(MailAddressError::Domain);
        }
        Ok(Self(input.to_owned()))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// For logs: the first character and the domain.
    #[must_use]
    pub fn masked(&self) -> String {
        let first: String = self.0.chars().take(1).collect();
        format!("{first}***@{}", self.domain())
    }
}

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailAddress({})", self.masked())
    }
}

fn check_local(local: &str) -> Result<(), MailAddressError> {
    let allowed = |character: char| character.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(character);
    if let Some(wrong) = local.chars().find(|character| !allowed(*character)) {
        return Err(MailAddressError::Local(wrong));
    }
    let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    if dots {
        Err(MailAddressError::Local('.'))
    } else {
        Ok(())
    }
}

/// Whether `domain` consists of labels of letters, digits and inner hyphens.
pub(crate) fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|character| character.is_alphanumeric() || character == '-')
    };
    domain.len() <= 253 && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_told_from_what_is_none() {
        for right in [
            "a@b",
            "first.last+tag@sub.example.com",
            " a_b@xn--bcher-kva.example ",
            "şükrü@örnek.example",
        ] {
            assert!(MailAddress::parse(right).is_ok(), "{right}");
        }
        for (wrong, why) in [
            ("", MailAddressError::Form),
            ("a.b", MailAddressError::Form),
            ("@b", MailAddressError::Form),
            ("a@", MailAddressError::Form),
            ("a b@c.d", MailAddressError::Local(' ')),
            ("a\r\nRCPT TO:<x@y.z>@c.d", MailAddressError::Local('\r')),
            ("<a>@c.d", MailAddressError::Local('<')),
            ("\"a\"@c.d", MailAddressError::Local('"')),
            ("a@b@c.d", MailAddressError::Local('@')),
            (".a@c.d", MailAddressError::Local('.')),
            ("a..b@c.d", MailAddressError::Local('.')),
            ("a@c..d", MailAddressError::Domain),
            ("a@-c.d", MailAddressError::Domain),
            ("a@[192.0.2.1]", MailAddressError::Domain),
            ("a@c.d>\r\nDATA", MailAddressError::Domain),
        ] {
            assert_eq!(MailAddress::parse(wrong), Err(why), "{wrong:?}");
        }
        let long = format!("{}@c.d", "a".repeat(65));
        assert_eq!(MailAddress::parse(&long), Err(MailAddressError::TooLong));
        assert_eq!(
            MailAddress::parse("alice@example.com").unwrap().masked(),
            "a***@example.com"
        );
    }

    proptest! {
        #[test]
        fn what_is_taken_cannot_leave_its_brackets(input in any::<String>(), shaped in "[a-z<>@. \r\n\"]{0,30}") {
            for input in [input, shaped] {
                if let Ok(address) = MailAddress::parse(&input) {
                    let forbidden = |character: char| character.is_control() || character.is_whitespace() || "<>\"(),:;\\".contains(character);
                    prop_assert!(!address.as_str().contains(forbidden));
                    let _ = address.masked();
                }
            }
        }
    }
}
