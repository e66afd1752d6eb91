//! The audit chain: every judged login and every administrative change, in the same log entry as its decision.
//!
//! A record's bytes are hashed into the chain as they are written: `head' = SHA-256(head ‖ record)`. After a fixed
//! number of records a segment closes, at the same record on every node, and leaves memory; what stays in the state are the
//! records since then, and of each closed segment its [`Seal`]: so a node knows which file is genuine without asking
//! anybody. A retention rule cuts the oldest segments off at a [`Checkpoint`].
//!
//! Nodes sign the heads at which segments end, with the keys of their certificates ([`HeadSignature`]). [`Verifier`] needs no
//! state: the checkpoint, the segments, the open records, and a head from somewhere the attacker could not write.
//!
//! Caveat: a chain proves that nothing was deleted, edited or moved *before* a head that is known from elsewhere.
//! Whoever can rewrite every copy and every exported head can rewrite history.

mod chain;
mod record;
mod segment;
mod verify;

pub use self::{
    chain::{Chain, Checkpoint, Head, HeadSignature, Seal, head_statement},
    record::{AuditRecord, ChangeEntry, ChangeKind, Entry, LoginEntry, Object, RejectsEntry, ReportEntry, SendEntry},
    segment::{Located, Segment, slots},
    verify::{ChainFault, Verified, Verifier, verify},
};
