//! Whether a rule's conditions hold, and which is the first that does not.

use crate::{
    plan::{Question, glob, is_in_any},
    records::{AttributeKind, AttributeTest, Rule, When},
};

/// Why a rule does not count for a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// It is disabled.
    Disabled,
    /// The login comes through another client.
    Client,
    /// The name is not like the pattern.
    User,
    /// The user's address is in none of the networks.
    Network,
    /// The client does not tell the user's address.
    NoAddress,
    /// This attribute has another value, or is not there.
    Attribute(AttributeKind),
    /// The user is in none of the groups.
    Group,
}

impl Mismatch {
    /// A stable word for JSON and scripts.
    pub fn label(self) -> &'static str {
        match self {
            Mismatch::Disabled => "disabled",
            Mismatch::Client => "client",
            Mismatch::User => "user",
            Mismatch::Network => "network",
            Mismatch::NoAddress => "no_address",
            Mismatch::Attribute(_) => "attribute",
            Mismatch::Group => "group",
        }
    }
}

/// The first condition that does not hold: the cheap ones first, for this runs with every verdict on every node.
pub(super) fn mismatch(rule: &Rule, question: &Question<'_>) -> Option<Mismatch> {
    let When {
        client,
        groups,
        user,
        networks,
        attributes,
    } = &rule.when;
    if !rule.enabled {
        return Some(Mismatch::Disabled);
    }
    if client.is_some_and(|client| client != question.client.id) {
        return Some(Mismatch::Client);
    }
    if user.as_deref().is_some_and(|pattern| !is_named_like(question, pattern)) {
        return Some(Mismatch::User);
    }
    if !networks.is_empty() {
        match question.address() {
            None => return Some(Mismatch::NoAddress),
            Some(address) if networks.iter().any(|network| network.contains(address)) => (),
            Some(_) => return Some(Mismatch::Network),
        }
    }
    if let Some(test) = attributes.iter().find(|test| !holds(test, question)) {
        return Some(Mismatch::Attribute(test.kind));
    }
    let is_member = groups.is_empty() || question.user.is_some_and(|user| is_in_any(user, groups));
    (!is_member).then_some(Mismatch::Group)
}

fn is_named_like(question: &Question<'_>, pattern: &str) -> bool {
    question.name.is_some_and(|name| match pattern.contains('@') {
        true => glob::is_like(&format!("{}@{}", name.name, name.domain), pattern),
        false => glob::is_like(&name.name, pattern),
    })
}

fn holds(test: &AttributeTest, question: &Question<'_>) -> bool {
    let text = question.attribute(test.kind).and_then(|value| test.kind.text(value));
    text.is_some_and(|text| glob::is_like(&text, &test.value))
}
