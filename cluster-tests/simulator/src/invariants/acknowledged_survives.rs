//! Whatever a client or an administrator was told has happened is in the audit that the cluster agrees on in the end.

use std::collections::BTreeSet;

use quorate_app::Decision;
use quorate_core::audit::{ChangeKind, Entry, Object};
use quorate_core::{Reason, Verdict};

use super::Evidence;
use crate::history::Act;

pub fn check(evidence: &Evidence<'_>) -> Result<(), String> {
    let mut accepts = BTreeSet::new();
    let mut wrong_codes = BTreeSet::new();
    let mut changes = BTreeSet::new();
    for record in evidence.audit {
        match &record.entry {
            Entry::Login(login) => {
                match login.verdict {
                    Verdict::Accept => accepts.insert(login.fingerprint.0),
                    Verdict::Reject(Reason::WrongCode) => wrong_codes.insert(login.fingerprint.0),
                    Verdict::Reject(_) => false,
                };
            }
            Entry::Changed(change) => {
                if let Object::User(user) = change.object {
                    changes.insert((user, change.kind.label()));
                }
            }
            _ => {}
        }
    }
    // A verdict is recorded under the packet that was judged first.
    let questions = |recorded: &BTreeSet<[u8; 16]>| {
        let logins = evidence.history.logins.iter().enumerate();
        let judged = logins.filter(|(_, login)| recorded.contains(&login.fingerprint.0));
        judged
            .map(|(number, _)| evidence.history.question(number))
            .collect::<BTreeSet<_>>()
    };
    let (accepts, wrong_codes) = (questions(&accepts), questions(&wrong_codes));
    for answer in &evidence.history.answers {
        let question = evidence.history.question(answer.login);
        let recorded = match answer.decision {
            Decision::Accept => accepts.contains(&question),
            Decision::Reject(Reason::WrongCode) => wrong_codes.contains(&question),
            _ => true,
        };
        if !recorded {
            return Err(format!("{answer:?} has no record"));
        }
    }
    for act in evidence.history.acts.iter().filter(|act| act.acknowledged_ms.is_some()) {
        let kind = match act.act {
            Act::Disable => ChangeKind::DisableUser,
            Act::Enable => ChangeKind::EnableUser,
            Act::Unlock => ChangeKind::UnlockUser,
        };
        if !changes.contains(&(evidence.users[act.user], kind.label())) {
            return Err(format!("{act:?} has no record"));
        }
    }
    Ok(())
}
