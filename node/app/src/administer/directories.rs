//! Directories: create, change, disable, enable, delete, examine; and bringing their people up to date.
//!
//! Settings are bytes here: the API gives them their shape and the adapter their meaning. They are sealed whole, for they hold the
//! password of a service account.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_core::change::{
    ChangeDirectory, CreateDirectory, DeleteDirectory, DisableDirectory, EnableDirectory, LeaveDirectory, SyncPerson,
};
use quorate_core::{Actor, Change, Directory, DirectoryId, Revision, State, UserName};
use quorate_seal::Field;
use zeroize::Zeroizing;

use super::{AdminError, Administrator};
use crate::authenticate::sync_person;
use crate::fields::{FieldError, FieldErrors};
use crate::limits;
use crate::ports::{DirectoryStanding, ExaminedStep, Person};

/// A directory to be created, or as it shall be.
pub struct DirectorySpec {
    pub name: String,
    /// The domain of its users, as typed; the default domain in any of its names is the empty one.
    pub domain: String,
    /// What the adapter reads.
    pub settings: Zeroizing<Vec<u8>>,
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
    /// Users whom the directory has no more.
    pub gone: u64,
    /// People who cannot be users, and why; the first of them.
    pub refused: Vec<(String, String)>,
}

impl Administrator {
    /// Creates a directory.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_directory(&self, actor: Actor, spec: DirectorySpec) -> Result<Arc<Directory>, AdminError> {
        let domain = self.check_directory(&spec)?;
        let id = DirectoryId(self.random_id());
        let change = Change::CreateDirectory(CreateDirectory {
            id,
            name: spec.name.into(),
            domain: domain.into(),
            settings: self.seal(Field::DirectorySettings, id.0, &spec.settings),
        });
        self.administer(actor, vec![change]).await?;
        self.read_directory(id)
    }

    /// Gives a directory another name and other settings. Its domain stays.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change_directory(
        &self,
        actor: Actor,
        directory: DirectoryId,
        expected: Option<Revision>,
        spec: DirectorySpec,
    ) -> Result<Arc<Directory>, AdminError> {
        self.check_directory(&spec)?;
        let change = Change::ChangeDirectory(ChangeDirectory {
            directory,
            expected,
            name: spec.name.into(),
            settings: self.seal(Field::DirectorySettings, directory.0, &spec.settings),
        });
        self.change_one_directory(actor, directory, change).await
    }

    /// Asks a directory no more.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable_directory(
        &self,
        actor: Actor,
        directory: DirectoryId,
        expected: Option<Revision>,
    ) -> Result<Arc<Directory>, AdminError> {
        let change = Change::DisableDirectory(DisableDirectory { directory, expected });
        self.change_one_directory(actor, directory, change).await
    }

    /// Takes a disable back.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable_directory(
        &self,
        actor: Actor,
        directory: DirectoryId,
        expected: Option<Revision>,
    ) -> Result<Arc<Directory>, AdminError> {
        let change = Change::EnableDirectory(EnableDirectory { directory, expected });
        self.change_one_directory(actor, directory, change).await
    }

    /// Deletes a directory that has no users here.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn delete_directory(
        &self,
        actor: Actor,
        directory: DirectoryId,
        expected: Option<Revision>,
    ) -> Result<(), AdminError> {
        self.read_directory(directory)?;
        let change = Change::DeleteDirectory(DeleteDirectory { directory, expected });
        self.administer(actor, vec![change]).await.map(drop)
    }

    /// A directory by name or id (`d-…`).
    ///
    /// # Errors
    /// [`AdminError::NotFound`].
    pub fn find_directory(&self, text: &str) -> Result<Arc<Directory>, AdminError> {
        let state = self.state();
        let found = match text.parse() {
            Ok(id) => state.directory(id),
            Err(_) => state.directory_by_name(text),
        };
        found.cloned().ok_or(AdminError::NotFound { what: "directory" })
    }

    /// The settings of a directory, as they were given.
    ///
    /// # Errors
    /// [`AdminError::Seal`].
    pub fn directory_settings(&self, directory: &Directory) -> Result<Zeroizing<Vec<u8>>, AdminError> {
        self.open(Field::DirectorySettings, directory.id.0, &directory.settings)
    }

    /// Walks through everything that a login through the directory needs.
    pub async fn examine_directory(
        &self,
        directory: &Directory,
        person: Option<(String, Option<Zeroizing<String>>)>,
    ) -> Vec<ExaminedStep> {
        self.directories.examine(directory, person).await
    }

    /// How a directory stands, as this node has seen it.
    #[must_use]
    pub fn directory_standing(&self, directory: &Directory) -> DirectoryStanding {
        self.directories.standing(directory)
    }

    /// Brings the users of a directory up to date with it, page by page; who is not there any more is let in no more. With
    /// `only_look` nothing is changed. What stops it half-way leaves whole users behind, and running it again goes on.
    ///
    /// # Errors
    /// The directory does not answer ([`AdminError::Directory`]); nobody is taken for gone then.
    pub async fn sync_directory(&self, directory: &Directory, only_look: bool) -> Result<SyncReport, AdminError> {
        let mut report = SyncReport::default();
        let mut seen: BTreeSet<UserName> = BTreeSet::new();
        let mut pages = self.directories.people(directory);
        while let Some(page) = pages.recv().await {
            let people = page.map_err(AdminError::Directory)?;
            self.sync_page(directory, people, only_look, &mut seen, &mut report)
                .await?;
        }
        self.part_with_others(directory, only_look, &seen, &mut report).await?;
        Ok(report)
    }

    async fn sync_page(
        &self,
        directory: &Directory,
        people: Vec<Person>,
        only_look: bool,
        seen: &mut BTreeSet<UserName>,
        report: &mut SyncReport,
    ) -> Result<(), AdminError> {
        let state = self.state();
        let (mut changes, mut bytes) = (Vec::new(), 0);
        for person in people {
            report.seen += 1;
            let Some(sync) = self.plan_person(&state, directory, person, seen, report) else {
                continue;
            };
            bytes += size_of_person(&sync);
            changes.push(Change::SyncPerson(sync));
            if !only_look && (bytes > limits::SYNC_BYTES_PER_COMMAND || changes.len() >= limits::BULK_USERS_PER_COMMAND)
            {
                self.say_for_directory(directory, std::mem::take(&mut changes)).await?;
                bytes = 0;
            }
        }
        match only_look {
            true => Ok(()),
            false => self.say_for_directory(directory, changes).await,
        }
    }

    /// What is to be changed for a person, if anything.
    fn plan_person(
        &self,
        state: &State,
        directory: &Directory,
        person: Person,
        seen: &mut BTreeSet<UserName>,
        report: &mut SyncReport,
    ) -> Option<SyncPerson> {
        let name = match self.names.fold(&person.name) {
            Ok(folded) => UserName::new(&directory.domain, &folded.name),
            Err(problem) => {
                report.refuse(&person.name, format!("the name {problem}"));
                return None;
            }
        };
        let (typed, has_groups) = (person.name.clone(), !person.groups.is_empty());
        let mut sync = sync_person(&self.keys, &*self.entropy, &name, directory, person);
        let known = state
            .person(directory.id, &sync.origin.unique_id)
            .or_else(|| state.user_by_name(&name));
        let Some(user) = known else {
            seen.insert(name);
            report.created += 1;
            return Some(sync);
        };
        let Some(origin) = user.origin.as_ref().filter(|origin| origin.directory == directory.id) else {
            report.refuse(&typed, "another user has the name".to_owned());
            return None;
        };
        // Pages carry no groups: those of the last login stay.
        if !has_groups {
            sync.origin.groups = origin.groups.clone();
        }
        seen.insert(user.name.clone());
        seen.insert(name);
        if sync.changes_nothing(state, user) {
            return None;
        }
        report.updated += 1;
        Some(sync)
    }

    /// Whoever was not seen is gone.
    async fn part_with_others(
        &self,
        directory: &Directory,
        only_look: bool,
        seen: &BTreeSet<UserName>,
        report: &mut SyncReport,
    ) -> Result<(), AdminError> {
        let state = self.state();
        let gone = state
            .people_of(directory.id)
            .filter(|user| user.is_active() && !seen.contains(&user.name));
        let changes: Vec<Change> = gone
            .map(|user| {
                Change::LeaveDirectory(LeaveDirectory {
                    user: user.id,
                    expected: Some(user.revision),
                })
            })
            .collect();
        report.gone = changes.len() as u64;
        if only_look {
            return Ok(());
        }
        for chunk in changes.chunks(limits::BULK_USERS_PER_COMMAND) {
            self.say_for_directory(directory, chunk.to_vec()).await?;
        }
        Ok(())
    }

    async fn say_for_directory(&self, directory: &Directory, changes: Vec<Change>) -> Result<(), AdminError> {
        if changes.is_empty() {
            return Ok(());
        }
        let actor = Actor::Directory { id: directory.id };
        self.administer_within(actor, changes, limits::BULK_DEADLINE)
            .await
            .map(drop)
    }

    fn read_directory(&self, id: DirectoryId) -> Result<Arc<Directory>, AdminError> {
        let state = self.state();
        let found = state.directory(id).cloned();
        found.ok_or(AdminError::NotFound { what: "directory" })
    }

    async fn change_one_directory(
        &self,
        actor: Actor,
        directory: DirectoryId,
        change: Change,
    ) -> Result<Arc<Directory>, AdminError> {
        self.read_directory(directory)?;
        self.administer(actor, vec![change]).await?;
        self.read_directory(directory)
    }

    /// The domain in canonical form.
    fn check_directory(&self, spec: &DirectorySpec) -> Result<String, AdminError> {
        let mut errors = FieldErrors::default();
        errors.check_name::<DirectoryId>(&spec.name);
        let folded = match spec.domain.is_empty() {
            true => Some(String::new()),
            false => match self.names.fold(&format!("x@{}", spec.domain)) {
                Ok(name) => Some(name.domain.into()),
                Err(problem) => {
                    errors.add(
                        "domain",
                        problem.to_string(),
                        "a domain as users type it behind their name",
                    );
                    None
                }
            },
        };
        for FieldError { field, problem, hint } in self.directories.check(&spec.settings) {
            errors.add(field, problem, hint);
        }
        Ok(errors.finish_with(folded)?)
    }
}

impl SyncReport {
    fn refuse(&mut self, name: &str, why: String) {
        if self.refused.len() < limits::SYNC_REFUSALS_SHOWN {
            self.refused.push((name.to_owned(), why));
        }
    }
}

/// About how many bytes a person takes in a command.
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
    64 + sync.name.name.len() + texts.iter().map(|text| text.len() + 2).sum::<usize>() + groups.sum::<usize>()
}
