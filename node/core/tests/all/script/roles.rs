//! Roles and what the policy says of them, in scripts.

use quorate_core::{Change, Mfa, Revision, Role, RoleRule, Trust, UserId, change::*};

use super::words::{Words, duration_ms};

pub fn role(words: &Words) -> Option<Role> {
    words.key("role").map(|label| Role::of_label(label).unwrap())
}

/// `set-access alice role=admin mfa=exempt trust=allowed`
pub fn access(words: &Words, user: UserId, expected: Option<Revision>) -> Change {
    let mfa = |label: &str| Mfa::ALL.into_iter().find(|mfa| mfa.label() == label).unwrap();
    let trust = |label: &str| Trust::ALL.into_iter().find(|trust| trust.label() == label).unwrap();
    Change::SetUserAccess(SetUserAccess {
        user,
        expected,
        role: role(words),
        mfa: words.key("mfa").map(mfa),
        trust: words.key("trust").map(trust),
    })
}

/// `set-role-rule user mfa=yes trust=no lasts=86400s`
pub fn rule(words: &Words, expected: Option<Revision>) -> Change {
    Change::SetRoleRule(SetRoleRule {
        expected,
        role: Role::of_label(&words.plain[1]).unwrap(),
        rule: RoleRule {
            mfa_required: words.key("mfa") == Some("yes"),
            may_trust: words.key("trust") == Some("yes"),
            trust_ms: duration_ms(&words.or("lasts", "2592000s")),
        },
    })
}
