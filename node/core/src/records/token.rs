use minicbor::{Decode, Encode};

use crate::{
    ids::{Revision, Sealed, TokenId, UserId},
    records::{Channel, CodeKind},
};

/// The hash under an HMAC-based one-time code (RFC 6238, section 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum OtpAlgorithm {
    /// What every authenticator understands.
    #[n(0)]
    Sha1,
    /// HMAC-SHA-256.
    #[n(1)]
    Sha256,
    /// HMAC-SHA-512.
    #[n(2)]
    Sha512,
}

/// How a token makes its codes, or which codes it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum TokenKind {
    /// Codes from the time (RFC 6238).
    #[n(0)]
    Totp {
        /// The hash.
        #[n(0)]
        algorithm: OtpAlgorithm,
        /// Digits of a code, 6 to 8.
        #[n(1)]
        digits: u8,
        /// Seconds that a code lasts.
        #[n(2)]
        period_s: u32,
    },
    /// Codes from a counter (RFC 4226).
    #[n(1)]
    Hotp {
        /// The hash; RFC 4226 knows SHA-1 only.
        #[n(0)]
        algorithm: OtpAlgorithm,
        /// Digits of a code, 6 to 8.
        #[n(1)]
        digits: u8,
    },
    /// Yubico OTP: 44 letters, an AES-128 block behind a public name.
    #[n(2)]
    Yubikey {
        /// What each of its codes begins with: twelve letters of modhex.
        #[cbor(n(0), with = "minicbor::bytes")]
        public_id: [u8; 6],
    },
    /// A sheet of codes, each good once, for the day on which everything else is lost.
    #[n(3)]
    Recovery {
        /// How many codes are on the sheet.
        #[n(0)]
        codes: u8,
    },
    /// The same six digits each time: hardly a second factor.
    #[n(4)]
    Static,
    /// A code for a few days, given out by the helpdesk.
    #[n(5)]
    Temporary {
        /// How often it may be used.
        #[n(0)]
        uses: u32,
        /// While it lasts, the user's other tokens match nothing.
        #[n(1)]
        suspends: bool,
    },
    /// A code for a user who has no token yet: it is good once, for being shown the key of the first one.
    #[n(7)]
    Registration,
    /// Codes of six digits, each sent when it is asked for, and good once.
    #[n(6)]
    Sent {
        /// How they travel.
        #[n(0)]
        channel: Channel,
    },
}

impl TokenKind {
    /// What authenticator applications expect when a URI says nothing: SHA-1, six digits, 30 s.
    pub const DEFAULT: TokenKind = TokenKind::Totp {
        algorithm: OtpAlgorithm::Sha1,
        digits: 6,
        period_s: 30,
    };

    /// Whether its secret lies in a device, which can be handed on, instead of on paper, in a head, or nowhere.
    pub fn is_device(&self) -> bool {
        match self {
            TokenKind::Totp { .. } | TokenKind::Hotp { .. } | TokenKind::Yubikey { .. } => true,
            TokenKind::Recovery { .. }
            | TokenKind::Static
            | TokenKind::Temporary { .. }
            | TokenKind::Sent { .. }
            | TokenKind::Registration => false,
        }
    }

    /// Which kind of codes these are.
    pub fn code_kind(&self) -> CodeKind {
        match self {
            TokenKind::Totp { .. } => CodeKind::Totp,
            TokenKind::Hotp { .. } => CodeKind::Hotp,
            TokenKind::Yubikey { .. } => CodeKind::Yubikey,
            TokenKind::Recovery { .. } => CodeKind::Recovery,
            TokenKind::Static => CodeKind::Static,
            TokenKind::Temporary { .. } => CodeKind::Temporary,
            TokenKind::Sent { channel } => channel.code_kind(),
            TokenKind::Registration => CodeKind::Registration,
        }
    }

    /// How its codes travel, if they are sent.
    pub fn channel(&self) -> Option<Channel> {
        match self {
            TokenKind::Sent { channel } => Some(*channel),
            TokenKind::Totp { .. }
            | TokenKind::Hotp { .. }
            | TokenKind::Yubikey { .. }
            | TokenKind::Recovery { .. }
            | TokenKind::Static
            | TokenKind::Temporary { .. }
            | TokenKind::Registration => None,
        }
    }
}

/// Whether a token is good for anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Standing {
    /// Made, and nobody has shown a code of it yet.
    #[n(0)]
    Unverified,
    /// In use.
    #[n(1)]
    Enabled,
    /// Switched off by an administrator.
    #[n(2)]
    Disabled,
    /// Reported lost.
    #[n(3)]
    Lost,
}

impl Standing {
    /// A stable word for the API and the command line.
    pub fn label(self) -> &'static str {
        match self {
            Standing::Unverified => "unverified",
            Standing::Enabled => "enabled",
            Standing::Disabled => "disabled",
            Standing::Lost => "lost",
        }
    }
}

/// What a token's codes have come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Used {
    /// Up to this timestep, that one included; and how far the token's clock is off.
    #[n(0)]
    Time {
        /// The last timestep that was accepted.
        #[n(0)]
        last: Option<u64>,
        /// Timesteps that the token is ahead.
        #[n(1)]
        drift: i8,
        /// Which way the last accept lay of the middle of the window: two in a row move it.
        #[n(2)]
        lean: i8,
    },
    /// Up to this counter, that one included.
    #[n(1)]
    Counter {
        /// The last counter that was accepted.
        #[n(0)]
        last: Option<u64>,
    },
    /// These places of the sheet, one bit each.
    #[n(2)]
    Slots {
        /// The lowest bit is the first place.
        #[n(0)]
        spent: u32,
    },
    /// So often.
    #[n(3)]
    Times {
        /// How often a code was accepted.
        #[n(0)]
        uses: u32,
    },
}

impl Used {
    /// What a new token of this kind has used.
    pub fn nothing(kind: CodeKind) -> Used {
        match kind {
            CodeKind::Totp => Used::Time {
                last: None,
                drift: 0,
                lean: 0,
            },
            CodeKind::Hotp | CodeKind::Yubikey => Used::Counter { last: None },
            CodeKind::Recovery => Used::Slots { spent: 0 },
            CodeKind::Static
            | CodeKind::Temporary
            | CodeKind::Sms
            | CodeKind::Email
            | CodeKind::Voice
            | CodeKind::Registration => Used::Times { uses: 0 },
        }
    }

    /// The first timestep or counter that is not used up; 0 where nothing is.
    pub fn next(&self) -> u64 {
        self.last().map_or(0, |last| last.saturating_add(1))
    }

    /// The last timestep or counter; none where there is none.
    pub fn last(&self) -> Option<u64> {
        match self {
            Used::Time { last, .. } | Used::Counter { last } => *last,
            Used::Slots { .. } | Used::Times { .. } => None,
        }
    }
}

/// One source of codes of one user.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Token {
    /// Opaque and never used again.
    #[n(0)]
    pub id: TokenId,
    /// Whose it is; 0 while it is nobody's.
    #[n(1)]
    pub user: UserId,
    /// What the user calls it.
    #[n(2)]
    pub name: Box<str>,
    /// How it makes codes.
    #[n(3)]
    pub kind: TokenKind,
    /// The sealed seed, key, verifiers or address; what is in it is each method's own ([`crate::method`]).
    #[n(4)]
    pub secret: Sealed,
    /// Whether it is good for anything.
    #[n(5)]
    pub standing: Standing,
    /// What its codes have come to.
    #[n(6)]
    pub used: Used,
    /// Moves with every administrative change.
    #[n(7)]
    pub revision: Revision,
    /// From when on it matches nothing, in ms since 1970.
    #[n(8)]
    pub expires_ms: Option<u64>,
    /// The address with most of it left out, as its user is shown it; empty where codes are not sent.
    #[n(9)]
    pub hint: Box<str>,
    /// Whether the address is a directory's, and changes with it.
    #[n(10)]
    pub of_directory: bool,
}

impl Token {
    /// A token that a user comes to in a login, as authenticator applications take them when nothing is said.
    pub(crate) fn first(id: TokenId, user: UserId, secret: Sealed) -> Token {
        Token {
            id,
            user,
            name: "authenticator".into(),
            kind: TokenKind::DEFAULT,
            secret,
            standing: Standing::Enabled,
            used: Used::nothing(CodeKind::Totp),
            revision: Revision(0),
            expires_ms: None,
            hint: "".into(),
            of_directory: false,
        }
    }

    /// Whether its time has passed.
    pub fn expired_at(&self, now_ms: u64) -> bool {
        self.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms)
    }

    /// Whether it can match anything, seen for itself.
    pub fn active_at(&self, now_ms: u64) -> bool {
        self.standing == Standing::Enabled && !self.expired_at(now_ms)
    }
}
