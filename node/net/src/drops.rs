//! Datagrams that are not answered: counted each, logged now and then.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::limits::DROP_LOG_INTERVAL;

/// Why a datagram was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// No RADIUS packet: its lengths do not add up.
    Malformed,
    /// A RADIUS packet of a kind that is not served here, such as accounting.
    UnsupportedCode,
    /// No client is configured for the source address and NAS-Identifier.
    UnknownClient,
    /// Signed with another secret than ours.
    WrongMessageAuthenticator,
    /// Not signed, though the client must, or a Status-Server.
    MissingMessageAuthenticator,
    /// A copy of a request that is being judged.
    Duplicate,
    /// An Access-Request against the protocol.
    InvalidRequest,
    /// As many logins are being judged as may be.
    QueueFull,
    /// Logins wait for each other; one more would only make all of them late.
    Crowded,
    /// A Status-Server while this node cannot judge logins.
    NotServing,
    /// The house had no verdict: no quorum, sealed, or overload.
    NoVerdict,
    /// Ten seconds had passed.
    Late,
    /// The reply did not fit into a packet.
    ReplyTooLong,
    /// The kernel did not take the reply.
    SendFailed,
}

impl DropReason {
    /// Every reason, in the order of the counters.
    pub const ALL: [Self; 14] = [
        Self::Malformed,
        Self::UnsupportedCode,
        Self::UnknownClient,
        Self::WrongMessageAuthenticator,
        Self::MissingMessageAuthenticator,
        Self::Duplicate,
        Self::InvalidRequest,
        Self::QueueFull,
        Self::Crowded,
        Self::NotServing,
        Self::NoVerdict,
        Self::Late,
        Self::ReplyTooLong,
        Self::SendFailed,
    ];

    /// The word in `quorate_radius_drops_total{reason}`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnsupportedCode => "unsupported_code",
            Self::UnknownClient => "unknown_client",
            Self::WrongMessageAuthenticator => "wrong_message_authenticator",
            Self::MissingMessageAuthenticator => "missing_message_authenticator",
            Self::Duplicate => "duplicate",
            Self::InvalidRequest => "invalid_request",
            Self::QueueFull => "queue_full",
            Self::Crowded => "crowded",
            Self::NotServing => "not_serving",
            Self::NoVerdict => "no_verdict",
            Self::Late => "late",
            Self::ReplyTooLong => "reply_too_long",
            Self::SendFailed => "send_failed",
        }
    }

    /// What an operator should think of first.
    fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "not a RADIUS packet",
            Self::UnsupportedCode => "a kind of packet that is not served on this port",
            Self::UnknownClient => "no client is configured for this address and NAS-Identifier",
            Self::WrongMessageAuthenticator => {
                "Message-Authenticator does not match: the shared secrets differ, or somebody forges"
            }
            Self::MissingMessageAuthenticator => {
                "no Message-Authenticator: update the device, or allow it for this client"
            }
            Self::Duplicate => "a copy of a request that is being judged",
            Self::InvalidRequest => "an Access-Request against the protocol",
            Self::QueueFull => "too many logins at once",
            Self::Crowded => "more logins than can be judged: those in hand wait for each other already",
            Self::NotServing => "a Status-Server while this node reaches no quorum",
            Self::NoVerdict => "no verdict: no quorum, sealed, or overloaded",
            Self::Late => "no verdict within ten seconds",
            Self::ReplyTooLong => "the reply does not fit into a packet",
            Self::SendFailed => "the kernel did not take the reply",
        }
    }
}

/// At most one line per reason and [`DROP_LOG_INTERVAL`], with the number that went unsaid.
pub(crate) struct DropLog {
    started: Instant,
    lines: [Line; DropReason::ALL.len()],
}

#[derive(Default)]
struct Line {
    /// Milliseconds after `started` from when on the next line may be written.
    next_ms: AtomicU64,
    unsaid: AtomicU64,
}

impl DropLog {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            lines: Default::default(),
        }
    }

    /// Says that a datagram was dropped, or keeps it for the next line.
    pub(crate) fn note(&self, reason: DropReason, source: &dyn fmt::Display, detail: Option<&dyn fmt::Display>) {
        if let Some(unsaid) = self.turn(reason, self.started.elapsed().as_millis()) {
            let (what, label) = (reason.sentence(), reason.label());
            match detail {
                Some(detail) => {
                    tracing::warn!(%source, reason = label, unsaid, "RADIUS packet dropped: {what}: {detail}");
                }
                None => {
                    tracing::warn!(%source, reason = label, unsaid, "RADIUS packet dropped: {what}")
                }
            }
        }
    }

    /// Whether a line is due, and how many it stands for beside its own.
    fn turn(&self, reason: DropReason, now_ms: u128) -> Option<u64> {
        let line = &self.lines[reason as usize];
        let now_ms = u64::try_from(now_ms).unwrap_or(u64::MAX);
        let interval_ms = u64::try_from(DROP_LOG_INTERVAL.as_millis()).unwrap_or(u64::MAX);
        let next_ms = line.next_ms.load(Ordering::Relaxed);
        let due = now_ms >= next_ms;
        // Of several threads at the same moment one writes; the others count.
        let mine = due
            && line
                .next_ms
                .compare_exchange(next_ms, now_ms + interval_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            return Some(line.unsaid.swap(0, Ordering::Relaxed));
        }
        line.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_and_the_reasons_are_in_the_same_order() {
        for (place, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place, "{reason:?}");
        }
    }

    #[test]
    fn a_flood_is_one_line_per_interval_that_says_how_many_it_stands_for() {
        let log = DropLog::new();
        let interval_ms = DROP_LOG_INTERVAL.as_millis();
        assert_eq!(log.turn(DropReason::Malformed, 0), Some(0));
        for _ in 0..1_000 {
            assert_eq!(log.turn(DropReason::Malformed, interval_ms - 1), None);
        }
        assert_eq!(
            log.turn(DropReason::UnknownClient, interval_ms - 1),
            Some(0),
            "reasons apart"
        );
        assert_eq!(log.turn(DropReason::Malformed, interval_ms), Some(1_000));
        assert_eq!(log.turn(DropReason::Malformed, interval_ms + 1), None);
    }
}
