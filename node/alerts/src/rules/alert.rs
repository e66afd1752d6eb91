//! What somebody is told.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::RuleKind;

/// One message about one rule and subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// The same however often it is delivered, and another for each message.
    pub id: AlertId,
    /// The node that speaks.
    pub node: String,
    /// Which rule.
    pub rule: RuleKind,
    /// Whom or what it is about: a gateway, a certificate. Empty where the rule knows only one thing.
    pub subject: String,
    /// Whether it begins, goes on or is over.
    pub phase: Phase,
    /// How soon somebody should look.
    pub urgency: Urgency,
    /// How often it happened since the last message: those that were held down, too.
    pub count: u64,
    /// When it began, in ms since 1970.
    pub since_ms: u64,
    /// When this was said, in ms since 1970.
    pub at_ms: u64,
    /// A sentence for people.
    pub text: String,
}

/// Tells a repeated delivery from another alert: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct AlertId(String);

impl AlertId {
    /// Derived from what makes the message the only one of its kind; so nothing random is needed.
    pub(super) fn of(node: &str, place: usize, subject: &str, phase: Phase, since_ms: u64, at_ms: u64) -> Self {
        let mut hash = Sha256::new();
        for part in [node.as_bytes(), subject.as_bytes(), phase.label().as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        for number in [place as u64, since_ms, at_ms] {
            hash.update(number.to_be_bytes());
        }
        AlertId(data_encoding::HEXLOWER.encode(&hash.finalize()[..16]))
    }

    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where in its course something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It began.
    Begun,
    /// It happened again, or still is.
    Continues,
    /// It is over. If nobody was told that it began, it was over before that was due.
    Over,
}

impl Phase {
    /// Its word in JSON.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Phase::Begun => "begun",
            Phase::Continues => "continues",
            Phase::Over => "over",
        }
    }
}

/// How soon somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Now: logins fail, or evidence is at stake.
    Critical,
    /// Today.
    Warning,
}

impl Urgency {
    /// Its word in JSON.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Urgency::Critical => "critical",
            Urgency::Warning => "warning",
        }
    }
}
