//! Commands: what may be written to the log, one variant and one file each.
//!
//! ┌──────────────────────────────────────────────────────────────────────────────────────────────────┐
//! │ To add a command                                                                                 │
//! │  1. a variant of [`Command`] below with the next free number; a number is never used again       │
//! │  2. its file here: the struct with numbered fields, who may issue it, its `decide`               │
//! │  3. what it does to the state: events in `event.rs`, and their arms in `evolve`                  │
//! │  4. its arm in [`crate::decide`]; the compiler names the other matches that miss it              │
//! │  5. `cargo test -p quorate-core` now fails until `tests/frozen/commands.txt` has its bytes and   │
//! │     `tests/golden/` a script that uses it: QUORATE_GOLDEN=write writes both; read what it wrote  │
//! │  6. released already? Then the variant belongs to a new `Level`, and `decide` refuses it below   │
//! │ A change to an object of the administrator's is a variant of `change::Change` instead: same box. │
//! └──────────────────────────────────────────────────────────────────────────────────────────────────┘

mod accept_single_factor;
mod administer;
mod admit_successor;
mod authority;
mod change_own_password;
mod complete_replacement;
mod confirm_change;
mod consume_code;
mod enrol_token;
mod genesis;
mod issue_join_token;
mod judged;
mod prune_audit;
mod queue_code;
mod record_failure;
mod rehash_password;
mod remember_password;
mod remove_node;
mod renew_password;
mod report_message;
mod sign_head;
mod spend_join_token;
mod summarize_rejects;
mod take_back;
mod trust_device;
mod try_change;
mod verdict;

use minicbor::{Decode, Encode};

pub use self::{
    accept_single_factor::AcceptSingleFactor,
    administer::{Actor, Administer},
    admit_successor::AdmitSuccessor,
    change_own_password::ChangeOwnPassword,
    complete_replacement::CompleteReplacement,
    confirm_change::ConfirmChange,
    consume_code::{CodeProof, ConsumeCode},
    enrol_token::EnrolToken,
    genesis::Genesis,
    issue_join_token::IssueJoinToken,
    judged::{Judged, LoginFacts, Method},
    prune_audit::PruneAudit,
    queue_code::{Asker, QueueCode},
    record_failure::{Failure, RecordFailure},
    rehash_password::RehashPassword,
    remember_password::RememberPassword,
    remove_node::RemoveNode,
    renew_password::{RenewPassword, Renewed},
    report_message::ReportMessage,
    sign_head::SignHead,
    spend_join_token::SpendJoinToken,
    summarize_rejects::SummarizeRejects,
    take_back::{TakeBack, TakeBackOverdue},
    trust_device::TrustDevice,
    try_change::TryChange,
};
use crate::codec::{self, Undecodable};

/// Everything that can be written to the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Command {
    /// Founds the cluster.
    #[n(0)]
    Genesis(#[n(0)] Genesis),
    /// Accepts a login with a one-time code, and uses the code up.
    #[n(1)]
    ConsumeCode(#[n(0)] ConsumeCode),
    /// Accepts a login whose application asks for no code.
    #[n(2)]
    AcceptSingleFactor(#[n(0)] AcceptSingleFactor),
    /// Rejects a login, and counts what is to be counted.
    #[n(3)]
    RecordFailure(#[n(0)] RecordFailure),
    /// Puts rejects beyond the budget into the audit, many in one record.
    #[n(4)]
    SummarizeRejects(#[n(0)] SummarizeRejects),
    /// Changes objects: all of the changes, or none.
    #[n(5)]
    Administer(#[n(0)] Administer),
    /// Permits a node to join.
    #[n(6)]
    IssueJoinToken(#[n(0)] IssueJoinToken),
    /// Admits a node, once per token.
    #[n(7)]
    SpendJoinToken(#[n(0)] SpendJoinToken),
    /// Fences a node off for ever.
    #[n(8)]
    RemoveNode(#[n(0)] RemoveNode),
    /// Says that a node stands by a head of the audit.
    #[n(9)]
    SignHead(#[n(0)] SignHead),
    /// Gives up the oldest records of the audit.
    #[n(10)]
    PruneAudit(#[n(0)] PruneAudit),
    /// Gives a damaged node a new number.
    #[n(11)]
    AdmitSuccessor(#[n(0)] AdmitSuccessor),
    /// Fences off a damaged node whose place has been taken.
    #[n(12)]
    CompleteReplacement(#[n(0)] CompleteReplacement),
    /// Makes a code the one right code of a token, to be sent.
    #[n(13)]
    QueueCode(#[n(0)] QueueCode),
    /// Says what came of a message.
    #[n(14)]
    ReportMessage(#[n(0)] ReportMessage),
    /// Changes a password that is due, in a login that has proven it.
    #[n(15)]
    RenewPassword(#[n(0)] RenewPassword),
    /// Changes a user's own password, or counts that the former one was wrong.
    #[n(16)]
    ChangeOwnPassword(#[n(0)] ChangeOwnPassword),
    /// Accepts a login in which a user came to a first token.
    #[n(17)]
    EnrolToken(#[n(0)] EnrolToken),
    /// Makes a change that is taken back by itself unless it is confirmed in time.
    #[n(19)]
    TryChange(#[n(0)] TryChange),
    /// Keeps a change that waits.
    #[n(20)]
    ConfirmChange(#[n(0)] ConfirmChange),
    /// Takes a change back that waits.
    #[n(21)]
    TakeBack(#[n(0)] TakeBack),
    /// Takes a change back that nobody has confirmed in time.
    #[n(22)]
    TakeBackOverdue(#[n(0)] TakeBackOverdue),
    /// Remembers a password that a directory said was right.
    #[n(18)]
    RememberPassword(#[n(0)] RememberPassword),
    /// Has a browser remembered as a device of whom it has let in.
    #[n(23)]
    TrustDevice(#[n(0)] TrustDevice),
    /// Has a password that was hashed elsewhere checked by a verifier of our own from now on.
    #[n(24)]
    RehashPassword(#[n(0)] RehashPassword),
}

impl Command {
    /// Its bytes, as they lie in the log.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::to_bytes(self)
    }

    /// The command in these bytes. An error stops the node: it means a newer writer or damage.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Undecodable> {
        codec::from_bytes(bytes)
    }
}
