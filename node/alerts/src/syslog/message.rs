//! From a record to the bytes of RFC 5424 §6.
//!
//! `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID [quorate@32473 seq="7" user="alice" …] BOM text`
//!
//! This is the place where hostile text becomes harmless. Header fields are printable ASCII without spaces. In values and in the text
//! every control character (C0, DEL, C1: so no line feed and no escape sequence), line and paragraph separator and every character that turns the
//! direction of writing becomes U+FFFD; quote, backslash and bracket are escaped in values. Every part is bounded, and cut
//! between characters. What comes out is one line of UTF-8 whose only fields are those we wrote.

use std::fmt::Write as _;

use super::priority::priority;
use super::record::Record;
use super::{Facility, ServerSettings};
use crate::limits;
use crate::timestamp::rfc3339;

/// Who speaks, the same in every message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// HOSTNAME: the node's name.
    pub host: String,
    /// PROCID: the process's number.
    pub process: u32,
}

/// RFC 5424 §6.4: the text that follows is UTF-8.
const BOM: &str = "\u{feff}";

const APP: &str = "quorate";

/// The message for a record, without framing: at most [`limits::MESSAGE_BYTES`] bytes of one line.
#[must_use]
pub fn encode(record: &Record, origin: &Origin, facility: Option<Facility>) -> Vec<u8> {
    let facility = facility.unwrap_or(record.kind.facility());
    let mut message = format!("<{}>1 ", priority(facility, record.kind.severity()));
    message += rfc3339(record.at_ms).as_deref().unwrap_or("-");
    for (field, bytes) in [
        (origin.host.as_str(), limits::HOST_BYTES),
        (APP, limits::APP_BYTES),
        (&origin.process.to_string(), limits::PROCESS_BYTES),
        (&record.name, limits::MESSAGE_ID_BYTES),
    ] {
        message.push(' ');
        push_header(&mut message, field, bytes);
    }
    message.push(' ');
    push_data(&mut message, record);
    message.push(' ');
    message += BOM;
    let room = limits::MESSAGE_BYTES.saturating_sub(message.len());
    push_cut(&mut message, record.text.chars().map(visible).map(Escaped::plain), room);
    message.into_bytes()
}

/// PRINTUSASCII, or `-` for nothing.
fn push_header(message: &mut String, field: &str, bytes: usize) {
    let before = message.len();
    let printable = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    message.extend(field.chars().take(bytes).map(printable));
    if message.len() == before {
        message.push('-');
    }
}

/// One SD-ELEMENT. Facts that no longer fit are counted in `left_out`.
fn push_data(message: &mut String, record: &Record) {
    let seq = record.seq.map(|seq| ("seq", seq.to_string()));
    let facts = seq.iter().chain(&record.facts);
    let mut left_out = 0;
    let begun = message.len();
    let _ = write!(message, "[{APP}@{}", limits::ENTERPRISE);
    for (name, value) in facts {
        let before = message.len();
        message.push(' ');
        push_name(message, name);
        message.push_str("=\"");
        push_cut(
            message,
            value.chars().map(visible).map(Escaped::value),
            limits::VALUE_BYTES,
        );
        message.push('"');
        // What is said of those left out must still fit.
        if message.len() - begun > limits::DATA_BYTES - 24 {
            message.truncate(before);
            left_out += 1;
        }
    }
    if left_out > 0 {
        let _ = write!(message, " left_out=\"{left_out}\"");
    }
    message.push(']');
}

/// SD-NAME: PRINTUSASCII without `=`, `]`, `"`.
fn push_name(message: &mut String, name: &str) {
    let before = message.len();
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"');
    let safe = |c: char| if fits(c) { c } else { '_' };
    message.extend(name.chars().take(limits::NAME_BYTES).map(safe));
    if message.len() == before {
        message.push('_');
    }
}

/// A character, and whether a backslash stands before it (RFC 5424 §6.3.3).
struct Escaped {
    backslash: bool,
    c: char,
}

impl Escaped {
    fn plain(c: char) -> Self {
        Escaped { backslash: false, c }
    }

    fn value(c: char) -> Self {
        let backslash = matches!(c, '"' | '\\' | ']');
        Escaped { backslash, c }
    }

    fn len(&self) -> usize {
        usize::from(self.backslash) + self.c.len_utf8()
    }
}

/// As much as fits into `room` bytes; what was cut ends in `…`.
fn push_cut(message: &mut String, text: impl Iterator<Item = Escaped>, room: usize) {
    const CUT: char = '…';
    let end = message.len() + room;
    // Where to cut if the rest should not fit.
    let mut cut = None;
    for escaped in text {
        if message.len() + escaped.len() > end {
            if let Some(at) = cut {
                message.truncate(at);
                message.push(CUT);
            }
            return;
        }
        if message.len() + CUT.len_utf8() <= end {
            cut = Some(message.len());
        }
        if escaped.backslash {
            message.push('\\');
        }
        message.push(escaped.c);
    }
}

/// The character, if it only looks like itself.
pub(crate) fn visible(c: char) -> char {
    let deceives = matches!(
        c,
        '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    if c.is_control() || deceives {
        char::REPLACEMENT_CHARACTER
    } else {
        c
    }
}

/// A message as it goes onto this server's wire: octet counting on streams (RFC 6587 §3.4.1, RFC 5425 §4.3), nothing around a datagram.
pub(super) fn frame(message: &[u8], settings: &ServerSettings) -> std::sync::Arc<[u8]> {
    if settings.transport.is_stream() {
        [format!("{} ", message.len()).as_bytes(), message].concat().into()
    } else {
        message.into()
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
