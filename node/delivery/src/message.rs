//! One message to one person, ready to be sent: everything has been rendered, nothing is looked up any more.
//!
//! Its text holds a code, so a message has no `Debug` and its text is wiped when it is dropped.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    limits::{CODE_BYTES, NAME_BYTES, REFERENCE_BYTES, SUBJECT_BYTES, TEXT_BYTES},
    mail_address::MailAddress,
    phone::Phone,
    secret::Secret,
};

/// By which way a message reaches a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A text message to a telephone.
    Sms,
    /// A call that reads the text out.
    Voice,
    /// A mail.
    Email,
}

impl Channel {
    /// As in settings and labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Email => "email",
        }
    }
}

/// Whom a message is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// Sms and voice.
    Phone(Phone),
    /// E-mail.
    Mail(MailAddress),
}

impl Recipient {
    /// The number with its plus, or the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Phone(phone) => phone.as_str(),
            Self::Mail(address) => address.as_str(),
        }
    }

    /// For logs and errors.
    #[must_use]
    pub fn masked(&self) -> String {
        match self {
            Self::Phone(phone) => phone.masked(),
            Self::Mail(address) => address.masked(),
        }
    }
}

/// A message to one person.
pub struct Message {
    pub(crate) channel: Channel,
    pub(crate) to: Recipient,
    pub(crate) reference: String,
    pub(crate) subject: String,
    pub(crate) text: Zeroizing<String>,
    pub(crate) code: Secret,
    pub(crate) user: String,
    pub(crate) application: String,
    pub(crate) language: String,
}

/// Why something cannot be a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Mail to a telephone, or a call to a mailbox.
    #[error("a message by {} cannot go to such a recipient", .0.name())]
    Recipient(Channel),
    /// A reference that could not stand in a Message-ID.
    #[error("the reference has to be 1 to {REFERENCE_BYTES} of A-Z a-z 0-9 . _ -")]
    Reference,
    /// A text that is empty or too long.
    #[error("the text is empty or longer than {TEXT_BYTES} bytes")]
    Text,
    /// Another part that is too long, or a subject of more than one line.
    #[error("the {0} is too long, or has a line break")]
    Part(&'static str),
}

impl Message {
    /// A message of `text`. The `reference` is unique, says nothing about the person, and is the same when the same message is handed over
    /// again: it becomes the Message-ID of a mail and, where the template asks for it, the provider's key against duplicates.
    ///
    /// # Errors
    ///
    /// When channel and recipient do not fit, or something is too long.
    pub fn new(
        channel: Channel,
        to: Recipient,
        reference: impl Into<String>,
        text: Zeroizing<String>,
    ) -> Result<Self, MessageError> {
        let reference = reference.into();
        if matches!(to, Recipient::Mail(_)) != (channel == Channel::Email) {
            return Err(MessageError::Recipient(channel));
        }
        if !is_reference(&reference) {
            return Err(MessageError::Reference);
        }
        if text.trim().is_empty() || text.len() > TEXT_BYTES {
            return Err(MessageError::Text);
        }
        Ok(Self {
            channel,
            to,
            reference,
            subject: String::new(),
            text,
            code: Secret::default(),
            user: String::new(),
            application: String::new(),
            language: String::new(),
        })
    }

    /// With a subject, for mail.
    ///
    /// # Errors
    ///
    /// When it is too long or has more than one line.
    pub fn with_subject(mut self, subject: impl Into<String>) -> Result<Self, MessageError> {
        self.subject = line("subject", subject.into(), SUBJECT_BYTES)?;
        Ok(self)
    }

    /// With the code by itself, for gateways that speak it or have a field for it. It also tells what must never be quoted.
    ///
    /// # Errors
    ///
    /// When it is too long or has more than one line.
    pub fn with_code(mut self, code: Secret) -> Result<Self, MessageError> {
        if code.expose().len() > CODE_BYTES || code.expose().chars().any(char::is_control) {
            return Err(MessageError::Part("code"));
        }
        self.code = code;
        Ok(self)
    }

    /// With the names of user and application and the language (`tr`, `en-GB`), for gateways that have fields for them.
    ///
    /// # Errors
    ///
    /// When one is too long or has more than one line.
    pub fn with_context(mut self, user: &str, application: &str, language: &str) -> Result<Self, MessageError> {
        self.user = line("user", user.to_owned(), NAME_BYTES)?;
        self.application = line("application", application.to_owned(), NAME_BYTES)?;
        self.language = line("language", language.to_owned(), NAME_BYTES)?;
        Ok(self)
    }

    /// By which way it goes.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// Whom it is for.
    #[must_use]
    pub const fn to(&self) -> &Recipient {
        &self.to
    }

    /// What it is known by.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }
}

fn is_reference(reference: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=REFERENCE_BYTES).contains(&reference.len()) && reference.bytes().all(allowed)
}

fn line(part: &'static str, text: String, bytes_max: usize) -> Result<String, MessageError> {
    if text.len() > bytes_max || text.chars().any(char::is_control) {
        return Err(MessageError::Part(part));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[test]
    fn what_cannot_be_sent_is_no_message() {
        let phone = Recipient::Phone(Phone::parse("+905321234567", "").unwrap());
        let mail = Recipient::Mail(MailAddress::parse("a@b.c").unwrap());
        let error = |made: Result<Message, MessageError>| made.err().unwrap();
        assert_eq!(
            error(Message::new(Channel::Email, phone.clone(), "1", text("x"))),
            MessageError::Recipient(Channel::Email)
        );
        assert_eq!(
            error(Message::new(Channel::Voice, mail.clone(), "1", text("x"))),
            MessageError::Recipient(Channel::Voice)
        );
        for reference in ["", "a b", "a\r\n", "a@b", &"a".repeat(65)] {
            assert_eq!(
                error(Message::new(Channel::Email, mail.clone(), reference, text("x"))),
                MessageError::Reference
            );
        }
        assert_eq!(
            error(Message::new(Channel::Sms, phone.clone(), "1", text(" "))),
            MessageError::Text
        );
        let long = text(&"x".repeat(TEXT_BYTES + 1));
        assert_eq!(
            error(Message::new(Channel::Sms, phone.clone(), "1", long)),
            MessageError::Text
        );
        let whole = || Message::new(Channel::Sms, phone.clone(), "1", text("x")).unwrap();
        assert_eq!(
            error(whole().with_subject("a\r\nBcc: b@c.d")),
            MessageError::Part("subject")
        );
        assert_eq!(error(whole().with_context("a\nb", "", "")), MessageError::Part("user"));
        assert_eq!(error(whole().with_code(Secret::new("1\n"))), MessageError::Part("code"));
    }
}
