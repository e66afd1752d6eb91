//! An Access-Request that can be judged: parsed once, complete, its password revealed.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::attribute::AttributeType;
use crate::packet::{Code, Packet};
use crate::password;
use crate::reply::ReplyTo;
use crate::signature::{MessageAuthenticator, SharedSecret};

/// A PAP login attempt (RFC 2865 §4.1). It owns what it holds, so the datagram can be reused.
///
/// Made by [`AccessRequest::parse`] only.
#[derive(Clone)]
#[non_exhaustive]
pub struct AccessRequest {
    /// 1 to 253 octets as received; no encoding is promised.
    pub user_name: Vec<u8>,
    /// 0 to 128 octets; wiped when dropped.
    pub password: Zeroizing<Vec<u8>>,
    /// The State of the challenge this answers, if it answers one.
    pub state: Option<Vec<u8>>,
    pub nas_identifier: Option<Vec<u8>>,
    /// Where the person is, as the NAS saw it: an address, a telephone number, a MAC.
    pub calling_station_id: Option<Vec<u8>>,
    /// What the reply must repeat.
    pub reply_to: ReplyTo,
}

/// Why a packet that adds up is no login we can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    #[error("not an Access-Request")]
    NotAccessRequest,
    #[error("{0} is there more than once")]
    Repeated(AttributeType),
    #[error("User-Password is not 16, 32, … 128 octets")]
    PasswordLength,
    #[error("User-Password together with CHAP-Password or EAP-Message")]
    MixedMethods,
    #[error("EAP-Message without Message-Authenticator (RFC 3579 §3.1)")]
    UnsignedEap,
    #[error("no User-Name, or an empty one")]
    NoUserName,
    #[error("no User-Password")]
    NoPassword,
    #[error("CHAP is not supported; set the NAS to PAP")]
    Chap,
    #[error("EAP is not supported; set the NAS to PAP")]
    Eap,
}

impl ParseError {
    /// Whether the NAS is told with an Access-Reject. What breaks the protocol is dropped; what is
    /// well formed but of no use here is refused, so that the NAS does not retry in vain.
    pub fn is_answered(self) -> bool {
        match self {
            Self::NoUserName | Self::NoPassword | Self::Chap | Self::Eap => true,
            Self::NotAccessRequest
            | Self::Repeated(_)
            | Self::PasswordLength
            | Self::MixedMethods
            | Self::UnsignedEap => false,
        }
    }
}

impl AccessRequest {
    /// Reads a request whose Message-Authenticator was judged under the same `secret`.
    ///
    /// A missing NAS-IP-Address and NAS-Identifier is forgiven (RFC 2865 §4.1 asks for one of
    /// them): common NASes and radclient leave both out, and nothing here depends on them.
    ///
    /// # Errors
    /// [`ParseError`]; see [`ParseError::is_answered`] for what to send.
    pub fn parse(packet: &Packet<'_>, secret: &SharedSecret) -> Result<Self, ParseError> {
        if packet.code() != Code::AccessRequest {
            return Err(ParseError::NotAccessRequest);
        }
        let hidden = single(packet, AttributeType::USER_PASSWORD)?;
        check_method(packet, hidden.is_some())?;
        let user_name = single(packet, AttributeType::USER_NAME)?
            .filter(|name| !name.is_empty())
            .ok_or(ParseError::NoUserName)?;
        let hidden = hidden.ok_or(ParseError::NoPassword)?;
        let password = password::reveal(hidden, secret, &packet.authenticator()).ok_or(ParseError::PasswordLength)?;
        let owned = |kind| single(packet, kind).map(|value| value.map(<[u8]>::to_vec));
        Ok(Self {
            user_name: user_name.to_vec(),
            password,
            state: owned(AttributeType::STATE)?,
            nas_identifier: owned(AttributeType::NAS_IDENTIFIER)?,
            calling_station_id: owned(AttributeType::CALLING_STATION_ID)?,
            reply_to: ReplyTo::of(packet),
        })
    }
}

/// PAP or nothing, and nothing beside PAP (RFC 2865 §4.1, RFC 3579 §3.1).
fn check_method(packet: &Packet<'_>, pap: bool) -> Result<(), ParseError> {
    let chap = packet.first(AttributeType::CHAP_PASSWORD).is_some();
    let eap = packet.first(AttributeType::EAP_MESSAGE).is_some();
    match (pap, chap, eap) {
        (_, _, true) if packet.message_authenticator_at.is_none() => Err(ParseError::UnsignedEap),
        (true, true, _) | (true, _, true) | (_, true, true) => Err(ParseError::MixedMethods),
        (false, true, false) => Err(ParseError::Chap),
        (false, false, true) => Err(ParseError::Eap),
        (_, false, false) => Ok(()),
    }
}

/// The value of an attribute that may be there once (RFC 2865 §5.44).
fn single<'a>(packet: &Packet<'a>, kind: AttributeType) -> Result<Option<&'a [u8]>, ParseError> {
    let mut values = packet.all(kind);
    let first = values.next();
    if values.next().is_some() {
        return Err(ParseError::Repeated(kind));
    }
    Ok(first)
}

/// Whether a Status-Server probe may be answered: only if it is signed (RFC 5997 §3).
impl Packet<'_> {
    /// A Status-Server whose Message-Authenticator is valid under `secret`. Answer it with
    /// [`crate::Reply::accept`] (RFC 5997 §3: the authentication port says Access-Accept).
    pub fn is_signed_status_server(&self, secret: &SharedSecret) -> bool {
        self.code() == Code::StatusServer && self.message_authenticator(secret) == MessageAuthenticator::Valid
    }
}
