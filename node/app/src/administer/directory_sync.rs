//! Bringing the users of a directory up to date with it.
//!
//! Pages are taken over as they come, a few hundred people in an atomic command. Who is let in no more waits until the directory has said
//! that this was everybody, and then goes only if that is no more than is likely, or than the operator has said: a list that breaks off, an
//! account that may no longer see half of the people, or a wrong base would else lock everybody out at once.
//!
//! What the cluster refuses of a person is that person's affair: it is named in the report, and the others go on without. Caveat: what stops
//! a synchronisation half-way (no quorum, a directory that dies) leaves whole users behind, and running it again goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_core::change::{LeaveDirectory, SyncPerson};
use quorate_core::command::Administer;
use quorate_core::{Actor, Change, Command, Directory, Outcome, Refusal, State, User, UserId, UserName};
use tokio::time::Instant;

use super::submit::unexpected;
use super::{AdminError, Administrator};
use crate::authenticate::sync_person;
use crate::limits;
use crate::ports::{People, Person, Proposed};
use crate::propose::propose_until_known;

/// How to synchronise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncOrder {
    /// Change nothing, and say what would be changed.
    pub only_look: bool,
    /// So many users may be let in no more, instead of what is likely ([`limits::SYNC_LEAVERS_PERCENT`]).
    pub allow_leavers: Option<u64>,
}

/// What a synchronisation came to, or would.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// People whom the directory lets in.
    pub seen: u64,
    /// New users.
    pub created: u64,
    /// Users with another name, other attributes, or who are back.
    pub updated: u64,
    /// Users who are let in no more: the directory has them no more, or has closed their account.
    pub gone: u64,
    /// So many may go at once.
    pub gone_allowed: u64,
    /// People who cannot be users, and why; the first of them.
    pub refused: Vec<(String, String)>,
}

/// A change of one person's user that is to be made.
struct Planned {
    /// As the directory spells it.
    who: String,
    change: Change,
    counts_as: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Created,
    Updated,
    Gone,
}

/// A synchronisation under way.
struct Synchronisation<'a> {
    admin: &'a Administrator,
    directory: &'a Directory,
    order: SyncOrder,
    /// Before it began. Who became a user since then was in the directory a moment ago, and is not taken for gone.
    before: Arc<State>,
    names: BTreeSet<UserName>,
    users: BTreeSet<UserId>,
    leaving: Vec<Planned>,
    report: SyncReport,
}

impl Administrator {
    /// Brings the users of a directory up to date with it, page by page; who is not there any more is let in no more.
    ///
    /// # Errors
    /// The directory does not answer, or breaks off ([`AdminError::Directory`]), or too many would be let in no more
    /// ([`AdminError::TooManyLeave`]): nobody is parted with then, while who is new or changed may have been taken over.
    pub async fn sync_directory(&self, directory: &Directory, order: SyncOrder) -> Result<SyncReport, AdminError> {
        let mut sync = Synchronisation::begin(self, directory, order);
        let mut people = self.directories.people(directory);
        loop {
            match people.recv().await {
                Some(People::Page(page)) => sync.take_over(page).await?,
                Some(People::End) => return sync.finish().await,
                Some(People::Failed(why)) => return Err(AdminError::Directory(why)),
                None => return Err(AdminError::Directory("the list of its people broke off".to_owned())),
            }
        }
    }

    /// Makes these changes as one; which of them the cluster refuses, if it does.
    pub(super) async fn say_for_directory(
        &self,
        directory: &Directory,
        changes: Vec<Change>,
    ) -> Result<Option<(usize, Refusal)>, AdminError> {
        let command = Command::Administer(Administer {
            request: self.request(),
            actor: Actor::Directory { id: directory.id },
            node: self.node,
            changes,
        });
        let deadline = Instant::now() + limits::BULK_DEADLINE;
        let Proposed { index, outcome } = propose_until_known(&*self.replica, &command, deadline).await?;
        match outcome {
            Outcome::Done { .. } => {
                // The changes are made; being late here only means that this node does not show them yet.
                let _ = self.replica.wait_applied(index, deadline).await;
                Ok(None)
            }
            Outcome::ChangeRefused { index, refusal } => Ok(Some((index as usize, refusal))),
            Outcome::Refused(refusal) => Err(refusal.into()),
            other => Err(unexpected(other)),
        }
    }
}

impl<'a> Synchronisation<'a> {
    fn begin(admin: &'a Administrator, directory: &'a Directory, order: SyncOrder) -> Self {
        Self {
            admin,
            directory,
            order,
            before: admin.state(),
            names: BTreeSet::new(),
            users: BTreeSet::new(),
            leaving: Vec::new(),
            report: SyncReport::default(),
        }
    }

    async fn take_over(&mut self, page: Vec<Person>) -> Result<(), AdminError> {
        let state = self.admin.state();
        let mut planned = Vec::new();
        for person in page {
            self.report.seen += 1;
            let who = person.name.clone();
            match self.plan(&state, person) {
                Ok(change) => planned.extend(change),
                Err(why) => self.report.refuse(who, why),
            }
        }
        self.write(planned).await
    }

    /// What is to be changed for a person, if anything; or why the person can be no user.
    fn plan(&mut self, state: &State, person: Person) -> Result<Option<Planned>, String> {
        let folded = self.admin.names.fold(&person.name);
        let folded = folded.map_err(|problem| format!("the name {problem}"))?;
        let name = UserName::new(&self.directory.domain, &folded.name);
        if !self.names.insert(name.clone()) {
            return Err("somebody else in the directory has the name".to_owned());
        }
        let (who, has_groups) = (person.name.clone(), !person.groups.is_empty());
        let mut sync = sync_person(&self.admin.keys, &*self.admin.entropy, &name, self.directory, person);
        let known = state
            .person(self.directory.id, &sync.origin.unique_id)
            .or_else(|| state.user_by_name(&name));
        let Some(user) = known else {
            return Ok(Some(Planned::of(who, sync, Kind::Created)));
        };
        let origin = user.origin.as_ref();
        let origin = origin.filter(|origin| origin.directory == self.directory.id);
        let origin = origin.ok_or("another user has the name")?;
        if !origin.unique_id.is_empty() && origin.unique_id != sync.origin.unique_id {
            // The former holder was not seen by this, and is parted with; what they carry is not for whoever has their name now.
            self.names.remove(&name);
            return Err("somebody else had the name: delete that user first".to_owned());
        }
        // Pages carry no groups: those of the last login stay.
        if !has_groups {
            sync.origin.groups = origin.groups.clone();
        }
        self.users.insert(user.id);
        if sync.changes_nothing(state, user) {
            return Ok(None);
        }
        if origin.active && !sync.origin.active {
            self.leaving.push(Planned::of(who, sync, Kind::Gone));
            return Ok(None);
        }
        Ok(Some(Planned::of(who, sync, Kind::Updated)))
    }

    /// Everybody was seen: who was not is gone.
    async fn finish(mut self) -> Result<SyncReport, AdminError> {
        let state = self.admin.state();
        let before = Arc::clone(&self.before);
        let unseen = self
            .active(&before)
            .filter(|user| !self.users.contains(&user.id) && !self.names.contains(&user.name));
        let unseen = unseen.filter_map(|user| state.user(user.id).filter(|now| now.is_active()));
        let gone: Vec<Planned> = unseen.map(|user| Planned::leave(user)).collect();
        self.leaving.extend(gone);
        let (leaving, of) = (self.leaving.len() as u64, self.active(&before).count() as u64);
        let allowed = self.order.allow_leavers.unwrap_or_else(|| self.likely(of));
        self.report.gone_allowed = allowed;
        if leaving > allowed && !self.order.only_look {
            return Err(AdminError::TooManyLeave { leaving, of, allowed });
        }
        let leaving = std::mem::take(&mut self.leaving);
        self.write(leaving).await?;
        Ok(self.report)
    }

    /// Users of the directory who are let in.
    fn active<'s>(&self, state: &'s State) -> impl Iterator<Item = &'s Arc<User>> + use<'s> {
        state.people_of(self.directory.id).filter(|user| user.is_active())
    }

    /// How many of so many may leave between two synchronisations without anybody being asked. A directory without
    /// anybody in it is no directory.
    fn likely(&self, of: u64) -> u64 {
        match self.report.seen {
            0 => 0,
            _ => limits::SYNC_LEAVERS.max(of.saturating_mul(limits::SYNC_LEAVERS_PERCENT) / 100),
        }
    }

    /// Makes changes, in commands that leave room for logins beside them.
    async fn write(&mut self, planned: Vec<Planned>) -> Result<(), AdminError> {
        let (mut some, mut bytes) = (Vec::new(), 0);
        for one in planned {
            bytes += one.size();
            some.push(one);
            if bytes > limits::SYNC_BYTES_PER_COMMAND || some.len() >= limits::BULK_USERS_PER_COMMAND {
                self.write_as_one(std::mem::take(&mut some)).await?;
                bytes = 0;
            }
        }
        self.write_as_one(some).await
    }

    /// A command is made whole or not at all: without the change that is refused, the others are proposed again.
    async fn write_as_one(&mut self, mut planned: Vec<Planned>) -> Result<(), AdminError> {
        while !planned.is_empty() && !self.order.only_look {
            let changes = planned.iter().map(|one| one.change.clone()).collect();
            match self.admin.say_for_directory(self.directory, changes).await? {
                None => break,
                Some((at, refusal)) if at < planned.len() => {
                    self.report.refuse(planned.remove(at).who, refusal.to_string());
                }
                Some((_, refusal)) => return Err(refusal.into()),
            }
        }
        planned.iter().for_each(|one| self.report.count(one.counts_as));
        Ok(())
    }
}

impl Planned {
    fn of(who: String, sync: SyncPerson, counts_as: Kind) -> Self {
        let change = Change::SyncPerson(sync);
        Self { who, change, counts_as }
    }

    fn leave(user: &User) -> Self {
        Self {
            who: user.name.to_string(),
            change: Change::LeaveDirectory(LeaveDirectory {
                user: user.id,
                expected: Some(user.revision),
            }),
            counts_as: Kind::Gone,
        }
    }

    /// About how many bytes it takes in a command.
    fn size(&self) -> usize {
        match &self.change {
            Change::SyncPerson(sync) => size_of_person(sync),
            _ => 64,
        }
    }
}

impl SyncReport {
    fn count(&mut self, kind: Kind) {
        let figure = match kind {
            Kind::Created => &mut self.created,
            Kind::Updated => &mut self.updated,
            Kind::Gone => &mut self.gone,
        };
        *figure += 1;
    }

    fn refuse(&mut self, who: String, why: String) {
        if self.refused.len() < limits::SYNC_REFUSALS_SHOWN {
            self.refused.push((who, why));
        }
    }
}

fn size_of_person(sync: &SyncPerson) -> usize {
    let origin = &sync.origin;
    let texts = [
        &sync.display_name,
        &origin.unique_id,
        &origin.mail,
        &origin.mobile,
        &origin.language,
    ];
    let groups = origin.groups.iter().map(|group| group.len() + 2);
    let addresses = sync.addresses.iter();
    let addresses = addresses.map(|one| one.address.as_bytes().len() + one.hint.len() + 16);
    64 + sync.name.name.len()
        + texts.iter().map(|text| text.len() + 2).sum::<usize>()
        + groups.chain(addresses).sum::<usize>()
}
