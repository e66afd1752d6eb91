//! Gives a damaged node a new number. Issued by the leader, to which the damaged node has proven who it is, and which
//! has seen that a quorum of the others is well.

use minicbor::{Decode, Encode};

use crate::{
    decide::Decided,
    event::Event,
    ids::NodeId,
    limits,
    outcome::{Outcome, Refusal},
    records::{Cluster, Node, Replacement},
    state::State,
};

/// The holder of this key takes the place of the damaged node, once it has caught up. The same key asking again gets the
/// same number. One node at a time, and one an hour: whatever damages them one after the other, an operator has to see it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AdmitSuccessor {
    /// The node whose log or state is damaged.
    #[n(0)]
    pub damaged: NodeId,
    /// The leader.
    #[n(1)]
    pub by: NodeId,
    /// SHA-256 of the successor's public key.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub key_digest: [u8; 32],
}

impl AdmitSuccessor {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        let cluster = state.cluster().ok_or(Refusal::NotFounded)?;
        let damaged = state.node(self.damaged).ok_or(Refusal::NotFound)?;
        if let Some(last) = &cluster.replacement {
            let same = last.damaged == self.damaged;
            let its_key = state.node(last.successor).map(|node| node.key_digest);
            if same && its_key == Some(self.key_digest) {
                return Ok(Decided {
                    outcome: Outcome::Node(last.successor),
                    events: Vec::new(),
                });
            }
            let pending = !last.completed && state.node(last.damaged).is_some();
            let recent = now_ms < last.admitted_ms.saturating_add(limits::REPLACEMENT_INTERVAL_MS);
            if recent || (pending && !same) {
                return Err(Refusal::NotYet);
            }
        }
        if state.nodes().count() >= limits::HAND_MADE {
            return Err(Refusal::LimitReached);
        }
        let id = cluster.next_node_id;
        let node = Node {
            id,
            admitted_ms: now_ms,
            key_digest: self.key_digest,
            ..(**damaged).clone()
        };
        let cluster = Cluster {
            next_node_id: NodeId(id.0.checked_add(1).ok_or(Refusal::LimitReached)?),
            replacement: Some(Replacement {
                damaged: self.damaged,
                successor: id,
                admitted_ms: now_ms,
                completed: false,
            }),
            ..(**cluster).clone()
        };
        let admitted = Event::SuccessorAdmitted {
            node,
            cluster,
            damaged: self.damaged,
            by: self.by,
        };
        Ok(Decided {
            outcome: Outcome::Node(id),
            events: vec![admitted],
        })
    }
}
