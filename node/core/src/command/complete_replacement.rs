//! Fences off a damaged node whose place has been taken. Issued by the leader, once the successor votes and the damaged
//! node does not any more.

use minicbor::{Decode, Encode};

use crate::{
    decide::Decided,
    event::Event,
    ids::NodeId,
    limits,
    outcome::{Outcome, Refusal},
    records::{Cluster, Replacement},
    state::State,
};

/// The damaged node's number is never used again, and its certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CompleteReplacement {
    /// Who has taken its place.
    #[n(0)]
    pub successor: NodeId,
    /// The leader.
    #[n(1)]
    pub by: NodeId,
}

impl CompleteReplacement {
    pub(crate) fn decide(&self, state: &State) -> Result<Decided, Refusal> {
        let cluster = state.cluster().ok_or(Refusal::NotFounded)?;
        let last = cluster.replacement.as_ref();
        let last = last.filter(|last| last.successor == self.successor);
        let last = last.ok_or(Refusal::NotFound)?;
        let mut events = Vec::new();
        if !last.completed {
            if cluster.removed.len() >= limits::HAND_MADE {
                return Err(Refusal::LimitReached);
            }
            let cluster = Cluster {
                removed: cluster.with_removed(last.damaged),
                replacement: Some(Replacement {
                    completed: true,
                    ..*last
                }),
                ..(**cluster).clone()
            };
            events.push(Event::ReplacementCompleted {
                damaged: last.damaged,
                successor: last.successor,
                cluster,
                by: self.by,
            });
        }
        Ok(Decided {
            outcome: Outcome::Node(last.successor),
            events,
        })
    }
}
