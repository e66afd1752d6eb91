//! Rules that choose an application: create, change, disable, enable, delete.

use std::sync::Arc;

use quorate_core::change::{ChangeRule, CreateRule, DeleteRule, DisableRule, EnableRule, RuleSettings};
use quorate_core::{
    Actor, ApplicationId, AttributeKind, AttributeTest, Change, Cidr, ClientId, Revision, Rule, RuleId, State, Then,
    When, limits as core_limits,
};

use super::{AdminError, Administrator};
use crate::fields::FieldErrors;
use crate::limits;

/// What an administrator may set of a rule, as typed.
#[derive(Debug, Clone, Default)]
pub struct RuleSpec {
    pub name: String,
    /// After the last rule, if none.
    pub position: Option<u32>,
    /// Id or name.
    pub client: Option<String>,
    pub groups: Vec<String>,
    /// With `*` and `?`.
    pub user: Option<String>,
    /// Addresses or ranges in CIDR notation.
    pub networks: Vec<String>,
    /// Names of RADIUS and values, with `*` and `?`.
    pub attributes: Vec<(String, String)>,
    /// Id or name; none for a rule that refuses.
    pub application: Option<String>,
    pub refuse: bool,
}

impl Administrator {
    /// Creates a rule.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_rule(&self, actor: Actor, spec: RuleSpec) -> Result<Arc<Rule>, AdminError> {
        let settings = check_rule(&self.state(), &spec)?;
        let id = RuleId(self.random_id());
        self.administer(actor, vec![Change::CreateRule(CreateRule { id, settings })])
            .await?;
        self.read_rule(id)
    }

    /// Changes all settings of a rule.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change_rule(
        &self,
        actor: Actor,
        rule: RuleId,
        expected: Option<Revision>,
        spec: RuleSpec,
    ) -> Result<Arc<Rule>, AdminError> {
        let settings = check_rule(&self.state(), &spec)?;
        let change = Change::ChangeRule(ChangeRule {
            rule,
            expected,
            settings,
        });
        self.change_one_rule(actor, rule, change).await
    }

    /// Disables a rule: it is passed over.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable_rule(
        &self,
        actor: Actor,
        rule: RuleId,
        expected: Option<Revision>,
    ) -> Result<Arc<Rule>, AdminError> {
        let change = Change::DisableRule(DisableRule { rule, expected });
        self.change_one_rule(actor, rule, change).await
    }

    /// Takes a disable back.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable_rule(
        &self,
        actor: Actor,
        rule: RuleId,
        expected: Option<Revision>,
    ) -> Result<Arc<Rule>, AdminError> {
        let change = Change::EnableRule(EnableRule { rule, expected });
        self.change_one_rule(actor, rule, change).await
    }

    /// Deletes a rule.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn delete_rule(&self, actor: Actor, rule: RuleId, expected: Option<Revision>) -> Result<(), AdminError> {
        self.read_rule(rule)?;
        let change = Change::DeleteRule(DeleteRule { rule, expected });
        self.administer(actor, vec![change]).await.map(drop)
    }

    /// A rule by id (`r-…`) or name.
    ///
    /// # Errors
    /// [`AdminError::NotFound`].
    pub fn find_rule(&self, text: &str) -> Result<Arc<Rule>, AdminError> {
        let state = self.state();
        let by_id = text.parse().ok().and_then(|id| state.rule(id));
        by_id
            .or_else(|| state.rule_by_name(text))
            .cloned()
            .ok_or(AdminError::NotFound { what: "rule" })
    }

    fn read_rule(&self, id: RuleId) -> Result<Arc<Rule>, AdminError> {
        let state = self.state();
        state.rule(id).cloned().ok_or(AdminError::NotFound { what: "rule" })
    }

    async fn change_one_rule(&self, actor: Actor, rule: RuleId, change: Change) -> Result<Arc<Rule>, AdminError> {
        self.read_rule(rule)?;
        self.administer(actor, vec![change]).await?;
        self.read_rule(rule)
    }
}

fn check_rule(state: &State, spec: &RuleSpec) -> Result<RuleSettings, AdminError> {
    let mut errors = FieldErrors::default();
    errors.check_name::<RuleId>(&spec.name);
    let settings = settings(&mut errors, state, spec, "");
    Ok(errors.finish_with(settings)?)
}

/// The settings of a rule, or of one of a draft, whose fields begin with `prefix`.
pub(super) fn settings(errors: &mut FieldErrors, state: &State, spec: &RuleSpec, prefix: &str) -> Option<RuleSettings> {
    let field = |name: &str| format!("{prefix}{name}");
    let client = client(errors, state, spec, &field("when.client"));
    let then = then(errors, state, spec, prefix);
    let groups = check_groups(errors, &field("when.groups"), &spec.groups);
    let networks = check_networks(errors, &field("when.networks"), &spec.networks);
    let attributes = attributes(errors, spec, &field("when.attributes"));
    let user = spec.user.as_ref().map(|pattern| pattern.to_lowercase());
    if let Some(pattern) = &user {
        errors.check_label(&field("when.user"), pattern, false);
    }
    let last = state.rules().last().map_or(0, |rule| rule.position);
    Some(RuleSettings {
        name: spec.name.as_str().into(),
        position: spec.position.unwrap_or(last.saturating_add(limits::RULE_STEP)),
        when: When {
            client,
            groups,
            user: user.map(Into::into),
            networks,
            attributes,
        },
        then: then?,
    })
}

fn client(errors: &mut FieldErrors, state: &State, spec: &RuleSpec, field: &str) -> Option<ClientId> {
    let text = spec.client.as_ref()?;
    let by_id = text.parse().ok().and_then(|id| state.client(id));
    let found = by_id.or_else(|| state.client_by_name(text)).map(|client| client.id);
    errors.require(
        found.is_some(),
        field,
        "does not exist",
        "the id or the name of a RADIUS client",
    );
    found
}

fn then(errors: &mut FieldErrors, state: &State, spec: &RuleSpec, prefix: &str) -> Option<Then> {
    let field = format!("{prefix}application");
    match (&spec.application, spec.refuse) {
        (None, true) => Some(Then::Refuse),
        (Some(text), false) => {
            let by_id = text.parse().ok().and_then(|id: ApplicationId| state.application(id));
            let found = by_id.or_else(|| state.application_by_name(text));
            errors.require(
                found.is_some(),
                &field,
                "does not exist",
                "the id or the name of an application",
            );
            found.map(|application| Then::Application(application.id))
        }
        (None, false) | (Some(_), true) => {
            errors.add(field, "does not go with refuse", "either an application, or refuse");
            None
        }
    }
}

fn attributes(errors: &mut FieldErrors, spec: &RuleSpec, field: &str) -> Box<[AttributeTest]> {
    errors.check_count(field, spec.attributes.len(), core_limits::ATTRIBUTES_PER_RULE);
    let mut tests = Vec::new();
    for (name, value) in &spec.attributes {
        let field = format!("{field}.{name}");
        errors.check_label(&field, value, false);
        match AttributeKind::of_label(name) {
            Some(kind) => tests.push(AttributeTest {
                kind,
                value: value.as_str().into(),
            }),
            None => errors.add(field, "is no attribute that rules may ask about", attribute_names()),
        }
    }
    tests.into()
}

/// The attributes that rules may ask about, as a hint.
pub(super) fn attribute_names() -> String {
    AttributeKind::ALL.map(AttributeKind::label).join(", ")
}

/// Groups that a rule or a client names.
pub(super) fn check_groups(errors: &mut FieldErrors, field: &str, groups: &[String]) -> Box<[Box<str>]> {
    errors.check_groups(field, groups, core_limits::GROUPS_PER_RULE);
    groups.iter().map(|group| group.as_str().into()).collect()
}

/// Networks that a rule or a client names.
pub(super) fn check_networks(errors: &mut FieldErrors, field: &str, texts: &[String]) -> Box<[Cidr]> {
    errors.check_count(field, texts.len(), core_limits::NETWORKS_PER_RULE);
    let numbered = texts.iter().enumerate();
    numbered
        .filter_map(|(place, text)| errors.check_network(&format!("{field}[{place}]"), text))
        .collect()
}
