//! Keeps a change that waits. Issued for an actor who may make such a change.

use minicbor::{Decode, Encode};

use crate::{
    audit::ChangeKind,
    command::{
        Actor,
        administer::{Request, answer_again_or_next},
        take_back::pending_of,
    },
    decide::Decided,
    event::Event,
    ids::{Fingerprint, NodeId, PendingId},
    outcome::Refusal,
    state::State,
};

/// A change stays. Also after its time, as long as it was not taken back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ConfirmChange {
    /// Random: the same request proposed again gets the same answer.
    #[n(0)]
    pub request: Fingerprint,
    /// On whose behalf.
    #[n(1)]
    pub actor: Actor,
    /// The node that was asked.
    #[n(2)]
    pub node: NodeId,
    /// Which change.
    #[n(3)]
    pub pending: PendingId,
}

impl ConfirmChange {
    pub(crate) fn decide(&self, state: &State) -> Result<Decided, Refusal> {
        let revision = match answer_again_or_next(state, self.request, &self.actor)? {
            Request::Answered(decided) => return Ok(decided),
            Request::New(revision) => revision,
        };
        let pending = pending_of(state, &self.actor, self.pending)?;
        let events = vec![
            Event::PendingSettled(pending.id),
            pending.recorded(ChangeKind::ConfirmChange, (self.actor, self.node)),
            Event::RequestAnswered {
                request: self.request,
                revision,
            },
        ];
        Ok(Decided::done(revision, events))
    }
}
