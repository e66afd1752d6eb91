//! Explaining what a login would have to prove, and what other rules would have changed of logins of the past.
//!
//! Both ask the same pure function that judges logins ([`quorate_core::plan`]); no login is run and nothing is consumed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use quorate_core::audit::{Entry, LoginEntry};
use quorate_core::plan::{Mismatch, Plan, Question, Waiver, groups_of, plan, plan_by};
use quorate_core::{
    Attribute, AttributeKind, Client, ClientId, Factor, Reason, Revision, Rule, RuleId, State, User, UserName,
    limits as core_limits, method,
};
use tokio::time::Instant;

use super::rules::{attribute_names, settings};
use super::{AdminError, Administrator, RuleSpec};
use crate::audit::{AuditError, AuditFilter, AuditQuery, AuditReader};
use crate::fields::FieldErrors;
use crate::limits;
use crate::ports::Order;

/// A login to be explained, as typed.
#[derive(Debug, Clone, Default)]
pub struct ExplainSpec {
    /// Id or name.
    pub client: String,
    /// As typed at a login, or an id.
    pub user: String,
    pub calling_station_id: Option<String>,
    pub nas_identifier: Option<String>,
    /// Names of RADIUS and values.
    pub attributes: Vec<(String, String)>,
}

/// What a login would have to prove, and why.
#[derive(Debug, Clone)]
pub struct Explained {
    pub client: Arc<Client>,
    pub name: UserName,
    pub user: Option<Arc<User>>,
    pub groups: Vec<String>,
    /// The user's own address.
    pub address: Option<IpAddr>,
    /// The rules that were asked, each with why it does not count.
    pub rules: Vec<(Arc<Rule>, Option<Mismatch>)>,
    pub plan: Plan,
    /// The application's factors, each with why it need not be proven, and whether the user has what proves it.
    pub factors: Vec<(Factor, Option<Waiver>, bool)>,
    /// Why the login would be rejected whatever is proven.
    pub refusals: Vec<Reason>,
}

impl Administrator {
    /// Explains a login.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] names every field that cannot be taken as it is.
    pub fn explain(&self, spec: &ExplainSpec) -> Result<Explained, AdminError> {
        let state = self.state();
        let mut errors = FieldErrors::default();
        let client = self.find_client(&spec.client).ok();
        errors.require(
            client.is_some(),
            "client",
            "does not exist",
            "the id or the name of a RADIUS client",
        );
        let user = self.find_user(&spec.user).ok();
        let name = match &user {
            Some(user) => Some(user.name.clone()),
            None => {
                let name = self.check_user_name(&mut errors, "user", &spec.user);
                name.map(|name| state.meant(&name))
            }
        };
        let attributes = attributes(&mut errors, &spec.attributes);
        let (client, name) = errors.finish_with(client.zip(name))?;
        let question = Question {
            client: &client,
            user: user.as_deref(),
            name: Some(&name),
            calling_station_id: spec.calling_station_id.as_deref().map(str::as_bytes),
            nas_identifier: spec.nas_identifier.as_deref().map(str::as_bytes),
            attributes: &attributes,
            device: None,
            now_ms: self.clock.now_ms(),
        };
        let plan = plan(&state, &question).ok_or(AdminError::NotFound { what: "application" })?;
        let found = |id| state.rule(id).cloned();
        let passed = plan
            .passed
            .iter()
            .filter_map(|(id, why)| Some((found(*id)?, Some(*why))));
        Ok(Explained {
            rules: passed.chain(plan.rule.clone().map(|rule| (rule, None))).collect(),
            groups: user
                .iter()
                .flat_map(|user| groups_of(user))
                .map(str::to_owned)
                .collect(),
            address: question.address(),
            factors: factors(&state, &plan, &question),
            refusals: refusals(&plan, &question),
            client: client.clone(),
            user: user.clone(),
            name: name.clone(),
            plan,
        })
    }
}

fn attributes(errors: &mut FieldErrors, typed: &[(String, String)]) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    for (name, text) in typed {
        let field = format!("attributes.{name}");
        let kind = AttributeKind::of_label(name);
        match kind.and_then(|kind| Some((kind, kind.value(text)?))) {
            Some((kind, value)) => attributes.push(Attribute { kind, value }),
            None if kind.is_some() => errors.add(field, "has no such value", "an address, a number or a text"),
            None => errors.add(field, "is no attribute that rules may ask about", attribute_names()),
        }
    }
    attributes
}

/// In the application's order.
fn factors(state: &State, plan: &Plan, question: &Question<'_>) -> Vec<(Factor, Option<Waiver>, bool)> {
    let mut waived = plan.waived.clone();
    let user = question.user;
    let tokens = user.map_or_else(Vec::new, |user| {
        method::usable(state.tokens_of(user.id), question.now_ms)
    });
    let provable = |factor: Factor| match factor {
        Factor::Password => user.is_some_and(|user| user.password.is_some() || user.origin.is_some()),
        Factor::Code(_) if plan.enrols => plan.factors.iter().all(|asked| match asked {
            Factor::Password => true,
            Factor::Code(_) => tokens.iter().any(|token| asked.takes(token.kind.code_kind())),
        }),
        Factor::Code(_) => tokens.iter().any(|token| factor.takes(token.kind.code_kind())),
    };
    let mut left_out = |factor: Factor| {
        let place = waived.iter().position(|(other, _)| *other == factor)?;
        Some(waived.remove(place).1)
    };
    let asked = plan.application.factors.iter().copied();
    asked
        .map(|factor| (factor, left_out(factor), provable(factor)))
        .collect()
}

/// All of them, and not only the one that a login would be told.
fn refusals(plan: &Plan, question: &Question<'_>) -> Vec<Reason> {
    let user = question.user;
    let when = |holds: bool, reason: Reason| holds.then_some(reason);
    [
        when(!question.client.enabled, Reason::ClientDisabled),
        when(!plan.application.enabled, Reason::ApplicationDisabled),
        when(user.is_none(), Reason::UnknownUser),
        when(user.is_some_and(|user| !user.enabled), Reason::UserDisabled),
        when(user.is_some_and(|user| !user.is_active()), Reason::DisabledInDirectory),
        when(user.is_some_and(|user| user.locked_at(question.now_ms)), Reason::Locked),
        when(plan.factors.is_empty(), Reason::NothingToProve),
        plan.refused.map(|refused| refused.reason()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Rules to try on logins of the past.
#[derive(Debug, Clone, Default)]
pub struct WhatIfSpec {
    /// All of them, in the order of their positions.
    pub rules: Vec<RuleSpec>,
    pub since_ms: Option<u64>,
    pub until_ms: Option<u64>,
    /// The number of the first record to look at.
    pub from: u64,
}

/// What a draft would change, over a part of the audit.
#[derive(Debug, Clone, Default)]
pub struct WhatIf {
    /// Logins by what would change.
    pub changes: BTreeMap<Rerouted, u64>,
    /// Logins that were looked at.
    pub logins: u64,
    /// Logins whose user or client is gone.
    pub gone: u64,
    /// Records that are not on this node now.
    pub unavailable: u64,
    /// Where to go on; none when all was looked at.
    pub next: Option<u64>,
}

/// A user through a client, and the way of its logins before and after.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rerouted {
    pub user: String,
    pub client: ClientId,
    pub from: String,
    pub to: String,
}

/// Why a draft cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl Administrator {
    /// Plans recorded logins by the rules that there are and by a draft, over the state of now, and tells where that differs. Looks at a bounded
    /// number of records: go on from [`WhatIf::next`].
    ///
    /// # Errors
    /// [`WhatIfError`].
    pub async fn what_if(&self, audit: &AuditReader, spec: &WhatIfSpec) -> Result<WhatIf, WhatIfError> {
        let state = self.state();
        let draft = draft(&state, &spec.rules)?;
        let page = audit
            .list(AuditQuery {
                filter: AuditFilter {
                    names: self.names.clone(),
                    since_ms: spec.since_ms,
                    until_ms: spec.until_ms,
                    ..AuditFilter::default()
                },
                range: spec.from..u64::MAX,
                order: Order::OldestFirst,
                limit: limits::WHAT_IF_RECORDS,
                deadline: Instant::now() + limits::AUDIT_LOOK,
            })
            .await?;
        let mut answer = WhatIf {
            unavailable: page.unavailable,
            next: (!page.left.is_empty()).then_some(page.left.start),
            ..WhatIf::default()
        };
        let now_ms = self.clock.now_ms();
        for record in &page.records {
            let Entry::Login(login) = &record.entry else { continue };
            answer.logins += 1;
            match self.reroute(&state, &draft, login, now_ms) {
                None => answer.gone += 1,
                Some(rerouted) if rerouted.from == rerouted.to => {}
                Some(rerouted) => *answer.changes.entry(rerouted).or_default() += 1,
            }
        }
        Ok(answer)
    }

    /// None if who or what logged in is gone.
    fn reroute(&self, state: &State, draft: &[Arc<Rule>], login: &LoginEntry, now_ms: u64) -> Option<Rerouted> {
        let client = state.client(login.client)?;
        let user = match login.user {
            Some(id) => Some(state.user(id)?),
            None => None,
        };
        let typed = self.names.fold_bytes(&login.facts.user_name).ok();
        let typed = typed.map(|name| state.meant(&name));
        let name = user.map(|user| &user.name).or(typed.as_ref());
        // A device that is trusted no more stood for nothing then that counts now.
        let device = login.device.and_then(|device| state.device(device));
        let question = Question {
            device: device.map(|device| device.proof()),
            ..Question::of_facts(client, user.map(|user| &**user), name, &login.facts, now_ms)
        };
        Some(Rerouted {
            user: name.map_or_else(|| "?".to_owned(), ToString::to_string),
            client: client.id,
            from: way(&plan(state, &question)?),
            to: way(&plan_by(state, draft, &question)?),
        })
    }
}

fn draft(state: &State, specs: &[RuleSpec]) -> Result<Vec<Arc<Rule>>, AdminError> {
    let mut errors = FieldErrors::default();
    let max = core_limits::RULES;
    errors.check_count("rules", specs.len(), max);
    let mut rules = Vec::new();
    let mut position = 0;
    for (place, spec) in specs.iter().enumerate().take(max) {
        let prefix = format!("rules[{place}].");
        errors.check_label(&format!("{prefix}name"), &spec.name, false);
        position = spec.position.unwrap_or(position + limits::RULE_STEP);
        let placed = RuleSpec {
            position: Some(position),
            ..spec.clone()
        };
        let id = RuleId(place as u64);
        rules.extend(
            settings(&mut errors, state, &placed, &prefix)
                .map(|settings| Arc::new(settings.rule(id, true, Revision::default()))),
        );
    }
    errors.finish()?;
    rules.sort_by_key(|rule| (rule.position, rule.id));
    Ok(rules)
}

/// The way of a login in words: what two plans are compared by.
fn way(plan: &Plan) -> String {
    if let Some(refused) = plan.refused {
        return refused.reason().label().to_owned();
    }
    let factor = |factor: &Factor| match factor.code_kinds() {
        None => "password".to_owned(),
        Some(_) if *factor == Factor::ANY_CODE => "code".to_owned(),
        Some(kinds) => kinds.iter().map(|kind| kind.label()).collect::<Vec<_>>().join("+"),
    };
    let mut factors: Vec<String> = plan.factors.iter().map(factor).collect();
    if plan.typed_before > 0 {
        factors.rotate_left(1);
    }
    format!("{} ({})", plan.application.name, factors.join(", "))
}
