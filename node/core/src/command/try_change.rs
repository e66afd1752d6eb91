//! Makes a change that is taken back by itself unless it is confirmed in time. Issued for an actor, who needs no more than for the change.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    audit::ChangeKind,
    change::Change,
    command::{Actor, Administer},
    decide::Decided,
    event::Event,
    ids::{Fingerprint, Level, NodeId, PendingId},
    limits,
    outcome::{Field, Outcome, Refusal},
    records::{Former, Pending},
    state::State,
};

/// One change, for the time being.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TryChange {
    /// Random: the same request proposed again gets the same answer and changes nothing twice.
    #[n(0)]
    pub request: Fingerprint,
    /// On whose behalf.
    #[n(1)]
    pub actor: Actor,
    /// The node that was asked.
    #[n(2)]
    pub node: NodeId,
    /// What to change.
    #[n(3)]
    pub change: Change,
    /// Random: what it is confirmed by.
    #[n(4)]
    pub pending: PendingId,
    /// How long it waits for its confirmation, in ms.
    #[n(5)]
    pub within_ms: u64,
}

impl TryChange {
    pub(crate) fn decide(&self, state: &State, level: Level, now_ms: u64) -> Result<Decided, Refusal> {
        let administer = Administer {
            request: self.request,
            actor: self.actor,
            node: self.node,
            changes: vec![self.change.clone()],
        };
        let mut decided = administer.decide(state, level)?;
        let Outcome::Done { revision } = decided.outcome else {
            return Ok(decided);
        };
        // The answer to a request that is proposed again.
        let Some(changed) = decided.events.first() else {
            return Ok(decided);
        };
        if !limits::CONFIRM_WITHIN_MS.contains(&self.within_ms) {
            return Err(Refusal::Invalid(Field::ConfirmWithin));
        }
        if state.pending_change(self.pending).is_some() {
            return Err(Refusal::IdTaken);
        }
        if state.pending().count() >= limits::PENDING {
            return Err(Refusal::LimitReached);
        }
        let former = Former::of(state, changed).ok_or(Refusal::Invalid(Field::ConfirmWithin))?;
        let pending = Pending {
            id: self.pending,
            actor: self.actor,
            node: self.node,
            changed_ms: now_ms,
            until_ms: now_ms.saturating_add(self.within_ms),
            revision,
            kind: self.change.kind(),
            name: name_in(&decided.events),
            former,
        };
        decided.events.extend([
            pending.recorded(ChangeKind::AwaitConfirmation, (self.actor, self.node)),
            Event::PendingSaved(Arc::new(pending)),
        ]);
        Ok(decided)
    }
}

/// What the audit calls the object.
fn name_in(events: &[Event]) -> Box<str> {
    let name = |event: &Event| match event {
        Event::ChangeRecorded(entry) => Some(entry.name.clone()),
        _ => None,
    };
    events.iter().find_map(name).unwrap_or_default()
}
