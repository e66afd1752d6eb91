//! The NAS's side: build a request, check the reply, and say in words what is wrong with it.
//!
//! ```
//! use quorate_radius::{ReplyCode, SharedSecret, client::Request};
//!
//! let secret = SharedSecret::new(b"between us");
//! let sent = Request::access(b"ada").password(b"correct horse").encode(7, [42; 16], &secret)?;
//! // send sent.datagram(), receive a datagram, then: sent.verify(&datagram, &secret)
//! # let request = quorate_radius::Packet::decode(sent.datagram()).unwrap();
//! # let to = quorate_radius::ReplyTo::of(&request);
//! # let datagram = quorate_radius::Reply::challenge(b"opaque").message("Code?").encode_signed(&to, &secret)?;
//! let answer = sent.verify(&datagram, &secret).unwrap();
//! assert_eq!(answer.code, ReplyCode::Challenge);
//! assert_eq!(answer.messages, ["Code?"]);
//! assert_eq!(answer.state.as_deref(), Some(&b"opaque"[..]));
//! # Ok::<(), quorate_radius::EncodeError>(())
//! ```

use thiserror::Error;
use zeroize::Zeroizing;

use crate::attribute::AttributeType;
use crate::limits::VALUE_MAX_BYTES;
use crate::packet::{Code, DecodeError, Packet};
use crate::password;
use crate::reply::{EMPTY_SIGNATURE, EncodeError, MESSAGE_AUTHENTICATOR_AT, ReplyCode, assemble, push};
use crate::signature::{Authenticator, MessageAuthenticator, SharedSecret, message_authenticator};

/// A request in the making.
///
/// Identifier and authenticator come only with [`Request::encode`], so the same request can be
/// sent again under new ones, as a NAS does when it fails over.
#[derive(Clone)]
pub struct Request {
    code: Code,
    /// Encoded attributes, User-Password and Message-Authenticator not among them.
    attributes: Vec<u8>,
    password: Option<Zeroizing<Vec<u8>>>,
    signed: bool,
    too_long: Option<AttributeType>,
}

impl Request {
    /// An Access-Request for this User-Name (at most 253 octets).
    pub fn access(user_name: &[u8]) -> Self {
        Self::new(Code::AccessRequest).attribute(AttributeType::USER_NAME, user_name)
    }

    /// "Are you there?" (RFC 5997): answered by Access-Accept.
    pub fn status_server() -> Self {
        Self::new(Code::StatusServer)
    }

    fn new(code: Code) -> Self {
        Self {
            code,
            attributes: Vec::new(),
            password: None,
            signed: true,
            too_long: None,
        }
    }

    /// The password, the code, or both in one, by how the client is set up; at most 128 octets.
    #[must_use]
    pub fn password(mut self, password: &[u8]) -> Self {
        self.password = Some(Zeroizing::new(password.to_vec()));
        self
    }

    /// The State of the challenge this request answers, unchanged.
    #[must_use]
    pub fn state(self, state: &[u8]) -> Self {
        self.attribute(AttributeType::STATE, state)
    }

    /// Who the NAS says it is.
    #[must_use]
    pub fn nas_identifier(self, name: &str) -> Self {
        self.attribute(AttributeType::NAS_IDENTIFIER, name.as_bytes())
    }

    /// Any other attribute. A value over 253 octets makes [`Request::encode`] fail.
    #[must_use]
    pub fn attribute(mut self, kind: AttributeType, value: &[u8]) -> Self {
        if value.len() > VALUE_MAX_BYTES {
            self.too_long.get_or_insert(kind);
        } else {
            push(&mut self.attributes, kind, value);
        }
        self
    }

    /// Leaves Message-Authenticator out, as old NASes do. For tests and for finding out what a
    /// server demands; never send this across a network you do not trust.
    #[must_use]
    pub fn unsigned(mut self) -> Self {
        self.signed = false;
        self
    }

    /// The datagram under this identifier and Request Authenticator. The authenticator must be 16
    /// fresh random octets for each new request: the password is hidden by it (RFC 2865 §3).
    ///
    /// # Errors
    /// [`EncodeError`] where something is too long.
    pub fn encode(
        &self,
        identifier: u8,
        authenticator: Authenticator,
        secret: &SharedSecret,
    ) -> Result<Sent, EncodeError> {
        if let Some(kind) = self.too_long {
            return Err(EncodeError::ValueTooLong(kind));
        }
        let mut hidden = Vec::new();
        if let Some(password) = &self.password {
            let value = password::hide(password, secret, &authenticator).ok_or(EncodeError::PasswordTooLong)?;
            push(&mut hidden, AttributeType::USER_PASSWORD, &value);
        }
        let signature: &[u8] = if self.signed { &EMPTY_SIGNATURE } else { &[] };
        let header = (self.code, identifier, &authenticator);
        let mut datagram = assemble(header, &[signature, &self.attributes, &hidden])?;
        if self.signed {
            let at = MESSAGE_AUTHENTICATOR_AT;
            let signature = message_authenticator(&datagram, at, secret, &authenticator);
            datagram[at..at + 16].copy_from_slice(&signature);
        }
        Ok(Sent {
            datagram,
            identifier,
            authenticator,
        })
    }
}

/// A request on its way, and what its reply is checked against.
#[derive(Clone, Debug)]
pub struct Sent {
    datagram: Vec<u8>,
    identifier: u8,
    authenticator: Authenticator,
}

/// A reply that was made for this request by someone who knows the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub code: ReplyCode,
    /// Every Reply-Message in order; octets that are not UTF-8 are replaced.
    pub messages: Vec<String>,
    /// To be returned with the next request, if the answer is a challenge.
    pub state: Option<Vec<u8>>,
    /// Whether the reply carried a valid Message-Authenticator.
    pub signed: bool,
}

/// What is wrong with a reply. A careful NAS drops it and goes on waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReplyError {
    #[error("not a RADIUS packet: {0}")]
    Malformed(#[from] DecodeError),
    #[error("an answer to another request (identifier {0})")]
    OtherRequest(u8),
    #[error("not a reply to an Access-Request (code {0})")]
    NotAReply(u8),
    #[error("the Response Authenticator does not match: the shared secret differs, or the reply is forged")]
    ResponseAuthenticator,
    #[error("the Message-Authenticator does not match: the shared secret differs, or the reply is forged")]
    MessageAuthenticator,
    #[error("the reply has no Message-Authenticator: the server is open to BlastRADIUS (CVE-2024-3596)")]
    Unsigned,
}

impl Sent {
    /// What to send. Sending it again unchanged is a retransmission.
    pub fn datagram(&self) -> &[u8] {
        &self.datagram
    }

    /// Matches the reply's second octet.
    pub fn identifier(&self) -> u8 {
        self.identifier
    }

    /// Checks a reply and insists on a Message-Authenticator.
    ///
    /// # Errors
    /// [`ReplyError`], in the order in which things are looked at.
    pub fn verify(&self, datagram: &[u8], secret: &SharedSecret) -> Result<Answer, ReplyError> {
        let answer = self.verify_leniently(datagram, secret)?;
        if !answer.signed {
            return Err(ReplyError::Unsigned);
        }
        Ok(answer)
    }

    /// The same, but a reply without Message-Authenticator passes with [`Answer::signed`] false.
    ///
    /// # Errors
    /// Every [`ReplyError`] but [`ReplyError::Unsigned`].
    pub fn verify_leniently(&self, datagram: &[u8], secret: &SharedSecret) -> Result<Answer, ReplyError> {
        let reply = Packet::decode(datagram)?;
        let code = match reply.code() {
            Code::AccessAccept => ReplyCode::Accept,
            Code::AccessReject => ReplyCode::Reject,
            Code::AccessChallenge => ReplyCode::Challenge,
            other => return Err(ReplyError::NotAReply(other.octet())),
        };
        if reply.identifier() != self.identifier {
            return Err(ReplyError::OtherRequest(reply.identifier()));
        }
        if !reply.response_authenticator_is_valid(secret, &self.authenticator) {
            return Err(ReplyError::ResponseAuthenticator);
        }
        let signed = match reply.reply_message_authenticator(secret, &self.authenticator) {
            MessageAuthenticator::Valid => true,
            MessageAuthenticator::Absent => false,
            MessageAuthenticator::Wrong => return Err(ReplyError::MessageAuthenticator),
        };
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Ok(Answer {
            code,
            messages: reply.all(AttributeType::REPLY_MESSAGE).map(text).collect(),
            state: reply.first(AttributeType::STATE).map(<[u8]>::to_vec),
            signed,
        })
    }
}
