//! Once a disable is acknowledged no node accepts that user, or tells by a challenge that a password was right, until somebody began to
//! enable them again. Remembered accepts included.

use quorate_app::Decision;

use super::Evidence;
use crate::history::Act;

pub fn check(evidence: &Evidence<'_>) -> Result<(), String> {
    let acts = &evidence.history.acts;
    for disable in acts.iter().filter(|act| act.act == Act::Disable) {
        let Some(disabled_ms) = disable.acknowledged_ms else {
            continue;
        };
        // One whose outcome is unknown may take effect at any time after it was asked for.
        let enabling = acts
            .iter()
            .filter(|act| act.act == Act::Enable && act.user == disable.user);
        let ended_ms = enabling
            .filter(|act| act.acknowledged_ms.is_none_or(|at_ms| at_ms >= disable.asked_ms))
            .map(|act| act.asked_ms)
            .min()
            .unwrap_or(u64::MAX);
        let wrong = evidence.history.answers.iter().find(|answer| {
            evidence.history.logins[answer.login].user == disable.user
                && matches!(answer.decision, Decision::Accept | Decision::Challenge { .. })
                && answer.asked_ms > disabled_ms
                && answer.at_ms < ended_ms
        });
        if let Some(answer) = wrong {
            return Err(format!("{answer:?} after {disable:?}"));
        }
    }
    Ok(())
}
