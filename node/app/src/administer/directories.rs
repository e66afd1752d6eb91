//! Directories: create, change, disable, enable, delete, examine. Bringing their people up to date is [`super::directory_sync`]'s.
//!
//! Settings are bytes here: the API gives them their shape and the adapter their meaning. They are sealed whole, for they hold the
//! password of a service account.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use quorate_core::change::{
    ChangeDirectory, CreateDirectory, DeleteDirectory, DisableDirectory, EnableDirectory, ForgetPasswords,
};
use quorate_core::{Actor, Change, Directory, DirectoryId, Naming, Revision, limits as core_limits};
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
    /// Further names of that domain, as typed.
    pub aliases: Vec<String>,
    /// A name without domain that no local user has means somebody of this directory.
    pub is_default: bool,
    /// Hours for which right passwords of its people are remembered, for an outage; 0 for none.
    pub remember_h: u16,
    /// What the adapter reads.
    pub settings: Zeroizing<Vec<u8>>,
}

impl Administrator {
    /// Creates a directory.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_directory(&self, actor: Actor, spec: DirectorySpec) -> Result<Arc<Directory>, AdminError> {
        let (domain, naming) = self.check_directory(&spec)?;
        let id = DirectoryId(self.random_id());
        let change = Change::CreateDirectory(CreateDirectory {
            id,
            name: spec.name.into(),
            domain: domain.into(),
            settings: self.seal(Field::DirectorySettings, id.0, &spec.settings),
            naming,
            remember_h: spec.remember_h,
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
        let (_, naming) = self.check_directory(&spec)?;
        let change = Change::ChangeDirectory(ChangeDirectory {
            directory,
            expected,
            name: spec.name.into(),
            settings: self.seal(Field::DirectorySettings, directory.0, &spec.settings),
            naming,
            remember_h: spec.remember_h,
        });
        self.change_one_directory(actor, directory, change).await
    }

    /// Forgets all passwords that are remembered of a directory's people.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn forget_passwords(
        &self,
        actor: Actor,
        directory: DirectoryId,
        expected: Option<Revision>,
    ) -> Result<Arc<Directory>, AdminError> {
        let change = Change::ForgetPasswords(ForgetPasswords { directory, expected });
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

    /// The domain and how it is called beside that, in canonical form.
    fn check_directory(&self, spec: &DirectorySpec) -> Result<(String, Naming), AdminError> {
        let mut errors = FieldErrors::default();
        errors.check_name::<DirectoryId>(&spec.name);
        let domain = match spec.domain.is_empty() {
            true => Some(String::new()),
            false => self.check_domain(&mut errors, "domain", &spec.domain),
        };
        errors.check_count("aliases", spec.aliases.len(), core_limits::DOMAIN_ALIASES);
        let mut aliases = BTreeSet::new();
        for (place, alias) in spec.aliases.iter().enumerate() {
            let field = format!("aliases[{place}]");
            let folded = self.check_domain(&mut errors, &field, alias);
            let is_other = folded
                .as_ref()
                .is_none_or(|folded| !folded.is_empty() && domain.as_ref() != Some(folded));
            errors.require(is_other, &field, "is the domain itself", "a further name of it");
            aliases.extend(folded.map(Box::from));
        }
        let max = core_limits::REMEMBER_HOURS_MAX;
        errors.require(
            spec.remember_h <= max,
            "remember_passwords_h",
            "is too long",
            &format!("{max} hours at most, or 0 for never"),
        );
        for FieldError { field, problem, hint } in self.directories.check(&spec.settings) {
            errors.add(field, problem, hint);
        }
        let naming = Naming {
            aliases: aliases.into_iter().collect(),
            is_default: spec.is_default,
        };
        Ok((errors.finish_with(domain)?, naming))
    }

    fn check_domain(&self, errors: &mut FieldErrors, field: &str, typed: &str) -> Option<String> {
        match self.names.fold(&format!("x@{typed}")) {
            Ok(name) => Some(name.domain.into()),
            Err(problem) => {
                errors.add(
                    field,
                    problem.to_string(),
                    "a domain as users type it behind their name",
                );
                None
            }
        }
    }
}
