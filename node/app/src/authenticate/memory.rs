//! Passwords that a directory said were right, kept for the time when none of its controllers answers.
//!
//! A verifier is written once in a quarter of the time for which it is kept, and when another password is right: a node that does not know
//! whether the one it has been told is the one that is remembered compares once, and then knows it by a digest that only this process can
//! make. Whether a verifier may be asked is decided in the log ([`quorate_core::Directory::recalled`]).
//!
//! Caveat: who changes a password in the directory and does not log in here before the outage is known by the former one, for as long as it
//! is kept.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::ops::ControlFlow;
use std::sync::Arc;

use quorate_core::command::RememberPassword;
use quorate_core::login::{CheckPassword, DirectorySays};
use quorate_core::{Command, Directory, RememberedPassword, State, User, UserId};
use quorate_seal::{Aad, Field, PasswordVerifier};
use tokio::time::Instant;

use super::judge::{Judgement, Performed};
use super::{Authenticator, Login, Silence};
use crate::limits;
use crate::passwords::in_normal_form;
use crate::ports::random;
use crate::propose::propose_until_known;

/// What this process has seen to be remembered: by user, a digest of what and since when.
#[derive(Default)]
pub(super) struct Remembered(BTreeMap<UserId, u64>);

impl Remembered {
    fn note(&mut self, user: UserId, digest: u64) {
        if self.0.len() >= limits::REMEMBERED_USERS && !self.0.contains_key(&user) {
            // Each of them costs one comparison more.
            self.0.clear();
        }
        self.0.insert(user, digest);
    }
}

impl Authenticator {
    /// Asks what is remembered, in the place of a directory that is down.
    pub(super) async fn recall(&self, login: &Login, check: CheckPassword) -> Performed {
        let (Some(user), Some(remembered)) = (check.user(), check.recalled()) else {
            return ControlFlow::Break(Judgement::silent(Silence::Directory));
        };
        let Some(verifier) = self.open_remembered(user, remembered) else {
            return ControlFlow::Break(Judgement::silent(Silence::Sealed));
        };
        let typed = in_normal_form(check.candidate());
        let compared = self.hashes.verify(login.lane, verifier, typed, login.deadline).await;
        match compared {
            Ok(true) => ControlFlow::Continue(check.answer_of_directory(DirectorySays::Recalled)),
            Ok(false) => ControlFlow::Continue(check.answer_of_directory(DirectorySays::Wrong)),
            Err(refused) => ControlFlow::Break(self.not_hashed(login, refused).await),
        }
    }

    /// Has a right password remembered, if its directory is to be and it is not yet. A login does not fail by it.
    pub(super) async fn remember(&self, state: &State, login: &Login, directory: &Directory, check: &CheckPassword) {
        let user = check.user().and_then(|user| state.user(user));
        let Some(user) = user.filter(|_| directory.memory.hours > 0) else {
            return;
        };
        let deadline = login.deadline.min(Instant::now() + limits::REMEMBER_PATIENCE);
        if self
            .is_remembered(login, directory, user, check.candidate(), deadline)
            .await
        {
            return;
        }
        let typed = in_normal_form(check.candidate());
        let salt = random(&*self.entropy);
        let Ok(verifier) = self.hashes.compute(login.lane, typed, salt, deadline).await else {
            return;
        };
        let sealed = self.keys.seal(random(&*self.entropy), aad(user.id), &verifier.encode());
        let command = Command::RememberPassword(RememberPassword {
            user: user.id,
            password_revision: user.password_revision,
            directory: directory.id,
            directory_revision: directory.revision,
            verifier: sealed.into(),
        });
        if let Err(error) = propose_until_known(&*self.replica, &command, deadline).await {
            tracing::debug!(user = %user.name, ?error, "a password could not be remembered");
        }
    }

    async fn is_remembered(
        &self,
        login: &Login,
        directory: &Directory,
        user: &User,
        typed: &[u8],
        deadline: Instant,
    ) -> bool {
        let now_ms = self.clock.now_ms();
        let is_young = |held: &&RememberedPassword| now_ms < held.at_ms.saturating_add(directory.memory_ms() / 4);
        let Some(held) = directory.recalled(user, now_ms).filter(is_young) else {
            return false;
        };
        let typed = in_normal_form(typed);
        let digest = self.lanes.hash_one((held.at_ms, &*typed));
        if self.remembered.lock().0.get(&user.id) == Some(&digest) {
            return true;
        }
        let Some(verifier) = self.open_remembered(user.id, held) else {
            return false;
        };
        match self.hashes.verify(login.lane, verifier, typed, deadline).await {
            Ok(true) => {
                self.remembered.lock().note(user.id, digest);
                true
            }
            Ok(false) => false,
            // Too much to do: another time.
            Err(_) => true,
        }
    }

    fn open_remembered(&self, user: UserId, remembered: &RememberedPassword) -> Option<Arc<PasswordVerifier>> {
        let opened = self.keys.open(aad(user), remembered.verifier.as_bytes()).ok();
        let verifier = opened.and_then(|bytes| PasswordVerifier::decode(&bytes).ok());
        if verifier.is_none() {
            tracing::error!(%user, "a remembered password does not open under this node's application key");
        }
        verifier.map(Arc::new)
    }
}

fn aad(user: UserId) -> Aad {
    Aad {
        field: Field::RememberedPassword,
        record: user.0,
    }
}
