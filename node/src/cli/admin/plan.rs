//! `quorate policy explain` and `quorate policy whatif`: what a login would have to prove, and what other rules would change.

use std::{collections::BTreeMap, fmt::Write, path::PathBuf};

use clap::Args;
use quorate_api::{CreateRule, Explain, Explanation, PlannedFactor, WhatIf, WhatIfAnswer, WhatIfChange, endpoints};
use serde::{Deserialize, Serialize};

use crate::cli::{
    Context,
    admin::{audit::filter, rule},
    api::Api,
    exit::{Done, Exit, Failure},
    output::{Table, now_ms},
};

/// A login to explain.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The user name as it would be typed
    #[arg(long)]
    user: String,
    /// The RADIUS client that would ask
    #[arg(long)]
    client: String,
    /// The user's own address, as the client tells it in Calling-Station-Id
    #[arg(long, value_name = "ADDRESS")]
    source: Option<String>,
    /// The NAS-Identifier of the request
    #[arg(long)]
    nas_identifier: Option<String>,
    /// Another attribute of the request, such as NAS-Port-Type=19; repeat for more
    #[arg(long, value_name = "NAME=VALUE", value_parser = rule::attribute)]
    attribute: Vec<(String, String)>,
}

impl ExplainArgs {
    pub async fn perform(self, api: &Api, context: &Context) -> Done {
        let explain = Explain {
            client: self.client,
            user: self.user,
            calling_station_id: self.source,
            nas_identifier: self.nas_identifier,
            attributes: self.attribute.into_iter().collect(),
        };
        let explanation = api.tell(endpoints::EXPLAIN, &[], &explain).await?;
        context.format.show(&explanation, tree);
        Ok(())
    }
}

/// Rules to try on logins of the past.
#[derive(Debug, Args)]
#[command(after_help = "\
The draft is TOML: all rules, as they would be, in their order.

  [[rules]]
  name = \"admins\"
  application = \"strict\"            # or: refuse = true
  when.user = \"adm-*\"
  when.groups = [\"administrators\"]
  when.client = \"vpn\"
  when.networks = [\"10.0.0.0/8\"]
  when.attributes = { NAS-Port-Type = \"19\" }

Recorded logins are planned twice, by the rules that there are and by the draft, over users, groups and clients as they are now.")]
pub struct WhatIfArgs {
    /// Logins from then on: 90m, 24h or 7d ago, or a date in UTC
    #[arg(long, value_name = "WHEN", default_value = "7d")]
    since: String,
    /// Logins before then
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// The file with the draft
    #[arg(long, value_name = "FILE")]
    rules: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    #[serde(default)]
    rules: Vec<CreateRule>,
}

/// What all pages together say.
#[derive(Serialize)]
struct Summary {
    logins: u64,
    gone: u64,
    unavailable: u64,
    changes: Vec<WhatIfChange>,
}

impl WhatIfArgs {
    pub async fn perform(self, api: &Api, context: &Context) -> Done {
        let now_ms = now_ms();
        let mut asked = WhatIf {
            rules: self.draft()?,
            since_ms: Some(filter::time_ms(&self.since, now_ms)?),
            until_ms: self
                .until
                .as_ref()
                .map(|until| filter::time_ms(until, now_ms))
                .transpose()?,
            after: None,
        };
        let mut found = Found::default();
        loop {
            let answer = api.tell(endpoints::WHAT_IF, &[], &asked).await?;
            asked.after = answer.next;
            found.take(answer);
            if asked.after.is_none() {
                break;
            }
        }
        context.format.show(&found.summary(), summary_text);
        Ok(())
    }

    fn draft(&self) -> Done<Vec<CreateRule>> {
        let name = self.rules.display();
        let text = std::fs::read_to_string(&self.rules)
            .map_err(|error| Failure::system(format!("cannot read {name}"), error))?;
        let draft: Draft = toml::from_str(&text).map_err(|error| {
            Failure::new(Exit::Refused, format!("{name} is no draft of rules: {error}"))
                .advise("quorate policy whatif --help shows what it looks like")
        })?;
        Ok(draft.rules)
    }
}

/// Pages put together.
#[derive(Default)]
struct Found {
    changes: BTreeMap<[String; 4], u64>,
    logins: u64,
    gone: u64,
    unavailable: u64,
}

impl Found {
    fn take(&mut self, answer: WhatIfAnswer) {
        for change in answer.changes {
            let key = [change.user, change.client, change.from, change.to];
            *self.changes.entry(key).or_default() += change.logins;
        }
        self.logins += answer.logins;
        self.gone += answer.gone;
        self.unavailable += answer.unavailable;
    }

    fn summary(self) -> Summary {
        let change = |([user, client, from, to], logins): ([String; 4], u64)| WhatIfChange {
            user,
            client,
            from,
            to,
            logins,
        };
        Summary {
            logins: self.logins,
            gone: self.gone,
            unavailable: self.unavailable,
            changes: self.changes.into_iter().map(change).collect(),
        }
    }
}

fn summary_text(summary: &Summary) -> String {
    let mut table = Table::new(&["USER", "CLIENT", "LOGINS", "NOW", "BY THE DRAFT"]);
    for change in &summary.changes {
        table.row(vec![
            change.user.clone(),
            change.client.clone(),
            change.logins.to_string(),
            change.from.clone(),
            change.to.clone(),
        ]);
    }
    let mut text = table.render("The draft would change nothing.");
    let _ = write!(text, "\n\n{} logins were looked at", summary.logins);
    if summary.gone > 0 {
        let _ = write!(text, "; of {} the user or the client is gone", summary.gone);
    }
    if summary.unavailable > 0 {
        let _ = write!(text, "; {} records are not on this node now", summary.unavailable);
    }
    text.push('.');
    text
}

/// The plan as a tree that is read from the top.
fn tree(explanation: &Explanation) -> String {
    let Explanation {
        client,
        user,
        known,
        groups,
        address,
        rules,
        application,
        factors,
        enrols,
        refusals,
    } = explanation;
    let mut lines = vec![format!("{user} through {client}")];
    lines.push(match known {
        false => "├─ nobody here has this name".to_owned(),
        true if groups.is_empty() => "├─ in no group".to_owned(),
        true => format!("├─ in {}", groups.join(", ")),
    });
    lines.push(match address {
        Some(address) => format!("├─ from {address}"),
        None => "├─ from no known address".to_owned(),
    });
    lines.push("├─ rules".to_owned());
    for rule in rules {
        lines.push(match &rule.mismatch {
            None => format!("│  ├─ {}: matches", rule.name),
            Some(mismatch) => format!("│  ├─ {}: no, {}", rule.name, mismatch_text(mismatch)),
        });
    }
    if !rules.iter().any(|rule| rule.matched) {
        lines.push("│  └─ none matches: the client's own application".to_owned());
    }
    lines.push(format!("├─ application {application}"));
    lines.extend(factors.iter().map(|factor| format!("│  ├─ {}", factor_text(factor))));
    if *enrols {
        lines.push("├─ the user has no token yet, and is given one in this login".to_owned());
    }
    lines.push(match refusals.is_empty() {
        true => "└─ let in once all of that is proven".to_owned(),
        false => format!("└─ rejected, whatever is proven: {}", refusals.join(", ")),
    });
    lines.join("\n")
}

fn mismatch_text(mismatch: &str) -> String {
    match mismatch {
        "disabled" => "it is disabled".to_owned(),
        "client" => "another client".to_owned(),
        "user" => "another name".to_owned(),
        "network" => "another network".to_owned(),
        "no_address" => "the request tells no address".to_owned(),
        "group" => "in none of its groups".to_owned(),
        attribute => format!("another {attribute}"),
    }
}

fn factor_text(factor: &PlannedFactor) -> String {
    let name = super::application::factor_text(&factor.factor);
    match (factor.waiver.as_deref(), factor.provable) {
        (Some("checked_by_client"), _) => format!("{name}: not asked for, the client checks it"),
        (Some("trusted_network"), _) => format!("{name}: not asked for, the network is trusted"),
        (Some("migration"), _) => format!("{name}: not asked for, the user has no token yet"),
        (Some("device"), _) => format!("{name}: not asked for, the user trusts the device"),
        (Some(other), _) => format!("{name}: not asked for, {other}"),
        (None, true) => format!("{name}: asked for"),
        (None, false) => format!("{name}: asked for, and the user has none"),
    }
}
