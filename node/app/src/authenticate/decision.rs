//! What a login comes to, for the listener that answers it.

use std::borrow::Cow;

use quorate_core::{Method, Reason};

/// The answer to one Access-Request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub decision: Decision,
    /// How the factors were handed over, as far as it came to that.
    pub method: Option<Method>,
    /// The packet, or this answer to its challenge, was judged before: the same verdict again, nothing consumed.
    pub replayed: bool,
}

impl Answer {
    pub(super) const fn silent(cause: Silence) -> Self {
        Self {
            decision: Decision::Silent(cause),
            method: None,
            replayed: false,
        }
    }
}

/// What to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Access-Accept.
    Accept,
    /// Access-Reject with [`Reason::reply_text`]. The reason itself is for the metrics, never for the wire.
    Reject(Reason),
    /// Access-Challenge.
    Challenge {
        /// The value of the State attribute.
        state: Vec<u8>,
        /// The text of the Reply-Message.
        prompt: Cow<'static, str>,
    },
    /// Nothing: the NAS asks another node.
    Silent(Silence),
}

/// Why a login gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// No leader was reached.
    NoQuorum,
    /// The cluster did not say in time what became of the verdict.
    Unknown,
    /// Too much waits: the hash queue or the log.
    Overloaded,
    /// The ten seconds were over.
    Late,
    /// This node's clock is too far from the cluster's.
    Clock,
    /// The objects it is judged by changed faster than it could be judged.
    Restless,
    /// A secret does not open: this node has another application key.
    Sealed,
    /// The user's directory cannot be asked.
    Directory,
    /// The cluster refused for another reason; the log says which.
    Refused,
}

impl Silence {
    /// Every cause, for metrics that want their labels from the start.
    pub const ALL: [Silence; 9] = [
        Silence::NoQuorum,
        Silence::Unknown,
        Silence::Overloaded,
        Silence::Late,
        Silence::Clock,
        Silence::Restless,
        Silence::Sealed,
        Silence::Directory,
        Silence::Refused,
    ];

    /// A stable word for metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Silence::NoQuorum => "no_quorum",
            Silence::Unknown => "unknown",
            Silence::Overloaded => "overloaded",
            Silence::Late => "late",
            Silence::Clock => "clock",
            Silence::Restless => "restless",
            Silence::Sealed => "sealed",
            Silence::Directory => "directory",
            Silence::Refused => "refused",
        }
    }
}
