//! Administrative changes, all or none. Issued for an actor, whose authority is checked here and not before.

use std::net::IpAddr;

use minicbor::{Decode, Encode};

use crate::{
    audit::{ChangeEntry, ChangeKind, Object},
    change::{Change, Effect},
    command::authority::takes_last_super_admin,
    decide::Decided,
    event::{Event, evolve},
    ids::{ApiTokenId, DirectoryId, Fingerprint, Level, NodeId, Revision, UserId},
    limits,
    outcome::{Outcome, Refusal},
    pending::stand_aside,
    state::State,
};

/// Several changes as one: later ones see the effect of earlier ones, and the first refusal undoes all.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Administer {
    /// Random: the same request proposed again gets the same answer and changes nothing twice.
    #[n(0)]
    pub request: Fingerprint,
    /// On whose behalf.
    #[n(1)]
    pub actor: Actor,
    /// The node that was asked.
    #[n(2)]
    pub node: NodeId,
    /// What to change, in order.
    #[n(3)]
    pub changes: Vec<Change>,
}

/// On whose behalf an administrative command is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Actor {
    /// Somebody on the machine itself, through the root-only socket. Never locked.
    #[n(0)]
    Root {
        /// The process's user id (SO_PEERCRED).
        #[n(0)]
        uid: u32,
    },
    /// The bearer of an API token.
    #[n(1)]
    ApiToken {
        /// Which token.
        #[n(0)]
        id: ApiTokenId,
        /// The revision it was checked by.
        #[n(1)]
        revision: Revision,
        /// Where the request came from.
        #[n(2)]
        source: IpAddr,
    },
    /// A directory, about its own people and nothing else.
    #[n(2)]
    Directory {
        /// Which directory.
        #[n(0)]
        id: DirectoryId,
    },
    /// A user who has proven the own password, about that password. Never of an administrative command.
    #[n(3)]
    Owner {
        /// Which user.
        #[n(0)]
        user: UserId,
    },
}

impl Administer {
    pub(crate) fn decide(&self, state: &State, level: Level) -> Result<Decided, Refusal> {
        let revision = match answer_again_or_next(state, self.request, &self.actor)? {
            Request::Answered(decided) => return Ok(decided),
            Request::New(revision) => revision,
        };
        if self.changes.len() > limits::CHANGES_PER_COMMAND {
            return Err(Refusal::LimitReached);
        }
        let mut draft = state.clone();
        let mut events = Vec::with_capacity(self.changes.len() * 2 + 1);
        for (index, change) in self.changes.iter().enumerate() {
            match self.effect(&draft, change, revision) {
                Ok(effect) => {
                    let recorded = Event::ChangeRecorded(self.entry(change.kind(), effect.object, effect.name));
                    let is_last = index + 1 == self.changes.len();
                    if !is_last {
                        effect.events.iter().for_each(|event| evolve(&mut draft, level, event));
                    }
                    events.extend(effect.events);
                    events.push(recorded);
                }
                Err(refusal) => return Ok(refused_change(index, refusal)),
            }
        }
        events.push(Event::RequestAnswered {
            request: self.request,
            revision,
        });
        Ok(Decided::done(revision, events))
    }

    /// What one change does, if the actor may make it. What a directory says of its people holds whomever it costs.
    fn effect(&self, draft: &State, change: &Change, revision: Revision) -> Result<Effect, Refusal> {
        self.actor.may(draft, change)?;
        let effect = change.decide(draft, revision)?;
        stand_aside(draft, &effect.events)?;
        let by_directory = matches!(self.actor, Actor::Directory { .. });
        match !by_directory && takes_last_super_admin(draft, &effect.events) {
            true => Err(Refusal::LastSuperAdmin),
            false => Ok(effect),
        }
    }

    fn entry(&self, kind: ChangeKind, object: Object, name: Box<str>) -> ChangeEntry {
        ChangeEntry {
            actor: self.actor,
            node: self.node,
            kind,
            object,
            name,
        }
    }
}

fn refused_change(index: usize, refusal: Refusal) -> Decided {
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    Decided {
        outcome: Outcome::ChangeRefused { index, refusal },
        events: Vec::new(),
    }
}

/// Whether an administrative request is new.
pub(super) enum Request {
    /// It was answered before, and this is the answer.
    Answered(Decided),
    /// It is new, and what it changes gets this revision.
    New(Revision),
}

/// The former answer to a request that is proposed again; else, if the actor may, the revision it gets.
pub(super) fn answer_again_or_next(state: &State, request: Fingerprint, actor: &Actor) -> Result<Request, Refusal> {
    if let Some(revision) = state.memory().answers.find(&request) {
        return Ok(Request::Answered(Decided::done(*revision, Vec::new())));
    }
    actor.authorize(state)?;
    if state.memory().answers.len() >= limits::ANSWERS {
        return Err(Refusal::LimitReached);
    }
    Ok(Request::New(state.next_revision()))
}
