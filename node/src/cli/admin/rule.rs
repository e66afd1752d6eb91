//! `quorate rule`: which logins get another application than their client's own.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use quorate_api::{ChangeRule, CreateRule, Nothing, Rule, RuleConditions, endpoints};

use crate::cli::{
    Context,
    admin::{self, Listing, care::Care, pending::Within},
    api::Connection,
    exit::Done,
    output::{Table, enabled, facts},
};

/// Rules: which logins get another application than their client's own
#[derive(Debug, Args)]
#[command(after_help = "\
Of the enabled rules the first whose conditions all hold is the one that counts; a login that none matches gets its client's
application. `quorate policy explain` shows what comes of them, `quorate policy whatif` what others would change.

Examples:
  quorate rule create admins --user 'adm-*' --application strict
  quorate rule create guests --client wifi --attribute 'Called-Station-Id=*:guests' --application light
  quorate rule create partners --group partners --network 203.0.113.0/24 --refuse
  quorate rule change admins --position 5
  quorate rule disable guests")]
pub struct RuleCommand {
    #[command(flatten)]
    at: Connection,
    #[command(flatten)]
    within: Within,
    #[command(flatten)]
    care: Care,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List rules in the order in which they are asked
    List(Listing),
    /// Show a rule
    Show { rule: String },
    /// Create a rule
    Create {
        name: String,
        /// The lowest is asked first; after the last one if not said
        #[arg(long, value_name = "N")]
        position: Option<u32>,
        #[command(flatten)]
        when: Conditions,
        #[command(flatten)]
        then: Then,
    },
    /// Change a rule; conditions are replaced as a whole if any is named
    Change {
        rule: String,
        #[arg(long)]
        name: Option<String>,
        /// The lowest is asked first
        #[arg(long, value_name = "N")]
        position: Option<u32>,
        #[command(flatten)]
        when: Conditions,
        /// Have no conditions: it holds for every login
        #[arg(long, conflicts_with_all = ["client", "group", "user", "network", "attribute"])]
        always: bool,
        #[command(flatten)]
        then: Then,
    },
    /// Delete a rule
    Delete { rule: String },
    /// Pass it over
    Disable { rule: String },
    /// Ask it again
    Enable { rule: String },
}

#[derive(Debug, Args)]
struct Conditions {
    /// Logins through this RADIUS client
    #[arg(long)]
    client: Option<String>,
    /// Users in any of these groups; repeat for more
    #[arg(long)]
    group: Vec<String>,
    /// Users so called; * stands for any characters, ? for one; with an @ it is compared with name@domain
    #[arg(long, value_name = "PATTERN")]
    user: Option<String>,
    /// Users whose own address is in any of these (Calling-Station-Id, else Framed-IP-Address); repeat for more
    #[arg(long, value_name = "CIDR")]
    network: Vec<String>,
    /// Requests with this attribute, such as NAS-Port-Type=19; repeat for more, all of which have to hold
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute)]
    attribute: Vec<(String, String)>,
}

#[derive(Debug, Args)]
struct Then {
    /// The application that the login gets
    #[arg(long, conflicts_with = "refuse")]
    application: Option<String>,
    /// Reject the login, whatever is proven
    #[arg(long)]
    refuse: bool,
}

impl RuleCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.within.over(self.at.api(context)?);
        let (format, care) = (context.format, &self.care);
        let made = match self.action {
            Action::List(listing) => {
                return listing.show(&api, context, (endpoints::LIST_RULES, &[]), table).await;
            }
            Action::Delete { rule } => {
                let endpoint = (endpoints::DELETE_RULE, &[rule.as_str()][..]);
                if api.tell_carefully(format, endpoint, &Nothing, care).await?.is_some() {
                    admin::done(format, format!("{rule} is deleted"));
                }
                return Ok(());
            }
            Action::Create {
                name,
                position,
                when,
                then,
            } => {
                let create = CreateRule {
                    name,
                    position,
                    when: when.shape(),
                    application: then.application,
                    refuse: then.refuse,
                };
                let endpoint = (endpoints::CREATE_RULE, &[][..]);
                api.tell_carefully(format, endpoint, &create, care).await?
            }
            Action::Change {
                rule,
                name,
                position,
                when,
                always,
                then,
            } => {
                let when = when.shape();
                let change = ChangeRule {
                    name,
                    position,
                    when: (always || when != RuleConditions::default()).then_some(when),
                    application: then.application,
                    refuse: then.refuse,
                };
                let endpoint = (endpoints::CHANGE_RULE, &[rule.as_str()][..]);
                api.tell_carefully(format, endpoint, &change, care).await?
            }
            Action::Show { rule } => Some(api.ask(endpoints::SHOW_RULE, &[&rule]).await?),
            Action::Disable { rule } => {
                let endpoint = (endpoints::DISABLE_RULE, &[rule.as_str()][..]);
                api.tell_carefully(format, endpoint, &Nothing, care).await?
            }
            Action::Enable { rule } => {
                let endpoint = (endpoints::ENABLE_RULE, &[rule.as_str()][..]);
                api.tell_carefully(format, endpoint, &Nothing, care).await?
            }
        };
        if let Some(rule) = made {
            format.show(&rule, text);
        }
        Ok(())
    }
}

impl Conditions {
    fn shape(self) -> RuleConditions {
        RuleConditions {
            client: self.client,
            groups: self.group,
            user: self.user,
            networks: self.network,
            attributes: self.attribute.into_iter().collect::<BTreeMap<_, _>>(),
        }
    }
}

/// `NAME=VALUE` of a RADIUS attribute.
pub fn attribute(typed: &str) -> Result<(String, String), String> {
    let (name, value) = typed
        .split_once('=')
        .ok_or("expected NAME=VALUE, such as NAS-Port-Type=19")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn conditions(when: &RuleConditions) -> String {
    let mut parts = Vec::new();
    parts.extend(when.client.iter().map(|client| format!("client {client}")));
    parts.extend(when.user.iter().map(|pattern| format!("user {pattern}")));
    if !when.groups.is_empty() {
        parts.push(format!("in group {}", when.groups.join(" or ")));
    }
    if !when.networks.is_empty() {
        parts.push(format!("from {}", when.networks.join(" or ")));
    }
    parts.extend(when.attributes.iter().map(|(name, value)| format!("{name} = {value}")));
    match parts.is_empty() {
        true => "always".to_owned(),
        false => parts.join(", "),
    }
}

fn then(rule: &Rule) -> String {
    match &rule.application {
        Some(application) => format!("application {application}"),
        None => "refuse".to_owned(),
    }
}

fn table(rules: &[Rule]) -> (Table, &'static str) {
    let mut table = Table::new(&["POSITION", "RULE", "ID", "STATE", "WHEN", "THEN"]);
    for rule in rules {
        table.row(vec![
            rule.position.to_string(),
            rule.name.clone(),
            rule.id.clone(),
            enabled(rule.enabled),
            conditions(&rule.when),
            then(rule),
        ]);
    }
    (
        table,
        "There are no rules: each login gets its client's application. quorate rule create --help",
    )
}

fn text(rule: &Rule) -> String {
    facts(&[
        ("rule", rule.name.clone()),
        ("id", rule.id.clone()),
        ("position", rule.position.to_string()),
        ("state", enabled(rule.enabled)),
        ("when", conditions(&rule.when)),
        ("then", then(rule)),
        ("revision", rule.revision.to_string()),
    ])
}
