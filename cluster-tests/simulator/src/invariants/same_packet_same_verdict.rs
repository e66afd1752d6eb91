//! A packet that is sent again gets the verdict it got before, from every node, unless its user was disabled or locked meanwhile. So does
//! a code in answer to a challenge, also under a new signature; another code does not.

use std::collections::BTreeMap;

use quorate_app::Decision;
use quorate_core::Reason;

use super::Evidence;
use crate::history::{Carries, Question};

pub fn check(evidence: &Evidence<'_>) -> Result<(), String> {
    let mut first: BTreeMap<Question<'_>, &Decision> = BTreeMap::new();
    let mut settled: BTreeMap<usize, Question<'_>> = BTreeMap::new();
    for answer in &evidence.history.answers {
        // Not a verdict of the cluster, or one that was taken back.
        if let Decision::Reject(Reason::Voided | Reason::OverBudget | Reason::QueueFull) = answer.decision {
            continue;
        }
        let question = evidence.history.question(answer.login);
        match &evidence.history.logins[answer.login].carries {
            Carries::Code(_) => {}
            // A challenge settles nothing: the password is judged again by what is true then.
            Carries::Password { .. } => continue,
            Carries::Answer { to, .. } => {
                let is_verdict = answer.decision != Decision::Reject(Reason::ConversationSpent);
                if is_verdict && *settled.entry(*to).or_insert(question) != question {
                    return Err(format!("a second code was judged in one conversation: {answer:?}"));
                }
            }
        }
        let said = first.entry(question).or_insert(&answer.decision);
        if **said != answer.decision {
            return Err(format!("{said:?} and later {answer:?}"));
        }
    }
    Ok(())
}
