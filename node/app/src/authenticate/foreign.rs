//! Passwords that another product hashed: once one is right, a verifier of our own takes its place.
//!
//! It happens beside the login, which neither waits for it nor fails by it: a login whose password was right and whose code was wrong must
//! not take longer than one whose password was wrong. What is lost, the next login does again. Whether the password is still the one that was
//! right is decided in the log.

use std::sync::Arc;

use quorate_core::command::RehashPassword;
use quorate_core::login::CheckPassword;
use quorate_core::{Command, State};
use quorate_seal::PasswordVerifier;
use tokio::time::Instant;

use super::{Authenticator, Login};
use crate::hash_queue::HashLane;
use crate::limits;
use crate::passwords::{in_normal_form, verifier_aad};
use crate::ports::random;
use crate::propose::propose_until_known;

impl Authenticator {
    /// Has a right password checked by Argon2id alone from now on, in the background, if it is not already.
    pub(super) fn replace_foreign(
        &self,
        state: &State,
        login: &Login,
        check: &CheckPassword,
        verifier: &PasswordVerifier,
    ) {
        let user = check.user().and_then(|user| state.user(user));
        let typed = in_normal_form(check.candidate());
        let Some(user) = user.filter(|_| verifier.is_replaced_by(&typed)) else {
            return;
        };
        let (id, password_revision) = (user.id, user.password_revision);
        // Not the user's own lane: the next login would wait there, and tell that the password had been right.
        let lane = HashLane {
            user: !login.lane.user,
            ..login.lane
        };
        let (replica, keys, hashes) = (
            Arc::clone(&self.replica),
            Arc::clone(&self.keys),
            Arc::clone(&self.hashes),
        );
        let (salt, nonce) = (random(&*self.entropy), random(&*self.entropy));
        let deadline = Instant::now() + limits::REHASH_DEADLINE;
        tokio::spawn(async move {
            let Ok(own) = hashes.compute(lane, typed, salt, deadline).await else {
                return;
            };
            let sealed = keys.seal(nonce, verifier_aad(id), &own.encode());
            let command = Command::RehashPassword(RehashPassword {
                user: id,
                password_revision,
                verifier: sealed.into(),
            });
            if let Err(error) = propose_until_known(&*replica, &command, deadline).await {
                tracing::debug!(user = %id, ?error, "an imported password hash could not be replaced");
            }
        });
    }
}
