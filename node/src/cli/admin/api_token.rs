//! `quorate api-token`: the bearer tokens that scripts use over TLS.

use clap::{Args, Subcommand};
use quorate_api::{ApiToken, CreateApiToken, endpoints};

use crate::cli::{
    Context,
    admin::{
        self, Listing,
        role::{self, RoleArg},
    },
    api::Connection,
    exit::Done,
    output::{Table, enabled, facts},
};

/// API tokens: what scripts on other machines use over TLS
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate api-token create backup-script --role auditor       # shows the token, this once
  export QUORATE_API_TOKEN=…
  quorate user list --server https://mfa-1.example.org --ca-file ca.pem")]
pub struct ApiTokenCommand {
    #[command(flatten)]
    at: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List API tokens by name
    List(Listing),
    /// Show an API token; never the token itself
    Show {
        /// Its name or id, k-…
        #[arg(value_name = "API_TOKEN", id = "which")]
        which: String,
    },
    /// Create an API token and show it, this once
    Create {
        name: String,
        /// What its bearer may do; up to your own role
        #[arg(long, value_enum)]
        role: RoleArg,
    },
    /// Delete an API token; it is refused from the moment this returns
    Delete {
        /// Its name or id, k-…
        #[arg(value_name = "API_TOKEN", id = "which")]
        which: String,
    },
}

impl ApiTokenCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.at.api(context)?;
        match self.action {
            Action::List(listing) => {
                return listing
                    .show(&api, context, (endpoints::LIST_API_TOKENS, &[]), table)
                    .await;
            }
            Action::Show { which } => {
                let token = api.ask(endpoints::SHOW_API_TOKEN, &[&which]).await?;
                context.format.show(&token, text);
            }
            Action::Create { name, role } => {
                let create = CreateApiToken {
                    name,
                    role: role.into(),
                };
                let made = api.tell(endpoints::CREATE_API_TOKEN, &[], &create).await?;
                context.format.show(&made, |made| {
                    format!(
                        "{}\n\nToken, shown this once:\n{}",
                        text(&made.api_token),
                        made.bearer.expose()
                    )
                });
            }
            Action::Delete { which } => {
                api.order(endpoints::DELETE_API_TOKEN, &[&which]).await?;
                admin::done(context.format, format!("{which} is deleted"));
            }
        }
        Ok(())
    }
}

fn table(tokens: &[ApiToken]) -> (Table, &'static str) {
    let mut table = Table::new(&["API TOKEN", "ID", "ROLE", "STATE"]);
    for token in tokens {
        table.row(vec![
            token.name.clone(),
            token.id.clone(),
            role::label(token.role),
            enabled(token.enabled),
        ]);
    }
    (
        table,
        "There are no API tokens yet: quorate api-token create NAME --role ROLE",
    )
}

fn text(token: &ApiToken) -> String {
    facts(&[
        ("API token", token.name.clone()),
        ("id", token.id.clone()),
        ("role", role::label(token.role)),
        ("state", enabled(token.enabled)),
        ("revision", token.revision.to_string()),
    ])
}
