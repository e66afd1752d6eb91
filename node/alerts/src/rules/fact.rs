//! What the rules are shown.

/// Something that was noticed. States (a gateway is up, a quorum is held) may be shown again and again; only changes matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A login was judged.
    Login {
        /// Whether it was accepted.
        accepted: bool,
    },
    /// A user's codes were locked.
    Locked {
        /// Whose.
        user: String,
    },
    /// A gateway (SMS, voice, push, mail) answers, or does not.
    Gateway {
        /// Which.
        name: String,
        /// Why it does not; none while it does.
        down: Option<String>,
    },
    /// A directory answers, or does not.
    Directory {
        /// Which.
        name: String,
        /// Why it does not; none while it does.
        down: Option<String>,
    },
    /// A certificate is in use.
    Certificate {
        /// What it is for.
        name: String,
        /// Until when, in ms since 1970.
        expires_ms: u64,
    },
    /// The node reaches a quorum, or does not.
    Quorum {
        /// Whether it does.
        held: bool,
    },
    /// A backup came to its end.
    Backup {
        /// Why there is none; none if there is.
        failed: Option<String>,
    },
    /// The node's clock agrees with the cluster's, or the node stands aside because it does not.
    Clock {
        /// How far it is ahead, in ms; none while it agrees.
        fenced_ahead_ms: Option<i64>,
    },
    /// The audit was looked at.
    Audit {
        /// What is wrong with it; none if nothing is.
        damaged: Option<String>,
    },
}
