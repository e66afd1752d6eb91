//! Names of things that never change: identifiers, revisions, digests, time.
//!
//! Identifiers are random numbers chosen by the node that proposes a creation, because `decide` has no
//! randomness; a collision is refused there like any other taken name. They print as a letter and sixteen
//! hexadecimal digits (`u-00c0ffee00c0ffee`) so that a user cannot be mistaken for a token in a log line.

use std::{fmt, str::FromStr};

use minicbor::{Decode, Encode};

/// A text that is not an identifier of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} followed by sixteen hexadecimal digits")]
pub struct MalformedId {
    /// The prefix that was expected, such as `u-`.
    pub expected: &'static str,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{:016x}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                parse_hex(text, $prefix).map(Self).ok_or(MalformedId { expected: $prefix })
            }
        }
    };
}

identifier!(
    /// A user.
    UserId, "u-"
);
identifier!(
    /// A token: one source of one-time codes of one user.
    TokenId, "t-"
);
identifier!(
    /// A RADIUS client (a NAS, in the words of RFC 2865).
    ClientId, "c-"
);
identifier!(
    /// An application: the ordered factors that a client asks for.
    ApplicationId, "a-"
);
identifier!(
    /// A directory of users that others keep.
    DirectoryId, "d-"
);
identifier!(
    /// A bearer token of the HTTP API.
    ApiTokenId, "k-"
);
identifier!(
    /// A single-use permission for a node to join.
    JoinTokenId, "j-"
);

identifier!(
    /// A code that was sent.
    CodeId, "s-"
);
identifier!(
    /// A gateway that carries messages.
    GatewayId, "g-"
);
identifier!(
    /// A rule that chooses an application.
    RuleId, "r-"
);
identifier!(
    /// A change that waits for its confirmation.
    PendingId, "p-"
);

identifier!(
    /// A device that a user trusts: one browser.
    DeviceId, "b-"
);

fn parse_hex(text: &str, prefix: &str) -> Option<u64> {
    let digits = text.strip_prefix(prefix)?;
    let hexadecimal = digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    hexadecimal.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

/// A node of the cluster. Numbers count up from 1 and are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct NodeId(#[n(0)] pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The number of the administrative command that last changed an object; one count for the whole cluster.
///
/// Counters that logins move (wrong codes, the last timestep) do not change it: 300 guesses in parallel
/// would otherwise make each other stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct Revision(#[n(0)] pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The feature level committed at a log index. Any different result for an old input belongs to a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Level(#[n(0)] pub u16);

impl Level {
    /// The first released level.
    pub const FIRST: Level = Level(1);
    /// The highest level this build understands.
    pub const CURRENT: Level = Level::FIRST;
}

/// Replicated time: put in by the leader, clamped by [`crate::advance`] so that it never runs back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct Stamp {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[n(0)]
    pub ms: u64,
}

macro_rules! digest_16 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

        // As one number: tables of millions are searched by these, and comparing bytes is a call each time.
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

digest_16!(
    /// Digest of client id and datagram (up to its Length): the same packet at any node has the same one.
    /// Administrative commands carry a random one, so that a repeated proposal is recognised.
    Fingerprint
);
digest_16!(
    /// One login of several packets; derives from the fingerprint of its first.
    ConversationId
);
digest_16!(
    /// Keyed digest of what the user typed: tells the same answer from another without storing it.
    ProofDigest
);

/// A secret or verifier as it is sealed under the application key. Opaque here.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Sealed(#[cbor(n(0), with = "minicbor::bytes")] pub Box<[u8]>);

impl Sealed {
    /// The sealed bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Sealed {
    fn from(bytes: Vec<u8>) -> Self {
        Sealed(bytes.into_boxed_slice())
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
