//! Rejects beyond the budget of a client and source, many in one audit record. Issued by the node that rejected
//! them, once per interval: a flood cannot fill the log.

use std::net::IpAddr;

use minicbor::{Decode, Encode};

use crate::{
    audit::RejectsEntry,
    decide::Decided,
    event::Event,
    ids::{ClientId, Fingerprint, NodeId},
    limits,
    outcome::Refusal,
    state::State,
};

/// How many logins were rejected locally.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SummarizeRejects {
    /// Random: the same summary proposed again counts once.
    #[n(0)]
    pub request: Fingerprint,
    /// The node that rejected them.
    #[n(1)]
    pub node: NodeId,
    /// The client whose budget was used up.
    #[n(2)]
    pub client: ClientId,
    /// The source whose budget was used up.
    #[n(3)]
    pub source: IpAddr,
    /// The first of them, in ms since 1970, by the clock of the node.
    #[n(4)]
    pub from_ms: u64,
    /// The last of them.
    #[n(5)]
    pub to_ms: u64,
    /// How many there were.
    #[n(6)]
    pub rejects: u64,
}

impl SummarizeRejects {
    pub(crate) fn decide(&self, state: &State) -> Result<Decided, Refusal> {
        if let Some(revision) = state.memory().answers.find(&self.request) {
            return Ok(Decided::done(*revision, Vec::new()));
        }
        // Half of the table stays free for administrators: a flood of rejects must not keep them from disabling somebody.
        if state.memory().answers.len() >= limits::ANSWERS / 2 {
            return Err(Refusal::LimitReached);
        }
        let revision = state.revision();
        let entry = RejectsEntry {
            node: self.node,
            client: self.client,
            source: self.source,
            from_ms: self.from_ms,
            to_ms: self.to_ms,
            rejects: self.rejects,
        };
        let answered = Event::RequestAnswered {
            request: self.request,
            revision,
        };
        Ok(Decided::done(revision, vec![Event::RejectsSummarized(entry), answered]))
    }
}
