//! Changes to the rules that choose an application.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, require, require_free},
    event::Event,
    ids::{Revision, RuleId},
    limits, names,
    outcome::{Field, Refusal},
    records::{AttributeTest, Cidr, Rule, Then, When},
    state::State,
};

/// What an administrator may set of a rule; see [`Rule`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RuleSettings {
    /// Unique among rules.
    #[n(0)]
    pub name: Box<str>,
    /// The lowest is asked first.
    #[n(1)]
    pub position: u32,
    /// Which logins.
    #[n(2)]
    pub when: When,
    /// What with them.
    #[n(3)]
    pub then: Then,
}

/// A new rule, enabled.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CreateRule {
    /// Random.
    #[n(0)]
    pub id: RuleId,
    /// What it is like.
    #[n(1)]
    pub settings: RuleSettings,
}

/// Other settings of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChangeRule {
    /// Which rule.
    #[n(0)]
    pub rule: RuleId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// What it is like from now on.
    #[n(2)]
    pub settings: RuleSettings,
}

/// A rule that is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DisableRule {
    /// Which rule.
    #[n(0)]
    pub rule: RuleId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Takes a disable back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EnableRule {
    /// Which rule.
    #[n(0)]
    pub rule: RuleId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Removes a rule.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeleteRule {
    /// Which rule.
    #[n(0)]
    pub rule: RuleId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

impl CreateRule {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        self.settings.check(state, self.id)?;
        if state.rule(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        if state.rules().count() >= limits::RULES {
            return Err(Refusal::LimitReached);
        }
        Ok(saved(self.settings.rule(self.id, true, revision)))
    }
}

impl ChangeRule {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let rule = expected_rule(state, self.rule, self.expected)?;
        self.settings.check(state, rule.id)?;
        Ok(saved(self.settings.rule(rule.id, rule.enabled, revision)))
    }
}

impl DisableRule {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        stand(expected_rule(state, self.rule, self.expected)?, false, revision)
    }
}

impl EnableRule {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        stand(expected_rule(state, self.rule, self.expected)?, true, revision)
    }
}

impl DeleteRule {
    pub(super) fn decide(&self, state: &State, _revision: Revision) -> Result<Effect, Refusal> {
        let rule = expected_rule(state, self.rule, self.expected)?;
        Ok(Effect {
            events: vec![Event::RuleDeleted(rule.id)],
            object: Object::Rule(rule.id),
            name: rule.name.clone(),
        })
    }
}

impl RuleSettings {
    /// The rule with these settings.
    pub fn rule(&self, id: RuleId, enabled: bool, revision: Revision) -> Rule {
        Rule {
            id,
            name: self.name.clone(),
            position: self.position,
            enabled,
            when: self.when.clone(),
            then: self.then,
            revision,
        }
    }

    fn check(&self, state: &State, own: RuleId) -> Result<(), Refusal> {
        require(names::is_name(&self.name), Field::Name)?;
        self.check_values(state)?;
        require_free(state.rule_by_name(&self.name).map(|rule| rule.id), own)
    }

    /// Whether everything but the name is in its bounds: what a draft has to be too.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] names the first value that is not.
    pub fn check_values(&self, state: &State) -> Result<(), Refusal> {
        let When {
            client,
            groups,
            user,
            networks,
            attributes,
        } = &self.when;
        require(
            client.is_none_or(|client| state.client(client).is_some()),
            Field::RuleClient,
        )?;
        require(are_groups(groups), Field::Groups)?;
        require(user.as_deref().is_none_or(names::is_name), Field::UserPattern)?;
        require(are_networks(networks), Field::Networks)?;
        let is_test = |test: &AttributeTest| names::is_name(&test.value);
        require(
            attributes.len() <= limits::ATTRIBUTES_PER_RULE && attributes.iter().all(is_test),
            Field::RadiusAttributes,
        )?;
        match self.then {
            Then::Refuse => Ok(()),
            Then::Application(application) => require(state.application(application).is_some(), Field::Application),
        }
    }
}

/// Whether a rule or a client may name these groups.
pub(super) fn are_groups(groups: &[Box<str>]) -> bool {
    groups.len() <= limits::GROUPS_PER_RULE && groups.iter().all(|group| names::is_name(group))
}

/// Whether a rule or a client may name these networks.
pub(super) fn are_networks(networks: &[Cidr]) -> bool {
    networks.len() <= limits::NETWORKS_PER_RULE && networks.iter().all(Cidr::is_valid)
}

fn stand(rule: &Rule, enabled: bool, revision: Revision) -> Result<Effect, Refusal> {
    Ok(saved(Rule {
        enabled,
        revision,
        ..rule.clone()
    }))
}

fn expected_rule(state: &State, id: RuleId, expected: Option<Revision>) -> Result<&Rule, Refusal> {
    let rule = state.rule(id).ok_or(Refusal::NotFound)?;
    expect(rule.revision, expected)?;
    Ok(rule)
}

fn saved(rule: Rule) -> Effect {
    let (object, name) = (Object::Rule(rule.id), rule.name.clone());
    Effect {
        events: vec![Event::RuleSaved(Arc::new(rule))],
        object,
        name,
    }
}
