//! A code is accepted at most once, in the whole cluster, whoever asks with it: counted by what clients were told, and by the audit.

use std::collections::{BTreeMap, BTreeSet};

use quorate_app::Decision;
use quorate_core::Verdict;
use quorate_core::audit::Entry;

use super::Evidence;
use crate::history::Question;

pub fn check(evidence: &Evidence<'_>) -> Result<(), String> {
    let mut accepted: BTreeMap<(usize, u64), BTreeSet<Question<'_>>> = BTreeMap::new();
    for answer in &evidence.history.answers {
        let login = &evidence.history.logins[answer.login];
        if answer.decision != Decision::Accept {
            continue;
        }
        let Some(timestep) = login.code().and_then(|code| code.timestep) else {
            return Err(format!("without a right code somebody was accepted: {login:?}"));
        };
        accepted
            .entry((login.user, timestep))
            .or_default()
            .insert(evidence.history.question(answer.login));
    }
    if let Some((code, logins)) = accepted.iter().find(|(_, logins)| logins.len() > 1) {
        return Err(format!("code {code:?} was accepted for {} logins", logins.len()));
    }
    let mut recorded = BTreeMap::new();
    for record in evidence.audit {
        if let Entry::Login(login) = &record.entry
            && login.verdict == Verdict::Accept
        {
            *recorded.entry(login.fingerprint.0).or_insert(0) += 1;
        }
    }
    match recorded.iter().find(|(_, times)| **times > 1) {
        Some((_, times)) => Err(format!("one packet has {times} accepts in the audit")),
        None => Ok(()),
    }
}
