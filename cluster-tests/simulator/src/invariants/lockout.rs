//! At most K wrong codes in a row are judged, and no accept follows the Kth before the lock ends or is lifted.

use std::collections::BTreeMap;

use quorate_core::audit::{ChangeKind, Entry, Object};
use quorate_core::{Policy, Reason, UserId, Verdict};

use super::Evidence;

#[derive(Default)]
struct Count {
    wrong: u32,
    locked_until_ms: Option<u64>,
}

pub fn check(evidence: &Evidence<'_>) -> Result<(), String> {
    let policy = Policy::default();
    let mut users: BTreeMap<UserId, Count> = BTreeMap::new();
    for record in evidence.audit {
        match &record.entry {
            Entry::Login(login) => {
                let Some(user) = login.user else { continue };
                let count = users.entry(user).or_default();
                let locked = count.locked_until_ms.is_some_and(|until| record.at_ms < until);
                match login.verdict {
                    Verdict::Accept if locked => return Err(format!("record {} accepts a locked user", record.seq)),
                    Verdict::Accept => *count = Count::default(),
                    Verdict::Reject(Reason::WrongCode) if locked => {
                        return Err(format!("record {} judges a code beyond the limit", record.seq));
                    }
                    Verdict::Reject(Reason::WrongCode) => {
                        count.wrong += 1;
                        if count.wrong >= policy.max_code_failures {
                            *count = Count {
                                wrong: 0,
                                locked_until_ms: Some(record.at_ms + policy.lock_ms),
                            };
                        }
                    }
                    Verdict::Reject(_) => {}
                }
            }
            Entry::Changed(change) => {
                if let (ChangeKind::UnlockUser, Object::User(user)) = (change.kind, change.object) {
                    users.insert(user, Count::default());
                }
            }
            _ => {}
        }
    }
    Ok(())
}
