//! Changes a password on behalf of the user, who has proven the former one; or counts that it was wrong. Issued by the node that was asked.
//!
//! Wrong passwords delay their source as they do in a login. The source is an address alone, for there is no client; it is counted apart
//! from logins through clients.

use std::net::IpAddr;

use minicbor::{Decode, Encode};

use crate::{
    audit::{ChangeEntry, ChangeKind, Object},
    command::Actor,
    decide::Decided,
    event::{Event, PasswordDelay, PasswordSource},
    ids::{Fingerprint, NodeId, Revision, Sealed, UserId},
    limits,
    outcome::{Field, Refusal},
    records::{NewPassword, User},
    state::{Delay, SourceDigest, State},
};

/// Somebody gave a user's former password and a new one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChangeOwnPassword {
    /// Random: the same request proposed again gets the same answer and changes nothing twice.
    #[n(0)]
    pub request: Fingerprint,
    /// Whose.
    #[n(1)]
    pub user: UserId,
    /// The revision of the password that was checked, right or wrong.
    #[n(2)]
    pub password_revision: Revision,
    /// Where it came from.
    #[n(3)]
    pub source: IpAddr,
    /// The node that was asked.
    #[n(4)]
    pub node: NodeId,
    /// The sealed verifier of the new password; none if the former one was wrong, or a directory keeps it.
    #[n(5)]
    pub password: Option<Sealed>,
    /// The user's directory has changed the password, for somebody who proved the former one to it.
    #[n(6)]
    pub in_directory: bool,
}

impl ChangeOwnPassword {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        if let Some(revision) = state.memory().answers.find(&self.request) {
            return Ok(Decided::done(*revision, Vec::new()));
        }
        let user = state.user(self.user).ok_or(Refusal::NotFound)?;
        match (&user.origin, &self.password) {
            // It has happened there, whatever anybody thinks of it here.
            (Some(_), None) if self.in_directory => {
                return changed_there(state, user, (self.request, self.node), ChangeKind::ChangeOwnPassword);
            }
            (Some(_), Some(_)) => return Err(Refusal::OfDirectory),
            (None, _) if self.in_directory => return Err(Refusal::Invalid(Field::Password)),
            (Some(_) | None, _) => {}
        }
        if user.password_revision != self.password_revision {
            return Err(Refusal::Stale);
        }
        if !user.enabled || (user.origin.is_none() && user.password.is_none()) {
            return Err(Refusal::NotAllowed);
        }
        if state.own_password_delayed(user.id, self.source, now_ms) {
            return Err(Refusal::PasswordDelayed);
        }
        if !state.memory().has_room() {
            return Err(Refusal::LimitReached);
        }
        match &self.password {
            None => Ok(self.count(state, user, now_ms)),
            Some(password) if (1..=limits::SEALED_BYTES).contains(&password.0.len()) => {
                let request = (self.request, self.node);
                set_own(state, user, request, password.clone(), now_ms)
            }
            Some(_) => Err(Refusal::Invalid(Field::Password)),
        }
    }

    fn count(&self, state: &State, user: &User, now_ms: u64) -> Decided {
        let source = SourceDigest::of_own(self.source);
        let former = state.memory().delays.find(&(user.id, source));
        let revision = state.revision();
        let events = vec![
            Event::WrongPasswordCounted {
                user: user.id,
                source: PasswordSource(source),
                delay: PasswordDelay(Delay::after(former, now_ms)),
            },
            recorded(user, self.node, ChangeKind::OwnPasswordWrong),
            Event::RequestAnswered {
                request: self.request,
                revision,
            },
        ];
        Decided::done(revision, events)
    }
}

/// The user's directory has the new password, or may have it: what was proven by the former one ends here.
pub(super) fn changed_there(
    state: &State,
    user: &User,
    by: (Fingerprint, NodeId),
    kind: ChangeKind,
) -> Result<Decided, Refusal> {
    if state.memory().answers.len() >= limits::ANSWERS {
        return Err(Refusal::LimitReached);
    }
    let revision = state.next_revision();
    let changed = User {
        password_revision: revision,
        remembered: None,
        revision,
        ..user.clone()
    };
    Ok(Decided::done(revision, concluded(changed, by, revision, kind)))
}

/// Writes down, and changes nothing but the memory of answers.
pub(super) fn note(
    state: &State,
    user: &User,
    (request, node): (Fingerprint, NodeId),
    kind: ChangeKind,
    also: Option<Event>,
) -> Result<Decided, Refusal> {
    if state.memory().answers.len() + 1 >= limits::ANSWERS {
        return Err(Refusal::LimitReached);
    }
    let revision = state.revision();
    let events = [recorded(user, node, kind), Event::AnswerKept { request, revision }];
    Ok(Decided::done(revision, events.into_iter().chain(also).collect()))
}

/// The user's own new password, set and written down.
pub(super) fn set_own(
    state: &State,
    user: &User,
    (request, node): (Fingerprint, NodeId),
    password: Sealed,
    now_ms: u64,
) -> Result<Decided, Refusal> {
    if state.memory().answers.len() >= limits::ANSWERS {
        return Err(Refusal::LimitReached);
    }
    let revision = state.next_revision();
    let new = NewPassword {
        rules: &state.policy().passwords,
        revision,
        now_ms,
        must_change: false,
    };
    let changed = user.with_password(Some(password), new);
    let events = concluded(changed, (request, node), revision, ChangeKind::ChangeOwnPassword);
    Ok(Decided::done(revision, events))
}

fn concluded(user: User, (request, node): (Fingerprint, NodeId), revision: Revision, kind: ChangeKind) -> Vec<Event> {
    let id = user.id;
    let record = recorded(&user, node, kind);
    vec![
        Event::UserSaved(user.into()),
        Event::PasswordDelaysForgotten { user: id },
        record,
        Event::AnswerKept { request, revision },
    ]
}

fn recorded(user: &User, node: NodeId, kind: ChangeKind) -> Event {
    Event::ChangeRecorded(ChangeEntry {
        actor: Actor::Owner { user: user.id },
        node,
        kind,
        object: Object::User(user.id),
        name: user.name.to_string().into(),
    })
}
