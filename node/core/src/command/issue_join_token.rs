//! Permits a node to join. Issued for an administrator.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    command::{
        Actor,
        administer::{Request, answer_again_or_next},
    },
    decide::Decided,
    event::Event,
    ids::{Fingerprint, JoinTokenId, NodeId, Sealed},
    limits,
    outcome::{Field, Refusal},
    permissions::Permission,
    records::JoinToken,
    state::State,
};

/// A permission for one node, once, until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct IssueJoinToken {
    /// Random: the same request proposed again issues one token.
    #[n(0)]
    pub request: Fingerprint,
    /// On whose behalf.
    #[n(1)]
    pub actor: Actor,
    /// The node that was asked.
    #[n(2)]
    pub node: NodeId,
    /// The token's id.
    #[n(3)]
    pub id: JoinTokenId,
    /// Its sealed secret.
    #[n(4)]
    pub secret: Sealed,
    /// Not valid from this time on, in ms since 1970.
    #[n(5)]
    pub expires_ms: u64,
}

impl IssueJoinToken {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        let revision = match answer_again_or_next(state, self.request, &self.actor)? {
            Request::Answered(decided) => return Ok(decided),
            Request::New(revision) => revision,
        };
        self.actor.permit(state, Permission::ManageCluster)?;
        if self.expires_ms <= now_ms {
            return Err(Refusal::Invalid(Field::Expiry));
        }
        if self.secret.0.is_empty() || self.secret.0.len() > limits::SEALED_BYTES {
            return Err(Refusal::Invalid(Field::Secret));
        }
        if state.join_token(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        let mut events = forget_expired(state, now_ms);
        if state.join_tokens().count() - events.len() >= limits::HAND_MADE {
            return Err(Refusal::LimitReached);
        }
        let token = JoinToken {
            id: self.id,
            secret: self.secret.clone(),
            expires_ms: self.expires_ms,
            spent_by: None,
        };
        events.push(Event::JoinTokenIssued {
            actor: self.actor,
            node: self.node,
            token,
        });
        events.push(Event::RequestAnswered {
            request: self.request,
            revision,
        });
        Ok(Decided::done(revision, events))
    }
}

/// Tokens that nobody can use any more make room for new ones; the audit keeps what they were.
fn forget_expired(state: &State, now_ms: u64) -> Vec<Event> {
    let expired = |token: &&Arc<JoinToken>| token.expires_ms.saturating_add(limits::ANSWER_MEMORY_MS) <= now_ms;
    state
        .join_tokens()
        .filter(expired)
        .map(|token| Event::JoinTokenForgotten(token.id))
        .collect()
}
