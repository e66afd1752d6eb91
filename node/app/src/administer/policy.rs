//! The policy: what holds for every login.

use quorate_core::change::SetPolicy;
use quorate_core::{Actor, Change, PasswordRules, Pins, Policy, Revision, limits as core_limits};

use super::{AdminError, Administrator};
use crate::fields::FieldErrors;

/// What an administrator may set of the policy; see [`Policy`].
#[derive(Debug, Clone, Copy)]
pub struct PolicySpec {
    pub max_code_failures: u32,
    pub lock_ms: u64,
    pub totp_window: u8,
    pub challenge_ms: u64,
    pub hotp_look_ahead: u8,
    pub sent_code_ms: u64,
    pub sends_per_user: u32,
    pub sends_per_prefix: u32,
    pub pins: Pins,
    pub passwords: PasswordRules,
}

impl From<&Policy> for PolicySpec {
    fn from(policy: &Policy) -> Self {
        Self {
            max_code_failures: policy.max_code_failures,
            lock_ms: policy.lock_ms,
            totp_window: policy.totp_window,
            challenge_ms: policy.challenge_ms,
            hotp_look_ahead: policy.hotp_look_ahead,
            sent_code_ms: policy.sent_code_ms,
            sends_per_user: policy.sends_per_user,
            sends_per_prefix: policy.sends_per_prefix,
            pins: policy.pins,
            passwords: policy.passwords,
        }
    }
}

impl PolicySpec {
    fn check(&self) -> Result<(), AdminError> {
        let mut errors = FieldErrors::default();
        errors.require(
            (1..=core_limits::CODE_FAILURES_MAX).contains(&self.max_code_failures),
            "max_code_failures",
            "is out of its bounds",
            &format!("1 to {}", core_limits::CODE_FAILURES_MAX),
        );
        errors.require(
            (1..=core_limits::LOCK_MS_MAX).contains(&self.lock_ms),
            "lock_ms",
            "is out of its bounds",
            &format!("1 to {} (a day)", core_limits::LOCK_MS_MAX),
        );
        errors.require(
            self.totp_window <= core_limits::TOTP_WINDOW_MAX,
            "totp_window",
            "is out of its bounds",
            &format!("0 to {}", core_limits::TOTP_WINDOW_MAX),
        );
        errors.require(
            (1_000..=core_limits::CHALLENGE_MS_MAX).contains(&self.challenge_ms),
            "challenge_ms",
            "is out of its bounds",
            &format!("1000 to {} (ten minutes)", core_limits::CHALLENGE_MS_MAX),
        );
        errors.require(
            self.hotp_look_ahead <= core_limits::HOTP_LOOK_AHEAD_MAX,
            "hotp_look_ahead",
            "is out of its bounds",
            &format!("0 to {}", core_limits::HOTP_LOOK_AHEAD_MAX),
        );
        self.check_sending(&mut errors);
        check_passwords(&self.passwords, &mut errors);
        Ok(errors.finish()?)
    }
}

impl PolicySpec {
    fn check_sending(&self, errors: &mut FieldErrors) {
        let lifetime = core_limits::SENT_CODE_MS;
        errors.require(
            lifetime.contains(&self.sent_code_ms),
            "sent_code_ms",
            "is out of its bounds",
            &format!("{} to {} (a quarter of an hour)", lifetime.start(), lifetime.end()),
        );
        errors.require(
            (1..=core_limits::SENDS_PER_USER_MAX).contains(&self.sends_per_user),
            "sends_per_user",
            "is out of its bounds",
            &format!("1 to {}", core_limits::SENDS_PER_USER_MAX),
        );
        errors.require(
            (1..=core_limits::SENDS_PER_PREFIX_MAX).contains(&self.sends_per_prefix),
            "sends_per_prefix",
            "is out of its bounds",
            &format!("1 to {}", core_limits::SENDS_PER_PREFIX_MAX),
        );
    }
}

fn check_passwords(rules: &PasswordRules, errors: &mut FieldErrors) {
    let (chars, days) = (core_limits::PASSWORD_CHARS_MIN, core_limits::PASSWORD_AGE_DAYS);
    errors.require(
        chars.contains(&rules.min_chars),
        "passwords.min_chars",
        "is out of its bounds",
        &format!("{} to {}", chars.start(), chars.end()),
    );
    errors.require(
        rules.history <= core_limits::PASSWORD_HISTORY_MAX,
        "passwords.history",
        "is out of its bounds",
        &format!("0 to {}", core_limits::PASSWORD_HISTORY_MAX),
    );
    errors.require(
        rules.max_age_days.is_none_or(|age| days.contains(&age)),
        "passwords.max_age_days",
        "is out of its bounds",
        &format!("{} to {}, or 0 for no end", days.start(), days.end()),
    );
}

impl Administrator {
    /// Sets the whole policy.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_policy(
        &self,
        actor: Actor,
        expected: Option<Revision>,
        spec: PolicySpec,
    ) -> Result<Policy, AdminError> {
        spec.check()?;
        let change = Change::SetPolicy(SetPolicy {
            expected,
            max_code_failures: spec.max_code_failures,
            lock_ms: spec.lock_ms,
            totp_window: spec.totp_window,
            challenge_ms: spec.challenge_ms,
            hotp_look_ahead: spec.hotp_look_ahead,
            sent_code_ms: spec.sent_code_ms,
            sends_per_user: spec.sends_per_user,
            sends_per_prefix: spec.sends_per_prefix,
            pins: spec.pins,
            passwords: spec.passwords,
        });
        self.administer(actor, vec![change]).await?;
        Ok(*self.state().policy())
    }
}
