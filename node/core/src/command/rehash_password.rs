//! Has a password that another product hashed checked by a verifier of our own from now on. Issued by the node to which it was right.
//!
//! It moves no revision: the password is the same, and what is being judged meanwhile goes on. A change of the password that came first
//! wins, and of two nodes that were told the password at once one is enough.

use minicbor::{Decode, Encode};

use crate::{
    change::is_sealed,
    decide::Decided,
    event::Event,
    ids::{Revision, Sealed, UserId},
    outcome::{Field, Refusal},
    state::State,
};

/// A password was right that is checked by what another product made of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RehashPassword {
    /// Whose.
    #[n(0)]
    pub user: UserId,
    /// The revision of the password that was right.
    #[n(1)]
    pub password_revision: Revision,
    /// The sealed verifier of the same password.
    #[n(2)]
    pub verifier: Sealed,
}

impl RehashPassword {
    pub(crate) fn decide(&self, state: &State) -> Result<Decided, Refusal> {
        let user = state.user(self.user).ok_or(Refusal::NotFound)?;
        if user.password_revision != self.password_revision {
            return Err(Refusal::Stale);
        }
        if !is_sealed(&self.verifier) {
            return Err(Refusal::Invalid(Field::Password));
        }
        let event = Event::PasswordRehashed {
            user: user.id,
            verifier: self.verifier.clone(),
        };
        let events = if user.foreign_password { vec![event] } else { Vec::new() };
        Ok(Decided::done(state.revision(), events))
    }
}
