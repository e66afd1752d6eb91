//! Takes a change back that waits: on behalf of somebody who may make such a change, or because nobody confirmed it in time.
//!
//! The second is issued by the leader and has no actor whose authority could be lost: it works whomever the change has locked out. The
//! time is checked here, so that no node can take a change back early.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    audit::ChangeKind,
    command::{
        Actor,
        administer::{Request, answer_again_or_next},
    },
    decide::Decided,
    event::Event,
    ids::{Fingerprint, NodeId, PendingId},
    outcome::Refusal,
    permissions::Permission,
    records::Pending,
    state::State,
};

/// Everything is as it was before the change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TakeBack {
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

impl TakeBack {
    pub(crate) fn decide(&self, state: &State) -> Result<Decided, Refusal> {
        let revision = match answer_again_or_next(state, self.request, &self.actor)? {
            Request::Answered(decided) => return Ok(decided),
            Request::New(revision) => revision,
        };
        let pending = pending_of(state, &self.actor, self.pending)?;
        let by = (self.actor, self.node);
        let mut events = pending.take_back(state, revision, ChangeKind::TakeBackChange, by);
        events.push(Event::RequestAnswered {
            request: self.request,
            revision,
        });
        Ok(Decided::done(revision, events))
    }
}

/// Everything is as it was before a change that nobody has confirmed in time. Proposing it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TakeBackOverdue {
    /// The node that noticed that it is time.
    #[n(0)]
    pub node: NodeId,
    /// Which change.
    #[n(1)]
    pub pending: PendingId,
}

impl TakeBackOverdue {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        let Some(pending) = state.pending_change(self.pending) else {
            return Ok(Decided::done(state.revision(), Vec::new()));
        };
        if !pending.is_overdue(now_ms) {
            return Err(Refusal::NotOverdue);
        }
        let revision = state.next_revision();
        // In the name of whoever made the change and let its time pass.
        let by = (pending.actor, self.node);
        let mut events = pending.take_back(state, revision, ChangeKind::ChangeNotConfirmed, by);
        events.push(Event::RevisionSpent(revision));
        Ok(Decided::done(revision, events))
    }
}

/// The change that waits, if the actor may settle it: whoever may settle changes, and may make one to such an object.
pub(super) fn pending_of<'a>(state: &'a State, actor: &Actor, id: PendingId) -> Result<&'a Arc<Pending>, Refusal> {
    actor.permit(state, Permission::SettleChanges)?;
    let pending = state.pending_change(id).ok_or(Refusal::NotFound)?;
    actor.permit(state, pending.former.permission())?;
    Ok(pending)
}
