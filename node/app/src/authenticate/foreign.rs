//! Passwords that another product hashed: once one is right, a verifier of our own takes its place.
//!
//! Only after a login that says by itself that the password was right, an accept or a challenge: whoever has to wait, or types a right password
//! with a wrong code, must not be told by how long the next login takes. And it happens beside the login, which neither waits for it nor fails by
//! it. What is lost, the next login does again. Whether the password is still the one that was right is decided in the log.

use std::sync::Arc;

use quorate_core::command::RehashPassword;
use quorate_core::login::CheckPassword;
use quorate_core::{Command, Revision, State, UserId};
use quorate_seal::PasswordVerifier;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Authenticator, Decision, Login};
use crate::hash_queue::HashLane;
use crate::limits;
use crate::passwords::{in_normal_form, verifier_aad};
use crate::ports::random;
use crate::propose::propose_until_known;

/// A right password whose verifier wraps what another product made of it.
pub(super) struct Foreign {
    user: UserId,
    password_revision: Revision,
    typed: Zeroizing<Vec<u8>>,
}

impl Login {
    /// Remembers a right password that has to be hashed anew, if it has.
    pub(super) fn note_foreign(&self, state: &State, check: &CheckPassword, verifier: &PasswordVerifier) {
        let user = check.user().and_then(|user| state.user(user));
        let typed = in_normal_form(check.candidate());
        if let Some(user) = user.filter(|_| verifier.is_replaced_by(&typed)) {
            *self.foreign.lock() = Some(Foreign {
                user: user.id,
                password_revision: user.password_revision,
                typed,
            });
        }
    }
}

impl Authenticator {
    /// Has a password that was right in this login checked by Argon2id alone from now on, in the background.
    pub(super) fn replace_foreign(&self, login: &Login, decision: &Decision) {
        let tells = matches!(decision, Decision::Accept | Decision::Challenge { .. });
        let Some(foreign) = login.foreign.lock().take().filter(|_| tells) else {
            return;
        };
        let Foreign {
            user,
            password_revision,
            typed,
        } = foreign;
        // Not the user's own lane: the next login would wait there.
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
            let command = Command::RehashPassword(RehashPassword {
                user,
                password_revision,
                verifier: keys.seal(nonce, verifier_aad(user), &own.encode()).into(),
            });
            if let Err(error) = propose_until_known(&*replica, &command, deadline).await {
                tracing::debug!(%user, ?error, "an imported password hash could not be replaced");
            }
        });
    }
}
