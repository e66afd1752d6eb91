//! A packet that is sent again gets the verdict it got before, from every node, unless its user was disabled or locked meanwhile.

use std::collections::BTreeMap;

use quorate_app::Decision;
use quorate_core::Reason;

use super::Evidence;

pub fn check(evidence: &Evidence<'_>) -> Result<(), String> {
    let mut first: BTreeMap<usize, &Decision> = BTreeMap::new();
    for answer in &evidence.history.answers {
        // Not a verdict of the cluster, or one that was taken back.
        if let Decision::Reject(Reason::Voided | Reason::OverBudget | Reason::QueueFull) = answer.decision {
            continue;
        }
        let said = first.entry(answer.login).or_insert(&answer.decision);
        if **said != answer.decision {
            return Err(format!("{said:?} and later {answer:?}"));
        }
    }
    Ok(())
}
