//! Changes that wait for their confirmation: made so, confirmed, taken back; and taken back by the leader when their time has passed.

use std::sync::Arc;

use quorate_core::command::{ConfirmChange, TakeBack, TakeBackOverdue};
use quorate_core::{Actor, Command, NodeId, Outcome, Pending, PendingId};
use tokio::time::Instant;

use super::{AdminError, Administrator};
use crate::limits;
use crate::ports::{Clock, Proposed, Replica};

impl Administrator {
    /// The same administrator, whose changes wait so long for their confirmation, if at all.
    #[must_use]
    pub fn until_confirmed(&self, within_ms: Option<u64>) -> Self {
        Self {
            within_ms,
            ..self.clone()
        }
    }

    /// A change that waits, by its id (`p-…`).
    ///
    /// # Errors
    /// [`AdminError::NotFound`].
    pub fn find_pending(&self, text: &str) -> Result<Arc<Pending>, AdminError> {
        let (state, none) = (self.state(), AdminError::NotFound { what: "pending change" });
        let id: Option<PendingId> = text.parse().ok();
        id.and_then(|id| state.pending_change(id)).cloned().ok_or(none)
    }

    /// Keeps a change that waits.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn confirm_change(&self, actor: Actor, pending: PendingId) -> Result<(), AdminError> {
        let command = Command::ConfirmChange(ConfirmChange {
            request: self.request(),
            actor,
            node: self.node,
            pending,
        });
        self.submit(&command, limits::ADMINISTRATION_DEADLINE).await.map(drop)
    }

    /// Takes a change back that waits, without waiting for its time.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn take_back_change(&self, actor: Actor, pending: PendingId) -> Result<(), AdminError> {
        let command = Command::TakeBack(TakeBack {
            request: self.request(),
            actor,
            node: self.node,
            pending,
        });
        self.submit(&command, limits::ADMINISTRATION_DEADLINE).await.map(drop)
    }
}

/// Takes back, while this node leads, what nobody has confirmed in time. Which node notices it does not matter: what waits and until
/// when is in the state, so it survives every leader and every restart.
pub struct PendingKeeper {
    replica: Arc<dyn Replica>,
    clock: Arc<dyn Clock>,
    node: NodeId,
}

impl PendingKeeper {
    #[must_use]
    pub fn new(replica: Arc<dyn Replica>, clock: Arc<dyn Clock>, node: NodeId) -> Self {
        Self { replica, clock, node }
    }

    /// Looks again and again. Never returns.
    pub async fn run(&self) {
        loop {
            tokio::time::sleep(limits::PENDING_INTERVAL).await;
            self.look().await;
        }
    }

    /// Takes back what is overdue now. What comes to nothing (no leader any more, a clock behind the cluster's) is due again the next time.
    pub async fn look(&self) {
        for pending in self.overdue() {
            let command = Command::TakeBackOverdue(TakeBackOverdue {
                node: self.node,
                pending,
            });
            let deadline = Instant::now() + limits::ADMINISTRATION_DEADLINE;
            match self.replica.propose(&command, deadline).await {
                Ok(Proposed {
                    outcome: Outcome::Done { .. },
                    ..
                }) => tracing::info!(%pending, "a change was not confirmed in time: taken back"),
                Ok(Proposed { outcome, .. }) => tracing::debug!(?outcome, %pending, "taking a change back waits"),
                Err(error) => tracing::debug!(%error, %pending, "taking a change back waits"),
            }
        }
    }

    fn overdue(&self) -> Vec<PendingId> {
        if self.replica.status().leader != Some(self.node) {
            return Vec::new();
        }
        let state = self.replica.state();
        let now_ms = self.clock.now_ms().max(state.stamp().ms);
        let overdue = state.pending().filter(|pending| pending.is_overdue(now_ms));
        overdue.map(|pending| pending.id).collect()
    }
}
