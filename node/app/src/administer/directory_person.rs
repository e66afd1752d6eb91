//! What a directory is asked to change of one of its people: a password, or where the person is reached. Only what the directory's settings
//! allow is asked for.
//!
//! An administrator's wish is ordered in the log before the directory is asked, because there it is decided who may, and concluded after it; so
//! the audit has it whatever becomes of this node. A user's own change proves itself, and is written down once it was made.

use std::sync::Arc;

use quorate_core::change::{AskDirectory, AskStage, AskedOfDirectory};
use quorate_core::{Actor, Change, Directory, Revision, User, UserName};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::own_password::{OwnPasswordChange, Proven};
use super::{AdminError, Administrator};
use crate::authenticate::sync_person;
use crate::fields::FieldErrors;
use crate::limits;
use crate::passwords::{add_broken, unusable};
use crate::ports::{Allowed, Contact, DirectoryRefused, NotChanged, Person};

impl Administrator {
    /// Sets the password of somebody whom a directory keeps, there, by the right of its service account.
    pub(super) async fn reset_in_directory(
        &self,
        actor: Actor,
        user: &User,
        expected: Option<Revision>,
        password: Option<Zeroizing<String>>,
        must_change: bool,
    ) -> Result<Arc<User>, AdminError> {
        let directory = self.directory_that_allows(user, |allowed| allowed.reset_passwords)?;
        let password = password.ok_or(AdminError::OfDirectory)?;
        let mut errors = FieldErrors::default();
        add_broken(&mut errors, "password", &unusable(&password));
        errors.require(
            !must_change,
            "must_change_password",
            "is the directory's to say",
            "mark the account there",
        );
        errors.finish()?;
        let what = AskedOfDirectory::Password;
        let deadline = Instant::now() + limits::DIRECTORY_CHANGE_DEADLINE;
        self.is_still(&directory, user, deadline).await?;
        self.order(actor, user, expected, what).await?;
        let name = &user.name.name;
        let asked = self
            .directories
            .set_password(&directory, name, None, &password, deadline)
            .await;
        self.conclude(actor, user, what, &asked).await;
        asked.map_err(|why| not_changed("password", why))?;
        self.read_user(user.id)
    }

    /// Changes a password in the directory for somebody who knows the former one. Wrong ones are counted here too, and who has to wait is
    /// not passed on.
    pub(super) async fn change_own_in_directory(
        &self,
        user: &User,
        change: &OwnPasswordChange,
    ) -> Result<Arc<User>, AdminError> {
        let directory = self.directory_that_allows(user, |allowed| allowed.change_passwords)?;
        if !user.enabled || !user.is_active() {
            return Err(AdminError::NotAllowed);
        }
        let mut errors = FieldErrors::default();
        add_broken(&mut errors, "new_password", &unusable(&change.new));
        errors.finish()?;
        let deadline = Instant::now() + limits::DIRECTORY_CHANGE_DEADLINE;
        let (name, old) = (&user.name.name, Some(&change.old));
        let asked = self
            .directories
            .set_password(&directory, name, old, &change.new, deadline)
            .await;
        match asked {
            Ok(()) => {
                let written = self.propose_own(user, change.source, Proven::InDirectory).await;
                written.map_err(|error| not_written_down(user, &error))?;
            }
            Err(NotChanged::WrongOld) => {
                self.propose_own(user, change.source, Proven::Nothing).await?;
                return Err(AdminError::WrongPassword);
            }
            Err(why) => return Err(not_changed("new_password", why)),
        }
        self.read_user(user.id)
    }

    /// Writes where somebody is reached into the directory, and takes over what it says then.
    pub(super) async fn write_contact(
        &self,
        actor: Actor,
        user: &User,
        expected: Option<Revision>,
        contact: Contact,
    ) -> Result<(), AdminError> {
        let directory = self.directory_that_allows(user, |allowed| allowed.write_contacts)?;
        let what = AskedOfDirectory::Contact;
        let deadline = Instant::now() + limits::DIRECTORY_CHANGE_DEADLINE;
        self.is_still(&directory, user, deadline).await?;
        self.order(actor, user, expected, what).await?;
        let name = &user.name.name;
        let asked = self
            .directories
            .write_contact(&directory, name, &contact, deadline)
            .await;
        self.conclude(actor, user, what, &asked).await;
        asked.map_err(|why| not_changed(if contact.mobile.is_some() { "mobile" } else { "mail" }, why))?;
        let synced = self.sync_one(&directory, user, deadline).await;
        synced.map_err(|error| not_written_down(user, &error))
    }

    /// Whether the directory still calls the same person so, and lets them in. Who may ask was decided by this user, and a name may have gone
    /// to somebody else there.
    async fn is_still(&self, directory: &Directory, user: &User, deadline: Instant) -> Result<(), AdminError> {
        let person = self.person(directory, user, deadline).await?;
        let is_same = user
            .origin
            .as_ref()
            .is_some_and(|origin| *origin.unique_id == *person.unique_id);
        match is_same && user.is_active() {
            true => Ok(()),
            false => Err(AdminError::DirectoryRefuses(
                "the name is somebody else's there now, or the user is let in no more; synchronise first".to_owned(),
            )),
        }
    }

    async fn person(&self, directory: &Directory, user: &User, deadline: Instant) -> Result<Person, AdminError> {
        let found = self.directories.find(directory, &user.name.name, deadline).await;
        found.map_err(|why| match why {
            DirectoryRefused::Unavailable(why) | DirectoryRefused::Down(why) => AdminError::Directory(why),
            DirectoryRefused::Wrong | DirectoryRefused::Account(_) => {
                AdminError::Directory("it does not show the person any more".to_owned())
            }
        })
    }

    async fn sync_one(&self, directory: &Directory, user: &User, deadline: Instant) -> Result<(), AdminError> {
        let person = self.person(directory, user, deadline).await?;
        let name = UserName::new(&directory.domain, &user.name.name);
        let sync = sync_person(&self.keys, &*self.entropy, &name, directory, person);
        let refused = self
            .propose_changes(
                Actor::Directory { id: directory.id },
                vec![Change::SyncPerson(sync)],
                limits::ADMINISTRATION_DEADLINE,
            )
            .await?;
        match refused {
            None => Ok(()),
            Some((_, refusal)) => Err(refusal.into()),
        }
    }

    /// The directory of a user, if it is asked at all and its settings allow this.
    fn directory_that_allows(
        &self,
        user: &User,
        wanted: impl Fn(&Allowed) -> bool,
    ) -> Result<Arc<Directory>, AdminError> {
        let state = self.state();
        let origin = user.origin.as_ref().ok_or(AdminError::NotFound { what: "directory" })?;
        let directory = state.directory(origin.directory).filter(|directory| directory.enabled);
        let directory = directory.ok_or(AdminError::OfDirectory)?;
        match wanted(&self.directories.allowed(directory)) {
            true => Ok(directory.clone()),
            false => Err(AdminError::OfDirectory),
        }
    }

    async fn order(
        &self,
        actor: Actor,
        user: &User,
        expected: Option<Revision>,
        what: AskedOfDirectory,
    ) -> Result<(), AdminError> {
        let change = Change::AskDirectory(AskDirectory {
            user: user.id,
            expected,
            what,
            stage: AskStage::Ordered,
        });
        self.administer(actor, vec![change]).await.map(drop)
    }

    /// The order stands in the audit already: without its conclusion it is one whose end nobody knows.
    async fn conclude(&self, actor: Actor, user: &User, what: AskedOfDirectory, asked: &Result<(), NotChanged>) {
        let stage = match asked {
            Ok(()) => AskStage::Done,
            Err(NotChanged::Unknown(_)) => AskStage::Unknown,
            Err(
                NotChanged::WrongOld | NotChanged::Refused(_) | NotChanged::NotPossible(_) | NotChanged::Unavailable(_),
            ) => AskStage::Refused,
        };
        let change = Change::AskDirectory(AskDirectory {
            user: user.id,
            expected: None,
            what,
            stage,
        });
        if let Err(error) = self.administer(actor, vec![change]).await {
            tracing::warn!(user = %user.name, %error, ?stage, "what a directory has answered could not be written down");
        }
    }
}

/// The directory has done it, and the cluster does not know: nobody may be told that nothing was changed.
fn not_written_down(user: &User, error: &AdminError) -> AdminError {
    tracing::warn!(user = %user.name, %error, "a directory has made a change that could not be written down here");
    AdminError::Unknown
}

fn not_changed(field: &str, why: NotChanged) -> AdminError {
    match why {
        NotChanged::WrongOld => AdminError::WrongPassword,
        NotChanged::Refused(problem) => AdminError::field(field, &problem, "the directory's own rules hold"),
        NotChanged::NotPossible(why) => AdminError::DirectoryRefuses(why),
        NotChanged::Unavailable(why) => AdminError::Directory(why),
        NotChanged::Unknown(why) => {
            tracing::warn!(why, "a directory was asked for a change and did not answer");
            AdminError::Unknown
        }
    }
}
