//! Gives up the oldest segments of the audit. Issued by the leader when the retention rule has it; the rule is checked here, so
//! that no node can shorten the audit by more, and every node cuts at the same record.

use minicbor::{Decode, Encode};

use crate::{audit::Checkpoint, decide::Decided, event::Event, ids::NodeId, outcome::Refusal, state::State};

/// Everything before a segment goes. Proposing it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PruneAudit {
    /// The node that noticed that it is time.
    #[n(0)]
    pub node: NodeId,
    /// The first segment to keep.
    #[n(1)]
    pub first_segment: u64,
}

impl PruneAudit {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        let audit = state.audit();
        if self.first_segment <= audit.checkpoint().segment {
            return Ok(Decided::done(state.revision(), Vec::new()));
        }
        if self.first_segment > audit.kept_by(state.retention(), now_ms) {
            return Err(Refusal::NotAllowed);
        }
        let head = audit.base(self.first_segment).ok_or(Refusal::NotFound)?;
        let pruned = Event::AuditPruned {
            node: self.node,
            checkpoint: Checkpoint {
                segment: self.first_segment,
                head,
            },
        };
        Ok(Decided::done(state.revision(), vec![pruned]))
    }
}
