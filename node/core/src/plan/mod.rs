//! Which application a login gets, and which of its factors have to be proven: a pure function of the state and the login.
//!
//! The same function is asked by the node that judges, by `decide` on every node (what a verdict claims is worth nothing), by
//! *explain*, and by *what-if* with rules that are not there yet. A login that no rule matches gets its client's application.
//!
//! Caveats
//! - Names of groups and attributes are compared in whatever ASCII case; beyond ASCII case counts, for `decide` has no tables.
//! - Who is refused here is refused *after* everything was proven, so that nobody learns it who could not get in anyway. A blocked network
//!   says nothing of the user and is refused at once.

mod glob;
mod matching;
mod question;

use std::sync::Arc;

use minicbor::{Decode, Encode};

pub use self::{matching::Mismatch, question::Question};
use crate::{
    command::Failure,
    ids::{DeviceId, RuleId},
    outcome::Reason,
    records::{
        Application, CodeKinds, Enrolment, Factor, FactorKind, Pins, Rule, Standing, Then, TokenKind, User,
        is_multi_factor,
    },
    state::State,
};

/// What a login has to prove, and why that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The rule that matched; none if the client's own application counts.
    pub rule: Option<Arc<Rule>>,
    /// Rules that were asked before it and do not count, in their order.
    pub passed: Vec<(RuleId, Mismatch)>,
    /// The application.
    pub application: Arc<Application>,
    /// What has to be proven here, in the order in which it is judged: the password first, whenever it is typed.
    pub factors: Vec<Factor>,
    /// How many codes are typed before the password, to be judged after it. The same for whoever logs in from there, for it shows.
    pub typed_before: usize,
    /// What the application asks for beside that.
    pub waived: Vec<(Factor, Waiver)>,
    /// Whether the user comes to a first token in this login, whose code then takes the place of the one that the application asks for.
    pub enrols: bool,
    /// The trusted device that stands for the codes.
    pub device: Option<DeviceId>,
    /// Why nobody gets in with this login, whatever is proven.
    pub refused: Option<Refused>,
}

/// Why a factor that the application asks for need not be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Waiver {
    /// The client has checked the password.
    #[n(0)]
    CheckedByClient,
    /// The user's address is in a network that the client trusts.
    #[n(1)]
    TrustedNetwork,
    /// The user has no token yet, and the application lets such users in for a while.
    #[n(2)]
    Migration,
    /// A device that the user trusts stands for the codes: one was proven on it.
    #[n(3)]
    Device,
}

impl Waiver {
    /// A stable word for JSON and searching.
    pub fn label(self) -> &'static str {
        match self {
            Waiver::CheckedByClient => "checked_by_client",
            Waiver::TrustedNetwork => "trusted_network",
            Waiver::Migration => "migration",
            Waiver::Device => "device",
        }
    }
}

/// Why a login is refused by what is known before anything is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The client lets nobody in from there.
    NetworkBlocked,
    /// A rule says so.
    ByRule,
    /// The user is in none of the groups that the client requires.
    NotInGroups,
    /// The user needs more than one factor, and this is one.
    MfaRequired,
    /// A code is asked for, and the user has no PIN to put before it.
    NoPin,
}

impl Refused {
    /// What the audit says.
    pub fn reason(self) -> Reason {
        match self {
            Refused::NetworkBlocked => Reason::NetworkBlocked,
            Refused::ByRule => Reason::RefusedByRule,
            Refused::NotInGroups => Reason::NotInGroups,
            Refused::MfaRequired => Reason::MfaRequired,
            Refused::NoPin => Reason::NoPin,
        }
    }

    pub(crate) fn failure(self) -> Failure {
        match self {
            Refused::NetworkBlocked => Failure::NetworkBlocked,
            Refused::ByRule => Failure::RefusedByRule,
            Refused::NotInGroups => Failure::NotInGroups,
            Refused::MfaRequired => Failure::MfaRequired,
            Refused::NoPin => Failure::NoPin,
        }
    }
}

/// What the audit says about a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grounds {
    /// The rule that matched.
    pub rule: Option<RuleId>,
    /// Why less was asked for than the application does.
    pub waiver: Option<Waiver>,
    /// The device that stood for the codes.
    pub device: Option<DeviceId>,
}

impl Plan {
    /// Whether a password has to be proven here.
    pub fn asks_for_password(&self) -> bool {
        self.factors.contains(&Factor::Password)
    }

    /// Whether a code has to be proven here.
    pub fn asks_for_code(&self) -> bool {
        self.code_count() > 0
    }

    /// How many codes have to be proven here.
    pub(crate) fn code_count(&self) -> usize {
        let is_code = |factor: &&Factor| factor.code_kinds().is_some();
        self.factors.iter().filter(is_code).count()
    }

    /// For the audit. That a client checks passwords is the client's way and no news.
    pub(crate) fn grounds(&self) -> Grounds {
        let waivers = self.waived.iter().map(|(_, waiver)| *waiver);
        Grounds {
            rule: self.rule.as_ref().map(|rule| rule.id),
            waiver: waivers.into_iter().find(|waiver| *waiver != Waiver::CheckedByClient),
            device: self.device,
        }
    }

    /// Leaves a kind of factor out, if another factor is left then.
    fn waive(&mut self, kind: FactorKind, waiver: Waiver) {
        let (left_out, kept): (Vec<_>, Vec<_>) = self
            .factors
            .iter()
            .copied()
            .partition(|factor| FactorKind::of(*factor) == kind);
        if !kept.is_empty() {
            self.waived.extend(left_out.into_iter().map(|factor| (factor, waiver)));
            self.factors = kept;
        }
    }
}

/// The plan for a login. None if the client's application is gone, which `decide` never lets happen.
pub fn plan(state: &State, question: &Question<'_>) -> Option<Plan> {
    plan_by(state, state.rules(), question)
}

/// The plan for a login if these were the rules, in this order.
pub fn plan_by<'a>(
    state: &State,
    rules: impl IntoIterator<Item = &'a Arc<Rule>>,
    question: &Question<'_>,
) -> Option<Plan> {
    let mut passed = Vec::new();
    let rule = rules.into_iter().find(|rule| match matching::mismatch(rule, question) {
        Some(mismatch) => {
            passed.push((rule.id, mismatch));
            false
        }
        None => true,
    });
    let application = match rule.map(|rule| rule.then) {
        Some(Then::Application(application)) => application,
        // Whoever is refused is asked as usual first.
        Some(Then::Refuse) | None => question.client.application,
    };
    let application = state.application(application)?.clone();
    let mut plan = Plan {
        rule: rule.cloned(),
        passed,
        factors: Factor::in_order_of_judging(&application.factors),
        typed_before: 0,
        application,
        waived: Vec::new(),
        enrols: false,
        device: None,
        refused: refused(rule, question),
    };
    plan.settle_password(question);
    plan.typed_before = plan.codes_before_password(question);
    plan.migrate(state, question);
    plan.trust(question);
    let is_enough = is_multi_factor(&plan.factors, question.client.modes.passcode_only);
    plan.recognise(state, question);
    plan.enrol(state, question);
    plan.insist(state, question, is_enough);
    Some(plan)
}

fn refused(rule: Option<&Arc<Rule>>, question: &Question<'_>) -> Option<Refused> {
    let entrance = &question.client.entrance;
    let is_blocked = |address| entrance.blocked.iter().any(|network| network.contains(address));
    let required = &entrance.required_groups;
    if question.address().is_some_and(is_blocked) {
        Some(Refused::NetworkBlocked)
    } else if rule.is_some_and(|rule| rule.then == Then::Refuse) {
        Some(Refused::ByRule)
    } else if !required.is_empty() && question.user.is_some_and(|user| !is_in_any(user, required)) {
        Some(Refused::NotInGroups)
    } else {
        None
    }
}

impl Plan {
    /// A client that checks passwords leaves nothing to prove where nothing else is asked for; the login fails then.
    fn settle_password(&mut self, question: &Question<'_>) {
        if question.client.modes.passcode_only && self.asks_for_password() {
            self.factors.retain(|factor| *factor != Factor::Password);
            self.waived.push((Factor::Password, Waiver::CheckedByClient));
        }
    }

    /// Before trust: who gets in by the password alone has to prove at least that.
    fn migrate(&mut self, state: &State, question: &Question<'_>) {
        let own = question.user.and_then(|user| user.local.as_ref()?.enrol_by_ms);
        let until = self
            .application
            .passthru_until_ms
            .map(|until| until.min(own.unwrap_or(until)));
        let lasts = until.is_some_and(|until_ms| question.now_ms < until_ms);
        if lasts && self.asks_for_password() && question.user.is_some_and(|user| has_never_enrolled(state, user)) {
            self.waive(FactorKind::Code, Waiver::Migration);
        }
    }

    fn trust(&mut self, question: &Question<'_>) {
        if let Some(trusted) = question.trusted() {
            self.waive(trusted.waives, Waiver::TrustedNetwork);
        }
    }

    /// By what the client and the network are, and not by who the user is: nothing is proven yet when it shows.
    fn codes_before_password(&self, question: &Question<'_>) -> usize {
        let is_whole = self.asks_for_password() && question.trusted().is_none();
        match self.application.factors.split_last() {
            Some((Factor::Password, before)) if is_whole => before.len(),
            _ => 0,
        }
    }

    /// A trusted device stands for codes that would have to be proven beside the password, and never for the password itself. After it was asked
    /// whether the factors are enough: the device is the second one, for whom it was trusted had proven one there.
    fn recognise(&mut self, state: &State, question: &Question<'_>) {
        let shown = question.user.zip(question.device);
        let Some(device) = shown.and_then(|(user, proof)| state.trusted_device(user, &proof, question.now_ms)) else {
            return;
        };
        if self.asks_for_password() && self.asks_for_code() {
            self.waive(FactorKind::Code, Waiver::Device);
            self.device = Some(device.id);
        }
    }

    /// After everything that is waived: whom no code is asked of needs no token. Where no challenge is allowed there is no way to show a key.
    fn enrol(&mut self, state: &State, question: &Question<'_>) {
        let way = self.application.enrolment;
        let lacks_token = question.user.is_some_and(|user| has_never_enrolled(state, user));
        if !self.asks_for_code() || !way.fits(&self.factors) || !lacks_token || !question.client.modes.two_step {
            return;
        }
        match way {
            Enrolment::Off => return,
            Enrolment::ByPassword => self.factors.retain(|factor| *factor == Factor::Password),
            Enrolment::ByRegistrationCode => {
                let to_first_token = |factor: &mut Factor| match factor {
                    Factor::Password => {}
                    Factor::Code(kinds) => *kinds = CodeKinds::REGISTRATION,
                };
                self.factors.iter_mut().for_each(to_first_token);
            }
        }
        self.enrols = true;
    }

    /// After everything that is waived: a password that the client has checked counts, what is waived does not.
    /// A first token counts as the code in whose place it is given, and not beside it.
    fn insist(&mut self, state: &State, question: &Question<'_>, is_multi_factor: bool) {
        let needs = question.user.is_some_and(|user| user.needs_mfa(state.policy()));
        if needs && !is_multi_factor {
            self.refused.get_or_insert(Refused::MfaRequired);
        }
        let lacks_pin = question.user.is_some_and(|user| user.pin.is_none());
        if lacks_pin && state.policy().pins == Pins::Required && (self.asks_for_code() || self.enrols) {
            self.refused.get_or_insert(Refused::NoPin);
        }
    }
}

/// Whether a user has never had a token in use: has none at all, or only such as wait for their first code or lead to one. Whoever had one and has lost
/// it is not meant, or losing a token would be a way around it.
pub fn has_never_enrolled(state: &State, user: &User) -> bool {
    state
        .tokens_of(user.id)
        .all(|token| token.standing == Standing::Unverified || token.kind == TokenKind::Registration)
}

/// The groups that a user is in: the directory's and those that are kept here.
pub fn groups_of(user: &User) -> impl Iterator<Item = &str> {
    let directory = user.origin.iter().flat_map(|origin| origin.groups.iter());
    let local = user.local.iter().flat_map(|local| local.groups.iter());
    directory.chain(local).map(|group| &**group)
}

/// Whether a user is in any of these groups.
pub fn is_in_any(user: &User, groups: &[Box<str>]) -> bool {
    groups_of(user).any(|group| groups.iter().any(|wanted| wanted.eq_ignore_ascii_case(group)))
}
