//! A mail as it travels: headers (RFC 5322), subject and names in any script (RFC 2047), a text of one part in ASCII or base64 (RFC 2045).
//!
//! Every line is ASCII and short, whatever the text is, except that addresses outside of ASCII stand in the headers as they are (RFC 6532); then
//! the server has said that it takes them.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::SmtpEngine;
use crate::{mail_address::MailAddress, message::Message};

/// Bytes of text in one encoded word, so that it stays under 75 characters (RFC 2047 section 2).
const ENCODED_WORD_BYTES: usize = 42;

/// Bytes that make a line of 76 characters in base64 (RFC 2045 section 6.8).
const BASE64_LINE_BYTES: usize = 57;

/// Longest line that is sent as it is; RFC 5322 section 2.1.1 allows 998.
const LINE_BYTES: usize = 900;

/// The content of DATA without the final dot: lines end in CRLF, dots at their beginning are doubled.
pub(super) fn compose(engine: &SmtpEngine, to: &MailAddress, message: &Message, now: SystemTime) -> Zeroizing<Vec<u8>> {
    let mut mail = Zeroizing::new(String::with_capacity(2 * message.text.len() + 2048));
    let mut header = |name: &str, value: &str| {
        mail.push_str(name);
        mail.push_str(": ");
        mail.push_str(value);
        mail.push_str("\r\n");
    };
    header("Date", &date(now));
    header("From", &mailbox(&engine.from_name, &engine.from));
    if let Some(reply_to) = &engine.reply_to {
        header("Reply-To", reply_to.as_str());
    }
    header("To", to.as_str());
    header("Subject", &words(&message.subject));
    header(
        "Message-ID",
        &format!("<{}@{}>", message.reference, engine.from.domain()),
    );
    header("Auto-Submitted", "auto-generated");
    header("MIME-Version", "1.0");
    header("Content-Type", "text/plain; charset=utf-8");
    let (encoding, body) = encode(&message.text);
    header("Content-Transfer-Encoding", encoding);
    mail.push_str("\r\n");
    mail.push_str(&body);
    stuffed(&mail)
}

/// RFC 5322 section 3.3, always in UTC.
fn date(now: SystemTime) -> String {
    httpdate::fmt_http_date(now).replace("GMT", "+0000")
}

fn mailbox(name: &str, address: &MailAddress) -> String {
    if name.is_empty() {
        return address.as_str().to_owned();
    }
    let plain = |character: char| character.is_ascii_alphanumeric() || " '-_".contains(character);
    let phrase = if name.chars().all(plain) {
        name.to_owned()
    } else {
        encoded_words(name)
    };
    format!("{phrase} <{}>", address.as_str())
}

/// A subject as it is, or in encoded words if it has anything that a line of ASCII cannot have.
fn words(text: &str) -> String {
    let is_plain = text.len() <= LINE_BYTES
        && !text.contains("=?")
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if is_plain { text.to_owned() } else { encoded_words(text) }
}

fn encoded_words(text: &str) -> String {
    let mut words = vec![String::new()];
    for character in text
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
    {
        if words
            .last()
            .is_some_and(|word| word.len() + character.len_utf8() > ENCODED_WORD_BYTES)
        {
            words.push(String::new());
        }
        words.last_mut().expect("invariant: there is a word").push(character);
    }
    let encoded: Vec<String> = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)))
        .collect();
    encoded.join("\r\n ")
}

/// The text with its transfer encoding; its last line is ended.
fn encode(text: &str) -> (&'static str, Zeroizing<String>) {
    let lines = Zeroizing::new(text.lines().flat_map(|line| [line, "\r\n"]).collect::<String>());
    let short = lines.lines().all(|line| line.len() <= LINE_BYTES);
    let plain = lines
        .bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n') || byte.is_ascii_graphic());
    if short && plain && !has_bare_return(text) {
        return ("7bit", lines);
    }
    let mut body = Zeroizing::new(String::with_capacity(lines.len() * 3 / 2));
    for chunk in lines.as_bytes().chunks(BASE64_LINE_BYTES) {
        body.push_str(&STANDARD.encode(chunk));
        body.push_str("\r\n");
    }
    ("base64", body)
}

fn has_bare_return(text: &str) -> bool {
    text.replace("\r\n", "\n").contains('\r')
}

/// RFC 5321 section 4.5.2.
fn stuffed(mail: &str) -> Zeroizing<Vec<u8>> {
    let mut data = Zeroizing::new(Vec::with_capacity(mail.len() + 64));
    for line in mail.split_inclusive("\r\n") {
        if line.starts_with('.') {
            data.push(b'.');
        }
        data.extend_from_slice(line.as_bytes());
    }
    data
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        message::{Channel, Recipient},
        smtp::Authentication,
    };

    fn engine(from_name: &str) -> SmtpEngine {
        SmtpEngine {
            servers: Vec::new(),
            tls: None,
            authentication: Authentication::None,
            from: MailAddress::parse("mfa@example.com").unwrap(),
            from_name: from_name.to_owned(),
            reply_to: Some(MailAddress::parse("help@example.com").unwrap()),
            helo_name: String::new(),
            connect: Duration::ZERO,
        }
    }

    fn composed(from_name: &str, subject: &str, text: &str) -> String {
        let to = MailAddress::parse("alice@example.com").unwrap();
        let text = Zeroizing::new(text.to_owned());
        let message = Message::new(Channel::Email, Recipient::Mail(to.clone()), "m-1", text).unwrap();
        let message = message.with_subject(subject).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        String::from_utf8(compose(&engine(from_name), &to, &message, now).to_vec()).unwrap()
    }

    #[test]
    fn a_plain_mail_stays_readable() {
        let wanted = "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nFrom: Quorate MFA <mfa@example.com>\r\nReply-To: help@example.com\r\n\
                      To: alice@example.com\r\nSubject: Your code\r\nMessage-ID: <m-1@example.com>\r\nAuto-Submitted: auto-generated\r\n\
                      MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
                      492039\r\n..\r\nbye\r\n";
        assert_eq!(composed("Quorate MFA", "Your code", "492039\n.\nbye"), wanted);
    }

    #[test]
    fn other_scripts_are_encoded() {
        let mail = composed(
            "Güvenlik, \"MFA\"",
            "Doğrulama kodunuz, lütfen kimseyle paylaşmayın",
            "Kodunuz 492039 ş",
        );
        assert!(
            mail.contains("From: =?utf-8?B?R8O8dmVubGlrLCAiTUZBIg==?= <mfa@example.com>\r\n"),
            "{mail}"
        );
        assert!(mail.contains("Subject: =?utf-8?B?"), "{mail}");
        assert!(
            mail.contains("Content-Transfer-Encoding: base64\r\n\r\nS29kdW51eiA0OTIwMzkgxZ8NCg==\r\n"),
            "{mail}"
        );
    }

    proptest! {
        #[test]
        fn every_line_is_short_and_no_header_is_added(name in "\\PC{0,60}", subject in "\\PC{0,120}", text in any::<String>()) {
            prop_assume!(!text.trim().is_empty());
            let mail = composed(&name, &subject, &text);
            prop_assert!(mail.is_ascii() && mail.ends_with("\r\n"));
            prop_assert!(mail.lines().all(|line| line.len() <= 998));
            prop_assert!(!mail.replace("\r\n", "").contains(['\r', '\n']));
            prop_assert!(!mail.contains("\r\n.\r\n"));
            let (head, _) = mail.split_once("\r\n\r\n").unwrap();
            let names: Vec<&str> = head.split("\r\n").filter(|line| !line.starts_with(' ')).map(|line| line.split(':').next().unwrap()).collect();
            prop_assert_eq!(names, ["Date", "From", "Reply-To", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]);
        }
    }
}
