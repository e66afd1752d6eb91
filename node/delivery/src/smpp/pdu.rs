//! PDUs as octets: what we say is put together by `rusmpp-core`, of what we hear only the header decides (SMPP 3.4 section 3.2).
//!
//! The library's borrowed types copy nothing: passwords and texts are in our own memory alone, which is wiped. Bodies of answers are not decoded by it,
//! because servers leave them out, or put in what does not belong there, and an acceptance must not be lost by that.

use rusmpp_core::{
    CommandId, CommandStatus,
    command::borrowed::Command,
    encode::{Encode, Length},
    pdus::borrowed::{BindTransmitter, Pdu, SubmitSm},
    tlvs::borrowed::MessageSubmissionRequestTlvValue,
    types::borrowed::{AnyOctetString, COctetString, OctetString},
    values::{DataCoding, EsmClass, InterfaceVersion, Npi, RegisteredDelivery, Ton, borrowed::MessagePayload},
};
use zeroize::Zeroizing;

use crate::{
    limits::{SMPP_MESSAGE_ID_BYTES, SMPP_PDU_BYTES},
    segments::{Alphabet, UDH_BYTES},
    settings::Smpp,
};

/// Octets of a header.
pub(super) const HEADER_BYTES: usize = 16;

/// Says that `short_message` begins with a header of user data (SMPP 3.4 section 5.2.12).
const UDH_INDICATOR: u8 = 0x40;

/// The one parameter that is ever added: `message_payload`.
const TLVS: usize = 1;

/// A PDU as it is sent. It may hold a password or a code.
pub(super) type Octets = Zeroizing<Vec<u8>>;

/// The header of a PDU that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Octets that follow.
    pub(super) body: usize,
    pub(super) command: CommandId,
    pub(super) status: CommandStatus,
    pub(super) sequence: u32,
}

impl Header {
    /// Reads a header; the length it tells, if that cannot be.
    pub(super) fn read(octets: [u8; HEADER_BYTES]) -> Result<Self, u32> {
        let word = |at: usize| u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]);
        let length = word(0);
        let body = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_sub(HEADER_BYTES));
        Ok(Self {
            body: body
                .filter(|body| HEADER_BYTES + body <= SMPP_PDU_BYTES)
                .ok_or(length)?,
            command: CommandId::from(word(4)),
            status: CommandStatus::from(word(8)),
            sequence: word(12),
        })
    }
}

/// The name of the message in the body of a `submit_sm_resp` (section 4.4.2), if there is one.
pub(super) fn message_id(body: &[u8]) -> Option<String> {
    let id = body.split(|octet| *octet == 0).next().unwrap_or_default();
    let plain = id.len() <= SMPP_MESSAGE_ID_BYTES && id.iter().all(u8::is_ascii_graphic);
    (plain && !id.is_empty()).then(|| String::from_utf8_lossy(id).into_owned())
}

/// `bind_transmitter` (section 4.1.1).
pub(super) fn bind(settings: &Smpp, sequence: u32) -> Octets {
    let [system_id, password, system_type] = [
        settings.system_id.as_str(),
        settings.password.expose(),
        &settings.system_type,
    ]
    .map(terminated);
    let bind = BindTransmitter::builder()
        .system_id(octets(&system_id))
        .password(octets(&password))
        .system_type(octets(&system_type))
        .interface_version(InterfaceVersion::Smpp3_4)
        .build();
    encoded(CommandStatus::EsmeRok, sequence, Pdu::BindTransmitter(bind))
}

/// One part of a message, or all of it.
pub(super) struct Submission<'a> {
    /// The recipient's digits.
    pub(super) to: &'a str,
    pub(super) alphabet: Alphabet,
    pub(super) text: SubmittedText<'a>,
}

/// Where the text of a submission stands.
pub(super) enum SubmittedText<'a> {
    /// In `short_message`, as the whole text.
    Whole(&'a [u8]),
    /// In `short_message`, as a part that begins with its header.
    Part(&'a [u8]),
    /// In the parameter `message_payload`.
    Payload(&'a [u8]),
}

/// `submit_sm` (section 4.4.1).
pub(super) fn submit(settings: &Smpp, submission: &Submission<'_>, sequence: u32) -> Octets {
    let [sender, to] = [settings.sender.address.as_str(), submission.to].map(terminated);
    let (short_message, esm_class, payload) = match submission.text {
        SubmittedText::Whole(text) => (text, 0, None),
        SubmittedText::Part(text) => (text, UDH_INDICATOR, None),
        SubmittedText::Payload(text) => (&[][..], 0, Some(text)),
    };
    let mut submit = SubmitSm::builder()
        .source_addr_ton(Ton::from(settings.sender.ton as u8))
        .source_addr_npi(Npi::from(settings.sender.npi as u8))
        .source_addr(octets(&sender))
        .dest_addr_ton(Ton::from(settings.destination.ton as u8))
        .dest_addr_npi(Npi::from(settings.destination.npi as u8))
        .destination_addr(octets(&to))
        // From the octet: the library's default for it sets a bit.
        .esm_class(EsmClass::from(esm_class))
        .registered_delivery(RegisteredDelivery::from(0))
        .data_coding(match submission.alphabet {
            Alphabet::Gsm7 => DataCoding::McSpecific,
            Alphabet::Ucs2 => DataCoding::Ucs2,
        })
        .short_message(OctetString::new(short_message).expect("invariant: a part has at most 160 octets"))
        .build();
    if let Some(payload) = payload {
        let payload = MessagePayload::new(AnyOctetString::new(payload));
        let pushed = submit.push_tlv(MessageSubmissionRequestTlvValue::MessagePayload(payload));
        pushed.expect("invariant: there is room for one parameter");
    }
    encoded(CommandStatus::EsmeRok, sequence, Pdu::SubmitSm(submit))
}

/// A PDU that is a header alone: a request or an answer without a body.
pub(super) fn bare(command: Pdu<'_, TLVS>, status: CommandStatus, sequence: u32) -> Octets {
    encoded(status, sequence, command)
}

fn encoded(status: CommandStatus, sequence: u32, pdu: Pdu<'_, TLVS>) -> Octets {
    let command = Command::new(status, sequence, pdu);
    let length = size_of::<u32>() + command.length();
    let mut octets = Zeroizing::new(vec![0; length]);
    let told = u32::try_from(length).expect("invariant: texts are bounded");
    octets[..size_of::<u32>()].copy_from_slice(&told.to_be_bytes());
    command.encode(&mut octets[size_of::<u32>()..]);
    octets
}

fn terminated(text: &str) -> Octets {
    let mut octets = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    octets.extend_from_slice(text.as_bytes());
    octets.push(0);
    octets
}

fn octets<const MAX: usize>(terminated: &[u8]) -> COctetString<'_, 1, MAX> {
    COctetString::new(terminated).expect("invariant: the settings were checked, and numbers have 15 digits")
}

/// The header of user data of part `number` (from one) of `count` (3GPP TS 23.040 section 9.2.3.24.1).
pub(super) fn part_header(reference: u8, count: u8, number: u8) -> [u8; UDH_BYTES] {
    [5, 0, 3, reference, count, number]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        secret::Secret,
        settings::{NumberingPlan, SmppSender, TypeOfNumber},
    };

    fn settings() -> Smpp {
        let mut settings = Smpp::new([], "SMPP3TEST", Secret::new("secret08"));
        "SUBMIT1".clone_into(&mut settings.system_type);
        settings.sender = SmppSender {
            address: "Example".to_owned(),
            ton: TypeOfNumber::Alphanumeric,
            npi: NumberingPlan::Unknown,
        };
        settings
    }

    /// The figures of section 3.2.3, with version 3.4 and without address range.
    #[test]
    fn a_bind_is_the_one_of_the_specification() {
        let wanted = b"\0\0\0\x2F\0\0\0\x02\0\0\0\0\0\0\0\x01SMPP3TEST\0secret08\0SUBMIT1\0\x34\0\0\0";
        assert_eq!(bind(&settings(), 1).as_slice(), wanted);
    }

    #[test]
    fn a_submission_is_the_one_of_the_specification() {
        let submission = |alphabet, text| Submission {
            to: "905321234567",
            alphabet,
            text,
        };
        let head = b"\0\0\0\0\x04\0\0\0\0\0\0\0\x02\0\x05\0Example\0\x01\x01905321234567\0";
        for (alphabet, text, wanted) in [
            (
                Alphabet::Gsm7,
                SubmittedText::Whole(b"ab"),
                &b"\0\0\0\0\0\0\0\0\0\x02ab"[..],
            ),
            (
                Alphabet::Ucs2,
                SubmittedText::Whole(b"\0a"),
                b"\0\0\0\0\0\0\0\x08\0\x02\0a",
            ),
            (
                Alphabet::Gsm7,
                SubmittedText::Part(b"ab"),
                b"\x40\0\0\0\0\0\0\0\0\x02ab",
            ),
            (
                Alphabet::Gsm7,
                SubmittedText::Payload(b"ab"),
                b"\0\0\0\0\0\0\0\0\0\0\x04\x24\0\x02ab",
            ),
        ] {
            let octets = submit(&settings(), &submission(alphabet, text), 2);
            assert_eq!(usize::from(octets[3]), octets.len());
            assert_eq!(octets[4..4 + head.len() - 1], head[1..]);
            assert_eq!(&octets[3 + head.len()..], wanted);
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_told() {
        let header = |length: u32| {
            let mut octets = [0; HEADER_BYTES];
            octets[..4].copy_from_slice(&length.to_be_bytes());
            Header::read(octets).map(|header| header.body)
        };
        let most = u32::try_from(SMPP_PDU_BYTES).unwrap();
        assert_eq!(
            (header(16), header(17), header(most)),
            (Ok(0), Ok(1), Ok(SMPP_PDU_BYTES - 16))
        );
        for length in [0, 15, most + 1, u32::MAX] {
            assert_eq!(header(length), Err(length));
        }
    }

    #[test]
    fn names_of_messages_are_plain_or_none() {
        assert_eq!(message_id(b"4F2A-1\0"), Some("4F2A-1".to_owned()));
        assert_eq!(
            message_id(b"4F2A-1"),
            Some("4F2A-1".to_owned()),
            "some leave the end out"
        );
        for none in [&b""[..], b"\0", b"a b\0", b"\xFF\0", &[b'a'; 66]] {
            assert_eq!(message_id(none), None);
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(octets in any::<[u8; HEADER_BYTES]>(), body in any::<Vec<u8>>()) {
            let _ = Header::read(octets);
            let _ = message_id(&body);
        }
    }
}
