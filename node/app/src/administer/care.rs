//! Changes that could lock somebody out by surprise: asked about first, refused, or made all the same.

use quorate_core::{Actor, Change, Level, Lockouts, lockouts};

use super::{AdminError, Administrator};
use crate::limits;

/// How a change that could lock somebody out is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Care {
    /// Whomever it locks out.
    #[default]
    AllowLockout,
    /// Not at all, if somebody who can log in now could not after it.
    Careful,
    /// Not at all: whom would it lock out?
    Preview,
}

impl Administrator {
    /// The same, whose changes are made with this care.
    #[must_use]
    pub fn with_care(self, care: Care) -> Self {
        Self { care, ..self }
    }

    /// Ends a use case before its change is made, where the care asks for that.
    ///
    /// Who would be locked out is decided by the state of this node, just before the change is proposed: somebody who comes in
    /// between is not seen. It is a guard against surprise and not against a race.
    pub(super) async fn take_care(&self, actor: Actor, changes: &[Change]) -> Result<(), AdminError> {
        match self.care {
            Care::AllowLockout => Ok(()),
            Care::Careful => match self.lockouts(actor, changes).await? {
                found if found.users > 0 => Err(AdminError::WouldLockOut(found)),
                _ => Ok(()),
            },
            Care::Preview => Err(AdminError::Previewed(self.lockouts(actor, changes).await?)),
        }
    }

    /// Whom changes would lock out; looks through every user if they concern every user, so not where logins wait.
    async fn lockouts(&self, actor: Actor, changes: &[Change]) -> Result<Lockouts, AdminError> {
        let state = self.state();
        let command = self.as_one(actor, changes.to_vec());
        let look = move || lockouts(&state, Level::CURRENT, &command, limits::LOCKOUTS_NAMED);
        let found = tokio::task::spawn_blocking(look).await;
        Ok(found.map_err(|_| AdminError::Overloaded)??)
    }
}
