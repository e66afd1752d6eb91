//! The two identifiers that everything durable is about, in Raft's own words.

use serde::{Deserialize, Serialize};

/// The position of an entry in the log, and the leadership it was written under.
///
/// Ordered by leader, which is `(term, node)`, and then by index: more than one leader per term is
/// normal here, so `term` alone does not order entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogId {
    /// Term of the leader that wrote the entry.
    pub term: u64,
    /// Node id of that leader.
    pub node: u64,
    /// Position in the log, from 0.
    pub index: u64,
}

/// What a node has promised: whom it votes for in which term, and whether a quorum did too.
///
/// Ordered by term, then node, then `committed`; a saved vote never goes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Vote {
    /// The term voted in.
    pub term: u64,
    /// The candidate voted for.
    pub node: u64,
    /// Whether a quorum granted this vote, which makes its candidate the leader.
    pub committed: bool,
}
