//! Fences a node off for ever. Issued for an administrator, or by a node that leaves.

use minicbor::{Decode, Encode};

use crate::{
    command::{
        Actor,
        administer::{Request, answer_again_or_next},
    },
    decide::Decided,
    event::Event,
    ids::{Fingerprint, NodeId},
    limits,
    outcome::Refusal,
    permissions::Permission,
    records::Cluster,
    state::State,
};

/// The node's number is never used again, and its certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RemoveNode {
    /// Random: the same request proposed again is one removal.
    #[n(0)]
    pub request: Fingerprint,
    /// On whose behalf.
    #[n(1)]
    pub actor: Actor,
    /// The node that was asked.
    #[n(2)]
    pub node: NodeId,
    /// The node to remove.
    #[n(3)]
    pub removed: NodeId,
}

impl RemoveNode {
    pub(crate) fn decide(&self, state: &State) -> Result<Decided, Refusal> {
        let revision = match answer_again_or_next(state, self.request, &self.actor)? {
            Request::Answered(decided) => return Ok(decided),
            Request::New(revision) => revision,
        };
        self.actor.permit(state, Permission::ManageCluster)?;
        let cluster = state.cluster().ok_or(Refusal::NotFounded)?;
        state.node(self.removed).ok_or(Refusal::NotFound)?;
        if cluster.removed.len() >= limits::HAND_MADE {
            return Err(Refusal::LimitReached);
        }
        let cluster = Cluster {
            removed: cluster.with_removed(self.removed),
            ..(**cluster).clone()
        };
        let (actor, node) = (self.actor, self.node);
        let removed = Event::NodeRemoved {
            actor,
            node,
            removed: self.removed,
            cluster,
        };
        let answered = Event::RequestAnswered {
            request: self.request,
            revision,
        };
        Ok(Decided::done(revision, vec![removed, answered]))
    }
}
