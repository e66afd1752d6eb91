//! The change of the policy.

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, require},
    event::Event,
    ids::Revision,
    limits,
    outcome::{Field, Refusal},
    records::{PasswordRules, Pins, Policy},
    state::State,
};

/// Another policy; see [`crate::Policy`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SetPolicy {
    /// The revision it is expected to have.
    #[n(0)]
    pub expected: Option<Revision>,
    /// Wrong codes that lock the second factor.
    #[n(1)]
    pub max_code_failures: u32,
    /// How long a lock lasts, in ms.
    #[n(2)]
    pub lock_ms: u64,
    /// Timesteps before and after the current one whose code is still right.
    #[n(3)]
    pub totp_window: u8,
    /// How long a challenge may be answered, in ms.
    #[n(4)]
    pub challenge_ms: u64,
    /// Counters ahead of the next one whose code is right too.
    #[n(5)]
    pub hotp_look_ahead: u8,
    /// How long a code that was sent is good, in ms.
    #[n(6)]
    pub sent_code_ms: u64,
    /// Messages to one user in one day.
    #[n(7)]
    pub sends_per_user: u32,
    /// Messages to telephones in one region in one day.
    #[n(8)]
    pub sends_per_prefix: u32,
    /// See [`Policy::pins`].
    #[n(10)]
    pub pins: Pins,
    /// What a local password has to be like.
    #[n(9)]
    pub passwords: PasswordRules,
}

impl SetPolicy {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        expect(state.policy().revision, self.expected)?;
        require(
            (1..=limits::CODE_FAILURES_MAX).contains(&self.max_code_failures),
            Field::MaxCodeFailures,
        )?;
        require((1..=limits::LOCK_MS_MAX).contains(&self.lock_ms), Field::Lock)?;
        require(self.totp_window <= limits::TOTP_WINDOW_MAX, Field::TotpWindow)?;
        require(
            (1..=limits::CHALLENGE_MS_MAX).contains(&self.challenge_ms),
            Field::Challenge,
        )?;
        require(
            self.hotp_look_ahead <= limits::HOTP_LOOK_AHEAD_MAX,
            Field::HotpLookAhead,
        )?;
        require(limits::SENT_CODE_MS.contains(&self.sent_code_ms), Field::SentCode)?;
        require(
            (1..=limits::SENDS_PER_USER_MAX).contains(&self.sends_per_user),
            Field::SendsPerUser,
        )?;
        require(
            (1..=limits::SENDS_PER_PREFIX_MAX).contains(&self.sends_per_prefix),
            Field::SendsPerPrefix,
        )?;
        check_passwords(&self.passwords)?;
        let policy = Policy {
            max_code_failures: self.max_code_failures,
            lock_ms: self.lock_ms,
            totp_window: self.totp_window,
            challenge_ms: self.challenge_ms,
            hotp_look_ahead: self.hotp_look_ahead,
            revision,
            sent_code_ms: self.sent_code_ms,
            sends_per_user: self.sends_per_user,
            sends_per_prefix: self.sends_per_prefix,
            roles: state.policy().roles,
            passwords: self.passwords,
            pins: self.pins,
        };
        Ok(Effect {
            events: vec![Event::PolicySet(policy)],
            object: Object::Policy,
            name: "policy".into(),
        })
    }
}

fn check_passwords(rules: &PasswordRules) -> Result<(), Refusal> {
    require(
        limits::PASSWORD_CHARS_MIN.contains(&rules.min_chars),
        Field::PasswordMinChars,
    )?;
    require(rules.history <= limits::PASSWORD_HISTORY_MAX, Field::PasswordHistory)?;
    let age = rules.max_age_days;
    require(
        age.is_none_or(|days| limits::PASSWORD_AGE_DAYS.contains(&days)),
        Field::PasswordMaxAge,
    )
}
