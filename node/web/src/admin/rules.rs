//! Rules that choose an application.

use quorate_api::{ChangeRule, CreateRule, Nothing, Page, PageQuery, Previewed, Rule, RuleConditions};
use quorate_app::RuleSpec;
use quorate_core::{RuleId, Then};

use super::{care, paging};
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<Rule>> {
    let query: PageQuery = call.query()?;
    let state = call.site.replica.state();
    let after = match query.after.as_deref().map(str::parse::<RuleId>) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => return Err(Failure::field("after", "is no rule", "the `next` of the page before")),
    };
    // A rule that was deleted or moved meanwhile: begin again rather than leave one out.
    let place = after.and_then(|id| state.rules().position(|rule| rule.id == id));
    let rules = state.rules().skip(place.map_or(0, |place| place + 1));
    Ok(Reply::plain(paging::cut(
        rules,
        &query,
        |rule| shape(rule),
        |rule| rule.id.to_string(),
    )?))
}

pub(crate) async fn create(call: Call<CreateRule>) -> Answer<Previewed<Rule>> {
    let administrator = care::asked(&call)?;
    let spec = spec(call.body);
    let created = administrator.create_rule(call.actor, spec).await;
    care::reply(&administrator.state(), created, |rule| reply(&rule))
}

pub(crate) async fn show(call: Call<Nothing>) -> Answer<Rule> {
    Ok(reply(&*call.site.administrator.find_rule(call.name())?))
}

pub(crate) async fn change(call: Call<ChangeRule>) -> Answer<Previewed<Rule>> {
    let administrator = care::asked(&call)?;
    let former = call.site.administrator.find_rule(call.name())?;
    let ChangeRule {
        name,
        position,
        when,
        application,
        refuse,
    } = call.body;
    let kept = shape(&former);
    let says_where = application.is_some() || refuse;
    let spec = spec(CreateRule {
        name: name.unwrap_or(kept.name),
        position: Some(position.unwrap_or(kept.position)),
        when: when.unwrap_or(kept.when),
        application: if says_where { application } else { kept.application },
        refuse: if says_where { refuse } else { kept.refuse },
    });
    // What the request leaves out was read just now, so the change is conditional in any case.
    let expected = call.expected.or(Some(former.revision));
    let changed = administrator.change_rule(call.actor, former.id, expected, spec).await;
    care::reply(&administrator.state(), changed, |rule| reply(&rule))
}

pub(crate) async fn delete(call: Call<Nothing>) -> Answer<Previewed<Nothing>> {
    let administrator = care::asked(&call)?;
    let rule = call.site.administrator.find_rule(call.name())?.id;
    let deleted = administrator.delete_rule(call.actor, rule, call.expected).await;
    care::reply(&administrator.state(), deleted, |()| Reply::plain(Nothing))
}

pub(crate) async fn disable(call: Call<Nothing>) -> Answer<Previewed<Rule>> {
    let administrator = care::asked(&call)?;
    let rule = call.site.administrator.find_rule(call.name())?.id;
    let changed = administrator.disable_rule(call.actor, rule, call.expected).await;
    care::reply(&administrator.state(), changed, |rule| reply(&rule))
}

pub(crate) async fn enable(call: Call<Nothing>) -> Answer<Previewed<Rule>> {
    let administrator = care::asked(&call)?;
    let rule = call.site.administrator.find_rule(call.name())?.id;
    let changed = administrator.enable_rule(call.actor, rule, call.expected).await;
    care::reply(&administrator.state(), changed, |rule| reply(&rule))
}

/// A rule as asked for; also one of a draft.
pub(super) fn spec(asked: CreateRule) -> RuleSpec {
    let RuleConditions {
        client,
        groups,
        user,
        networks,
        attributes,
    } = asked.when;
    RuleSpec {
        name: asked.name,
        position: asked.position,
        client,
        groups,
        user,
        networks,
        attributes: attributes.into_iter().collect(),
        application: asked.application,
        refuse: asked.refuse,
    }
}

fn reply(rule: &quorate_core::Rule) -> Reply<Rule> {
    Reply::revised(shape(rule), rule.revision.0)
}

fn shape(rule: &quorate_core::Rule) -> Rule {
    let when = &rule.when;
    let tests = when.attributes.iter();
    Rule {
        id: rule.id.to_string(),
        name: rule.name.to_string(),
        position: rule.position,
        enabled: rule.enabled,
        when: RuleConditions {
            client: when.client.map(|client| client.to_string()),
            groups: when.groups.iter().map(ToString::to_string).collect(),
            user: when.user.as_deref().map(str::to_owned),
            networks: when.networks.iter().map(ToString::to_string).collect(),
            attributes: tests
                .map(|test| (test.kind.label().to_owned(), test.value.to_string()))
                .collect(),
        },
        application: match rule.then {
            Then::Application(application) => Some(application.to_string()),
            Then::Refuse => None,
        },
        refuse: rule.then == Then::Refuse,
        revision: rule.revision.0,
    }
}
