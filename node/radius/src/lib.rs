//! RADIUS as arithmetic: packets in, packets out, nothing else.
//!
//! A RADIUS server is mostly suspicion. A datagram arrives from an address anybody can forge, and
//! the only thing that tells a firewall from an attacker is a secret shared by hand. So this crate
//! is laid out in the order in which trust is earned:
//!
//! 1. [`Packet::decode`] (`packet.rs`): bytes become a packet whose lengths all add up. Nothing is
//!    copied and nothing is believed.
//! 2. [`Packet::message_authenticator`] (`signature.rs`): one of a client's secrets made this
//!    packet, or none did.
//! 3. [`DuplicateCache`] (`duplicates.rs`): a retransmission is recognised before it costs anything.
//! 4. [`AccessRequest::parse`] (`request.rs`): from here on the request is complete, its password
//!    revealed and of legal length, its attributes not repeated. Invalid states have no value.
//! 5. [`Reply::encode_signed`] (`reply.rs`): an answer with Message-Authenticator first, the
//!    request's Proxy-States echoed in order, and the Response Authenticator over all of it.
//!
//! `client.rs` is the other side of the wire: it builds requests and checks replies. The command
//! line, the load generator and the tests use it, so that what we send is checked by what we
//! receive, and by other people's implementations.
//!
//! What this crate may not do: read a clock (time is a parameter), draw a random number
//! (authenticators are parameters), touch a socket, or log.
//!
//! Caveats:
//! - Only PAP is understood. CHAP and EAP requests are recognised and refused by name.
//! - MD5 and HMAC-MD5 are what RFC 2865 and RFC 3579 ask for. The BlastRADIUS attack
//!   (CVE-2024-3596) forges replies that carry no Message-Authenticator; every reply made here
//!   carries one, first, and [`client::Sent::verify`] insists on one unless told otherwise.
//! - User-Password hides, it does not authenticate: with a wrong secret it reveals noise. Only
//!   Message-Authenticator says who sent a request.

#![forbid(unsafe_code)]

pub mod client;
pub mod limits;

mod attribute;
mod duplicates;
mod packet;
mod password;
mod reply;
mod request;
mod signature;

pub use attribute::{Attribute, AttributeType, Attributes};
pub use duplicates::{Admission, DuplicateCache};
pub use packet::{Code, DecodeError, Packet};
pub use reply::{EncodeError, Reply, ReplyCode, ReplyTo};
pub use request::{AccessRequest, ParseError};
pub use signature::{Authenticator, MessageAuthenticator, SharedSecret};
