//! What becomes of a message at a gateway, and what must be known to decide whether another one may have it.
//!
//! There are three ends. *Accepted*: the gateway said so. *Certainly not*: it refused, or nothing of the message left us. *Unknown*:
//! the message, or enough of it, was written, and no answer came that says anything. The line between the last two is drawn by
//! [`Trace::commit`]: whoever writes calls it at the moment after which the other side may act.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

use crate::mask::Mask;

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// A gateway has taken it.
    Delivered {
        /// Which.
        gateway: String,
        /// What the gateway calls it.
        reference: Option<String>,
        /// What happened before, and the acceptance.
        attempts: Vec<Attempt>,
    },
    /// None has said that it took it. See [`may_have_arrived`](Sent::may_have_arrived).
    Failed {
        /// What happened; empty if no gateway serves the recipient.
        attempts: Vec<Attempt>,
    },
}

impl Sent {
    /// What happened at each gateway, in order.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        match self {
            Self::Delivered { attempts, .. } | Self::Failed { attempts } => attempts,
        }
    }

    /// Whether the person may get it all the same: it was delivered, or an attempt ended unknown. A message of which this is false can be
    /// handed over again without arriving twice.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        let unknown = |attempt: &Attempt| matches!(attempt.outcome, Outcome::Unknown { .. });
        matches!(self, Self::Delivered { .. }) || self.attempts().iter().any(unknown)
    }
}

/// One attempt at one server of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// The gateway's name.
    pub gateway: String,
    /// `host:port`.
    pub server: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    #[serde(skip)]
    pub took: Duration,
}

/// How an attempt ended. Texts are one line, bounded, and without code, number and secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The gateway has taken the message.
    Accepted {
        /// Its words.
        answer: String,
        /// What it calls the message.
        reference: Option<String>,
    },
    /// It said that it has not.
    Refused {
        /// Its words.
        answer: String,
    },
    /// It could not be reached, and nothing of the message was sent.
    Unreachable {
        /// Why.
        reason: String,
    },
    /// The message may have been sent.
    Unknown {
        /// What happened instead of an answer.
        reason: String,
    },
    /// Not tried: the gateway has been sent as much as it may be.
    RateLimited {
        /// When there is room again.
        #[serde(skip)]
        retry_after: Duration,
    },
    /// Not tried: the deadline had passed.
    TooLate,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted { answer, .. } => write!(f, "accepted: {answer}"),
            Self::Refused { answer } => write!(f, "refused: {answer}"),
            Self::Unreachable { reason } => write!(f, "unreachable: {reason}"),
            Self::Unknown { reason } => write!(f, "unknown: {reason}"),
            Self::RateLimited { retry_after } => write!(f, "rate limited, free in {} ms", retry_after.as_millis()),
            Self::TooLate => f.write_str("not tried: the deadline had passed"),
        }
    }
}

/// A step of an attempt, as a test of a gateway shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which.
    pub name: StepName,
    /// With what: an address, a version of TLS, the words of the server.
    pub detail: String,
    /// Whether it succeeded.
    pub ok: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// The steps there are; none has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// Name and connection.
    Connect,
    /// The tunnel through a proxy.
    Proxy,
    /// The handshake of TLS, STARTTLS included.
    Tls,
    /// Greeting and EHLO of a mail server.
    Greeting,
    /// Fetching an access token.
    Token,
    /// Logging in.
    Authenticate,
    /// Handing the message over and hearing the answer.
    Send,
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Greeting => "greeting",
            Self::Token => "token",
            Self::Authenticate => "authenticate",
            Self::Send => "send",
        })
    }
}

/// The gateway has taken the message.
pub(crate) struct Accepted {
    pub(crate) answer: String,
    pub(crate) reference: Option<String>,
}

/// Why an attempt came to its end without the message being taken.
pub(crate) enum Halt {
    /// The other side said no.
    Refused { answer: String, blame: Blame },
    /// Something broke. Whether the message may have been sent tells [`Trace::is_committed`].
    Broken(String),
    /// The other side answered in a way that tells nothing.
    Uncertain(String),
}

/// Who is to blame for a refusal. Numbers that do not exist must not put a gateway at the end of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    Gateway,
    /// The gateway, which says that it has too much to do: it is spared at once.
    Busy,
    Message,
    /// The number, which the network knows not to be one: nobody else could reach it either.
    Recipient,
}

/// What happens in an attempt, step by step, masked on the way in.
pub(crate) struct Trace {
    mask: Mask,
    steps: Vec<Step>,
    /// Which step goes on, with what, since when.
    current: Option<(StepName, String, Instant)>,
    committed: Arc<AtomicBool>,
}

impl Trace {
    pub(crate) fn new(mask: Mask) -> Self {
        Self {
            mask,
            steps: Vec::new(),
            current: None,
            committed: Arc::default(),
        }
    }

    pub(crate) fn begin(&mut self, name: StepName, with: &str) {
        self.current = Some((name, with.to_owned(), Instant::now()));
    }

    pub(crate) fn done(&mut self, detail: &str) {
        self.end(detail, true);
    }

    pub(crate) fn failed(&mut self, detail: &str) {
        self.end(detail, false);
    }

    fn end(&mut self, detail: &str, ok: bool) {
        if let Some((name, _, begun)) = self.current.take() {
            let detail = self.mask.apply(detail);
            let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.steps.push(Step {
                name,
                detail,
                ok,
                took_ms,
            });
        }
    }

    /// What goes on, for an attempt that ran out of time.
    pub(crate) fn doing(&self) -> String {
        match &self.current {
            None => "before anything happened".to_owned(),
            Some((StepName::Connect, with, _)) => format!("while connecting to {with}"),
            Some((StepName::Proxy, with, _)) => format!("while the proxy was asked for {with}"),
            Some((StepName::Tls, with, _)) => format!("in the TLS handshake with {with}"),
            Some((StepName::Greeting, with, _)) => format!("while waiting for {with}"),
            Some((StepName::Token, with, _)) => format!("while fetching a token from {with}"),
            Some((StepName::Authenticate, with, _)) => format!("while logging in with {with}"),
            Some((StepName::Send, with, _)) => format!("while waiting for the answer to {with}"),
        }
    }

    /// From now on the other side may act on the message.
    pub(crate) fn commit(&self) {
        self.committed.store(true, Ordering::Release);
    }

    /// The other side has said that it did not act on it.
    pub(crate) fn retract(&self) {
        self.committed.store(false, Ordering::Release);
    }

    pub(crate) fn is_committed(&self) -> bool {
        self.committed.load(Ordering::Acquire)
    }

    /// For a stream that commits with the first byte it carries.
    pub(crate) fn commitment(&self) -> Arc<AtomicBool> {
        self.committed.clone()
    }

    pub(crate) fn mask(&self) -> &Mask {
        &self.mask
    }

    /// One more secret that answers may quote.
    pub(crate) fn hide(&mut self, secret: &str) {
        self.mask.hide(secret);
    }

    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}
