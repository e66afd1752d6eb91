//! What may pass from a controller to ldap3: answers to what was asked, in exactly the shape of RFC 4511.
//!
//! Every element down to the last is looked at, so nothing is nested deeper than here. Texts for people that are not UTF-8 (some
//! controllers speak the language of their installation) lose the bytes in question; names and addresses that are not UTF-8 are refused.
//! Late answers and intermediate responses are dropped.

use std::collections::HashMap;

use super::ber::{self, CONSTRUCTED, ENUMERATED, Element, Malformed, OCTET_STRING, Reader, SEQUENCE, SET};
use crate::{failure::Diagnostic, limits::SEARCH_BYTES_MAX};

const BIND: u8 = 0x60;
const BIND_RESPONSE: u8 = 0x61;
const SEARCH: u8 = 0x63;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const MODIFY: u8 = 0x66;
const MODIFY_RESPONSE: u8 = 0x67;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
const INTERMEDIATE: u8 = 0x79;

/// In a context: controls of a message, and what may follow a result.
const CONTROLS: u8 = 0xa0;
const REFERRAL: u8 = 0xa3;
const SASL_CREDENTIALS: u8 = 0x87;
const RESPONSE_NAME: u8 = 0x8a;
const RESPONSE_VALUE: u8 = 0x8b;

/// What one connection is waiting for.
#[derive(Default)]
pub(crate) struct Screen {
    asked: HashMap<u32, Asked>,
}

struct Asked {
    /// Identifier of the request.
    request: u8,
    /// Of the answers so far.
    bytes: usize,
}

/// What to do with a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Let it through.
    Pass,
    /// Nobody waits for it.
    Drop,
    /// The controller is about to close the connection (RFC 4511 §4.4.1).
    Goodbye(Diagnostic),
}

impl Screen {
    /// Notes a request, ours, which is well-formed.
    pub(crate) fn asks(&mut self, request: &[u8]) -> Result<(), Malformed> {
        let (id, operation, _) = envelope(request)?;
        if [BIND, SEARCH, MODIFY, EXTENDED].contains(&operation.identifier) {
            let request = operation.identifier;
            self.asked.insert(id, Asked { request, bytes: 0 });
        }
        Ok(())
    }

    /// Looks at an answer. Texts in it may be changed, never its length.
    pub(crate) fn admit(&mut self, message: &mut [u8]) -> Result<Verdict, Malformed> {
        let (id, operation, controls) = envelope(message)?;
        if id == 0 {
            return Ok(Verdict::Goodbye(goodbye(&operation)));
        }
        let Some(asked) = self.asked.get_mut(&id) else {
            return Ok(Verdict::Drop);
        };
        asked.bytes += message.len();
        if asked.bytes > SEARCH_BYTES_MAX {
            return Err(Malformed("a search brings more than anybody asked for"));
        }
        check_controls(controls)?;
        let texts = match (asked.request, operation.identifier) {
            (SEARCH | EXTENDED, INTERMEDIATE) => return Ok(Verdict::Drop),
            (SEARCH, SEARCH_ENTRY) => return check_entry(&operation).map(|()| Verdict::Pass),
            (SEARCH, SEARCH_REFERENCE) => return check_addresses(&operation).map(|()| Verdict::Pass),
            (SEARCH, SEARCH_DONE)
            | (BIND, BIND_RESPONSE)
            | (MODIFY, MODIFY_RESPONSE)
            | (EXTENDED, EXTENDED_RESPONSE) => check_result(&operation)?,
            _ => return Err(Malformed("an answer to something else")),
        };
        self.asked.remove(&id);
        texts.into_iter().for_each(|text| make_readable(&mut message[text]));
        Ok(Verdict::Pass)
    }
}

/// The result of an extended response to the request with this id.
pub(crate) fn extended_result(message: &[u8], id: u32) -> Result<Diagnostic, Malformed> {
    let (answered, operation, _) = envelope(message)?;
    if answered != id || operation.identifier != EXTENDED_RESPONSE {
        return Err(Malformed("an answer to something else"));
    }
    check_result(&operation)?;
    Ok(diagnostic(&operation).unwrap_or_else(|| Diagnostic::new(2, "")))
}

/// Message id, operation and controls (RFC 4511 §4.1.1).
fn envelope(message: &[u8]) -> Result<(u32, Element<'_>, Option<Element<'_>>), Malformed> {
    let mut outer = Reader::new(message);
    let mut parts = outer.expect(SEQUENCE, "a message is not a sequence")?.elements();
    outer.end("something follows a message")?;
    let id = parts.expect(ber::INTEGER, "a message has no id")?.number()?;
    let operation = parts.next()?.ok_or(Malformed("a message holds nothing"))?;
    let controls = parts.next()?;
    // Active Directory puts the name of its notice of disconnection where controls belong.
    if id != 0 {
        parts.end("something follows the controls")?;
    }
    Ok((id, operation, controls))
}

fn check_controls(controls: Option<Element<'_>>) -> Result<(), Malformed> {
    let Some(controls) = controls else { return Ok(()) };
    if controls.identifier != CONTROLS {
        return Err(Malformed("controls are something else"));
    }
    let mut controls = controls.elements();
    while let Some(control) = controls.next()? {
        check_control(&control)?;
    }
    Ok(())
}

/// OID, criticality, value (§4.1.11).
fn check_control(control: &Element<'_>) -> Result<(), Malformed> {
    if control.identifier != SEQUENCE {
        return Err(Malformed("a control is not a sequence"));
    }
    let mut parts = control.elements();
    if !parts.expect(OCTET_STRING, "a control has no type")?.is_text() {
        return Err(Malformed("a control's type is no text"));
    }
    let mut next = parts.next()?;
    if let Some(criticality) = next.as_ref().filter(|part| part.identifier == ber::BOOLEAN) {
        if criticality.content().len() != 1 {
            return Err(Malformed("a control is neither critical nor not"));
        }
        next = parts.next()?;
    }
    match next {
        Some(value) if value.identifier != OCTET_STRING => Err(Malformed("a control's value is something else")),
        _ => parts.end("something follows a control's value"),
    }
}

/// A name, and attributes with their values (§4.5.2).
fn check_entry(entry: &Element<'_>) -> Result<(), Malformed> {
    let mut parts = entry.elements();
    if !parts.expect(OCTET_STRING, "an entry has no name")?.is_text() {
        return Err(Malformed("an entry's name is no text"));
    }
    let mut attributes = parts.expect(SEQUENCE, "an entry has no attributes")?.elements();
    parts.end("something follows an entry's attributes")?;
    while let Some(attribute) = attributes.next()? {
        check_attribute(&attribute)?;
    }
    Ok(())
}

fn check_attribute(attribute: &Element<'_>) -> Result<(), Malformed> {
    if attribute.identifier != SEQUENCE {
        return Err(Malformed("an attribute is not a sequence"));
    }
    let mut parts = attribute.elements();
    if !parts.expect(OCTET_STRING, "an attribute has no name")?.is_text() {
        return Err(Malformed("an attribute's name is no text"));
    }
    let mut values = parts.expect(SET, "an attribute has no set of values")?.elements();
    parts.end("something follows an attribute's values")?;
    while let Some(value) = values.next()? {
        if value.identifier != OCTET_STRING {
            return Err(Malformed("a value is something else"));
        }
    }
    Ok(())
}

fn check_addresses(addresses: &Element<'_>) -> Result<(), Malformed> {
    let mut parts = addresses.elements();
    while let Some(address) = parts.next()? {
        if address.identifier != OCTET_STRING || !address.is_text() {
            return Err(Malformed("an address is no text"));
        }
    }
    Ok(())
}

/// Code, name, text, and what an operation adds (§4.1.9). Gives where texts for people are.
fn check_result(result: &Element<'_>) -> Result<[std::ops::Range<usize>; 2], Malformed> {
    let mut parts = result.elements();
    parts.expect(ENUMERATED, "a result has no code")?.number()?;
    let matched = parts.expect(OCTET_STRING, "a result has no name")?.range();
    let text = parts.expect(OCTET_STRING, "a result has no text")?.range();
    while let Some(part) = parts.next()? {
        match part.identifier {
            REFERRAL => check_addresses(&part)?,
            RESPONSE_NAME if !part.is_text() => return Err(Malformed("a response's name is no text")),
            SASL_CREDENTIALS | RESPONSE_NAME | RESPONSE_VALUE => {}
            _ => return Err(Malformed("a result holds something that it cannot")),
        }
    }
    Ok([matched, text])
}

fn goodbye(operation: &Element<'_>) -> Diagnostic {
    diagnostic(operation).unwrap_or_else(|| Diagnostic::new(52, ""))
}

fn diagnostic(result: &Element<'_>) -> Option<Diagnostic> {
    if result.identifier & CONSTRUCTED == 0 {
        return None;
    }
    let mut parts = result.elements();
    let code = parts.next().ok()??.number().ok()?;
    parts.next().ok()??;
    let text = parts.next().ok()??;
    Some(Diagnostic::new(code, &String::from_utf8_lossy(text.content())))
}

/// What is not UTF-8 becomes question marks.
fn make_readable(text: &mut [u8]) {
    let mut begin = 0;
    while let Err(error) = std::str::from_utf8(&text[begin..]) {
        let wrong = begin + error.valid_up_to();
        let until = error.error_len().map_or(text.len(), |length| wrong + length);
        text[wrong..until].fill(b'?');
        begin = until;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(identifier: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![identifier, 0x84];
        bytes.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        bytes.extend(content);
        bytes
    }

    fn message(id: u8, rest: &[&[u8]]) -> Vec<u8> {
        element(SEQUENCE, &[&[ber::INTEGER, 1, id], &rest.concat()[..]].concat())
    }

    fn result(code: u8, text: &[u8]) -> Vec<u8> {
        [
            &[ENUMERATED, 1, code, OCTET_STRING, 0],
            &element(OCTET_STRING, text)[..],
        ]
        .concat()
    }

    fn screen(request: u8) -> Screen {
        let mut screen = Screen::default();
        screen.asks(&message(7, &[&element(request, b"")])).unwrap();
        screen
    }

    fn entry() -> Vec<u8> {
        let values = element(SET, &element(OCTET_STRING, b"alice"));
        let attribute = element(SEQUENCE, &[element(OCTET_STRING, b"uid"), values].concat());
        let parts = [element(OCTET_STRING, b"uid=alice"), element(SEQUENCE, &attribute)].concat();
        element(SEARCH_ENTRY, &parts)
    }

    #[test]
    fn answers_to_what_was_asked_pass_once() {
        let mut screen = screen(SEARCH);
        assert_eq!(screen.admit(&mut message(7, &[&entry()])), Ok(Verdict::Pass));
        let mut done = message(7, &[&element(SEARCH_DONE, &result(0, b""))]);
        assert_eq!(screen.admit(&mut done), Ok(Verdict::Pass));
        assert_eq!(screen.admit(&mut done), Ok(Verdict::Drop), "nobody waits any more");
    }

    #[test]
    fn answers_to_something_else_do_not_pass() {
        for (request, answer) in [
            (BIND, entry()),
            (SEARCH, element(BIND_RESPONSE, &result(0, b""))),
            (MODIFY, element(EXTENDED_RESPONSE, &result(0, b""))),
        ] {
            assert!(screen(request).admit(&mut message(7, &[&answer])).is_err());
        }
        assert_eq!(screen(SEARCH).admit(&mut message(8, &[&entry()])), Ok(Verdict::Drop));
    }

    #[test]
    fn controls_must_be_controls() {
        let answer = element(BIND_RESPONSE, &result(0, b""));
        let oid = element(OCTET_STRING, b"1.2.3");
        let with = |control: &[u8]| {
            let controls = element(CONTROLS, &element(SEQUENCE, control));
            screen(BIND).admit(&mut message(7, &[&answer, &controls]))
        };
        let value = element(OCTET_STRING, b"v");
        assert_eq!(with(&oid), Ok(Verdict::Pass));
        assert_eq!(with(&[&oid[..], &[1, 1, 255], &value].concat()), Ok(Verdict::Pass));
        for wrong in [&[1, 0][..], &[2, 1, 0], &[1, 1, 0, 2, 1, 0]] {
            assert!(with(&[&oid[..], wrong].concat()).is_err(), "{wrong:?}");
        }
        assert!(with(&element(OCTET_STRING, b"\xff")).is_err());
    }

    #[test]
    fn a_text_that_is_none_is_made_one() {
        let mut answer = message(7, &[&element(BIND_RESPONSE, &result(49, b"ung\xfcltig, data 52e\xc3"))]);
        let length = answer.len();
        assert_eq!(screen(BIND).admit(&mut answer), Ok(Verdict::Pass));
        assert_eq!(answer.len(), length);
        assert!(String::from_utf8_lossy(&answer).contains("ung?ltig, data 52e?"));
    }

    #[test]
    fn a_goodbye_is_understood() {
        let name = element(RESPONSE_NAME, b"1.3.6.1.4.1.1466.20036");
        let text = result(52, b"shutting down");
        let right = message(
            0,
            &[&element(EXTENDED_RESPONSE, &[text.clone(), name.clone()].concat())],
        );
        let active_directory = message(0, &[&element(EXTENDED_RESPONSE, &text), &name]);
        for mut goodbye in [right, active_directory] {
            let said = Verdict::Goodbye(Diagnostic::new(52, "shutting down"));
            assert_eq!(Screen::default().admit(&mut goodbye), Ok(said));
        }
    }

    #[test]
    fn a_search_cannot_bring_more_and_more() {
        let mut screen = screen(SEARCH);
        let value = element(SET, &element(OCTET_STRING, &vec![0; 1 << 20]));
        let attribute = element(SEQUENCE, &[element(OCTET_STRING, b"photo"), value].concat());
        let entry = element(
            SEARCH_ENTRY,
            &[element(OCTET_STRING, b""), element(SEQUENCE, &attribute)].concat(),
        );
        let admitted = (0..100)
            .take_while(|_| screen.admit(&mut message(7, &[&entry])).is_ok())
            .count();
        assert_eq!(admitted, 15);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = screen(SEARCH).admit(&mut bytes);
        }

        /// What passes must be something that ldap3 can take; a byte changed anywhere in good messages comes close to everything it cannot.
        #[test]
        fn damaged_messages_pass_or_not_but_stay_messages(at in 0_usize..200, byte in any::<u8>()) {
            for (request, operation) in [(SEARCH, entry()), (BIND, element(BIND_RESPONSE, &result(49, b"data 52e")))] {
                let mut bytes = message(7, &[&operation]);
                let at = at % bytes.len();
                bytes[at] = byte;
                let _ = screen(request).admit(&mut bytes);
            }
        }
    }
}
