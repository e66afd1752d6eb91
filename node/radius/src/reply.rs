//! Replies: Access-Accept, Access-Reject, Access-Challenge, always signed.
//!
//! Message-Authenticator comes first, before anything an attacker could choose. That is what
//! closes BlastRADIUS (CVE-2024-3596): the chosen-prefix collision needs attacker-controlled
//! octets, usually an echoed Proxy-State, early in the packet and a reply that nobody verifies by HMAC.

use thiserror::Error;

use crate::attribute::AttributeType;
use crate::limits::{PACKET_MAX_BYTES, PACKET_MIN_BYTES, VALUE_MAX_BYTES};
use crate::packet::{Code, Packet};
use crate::signature::{Authenticator, SharedSecret, message_authenticator, response_authenticator};

/// Position of the signature in every packet made here: right after the header.
pub(crate) const MESSAGE_AUTHENTICATOR_AT: usize = PACKET_MIN_BYTES + 2;

/// What of a request its reply repeats or is signed over. Owned, so that it outlives the datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    identifier: u8,
    authenticator: Authenticator,
    /// The request's Proxy-State attributes as they lay on the wire (RFC 2865 §5.33).
    proxy_states: Vec<u8>,
}

impl ReplyTo {
    /// Remembers what a reply to `request` needs. Allocates only if there is a Proxy-State.
    pub fn of(request: &Packet<'_>) -> Self {
        let mut proxy_states = Vec::new();
        for value in request.all(AttributeType::PROXY_STATE) {
            push(&mut proxy_states, AttributeType::PROXY_STATE, value);
        }
        Self {
            identifier: request.identifier(),
            authenticator: request.authenticator(),
            proxy_states,
        }
    }
}

/// The three answers to an Access-Request (RFC 2865 §4.2 to §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyCode {
    Accept,
    Reject,
    Challenge,
}

impl ReplyCode {
    /// The octet on the wire, by name.
    pub fn code(self) -> Code {
        match self {
            Self::Accept => Code::AccessAccept,
            Self::Reject => Code::AccessReject,
            Self::Challenge => Code::AccessChallenge,
        }
    }
}

/// Why a reply cannot be put into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    #[error("{0} is longer than {VALUE_MAX_BYTES} octets")]
    ValueTooLong(AttributeType),
    #[error("the password is longer than 128 octets")]
    PasswordTooLong,
    #[error("the packet would exceed {PACKET_MAX_BYTES} octets")]
    PacketTooLong,
}

/// An answer in the making.
#[derive(Clone, Debug)]
pub struct Reply {
    code: ReplyCode,
    /// Encoded attributes between Message-Authenticator and Proxy-State.
    attributes: Vec<u8>,
    too_long: Option<AttributeType>,
}

impl Reply {
    /// Access-Accept; also the answer to Status-Server (RFC 5997 §3).
    pub fn accept() -> Self {
        Self::new(ReplyCode::Accept)
    }

    /// Access-Reject. Final for the NAS: silence would make it ask another server.
    pub fn reject() -> Self {
        Self::new(ReplyCode::Reject)
    }

    /// Access-Challenge with the State the NAS will return (at most 253 octets). A challenge
    /// without State could never be answered, so there is no way to make one.
    pub fn challenge(state: &[u8]) -> Self {
        Self::new(ReplyCode::Challenge).attribute(AttributeType::STATE, state)
    }

    fn new(code: ReplyCode) -> Self {
        Self {
            code,
            attributes: Vec::new(),
            too_long: None,
        }
    }

    /// Adds text for the person logging in: one Reply-Message, or several where it is longer than
    /// 253 octets, cut between characters (RFC 2865 §5.18). Empty text adds nothing.
    #[must_use]
    pub fn message(mut self, text: &str) -> Self {
        let mut rest = text;
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.floor_char_boundary(VALUE_MAX_BYTES));
            push(&mut self.attributes, AttributeType::REPLY_MESSAGE, head.as_bytes());
            rest = tail;
        }
        self
    }

    /// Adds any other attribute. A value over 253 octets makes [`Reply::encode_signed`] fail.
    #[must_use]
    pub fn attribute(mut self, kind: AttributeType, value: &[u8]) -> Self {
        if value.len() > VALUE_MAX_BYTES {
            self.too_long.get_or_insert(kind);
        } else {
            push(&mut self.attributes, kind, value);
        }
        self
    }

    /// What kind of answer this is.
    pub fn code(&self) -> ReplyCode {
        self.code
    }

    /// The datagram: Message-Authenticator first, then this reply's attributes, then the request's
    /// Proxy-States in their order, signed twice (RFC 3579 §3.2, RFC 2865 §3). The same reply to
    /// the same request is the same octets.
    ///
    /// # Errors
    /// [`EncodeError`] where a value or the packet is too long; there is nothing to send then.
    pub fn encode_signed(&self, request: &ReplyTo, secret: &SharedSecret) -> Result<Vec<u8>, EncodeError> {
        if let Some(kind) = self.too_long {
            return Err(EncodeError::ValueTooLong(kind));
        }
        let parts = [&self.attributes[..], &request.proxy_states[..]];
        let header = (self.code.code(), request.identifier, &request.authenticator);
        let mut datagram = assemble(header, &[&EMPTY_SIGNATURE[..], parts[0], parts[1]])?;
        let signature = message_authenticator(&datagram, MESSAGE_AUTHENTICATOR_AT, secret, &request.authenticator);
        datagram[MESSAGE_AUTHENTICATOR_AT..][..16].copy_from_slice(&signature);
        let response = response_authenticator(&datagram, secret, &request.authenticator);
        datagram[4..PACKET_MIN_BYTES].copy_from_slice(&response);
        Ok(datagram)
    }
}

/// Message-Authenticator with its value still zero.
pub(crate) const EMPTY_SIGNATURE: [u8; 18] = {
    let mut attribute = [0; 18];
    attribute[0] = AttributeType::MESSAGE_AUTHENTICATOR.0;
    attribute[1] = 18;
    attribute
};

/// Header and encoded attributes as one packet with the right Length.
pub(crate) fn assemble(
    (code, identifier, authenticator): (Code, u8, &Authenticator),
    attributes: &[&[u8]],
) -> Result<Vec<u8>, EncodeError> {
    let length = PACKET_MIN_BYTES + attributes.iter().map(|part| part.len()).sum::<usize>();
    if length > PACKET_MAX_BYTES {
        return Err(EncodeError::PacketTooLong);
    }
    let length_field = u16::try_from(length).expect("invariant: at most 4096").to_be_bytes();
    let mut packet = Vec::with_capacity(length);
    packet.extend_from_slice(&[code.octet(), identifier]);
    packet.extend_from_slice(&length_field);
    packet.extend_from_slice(authenticator);
    for part in attributes {
        packet.extend_from_slice(part);
    }
    Ok(packet)
}

/// Appends one attribute; its value must be at most 253 octets.
pub(crate) fn push(attributes: &mut Vec<u8>, kind: AttributeType, value: &[u8]) {
    let length = u8::try_from(value.len() + 2).expect("invariant: values are at most 253 octets");
    attributes.reserve(value.len() + 2);
    attributes.extend_from_slice(&[kind.0, length]);
    attributes.extend_from_slice(value);
}
