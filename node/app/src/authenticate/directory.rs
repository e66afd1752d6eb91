//! Passwords that a directory judges, and people who become users by it.
//!
//! Nobody is let in by the directory's word alone: the verdict is the cluster's as ever. A person whom the cluster does not know yet, or knows
//! otherwise, is first written down ([`SyncPerson`]), by an entry of its own; then the login is judged again, and what the directory
//! said a moment ago is not asked a second time. A login that dies in between leaves a user who was not let in, which harms nobody.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use quorate_core::change::{SyncPerson, SyncedAddress};
use quorate_core::command::Administer;
use quorate_core::login::{CheckPassword, DirectorySays};
use quorate_core::{
    Actor, Change, Channel, Command, Directory, Failure, Fingerprint, Origin, Outcome, State, TokenId, UserId, UserName,
};
use quorate_seal::{Aad, Field, KeyRing};
use zeroize::Zeroizing;

use super::judge::{Judgement, Performed};
use super::{Authenticator, Login, Silence};
use crate::limits;
use crate::ports::{DirectoryRefused, Entropy, Person, Proposed, random, random_id};
use crate::propose::propose_until_known;

/// A password that was right a moment ago, in this login.
pub(super) struct Known {
    directory: Directory,
    password: Zeroizing<Vec<u8>>,
}

impl Authenticator {
    pub(super) async fn ask_directory(
        &self,
        state: &State,
        login: &Login,
        directory: &Directory,
        check: CheckPassword,
    ) -> Performed {
        if login.knows(directory, check.candidate()) {
            self.remember(state, login, directory, &check).await;
            return ControlFlow::Continue(check.answer_of_directory(DirectorySays::Right));
        }
        let wrong = |check: CheckPassword| ControlFlow::Continue(check.answer_of_directory(DirectorySays::Wrong));
        let Ok(typed) = std::str::from_utf8(check.candidate()) else {
            return wrong(check);
        };
        if login.is_down.load(Ordering::Relaxed) {
            return self.recall(login, check).await;
        }
        let password = Zeroizing::new(typed.to_owned());
        let deadline = match check.recalled() {
            Some(_) => login.deadline - limits::RECALL_RESERVE,
            None => login.deadline,
        };
        let asked = self
            .directories
            .authenticate(directory, check.name(), &password, deadline)
            .await;
        let is_due = matches!(&asked, Err(DirectoryRefused::Account(Failure::PasswordExpired)))
            && self.directories.allowed(directory).change_passwords;
        let asked = match is_due {
            true if check.user().is_some() => {
                return ControlFlow::Continue(check.answer_of_directory(DirectorySays::Due));
            }
            // Somebody has to be a user before anything can be carried on in a challenge.
            true => self.directories.find(directory, check.name(), deadline).await,
            false => asked,
        };
        let person = match asked {
            Ok(person) => person,
            Err(DirectoryRefused::Wrong) => return wrong(check),
            Err(DirectoryRefused::Account(failure)) => {
                return ControlFlow::Continue(check.answer_of_directory(DirectorySays::Refuses(failure)));
            }
            // Who asks the directories tells of it.
            Err(DirectoryRefused::Unavailable(_)) => {
                return ControlFlow::Break(Judgement::silent(Silence::Directory));
            }
            Err(DirectoryRefused::Down(_)) => {
                login.is_down.store(true, Ordering::Relaxed);
                return self.recall(login, check).await;
            }
        };
        // Found by something else than the name (a mail address, say): a user has one name, and this is not it.
        let name = UserName::new(&directory.domain, check.name());
        if self
            .names
            .fold(&person.name)
            .ok()
            .is_none_or(|canonical| canonical.name != name.name)
        {
            tracing::warn!(%name, directory = %directory.name, "a person is known to the directory by another name");
            return wrong(check);
        }
        let sync = sync_person(&self.keys, &*self.entropy, &name, directory, person);
        let user = check.user().and_then(|user| state.user(user));
        if user.is_some_and(|user| sync.changes_nothing(state, user)) {
            self.remember(state, login, directory, &check).await;
            return ControlFlow::Continue(check.answer_of_directory(DirectorySays::Right));
        }
        match self.write_down(login, directory, sync).await {
            Ok(true) => {
                *login.known.lock() = (!is_due).then(|| Known {
                    directory: directory.clone(),
                    password: Zeroizing::new(check.candidate().to_vec()),
                });
                ControlFlow::Break(Judgement::Again)
            }
            Ok(false) => wrong(check),
            Err(silence) => ControlFlow::Break(Judgement::silent(silence)),
        }
    }

    /// Whether the cluster took the person for what the directory says; it does not where somebody else has the name.
    async fn write_down(&self, login: &Login, directory: &Directory, sync: SyncPerson) -> Result<bool, Silence> {
        let name = sync.name.clone();
        let command = Command::Administer(Administer {
            request: Fingerprint(random(&*self.entropy)),
            actor: Actor::Directory { id: directory.id },
            node: self.node,
            changes: vec![Change::SyncPerson(sync)],
        });
        let proposed = propose_until_known(&*self.replica, &command, login.deadline).await;
        let Proposed { index, outcome } = proposed.map_err(super::judge::silence_of)?;
        match outcome {
            Outcome::Done { .. } => match self.replica.wait_applied(index, login.deadline).await {
                Ok(()) => Ok(true),
                Err(_) => Err(Silence::Late),
            },
            other => {
                tracing::warn!(%name, directory = %directory.name, ?other, "a person of a directory is no user");
                Ok(false)
            }
        }
    }
}

impl Login {
    fn knows(&self, directory: &Directory, password: &[u8]) -> bool {
        let known = self.known.lock();
        known
            .as_ref()
            .is_some_and(|known| known.directory == *directory && *known.password == *password)
    }
}

/// What a directory says of a person, as a change. Texts that no user may have are left out; groups are sorted, and cut where too many.
pub(crate) fn sync_person(
    keys: &KeyRing,
    entropy: &dyn Entropy,
    name: &UserName,
    directory: &Directory,
    person: Person,
) -> SyncPerson {
    let label = |text: String| -> Box<str> {
        match quorate_core::names::is_label(&text) {
            true => text.into(),
            false => Box::default(),
        }
    };
    let mut groups: Vec<Box<str>> = person
        .groups
        .into_iter()
        .map(label)
        .filter(|name| !name.is_empty())
        .collect();
    groups.sort_unstable();
    groups.dedup();
    groups.truncate(quorate_core::limits::GROUPS_PER_USER);
    let addresses = person.addresses.iter();
    let addresses = addresses.map(|(channel, address)| synced_address(keys, entropy, *channel, address));
    SyncPerson {
        id: UserId(random_id(entropy)),
        name: name.clone(),
        display_name: label(person.display_name),
        origin: Origin {
            directory: directory.id,
            unique_id: label(person.unique_id),
            mail: label(person.mail),
            mobile: label(person.mobile),
            language: label(person.language),
            groups: groups.into(),
            active: person.active,
        },
        addresses: addresses.collect(),
    }
}

fn synced_address(keys: &KeyRing, entropy: &dyn Entropy, channel: Channel, address: &str) -> SyncedAddress {
    let id = TokenId(random_id(entropy));
    let aad = Aad {
        field: Field::TokenSecret,
        record: id.0,
    };
    SyncedAddress {
        channel,
        id,
        address: keys.seal(random(entropy), aad, address.as_bytes()).into(),
        hint: crate::address::hint(channel, address).into(),
    }
}
