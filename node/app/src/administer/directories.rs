//! Directories: create, change, disable, enable, delete, examine. Bringing their people up to date is [`super::directory_sync`]'s.
//!
//! Settings are bytes here: the API gives them their shape and the adapter their meaning. They are sealed whole, for they hold the
//! password of a service account.

use std::sync::Arc;
use std::time::Duration;

use quorate_core::change::{ChangeDirectory, CreateDirectory, DeleteDirectory, DisableDirectory, EnableDirectory};
use quorate_core::{Actor, Change, Directory, DirectoryId, Revision};
use quorate_seal::Field;
use zeroize::Zeroizing;

use super::{AdminError, Administrator};
use crate::fields::{FieldError, FieldErrors};
use crate::ports::{DirectoryStanding, ExaminedStep};

/// A directory to be created, or as it shall be.
pub struct DirectorySpec {
    pub name: String,
    /// The domain of its users, as typed; the default domain in any of its names is the empty one.
    pub domain: String,
    /// What the adapter reads.
    pub settings: Zeroizing<Vec<u8>>,
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

    /// How often a directory's users are brought up to date without anybody asking; none for never.
    #[must_use]
    pub fn sync_interval(&self, directory: &Directory) -> Option<Duration> {
        self.directories.sync_interval(directory)
    }

    /// How a directory stands, as this node has seen it.
    #[must_use]
    pub fn directory_standing(&self, directory: &Directory) -> DirectoryStanding {
        self.directories.standing(directory)
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
