use minicbor::{Decode, Encode};

use crate::ids::{Revision, Sealed, TokenId, UserId};

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

/// How a token makes its codes.
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
}

impl TokenKind {
    /// What authenticator applications expect when a URI says nothing: SHA-1, six digits, 30 s.
    pub const DEFAULT: TokenKind = TokenKind::Totp {
        algorithm: OtpAlgorithm::Sha1,
        digits: 6,
        period_s: 30,
    };

    /// Digits of a code.
    pub fn digits(&self) -> u8 {
        match self {
            TokenKind::Totp { digits, .. } => *digits,
        }
    }
}

/// One source of one-time codes of one user.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Token {
    /// Opaque and never used again.
    #[n(0)]
    pub id: TokenId,
    /// Whose it is.
    #[n(1)]
    pub user: UserId,
    /// What the user calls it.
    #[n(2)]
    pub name: Box<str>,
    /// How it makes codes.
    #[n(3)]
    pub kind: TokenKind,
    /// The sealed seed.
    #[n(4)]
    pub seed: Sealed,
    /// A disabled token matches nothing.
    #[n(5)]
    pub enabled: bool,
    /// The last timestep that was accepted; it and all before are used.
    #[n(6)]
    pub last_timestep: Option<u64>,
    /// Moves with every administrative change.
    #[n(7)]
    pub revision: Revision,
    /// Counts disables: an accept remembered under a former epoch is void.
    #[n(8)]
    pub epoch: u32,
}
