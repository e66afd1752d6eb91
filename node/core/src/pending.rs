//! Changes that wait for their confirmation: what they were made to, what may not be done meanwhile, and how they are taken back.
//!
//! While a change waits, nobody else changes its object, takes the name that the object had, or deletes what the object referred to: so
//! it can be taken back at any instant, whatever else was done, and comes to what was there before. Of two changes that wait at once
//! each could be taken back first, because the later one was refused otherwise.
//!
//! Bounds (how many rules there may be, how many clients in one network) are not kept free for what was deleted: taking back may exceed
//! them by as many as may wait ([`crate::limits::PENDING`]).

use std::sync::Arc;

use crate::{
    audit::{ChangeEntry, ChangeKind, Object},
    command::Actor,
    event::Event,
    ids::{NodeId, Revision},
    outcome::Refusal,
    records::{Application, Client, Directory, Former, PasswordMemory, Pending, Policy, Rule, Then},
    state::State,
};

impl Former {
    /// The object that this event changes, as it is before; none if a change of it cannot wait: users and tokens, whose counters move
    /// with every login, and what is created and locks nobody out.
    pub(crate) fn of(state: &State, event: &Event) -> Option<Former> {
        match event {
            Event::RuleSaved(rule) => Some(Former::Rule {
                id: rule.id,
                former: state.rule(rule.id).map(|rule| Box::new(Rule::clone(rule))),
            }),
            Event::RuleDeleted(id) => Some(Former::Rule {
                id: *id,
                former: state.rule(*id).map(|rule| Box::new(Rule::clone(rule))),
            }),
            Event::PolicySet(_) => Some(Former::Policy(Box::new(*state.policy()))),
            Event::ClientSaved(client) => state.client(client.id).map(client_as_it_is),
            Event::ClientDeleted(id) => state.client(*id).map(client_as_it_is),
            Event::ApplicationSaved(application) => state.application(application.id).map(application_as_it_is),
            Event::ApplicationDeleted(id) => state.application(*id).map(application_as_it_is),
            Event::DirectorySaved(directory) => state.directory(directory.id).map(directory_as_it_is),
            Event::DirectoryDeleted(id) => state.directory(*id).map(directory_as_it_is),
            _ => None,
        }
    }

    /// Whether the event changes this very object, or makes it impossible to restore it.
    fn is_concerned(&self, event: &Event) -> bool {
        match (self, event) {
            (Former::Policy(_), Event::PolicySet(_)) => true,
            (Former::Rule { id, former }, Event::RuleSaved(rule)) => {
                rule.id == *id || former.as_ref().is_some_and(|former| former.name == rule.name)
            }
            (Former::Rule { id, .. }, Event::RuleDeleted(deleted)) => id == deleted,
            (Former::Rule { former, .. }, Event::ApplicationDeleted(deleted)) => former
                .as_ref()
                .is_some_and(|former| former.then == Then::Application(*deleted)),
            (Former::Rule { former, .. }, Event::ClientDeleted(deleted)) => former
                .as_ref()
                .is_some_and(|former| former.when.client == Some(*deleted)),
            (Former::Client(former), Event::ClientSaved(client)) => {
                client.id == former.id || client.name == former.name
            }
            (Former::Client(former), Event::ClientDeleted(deleted)) => former.id == *deleted,
            (Former::Client(former), Event::ApplicationDeleted(deleted)) => former.application == *deleted,
            (Former::Application(former), Event::ApplicationSaved(application)) => {
                application.id == former.id || application.name == former.name
            }
            (Former::Application(former), Event::ApplicationDeleted(deleted)) => former.id == *deleted,
            (Former::Directory(former), Event::DirectorySaved(directory)) => {
                directory.id == former.id || directory.name == former.name || clash(former, directory)
            }
            (Former::Directory(former), Event::UserSaved(user)) => former.naming.aliases.contains(&user.name.domain),
            (Former::Directory(former), Event::DirectoryDeleted(deleted)) => former.id == *deleted,
            _ => false,
        }
    }

    /// The event that makes the object what it was. Its revision is a new one, for whatever was judged meanwhile has to be judged again;
    /// and the epoch of a client never falls, or a disable that was acknowledged would be undone for what it had voided.
    fn restored(&self, state: &State, revision: Revision) -> Event {
        match self {
            Former::Rule { id, former: None } => Event::RuleDeleted(*id),
            Former::Rule {
                former: Some(former), ..
            } => Event::RuleSaved(Arc::new(Rule {
                revision,
                ..Rule::clone(former)
            })),
            Former::Policy(former) => Event::PolicySet(Policy { revision, ..**former }),
            Former::Client(former) => Event::ClientSaved(Arc::new(Client {
                revision,
                epoch: next_epoch(state, former),
                ..Client::clone(former)
            })),
            Former::Application(former) => Event::ApplicationSaved(Application {
                revision,
                ..Application::clone(former)
            }),
            Former::Directory(former) => Event::DirectorySaved(Directory {
                revision,
                memory: PasswordMemory {
                    forgotten_ms: forgotten_ms(state, former),
                    ..former.memory
                },
                ..Directory::clone(former)
            }),
        }
    }
}

impl Pending {
    /// The event that restores the object, and what the audit says of it.
    pub(crate) fn take_back(
        &self,
        state: &State,
        revision: Revision,
        kind: ChangeKind,
        (actor, node): (Actor, NodeId),
    ) -> Vec<Event> {
        vec![
            self.former.restored(state, revision),
            Event::PendingSettled(self.id),
            self.recorded(kind, (actor, node)),
        ]
    }

    /// What the audit says of a change that waits.
    pub(crate) fn recorded(&self, kind: ChangeKind, (actor, node): (Actor, NodeId)) -> Event {
        Event::ChangeRecorded(ChangeEntry {
            actor,
            node,
            kind,
            object: self.object(),
            name: self.name.clone(),
        })
    }

    /// What was changed.
    pub fn object(&self) -> Object {
        self.former.object()
    }

    /// Whether it was not confirmed in time.
    pub fn is_overdue(&self, now_ms: u64) -> bool {
        now_ms >= self.until_ms
    }
}

/// Whether nothing that waits stands against these events.
///
/// # Errors
/// [`Refusal::Waits`] says what does.
pub(crate) fn stand_aside(state: &State, events: &[Event]) -> Result<(), Refusal> {
    let concerns = |pending: &&Arc<Pending>| events.iter().any(|event| pending.former.is_concerned(event));
    match state.pending().find(concerns) {
        Some(pending) => Err(Refusal::Waits(pending.id)),
        None => Ok(()),
    }
}

/// Whether two directories cannot be there at once: a name of a domain means one, and so does a name without domain.
fn clash(one: &Directory, other: &Directory) -> bool {
    let mut names = other.naming.aliases.iter().chain([&other.domain]);
    names.any(|name| one.is_called(name)) || (one.is_default() && other.is_default())
}

/// Passwords that were forgotten meanwhile stay forgotten.
fn forgotten_ms(state: &State, former: &Directory) -> u64 {
    if former.memory.hours == 0 {
        return state.stamp().ms;
    }
    let now = state
        .directory(former.id)
        .map(|directory| directory.memory.forgotten_ms);
    former.memory.forgotten_ms.max(now.unwrap_or(state.stamp().ms))
}

fn next_epoch(state: &State, former: &Client) -> u32 {
    match state.client(former.id) {
        // What was accepted before the client was deleted stays void.
        None => former.epoch.wrapping_add(1),
        Some(client) if client.enabled && !former.enabled => client.epoch.wrapping_add(1),
        Some(client) => client.epoch,
    }
}

fn client_as_it_is(client: &Arc<Client>) -> Former {
    Former::Client(Box::new(Client::clone(client)))
}

fn application_as_it_is(application: &Arc<Application>) -> Former {
    Former::Application(Box::new(Application::clone(application)))
}

fn directory_as_it_is(directory: &Arc<Directory>) -> Former {
    Former::Directory(Box::new(Directory::clone(directory)))
}
