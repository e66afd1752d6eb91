use minicbor::{Decode, Encode};

use crate::{
    ids::{ApplicationId, ClientId, Revision, Sealed},
    limits,
    records::{Cidr, Entrance},
};

/// How a client may hand over the factors. At least one is set; `passcode_only` stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Modes {
    /// Password and code in one field, the code last.
    #[n(0)]
    pub one_step: bool,
    /// The password first, then the code in answer to an Access-Challenge.
    #[n(1)]
    pub two_step: bool,
    /// The client has checked the password already; the field holds the code alone.
    #[n(2)]
    pub passcode_only: bool,
}

impl Modes {
    /// Whether at least one mode is set, and `passcode_only` stands alone.
    pub fn are_valid(&self) -> bool {
        self.passcode_only != (self.one_step || self.two_step)
    }
}

/// How a field that holds password and code is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Encode, Decode)]
pub enum Cut {
    /// Where the code begins, its length tells: that of the codes of the user's tokens.
    #[default]
    #[n(0)]
    ByToken,
    /// At the last of these characters: printable ASCII that is neither letter nor digit.
    #[n(1)]
    At(#[n(0)] u8),
    /// So many characters are the code, its PIN included.
    #[n(2)]
    Length(#[n(0)] u8),
}

impl Cut {
    /// Whether it can be done.
    pub fn is_valid(self) -> bool {
        match self {
            Cut::ByToken => true,
            Cut::At(character) => character == b' ' || character.is_ascii_punctuation(),
            Cut::Length(length) => limits::CUT_LENGTH.contains(&length),
        }
    }
}

/// A RADIUS client (a NAS).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Client {
    /// Opaque and never used again.
    #[n(0)]
    pub id: ClientId,
    /// The friendly name, unique among clients.
    #[n(1)]
    pub name: Box<str>,
    /// VPN, firewall, switch, router, wireless controller, or the administrator's own word.
    #[n(2)]
    pub device_type: Box<str>,
    /// Where its packets come from.
    #[n(3)]
    pub networks: Box<[Cidr]>,
    /// Narrows the choice among clients of one network (RFC 2865, section 5.32).
    #[n(4)]
    pub nas_identifier: Option<Box<str>>,
    /// One sealed shared secret, or two while it is rotated.
    #[n(5)]
    pub secrets: Box<[Sealed]>,
    /// How it hands over the factors.
    #[n(6)]
    pub modes: Modes,
    /// Packets without Message-Authenticator are dropped (CVE-2024-3596); true unless a device cannot.
    #[n(7)]
    pub require_message_authenticator: bool,
    /// What its users are asked for.
    #[n(8)]
    pub application: ApplicationId,
    /// Its timeout before a retransmission, in ms.
    #[n(9)]
    pub retry_timeout_ms: u32,
    /// How often it sends a request in all.
    #[n(10)]
    pub retry_tries: u8,
    /// Packets of a disabled client are answered with a reject.
    #[n(11)]
    pub enabled: bool,
    /// Moves with every administrative change.
    #[n(12)]
    pub revision: Revision,
    /// Counts disables: an accept remembered under a former epoch is void.
    #[n(13)]
    pub epoch: u32,
    /// Who may come in, and from where.
    #[n(14)]
    pub entrance: Entrance,
    /// How its fields are cut that hold password and code.
    #[n(15)]
    pub cut: Cut,
}

impl Client {
    /// How long the verdict on one of its packets is remembered, in ms.
    pub fn retention_ms(&self) -> u64 {
        let retries_ms = u64::from(self.retry_timeout_ms).saturating_mul(u64::from(self.retry_tries));
        retries_ms.clamp(limits::RETENTION_MS_MIN, limits::RETENTION_MS_MAX)
    }
}
