//! Directories that others keep, as the use cases see them. An adapter speaks LDAP to them.

use std::time::Duration;

use async_trait::async_trait;
use quorate_core::{Channel, Directory, Failure};
use tokio::sync::mpsc;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::fields::FieldError;

/// Asks directories. Each has deadlines and a bulkhead of its own: one that hangs delays no other.
#[async_trait]
pub trait Directories: Send + Sync + 'static {
    /// What is wrong with settings, field by field; and nothing if a directory can be asked with them.
    fn check(&self, settings: &[u8]) -> Vec<FieldError>;

    /// Whether the password is that of the person with this name, folded, without domain.
    ///
    /// # Errors
    /// [`DirectoryRefused`].
    async fn authenticate(
        &self,
        directory: &Directory,
        name: &str,
        password: &Zeroizing<String>,
        deadline: Instant,
    ) -> Result<Person, DirectoryRefused>;

    /// What may be changed in it from here. Nothing, unless its settings say so.
    fn allowed(&self, directory: &Directory) -> Allowed;

    /// Gives a person another password: as the person, by the old one, or by the right of the service account.
    ///
    /// # Errors
    /// [`NotChanged`].
    async fn set_password(
        &self,
        directory: &Directory,
        name: &str,
        old: Option<&Zeroizing<String>>,
        new: &Zeroizing<String>,
        deadline: Instant,
    ) -> Result<(), NotChanged>;

    /// Writes where a person is reached.
    ///
    /// # Errors
    /// [`NotChanged`].
    async fn write_contact(
        &self,
        directory: &Directory,
        name: &str,
        contact: &Contact,
        deadline: Instant,
    ) -> Result<(), NotChanged>;

    /// The person of this name, without a password.
    ///
    /// # Errors
    /// [`DirectoryRefused`].
    async fn find(&self, directory: &Directory, name: &str, deadline: Instant) -> Result<Person, DirectoryRefused>;

    /// How often its users are to be brought up to date without anybody asking; none for never.
    fn sync_interval(&self, directory: &Directory) -> Option<Duration>;

    /// Everybody whom the directory lets in. Without [`People::End`] at its end it broke off, and nobody may be taken for gone.
    fn people(&self, directory: &Directory) -> mpsc::Receiver<People>;

    /// Walks through everything that a login needs, and says how each step went.
    async fn examine(
        &self,
        directory: &Directory,
        person: Option<(String, Option<Zeroizing<String>>)>,
    ) -> Vec<ExaminedStep>;

    /// How a directory's controllers stand, as this node has seen them.
    fn standing(&self, directory: &Directory) -> DirectoryStanding;
}

/// What comes of reading everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum People {
    /// Some more.
    Page(Vec<Person>),
    /// The directory says that this was everybody. Nothing comes after it.
    End,
    /// It broke off; why, as a sentence. Nothing comes after it.
    Failed(String),
}

/// Somebody in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name to log in with, as the directory spells it, without domain.
    pub name: String,
    /// What identifies the person for ever; empty if nothing does.
    pub unique_id: String,
    pub display_name: String,
    pub mail: String,
    pub mobile: String,
    pub language: String,
    /// Names of groups; none if groups are not asked for.
    pub groups: Vec<String>,
    /// Where codes are sent to the person, by channel and in normal form: where the directory's settings say so, and it has an address.
    pub addresses: Vec<(Channel, String)>,
    /// Whether the account can be used.
    pub active: bool,
}

/// Why a directory does not say yes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryRefused {
    /// The password is wrong, or nobody has the name.
    #[error("the password is wrong, or nobody has the name")]
    Wrong,
    /// The account is not in order.
    #[error("the account is not in order: {0:?}")]
    Account(Failure),
    /// Too much waits for it, or it refuses what no other controller would do.
    #[error("the directory cannot be asked: {0}")]
    Unavailable(String),
    /// No controller answered, or none in time.
    #[error("the directory is down: {0}")]
    Down(String),
}

/// What may be changed in a directory from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Passwords, by an administrator.
    pub reset_passwords: bool,
    /// Passwords, by whoever knows the former one.
    pub change_passwords: bool,
    /// Mobile numbers and mail addresses.
    pub write_contacts: bool,
}

/// Where somebody is reached. What is nothing stays as it is; an empty text takes it away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contact {
    pub mobile: Option<String>,
    pub mail: Option<String>,
}

/// Why a directory was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotChanged {
    /// The old password is not right.
    #[error("the old password is wrong")]
    WrongOld,
    /// It does not take the value: why, as the rest of a sentence that begins with it.
    #[error("the value {0}")]
    Refused(String),
    /// It does not do it, whatever the value.
    #[error("the directory refuses it: {0}")]
    NotPossible(String),
    /// Nobody could be asked.
    #[error("the directory cannot be asked: {0}")]
    Unavailable(String),
    /// It was asked and did not answer: it may have been changed.
    #[error("no answer, so it may have been changed: {0}")]
    Unknown(String),
}

/// One step of an examination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExaminedStep {
    pub step: String,
    /// `ok`, `warning`, `failed` or `skipped`.
    pub outcome: &'static str,
    pub took_ms: u64,
    /// A sentence that helps.
    pub said: String,
}

/// How a directory stands, as one node has seen it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirectoryStanding {
    /// In their order: where, whether it is thought well, and what was wrong last.
    pub controllers: Vec<(String, bool, String)>,
}

/// For a node that asks no directory: whatever is asked cannot be answered.
#[derive(Debug, Clone, Copy)]
pub struct NoDirectories;

#[async_trait]
impl Directories for NoDirectories {
    fn check(&self, _settings: &[u8]) -> Vec<FieldError> {
        Vec::new()
    }

    async fn authenticate(
        &self,
        _directory: &Directory,
        _name: &str,
        _password: &Zeroizing<String>,
        _deadline: Instant,
    ) -> Result<Person, DirectoryRefused> {
        Err(DirectoryRefused::Unavailable("this node asks no directory".to_owned()))
    }

    fn allowed(&self, _directory: &Directory) -> Allowed {
        Allowed::default()
    }

    async fn set_password(
        &self,
        _directory: &Directory,
        _name: &str,
        _old: Option<&Zeroizing<String>>,
        _new: &Zeroizing<String>,
        _deadline: Instant,
    ) -> Result<(), NotChanged> {
        Err(NotChanged::Unavailable("this node asks no directory".to_owned()))
    }

    async fn write_contact(
        &self,
        _directory: &Directory,
        _name: &str,
        _contact: &Contact,
        _deadline: Instant,
    ) -> Result<(), NotChanged> {
        Err(NotChanged::Unavailable("this node asks no directory".to_owned()))
    }

    async fn find(&self, _directory: &Directory, _name: &str, _deadline: Instant) -> Result<Person, DirectoryRefused> {
        Err(DirectoryRefused::Unavailable("this node asks no directory".to_owned()))
    }

    fn sync_interval(&self, _directory: &Directory) -> Option<Duration> {
        None
    }

    fn people(&self, _directory: &Directory) -> mpsc::Receiver<People> {
        mpsc::channel(1).1
    }

    async fn examine(
        &self,
        _directory: &Directory,
        _person: Option<(String, Option<Zeroizing<String>>)>,
    ) -> Vec<ExaminedStep> {
        Vec::new()
    }

    fn standing(&self, _directory: &Directory) -> DirectoryStanding {
        DirectoryStanding::default()
    }
}
