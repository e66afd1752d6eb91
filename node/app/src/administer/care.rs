//! Changes that could lock somebody out by surprise: asked about first, refused, or made all the same.

use quorate_core::{Actor, Change, Level, Lockouts, lockouts};

use super::{AdminError, Administrator};
use crate::limits;

/// How a change that could lock somebody out is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Care {
    /// Not at all, if somebody who can log in now could not after it.
    #[default]
    Careful,
    /// Whomever it locks out.
    AllowLockout,
    /// Not at all: whom would it lock out?
    Preview,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Careful<T> {
    /// It is made.
    Made(T),
    /// It would lock these out. Nothing was changed.
    Preview(Lockouts),
}

impl Administrator {
    /// Makes a change with this care. None if it was made.
    ///
    /// Who would be locked out is decided by the state of this node, just before the change is proposed: somebody who comes in
    /// between is not seen. It is a guard against surprise and not against a race.
    pub(super) async fn make_carefully(
        &self,
        actor: Actor,
        change: Change,
        care: Care,
    ) -> Result<Option<Lockouts>, AdminError> {
        match care {
            Care::AllowLockout => {}
            Care::Careful => {
                let found = self.lockouts(actor, &change).await?;
                if found.users > 0 {
                    return Err(AdminError::WouldLockOut(found));
                }
            }
            Care::Preview => return self.lockouts(actor, &change).await.map(Some),
        }
        self.administer(actor, vec![change]).await?;
        Ok(None)
    }

    /// Whom a change would lock out; looks through every user if the change concerns every user, so not where logins wait.
    async fn lockouts(&self, actor: Actor, change: &Change) -> Result<Lockouts, AdminError> {
        let state = self.state();
        let command = self.as_one(actor, vec![change.clone()]);
        let look = move || lockouts(&state, Level::CURRENT, &command, limits::LOCKOUTS_NAMED);
        let found = tokio::task::spawn_blocking(look).await;
        Ok(found.map_err(|_| AdminError::Overloaded)??)
    }
}
