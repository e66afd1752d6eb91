//! A packet that adds up: header and attributes with consistent lengths (RFC 2865 §3).
//!
//! Decoding borrows. A flood of garbage costs one walk over the bytes and not one allocation,
//! and the position of Message-Authenticator, which verification needs, stays known.

use thiserror::Error;

use crate::attribute::{self, Attribute, AttributeType, Attributes};
use crate::limits::{PACKET_MAX_BYTES, PACKET_MIN_BYTES};
use crate::signature::Authenticator;

/// What a packet is for (RFC 2865 §3, RFC 2866, RFC 5997).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    AccessRequest,
    AccessAccept,
    AccessReject,
    AccountingRequest,
    AccountingResponse,
    AccessChallenge,
    StatusServer,
    /// Legal on the wire, of no use here.
    Other(u8),
}

impl Code {
    /// The octet on the wire.
    pub fn octet(self) -> u8 {
        match self {
            Self::AccessRequest => 1,
            Self::AccessAccept => 2,
            Self::AccessReject => 3,
            Self::AccountingRequest => 4,
            Self::AccountingResponse => 5,
            Self::AccessChallenge => 11,
            Self::StatusServer => 12,
            Self::Other(octet) => octet,
        }
    }
}

impl From<u8> for Code {
    fn from(octet: u8) -> Self {
        match octet {
            1 => Self::AccessRequest,
            2 => Self::AccessAccept,
            3 => Self::AccessReject,
            4 => Self::AccountingRequest,
            5 => Self::AccountingResponse,
            11 => Self::AccessChallenge,
            12 => Self::StatusServer,
            other => Self::Other(other),
        }
    }
}

/// Why bytes are no packet. All of these are dropped in silence (RFC 2865 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("shorter than a RADIUS header of {PACKET_MIN_BYTES} octets")]
    Short,
    #[error("the Length field is outside {PACKET_MIN_BYTES} to {PACKET_MAX_BYTES} octets")]
    LengthField,
    #[error("cut off: fewer octets than the Length field says")]
    Truncated,
    #[error("an attribute's length does not fit into the packet")]
    Attribute,
    #[error("more attributes than any NAS sends")]
    TooManyAttributes,
    #[error("Message-Authenticator is not 16 octets, or is there twice")]
    MessageAuthenticator,
}

/// A packet whose lengths add up. Who made it is not known yet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Exactly `Length` octets; padding after them is cut off.
    bytes: &'a [u8],
    /// Where the 16 octets of Message-Authenticator begin, if there is one.
    pub(crate) message_authenticator_at: Option<usize>,
}

impl<'a> Packet<'a> {
    /// Reads a datagram. Octets beyond the Length field are padding and ignored (RFC 2865 §3).
    ///
    /// # Errors
    /// [`DecodeError`]: drop the datagram and answer nothing.
    pub fn decode(datagram: &'a [u8]) -> Result<Self, DecodeError> {
        let header = datagram.get(..PACKET_MIN_BYTES).ok_or(DecodeError::Short)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if !(PACKET_MIN_BYTES..=PACKET_MAX_BYTES).contains(&length) {
            return Err(DecodeError::LengthField);
        }
        let bytes = datagram.get(..length).ok_or(DecodeError::Truncated)?;
        attribute::check(&bytes[PACKET_MIN_BYTES..])?;
        let message_authenticator_at = locate_message_authenticator(bytes)?;
        Ok(Self {
            bytes,
            message_authenticator_at,
        })
    }

    /// What the packet asks or answers.
    pub fn code(&self) -> Code {
        Code::from(self.bytes[0])
    }

    /// Matches a reply to its request, together with addresses and ports.
    pub fn identifier(&self) -> u8 {
        self.bytes[1]
    }

    /// Request Authenticator or Response Authenticator, by [`Packet::code`].
    pub fn authenticator(&self) -> Authenticator {
        let mut octets = [0; 16];
        octets.copy_from_slice(&self.bytes[4..PACKET_MIN_BYTES]);
        octets
    }

    /// The whole packet, padding cut off.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// All attributes in order.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(&self.bytes[PACKET_MIN_BYTES..])
    }

    /// The values of all attributes of one type, in order.
    pub fn all(&self, kind: AttributeType) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.attributes()
            .filter(move |attribute| attribute.kind == kind)
            .map(|it| it.value)
    }

    /// The value of the first attribute of one type.
    pub fn first(&self, kind: AttributeType) -> Option<&'a [u8]> {
        self.all(kind).next()
    }
}

/// RFC 3579 §3.2: at most one, of 16 octets.
fn locate_message_authenticator(bytes: &[u8]) -> Result<Option<usize>, DecodeError> {
    let mut found = None;
    let mut at = PACKET_MIN_BYTES;
    for Attribute { kind, value } in Attributes::new(&bytes[PACKET_MIN_BYTES..]) {
        if kind == AttributeType::MESSAGE_AUTHENTICATOR {
            if found.is_some() || value.len() != 16 {
                return Err(DecodeError::MessageAuthenticator);
            }
            found = Some(at + 2);
        }
        at += 2 + value.len();
    }
    Ok(found)
}
