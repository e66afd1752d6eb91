//! Bugs that are planted on purpose.
//!
//! A simulator that finds nothing proves little until it is known what it would find. Each of these is a mistake that somebody could make,
//! in the place where it would be made; crates hold them behind the feature `mutants`, which only the simulator turns on, and one is
//! planted per process. Without the feature nothing of this is compiled.
#![forbid(unsafe_code)]

use std::sync::OnceLock;

/// A bug that can be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    ReplyBeforeCommit,
    AcknowledgeBeforeFlush,
    VoteNotSynced,
    PurgeBeforeSnapshotIsSynced,
    SnapshotWithoutATable,
    HalfABatch,
    ApplyBeforeCommit,
    LeadAgainInTheOldTerm,
    ElectedWithAShorterLog,
    StaleLeaderServes,
    StampNotClamped,
    ForgetFingerprint,
    ForgetConversation,
    LockoutLocally,
    UsedCodesLocally,
    RememberAcceptsOfTheDisabled,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Mutant; 16] = [
        Mutant::ReplyBeforeCommit,
        Mutant::AcknowledgeBeforeFlush,
        Mutant::VoteNotSynced,
        Mutant::PurgeBeforeSnapshotIsSynced,
        Mutant::SnapshotWithoutATable,
        Mutant::HalfABatch,
        Mutant::ApplyBeforeCommit,
        Mutant::LeadAgainInTheOldTerm,
        Mutant::ElectedWithAShorterLog,
        Mutant::StaleLeaderServes,
        Mutant::StampNotClamped,
        Mutant::ForgetFingerprint,
        Mutant::ForgetConversation,
        Mutant::LockoutLocally,
        Mutant::UsedCodesLocally,
        Mutant::RememberAcceptsOfTheDisabled,
    ];

    /// Its name, as on the command line.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Mutant> {
        Self::ALL.into_iter().find(|mutant| mutant.name() == name)
    }

    /// What is wrong with it, for a report.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Mutant::ReplyBeforeCommit => "a login is answered by the node's own state, and committed afterwards",
            Mutant::AcknowledgeBeforeFlush => "entries are acknowledged before they are on disk",
            Mutant::VoteNotSynced => "a vote is given before it is on disk",
            Mutant::PurgeBeforeSnapshotIsSynced => "the log is purged while the snapshot's name is not yet on disk",
            Mutant::SnapshotWithoutATable => "snapshots lack the table of remembered verdicts",
            Mutant::HalfABatch => "the second half of a batch is answered and not applied",
            Mutant::ApplyBeforeCommit => "followers apply what they receive, committed or not",
            Mutant::LeadAgainInTheOldTerm => "a leader that restarts goes on in its old term",
            Mutant::ElectedWithAShorterLog => "a candidate claims a longer log than it has",
            Mutant::StaleLeaderServes => "a leader answers reads without asking its quorum",
            Mutant::StampNotClamped => "the leader's wall clock goes into the log, however wrong",
            Mutant::ForgetFingerprint => "a repeated packet is judged again",
            Mutant::ForgetConversation => "a challenge can be answered again and again",
            Mutant::LockoutLocally => "only the judging node looks whether a user is locked",
            Mutant::UsedCodesLocally => "only the judging node looks whether a code was used",
            Mutant::RememberAcceptsOfTheDisabled => {
                "a repeated packet is accepted as before, though the user was disabled"
            }
        }
    }
}

static PLANTED: OnceLock<Mutant> = OnceLock::new();

/// Plants one in this process, for good. Later ones are ignored.
pub fn plant(mutant: Mutant) {
    let _ = PLANTED.set(mutant);
}

/// Whether this one is planted.
#[must_use]
pub fn is_planted(mutant: Mutant) -> bool {
    PLANTED.get() == Some(&mutant)
}
