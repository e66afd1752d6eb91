//! Whether a password is one of those that a user had last: an Argon2id for each, one after the other, through the hash queue.
//!
//! How many is bounded by the policy, and that by [`quorate_core::limits::PASSWORD_HISTORY_MAX`]. All are computed, whichever matches:
//! how long it takes tells nothing.

use std::sync::Arc;

use quorate_core::{PasswordRules, Sealed, User, UserId};
use quorate_seal::{Aad, Field, KeyRing, PasswordVerifier, SealError};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::BrokenRule;
use crate::hash_queue::{HashLane, HashQueue, HashRefused};

/// The verifiers of a user's last passwords, opened.
pub(crate) struct History {
    verifiers: Vec<Arc<PasswordVerifier>>,
    last: u8,
}

/// The seal of a user's verifiers, in use or former.
pub(crate) const fn verifier_aad(user: UserId) -> Aad {
    Aad {
        field: Field::UserPassword,
        record: user.0,
    }
}

impl History {
    /// As many as the rules say: fewer may be there, and more, if the rules were stricter.
    ///
    /// # Errors
    /// [`SealError`] when one does not open here.
    pub(crate) fn open(keys: &KeyRing, rules: &PasswordRules, user: &User) -> Result<Self, SealError> {
        let sealed = user.password.iter().chain(&user.former_passwords);
        let open = |sealed: &Sealed| -> Result<Arc<PasswordVerifier>, SealError> {
            let bytes = keys.open(verifier_aad(user.id), sealed.as_bytes())?;
            let verifier = PasswordVerifier::decode(&bytes).map_err(|_| SealError::NotAuthentic)?;
            Ok(Arc::new(verifier))
        };
        Ok(Self {
            verifiers: sealed
                .take(usize::from(rules.history))
                .map(open)
                .collect::<Result<_, _>>()?,
            last: rules.history,
        })
    }

    /// The broken rule, if the password is one of them. It is in normal form already.
    ///
    /// # Errors
    /// [`HashRefused`].
    pub(crate) async fn judge(
        &self,
        hashes: &HashQueue,
        lane: HashLane,
        password: &[u8],
        deadline: Instant,
    ) -> Result<Option<BrokenRule>, HashRefused> {
        let mut used = false;
        for verifier in &self.verifiers {
            let password = Zeroizing::new(password.to_vec());
            used |= hashes.verify(lane, verifier.clone(), password, deadline).await?;
        }
        Ok(used.then_some(BrokenRule::Used(self.last)))
    }
}
