//! Remembers a password that a directory said was right, for the time when none of its controllers answers. Issued by the node that asked it.
//!
//! It moves no revision: what is being judged meanwhile goes on. What it was judged by is fenced: whoever forgets passwords, or changes
//! one, keeps out what was said to be right before.

use minicbor::{Decode, Encode};

use crate::{
    decide::Decided,
    event::Event,
    ids::{DirectoryId, Revision, Sealed, UserId},
    limits,
    outcome::{Field, Refusal},
    records::RememberedPassword,
    state::State,
};

/// A directory said that a password is right.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RememberPassword {
    /// Whose.
    #[n(0)]
    pub user: UserId,
    /// The revision of the user's password then.
    #[n(1)]
    pub password_revision: Revision,
    /// Which directory said so.
    #[n(2)]
    pub directory: DirectoryId,
    /// Its revision then.
    #[n(3)]
    pub directory_revision: Revision,
    /// The sealed verifier.
    #[n(4)]
    pub verifier: Sealed,
}

impl RememberPassword {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        let user = state.user(self.user).ok_or(Refusal::NotFound)?;
        let directory = state.directory(self.directory).ok_or(Refusal::NotFound)?;
        let origin = user.origin.as_ref().filter(|origin| origin.directory == self.directory);
        if origin.is_none()
            || directory.revision != self.directory_revision
            || user.password_revision != self.password_revision
        {
            return Err(Refusal::Stale);
        }
        if !directory.enabled || directory.memory.hours == 0 || !user.enabled || !user.is_active() {
            return Err(Refusal::NotAllowed);
        }
        if !(1..=limits::SEALED_BYTES).contains(&self.verifier.0.len()) {
            return Err(Refusal::Invalid(Field::Password));
        }
        let held = user.remembered.as_ref();
        let is_again = held.is_some_and(|held| held.verifier == self.verifier);
        let remembered = RememberedPassword {
            verifier: self.verifier.clone(),
            at_ms: now_ms,
        };
        let event = Event::PasswordRemembered {
            user: user.id,
            remembered,
        };
        let events = if is_again { Vec::new() } else { vec![event] };
        Ok(Decided::done(state.revision(), events))
    }
}
