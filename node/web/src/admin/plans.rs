//! What a login would have to prove, and what other rules would change. Nothing is changed by asking.

use quorate_api::{AskedRule, Explain, Explanation, PlannedFactor, WhatIf, WhatIfAnswer, WhatIfChange};
use quorate_app::{ExplainSpec, Explained, WhatIfError, WhatIfSpec};
use quorate_core::plan::Mismatch;

use super::applications::api_factor;
use super::audit::unreadable;
use super::rules;
use crate::call::{Answer, Call, Reply};

pub(crate) async fn explain(call: Call<Explain>) -> Answer<Explanation> {
    let asked = call.body;
    let explained = call.site.administrator.explain(&ExplainSpec {
        client: asked.client,
        user: asked.user,
        calling_station_id: asked.calling_station_id,
        nas_identifier: asked.nas_identifier,
        attributes: asked.attributes.into_iter().collect(),
    })?;
    Ok(Reply::plain(shape(&explained)))
}

pub(crate) async fn what_if(call: Call<WhatIf>) -> Answer<WhatIfAnswer> {
    let asked = call.body;
    let spec = WhatIfSpec {
        rules: asked.rules.into_iter().map(rules::spec).collect(),
        since_ms: asked.since_ms,
        until_ms: asked.until_ms,
        from: asked.after.unwrap_or(0),
    };
    let answer = call.site.administrator.what_if(&call.site.audit, &spec).await;
    let answer = answer.map_err(|error| match error {
        WhatIfError::Admin(error) => error.into(),
        WhatIfError::Audit(error) => unreadable(error),
    });
    let answer = answer?;
    let state = call.site.replica.state();
    let client = |id| {
        let found = state.client(id);
        found.map_or_else(|| id.to_string(), |client| client.name.to_string())
    };
    let changes = answer.changes.into_iter().map(|(rerouted, logins)| WhatIfChange {
        user: rerouted.user,
        client: client(rerouted.client),
        from: rerouted.from,
        to: rerouted.to,
        logins,
    });
    Ok(Reply::plain(WhatIfAnswer {
        changes: changes.collect(),
        logins: answer.logins,
        gone: answer.gone,
        unavailable: answer.unavailable,
        next: answer.next,
    }))
}

fn shape(explained: &Explained) -> Explanation {
    let rules = explained.rules.iter().map(|(rule, mismatch)| AskedRule {
        id: rule.id.to_string(),
        name: rule.name.to_string(),
        matched: mismatch.is_none(),
        mismatch: mismatch.map(|mismatch| match mismatch {
            Mismatch::Attribute(kind) => kind.label().to_owned(),
            other => other.label().to_owned(),
        }),
    });
    let factors = explained
        .factors
        .iter()
        .map(|(factor, waiver, provable)| PlannedFactor {
            factor: api_factor(factor),
            waiver: waiver.map(|waiver| waiver.label().to_owned()),
            provable: *provable,
        });
    Explanation {
        client: explained.client.name.to_string(),
        user: explained.name.to_string(),
        known: explained.user.is_some(),
        groups: explained.groups.clone(),
        address: explained.address.map(|address| address.to_string()),
        rules: rules.collect(),
        application: explained.plan.application.name.to_string(),
        factors: factors.collect(),
        enrols: explained.plan.enrols,
        refusals: explained
            .refusals
            .iter()
            .map(|reason| reason.label().to_owned())
            .collect(),
    }
}
