//! What the three verdicts have in common: in which order a login is judged again, now by the one state.
//!
//! 1. remembered: the same request, or the same answer to the same challenge, gets the same verdict, and nothing
//!    is consumed. An accept whose user, token or client was disabled, locked or deleted since is void.
//! 2. spent: another answer to a challenge that came to its verdict is rejected.
//! 3. too old, or from a clock too far ahead: refused, without a verdict.
//! 4. stale: judged by a revision that is no longer current, or sent another way by the rules since, so judge again.
//! 5. the verdict itself, which is each command's own.
//! 6. room: every bounded table must have some, or there is no verdict.

use std::sync::Arc;

use crate::{
    command::{CodeProof, Judged},
    decide::Decided,
    event::{Event, PasswordSource},
    limits,
    outcome::{Field, Reason, Refusal, Verdict},
    plan::{Grounds, Plan, Question, plan},
    records::{Client, Policy, User},
    state::{Remembered, State},
};

/// Everything a verdict is about, as it is now.
pub(super) struct Subject<'a> {
    pub state: &'a State,
    pub judged: &'a Judged,
    pub now_ms: u64,
    pub client: &'a Arc<Client>,
    pub plan: Plan,
    pub policy: &'a Policy,
    pub user: Option<&'a Arc<User>>,
}

/// Steps 1 to 4; and room; `verdict` is step 5.
pub(super) fn decide_verdict(
    state: &State,
    judged: &Judged,
    now_ms: u64,
    verdict: impl FnOnce(&Subject<'_>) -> Result<Decided, Refusal>,
) -> Result<Decided, Refusal> {
    check_shape(judged)?;
    let decided = match remembered(state, judged) {
        Some(decided) => decided,
        None => {
            check_age(judged, now_ms)?;
            let subject = current(state, judged, now_ms).ok_or(Refusal::Stale)?;
            with_grounds(verdict(&subject)?, subject.plan.grounds())
        }
    };
    let is_written = !decided.events.is_empty();
    if is_written && !state.memory().has_room() {
        return Err(Refusal::LimitReached);
    }
    Ok(decided)
}

/// The audit says by which plan a login was judged.
fn with_grounds(mut decided: Decided, by: Grounds) -> Decided {
    for event in &mut decided.events {
        if let Event::LoginJudged { grounds, .. } = event {
            *grounds = by;
        }
    }
    decided
}

fn check_shape(judged: &Judged) -> Result<(), Refusal> {
    if !judged.facts.is_bounded() {
        return Err(Refusal::Invalid(Field::Fact));
    }
    match judged.conversation.is_some() == judged.proof.is_some() {
        true => Ok(()),
        false => Err(Refusal::Invalid(Field::Judgement)),
    }
}

fn check_age(judged: &Judged, now_ms: u64) -> Result<(), Refusal> {
    if judged.received_ms.saturating_add(limits::JUDGEMENT_MS) < now_ms {
        return Err(Refusal::TooOld);
    }
    if judged.received_ms > now_ms.saturating_add(limits::JUDGEMENT_MS) {
        return Err(Refusal::ClockAhead);
    }
    Ok(())
}

fn remembered(state: &State, judged: &Judged) -> Option<Decided> {
    #[cfg(feature = "mutants")]
    if quorate_mutants::is_planted(quorate_mutants::Mutant::ForgetFingerprint) {
        return None;
    }
    if let Some(former) = state.memory().verdicts.find(&judged.fingerprint) {
        return Some(again(state, judged, former));
    }
    #[cfg(feature = "mutants")]
    if quorate_mutants::is_planted(quorate_mutants::Mutant::ForgetConversation) {
        return None;
    }
    let spent = state.memory().conversations.find(&judged.conversation?)?;
    let same_answer = Some(spent.proof) == judged.proof && spent.remembered.client == judged.client;
    Some(match same_answer {
        true => again(state, judged, &spent.remembered),
        false => reject(judged, Reason::ConversationSpent, Vec::new()),
    })
}

fn again(state: &State, judged: &Judged, former: &Remembered) -> Decided {
    #[cfg(feature = "mutants")]
    if quorate_mutants::is_planted(quorate_mutants::Mutant::RememberAcceptsOfTheDisabled) {
        return Decided::replayed(former.verdict);
    }
    let void = || state.epochs(former.client, former.user) != Some(former.epochs);
    match former.verdict {
        Verdict::Accept if void() => reject(judged, Reason::Voided, Vec::new()),
        verdict => Decided::replayed(verdict),
    }
}

/// Everything the login was judged by, if all of it is as it was.
fn current<'a>(state: &'a State, judged: &'a Judged, now_ms: u64) -> Option<Subject<'a>> {
    let client = state
        .client(judged.client)
        .filter(|client| client.revision == judged.client_revision)?;
    let policy = Some(state.policy()).filter(|policy| policy.revision == judged.policy_revision)?;
    let user = match judged.user {
        Some((id, revision)) => Some(state.user(id).filter(|user| user.revision == revision)?),
        None => None,
    };
    let still_absent = judged
        .absent
        .as_ref()
        .is_none_or(|name| state.user_by_name(name).is_none());
    let same_password = judged
        .password_revision
        .is_none_or(|revision| user.is_none_or(|user| user.password_revision == revision));
    let still_recalled = judged
        .recalled_ms
        .is_none_or(|at_ms| user.is_some_and(|user| state.recalled_ms(user, now_ms) == Some(at_ms)));
    let question = Question::of_verdict(client, user.map(|user| &**user), judged, now_ms);
    // By these rules, whatever the node that judged took for them.
    let plan = plan(state, &question).filter(|plan| {
        let application = &plan.application;
        application.id == judged.application && application.revision == judged.application_revision
    })?;
    // A device that stood for the codes where it was judged, and does not here: then they are asked for.
    let device = judged.browser.and_then(|browser| browser.device);
    let same_device = device.map(|proof| proof.device) == plan.device;
    (same_device && still_absent && same_password && still_recalled).then_some(Subject {
        state,
        judged,
        now_ms,
        client,
        plan,
        policy,
        user,
    })
}

/// A reject, remembered and audited, after these events.
pub(super) fn reject(judged: &Judged, reason: Reason, events: Vec<Event>) -> Decided {
    conclude(judged, &[], Verdict::Reject(reason), events)
}

/// An accept, remembered and audited, after these events.
pub(super) fn accept(judged: &Judged, events: Vec<Event>) -> Decided {
    conclude(judged, &[], Verdict::Accept, events)
}

/// A verdict over these codes, remembered and audited, after these events.
pub(super) fn conclude(judged: &Judged, codes: &[CodeProof], verdict: Verdict, mut events: Vec<Event>) -> Decided {
    events.push(Event::LoginJudged {
        judged: judged.clone(),
        tokens: codes.iter().map(|code| code.token).collect(),
        verdict,
        grounds: Grounds::default(),
    });
    Decided::judged(verdict, events)
}

impl Subject<'_> {
    /// Why nobody gets in here now, whatever was proven.
    pub fn barred(&self, user: &User) -> Option<Reason> {
        #[cfg(feature = "mutants")]
        if quorate_mutants::is_planted(quorate_mutants::Mutant::LockoutLocally) {
            return (!user.enabled).then_some(Reason::UserDisabled);
        }
        if !self.client.enabled {
            Some(Reason::ClientDisabled)
        } else if !self.plan.application.enabled {
            Some(Reason::ApplicationDisabled)
        } else if !user.enabled {
            Some(Reason::UserDisabled)
        } else if !user.is_active() || self.is_without_judge(user) {
            Some(Reason::DisabledInDirectory)
        } else if let Some(refused) = self.plan.refused {
            Some(refused.reason())
        } else if self.asks_for_code() && user.locked_at(self.now_ms) {
            Some(Reason::Locked)
        } else if self.asks_for_password() && self.state.password_delayed(user.id, self.judged, self.now_ms) {
            Some(Reason::PasswordDelayed)
        } else {
            None
        }
    }

    /// Why a right password lets nobody in all the same. Asked where a login is accepted and nowhere else: wrong codes count as ever.
    pub fn password_due(&self, user: &User) -> Option<Reason> {
        let due = user.is_password_due(&self.policy.passwords, self.now_ms);
        (due && self.asks_for_password()).then_some(Reason::PasswordExpired)
    }

    /// Whether the password is asked for, and the directory that judges it is not asked.
    fn is_without_judge(&self, user: &User) -> bool {
        let directory = user
            .origin
            .as_ref()
            .map(|origin| self.state.directory(origin.directory));
        let silent = directory.is_some_and(|found| !found.is_some_and(|directory| directory.enabled));
        silent && self.asks_for_password()
    }

    /// Whether a password has to be proven here.
    pub fn asks_for_password(&self) -> bool {
        self.plan.asks_for_password()
    }

    /// Whether a code has to be proven here.
    pub fn asks_for_code(&self) -> bool {
        self.plan.asks_for_code()
    }

    /// Whether the password was proven, or need not be.
    pub fn password_settled(&self) -> bool {
        !self.asks_for_password() || self.judged.password_revision.is_some()
    }

    /// Where the password came from.
    pub fn source(&self) -> PasswordSource {
        PasswordSource::of(self.judged)
    }

    /// What an accept brings along: counts of wrong codes and of wrong passwords from this source end, and a device was used.
    pub fn noted_on_accept(&self, user: &User) -> Vec<Event> {
        let mut events = Vec::new();
        if self.asks_for_code() && (user.code_failures > 0 || user.locked_until_ms.is_some()) {
            events.push(Event::CodeFailuresForgotten { user: user.id });
        }
        let source = self.source();
        if self.asks_for_password() && self.state.memory().delays.find(&(user.id, source.0)).is_some() {
            events.push(Event::PasswordDelayForgotten { user: user.id, source });
        }
        events.extend(self.plan.device.map(Event::DeviceUsed));
        events
    }
}
