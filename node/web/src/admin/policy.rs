//! The policy.

use quorate_api::{ChangePolicy, Nothing, Pins, Policy, Previewed};
use quorate_app::PolicySpec;

use super::{care, password_rules};
use crate::call::{Answer, Call, Reply};

pub(crate) async fn show(call: Call<Nothing>) -> Answer<Policy> {
    Ok(reply(call.site.replica.state().policy()))
}

pub(crate) async fn change(call: Call<ChangePolicy>) -> Answer<Previewed<Policy>> {
    let administrator = care::asked(&call)?;
    let former = *call.site.replica.state().policy();
    let asked = call.body;
    let spec = PolicySpec {
        max_code_failures: asked.max_code_failures.unwrap_or(former.max_code_failures),
        lock_ms: asked.lock_ms.unwrap_or(former.lock_ms),
        totp_window: asked.totp_window.unwrap_or(former.totp_window),
        challenge_ms: asked.challenge_ms.unwrap_or(former.challenge_ms),
        hotp_look_ahead: asked.hotp_look_ahead.unwrap_or(former.hotp_look_ahead),
        sent_code_ms: asked.sent_code_ms.unwrap_or(former.sent_code_ms),
        sends_per_user: asked.sends_per_user.unwrap_or(former.sends_per_user),
        pins: asked.pins.map_or(former.pins, core_pins),
        sends_per_prefix: asked.sends_per_prefix.unwrap_or(former.sends_per_prefix),
        passwords: match asked.passwords {
            Some(asked) => password_rules::changed(former.passwords, asked),
            None => former.passwords,
        },
    };
    // What the request leaves out was read just now, so the change is conditional in any case.
    let expected = call.expected.or(Some(former.revision));
    let state = call.site.replica.state();
    let changed = administrator.set_policy(call.actor, expected, spec).await;
    care::reply(&state, changed, |policy| reply(&policy))
}

const fn core_pins(pins: Pins) -> quorate_core::Pins {
    match pins {
        Pins::Off => quorate_core::Pins::Off,
        Pins::IfSet => quorate_core::Pins::IfSet,
        Pins::Required => quorate_core::Pins::Required,
    }
}

fn reply(policy: &quorate_core::Policy) -> Reply<Policy> {
    let shape = Policy {
        max_code_failures: policy.max_code_failures,
        lock_ms: policy.lock_ms,
        totp_window: policy.totp_window,
        challenge_ms: policy.challenge_ms,
        hotp_look_ahead: policy.hotp_look_ahead,
        sent_code_ms: policy.sent_code_ms,
        sends_per_user: policy.sends_per_user,
        pins: match policy.pins {
            quorate_core::Pins::Off => Pins::Off,
            quorate_core::Pins::IfSet => Pins::IfSet,
            quorate_core::Pins::Required => Pins::Required,
        },
        sends_per_prefix: policy.sends_per_prefix,
        passwords: password_rules::shape(&policy.passwords),
        revision: policy.revision.0,
    };
    Reply::revised(shape, policy.revision.0)
}
