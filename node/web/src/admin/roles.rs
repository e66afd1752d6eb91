//! Roles, and what users may do.

use quorate_api::{ChangeAccess, ChangeRole, MfaRule, Nothing, Page, Previewed, Role, RoleRule, TrustRule, User};
use quorate_app::AccessChange;
use quorate_core::Policy;

use super::{care, users};
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<RoleRule>> {
    let state = call.site.replica.state();
    let shaped = |role| shape(state.policy(), role);
    Ok(Reply::plain(Page {
        items: quorate_core::Role::ALL.into_iter().map(shaped).collect(),
        next: None,
    }))
}

pub(crate) async fn change(call: Call<ChangeRole>) -> Answer<Previewed<RoleRule>> {
    let administrator = care::asked(&call)?;
    let role = quorate_core::Role::of_label(call.name()).ok_or_else(|| Failure::not_found("role", call.name()))?;
    let state = call.site.replica.state();
    let policy = *state.policy();
    let (former, asked) = (policy.role(role), &call.body);
    let rule = quorate_core::RoleRule {
        mfa_required: asked.mfa_required.unwrap_or(former.mfa_required),
        may_trust: asked.may_trust.unwrap_or(former.may_trust),
        trust_ms: asked.trust_ms.unwrap_or(former.trust_ms),
    };
    // What the request leaves out was read just now, so the change is conditional in any case.
    let expected = call.expected.or(Some(policy.revision));
    let changed = administrator.set_role_rule(call.actor, role, expected, rule).await;
    care::reply(&state, changed, |policy| {
        Reply::revised(shape(&policy, role), policy.revision.0)
    })
}

pub(crate) async fn change_access(call: Call<ChangeAccess>) -> Answer<Previewed<User>> {
    let administrator = care::asked(&call)?;
    let user = call.site.administrator.find_user(call.name())?.id;
    let change = AccessChange {
        role: call.body.role.map(role),
        mfa: call.body.mfa.map(|mfa| match mfa {
            MfaRule::ByRole => quorate_core::Mfa::ByRole,
            MfaRule::Required => quorate_core::Mfa::Required,
            MfaRule::Exempt => quorate_core::Mfa::Exempt,
        }),
        trust: call.body.trust.map(|trust| match trust {
            TrustRule::ByRole => quorate_core::Trust::ByRole,
            TrustRule::Allowed => quorate_core::Trust::Allowed,
            TrustRule::Denied => quorate_core::Trust::Denied,
        }),
    };
    let state = call.site.replica.state();
    let changed = administrator
        .change_access(call.actor, user, call.expected, change)
        .await;
    care::reply(&state, changed, |user| users::reply(&call.site, &user))
}

/// A role as the core has it.
pub(super) fn role(role: Role) -> quorate_core::Role {
    match role {
        Role::User => quorate_core::Role::User,
        Role::Helpdesk => quorate_core::Role::Helpdesk,
        Role::Auditor => quorate_core::Role::Auditor,
        Role::Admin => quorate_core::Role::Admin,
        Role::SuperAdmin => quorate_core::Role::SuperAdmin,
    }
}

/// A role as the API has it.
pub(super) fn shown(role: quorate_core::Role) -> Role {
    match role {
        quorate_core::Role::User => Role::User,
        quorate_core::Role::Helpdesk => Role::Helpdesk,
        quorate_core::Role::Auditor => Role::Auditor,
        quorate_core::Role::Admin => Role::Admin,
        quorate_core::Role::SuperAdmin => Role::SuperAdmin,
    }
}

pub(super) fn mfa(mfa: quorate_core::Mfa) -> MfaRule {
    match mfa {
        quorate_core::Mfa::ByRole => MfaRule::ByRole,
        quorate_core::Mfa::Required => MfaRule::Required,
        quorate_core::Mfa::Exempt => MfaRule::Exempt,
    }
}

pub(super) fn trust(trust: quorate_core::Trust) -> TrustRule {
    match trust {
        quorate_core::Trust::ByRole => TrustRule::ByRole,
        quorate_core::Trust::Allowed => TrustRule::Allowed,
        quorate_core::Trust::Denied => TrustRule::Denied,
    }
}

fn shape(policy: &Policy, role: quorate_core::Role) -> RoleRule {
    let rule = policy.role(role);
    RoleRule {
        role: shown(role),
        permissions: role
            .permissions()
            .map(|permission| permission.label().to_owned())
            .collect(),
        mfa_required: rule.mfa_required,
        may_trust: rule.may_trust,
        trust_ms: rule.trust_ms,
        revision: policy.revision.0,
    }
}
