//! The replicated state machine: binds core's state to consensus and to this node's disk.
//!
//! ```text
//!   app::Replica ◄── ClusterReplica ──► raft ──► StateMachine ──► Published ──► readers (logins, pages)
//!                        (port)       (bytes)      (core)     └──► Archive ──► closed audit segments
//! ```
//!
//! [`StateMachine`] is driven by one thread: it decodes, lets core decide and evolve, and publishes one immutable [`View`] per
//! run of entries. Everything else here reads views: [`ArchiveCare`] keeps the segments whole and findable,
//! [`PeerAnswers`] sends them to peers, and judges logins for those whose clock is wrong.
//!
//! Caveat: an entry that does not decode, or a state that does not restore, ends the process. A replica that skips an entry is no replica.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may stop at the first surprise"))]

mod answers;
mod archive;
mod care;
pub mod limits;
mod machine;
mod peer;
mod port;
mod published;
mod rows;

pub use answers::PeerAnswers;
pub use archive::Archive;
pub use care::{ArchiveCare, SegmentPeers};
pub use machine::{Halt, StateMachine};
pub use port::{ClusterReplica, CommitObserver};
pub use published::{Published, View};
