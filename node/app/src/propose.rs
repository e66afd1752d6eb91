//! Proposing a command until its outcome is known: a timeout is unknown, never failed.

use quorate_core::Command;
use tokio::time::{Instant, sleep_until};

use crate::limits;
use crate::ports::{ProposeError, Proposed, Replica};

/// Proposes the same command again and again until somebody says what became of it, or the deadline passes. That is
/// safe because every command carries a fingerprint or request id by which a repetition is recognised.
///
/// # Errors
/// [`ProposeError::Unknown`] when one of the tries may have been committed; otherwise the last try's error.
pub(crate) async fn propose_until_known(
    replica: &dyn Replica,
    command: &Command,
    deadline: Instant,
) -> Result<Proposed, ProposeError> {
    let mut pause = limits::RETRY_PAUSE_MIN;
    let mut patience = limits::PROPOSE_FIRST_TRY;
    let mut may_be_committed = false;
    loop {
        let this_try = deadline.min(Instant::now() + patience);
        let error = match replica.propose(command, this_try).await {
            Ok(proposed) => return Ok(proposed),
            Err(error) => error,
        };
        if error == ProposeError::Unknown {
            may_be_committed = true;
            patience = (patience * 2).min(limits::PROPOSE_LONGEST_TRY);
        }
        let next_try = Instant::now() + pause;
        if next_try >= deadline {
            return Err(if may_be_committed { ProposeError::Unknown } else { error });
        }
        sleep_until(next_try).await;
        pause = (pause * 2).min(limits::RETRY_PAUSE_MAX);
    }
}
