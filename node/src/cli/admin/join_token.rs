//! `quorate join-token`: how one more node gets in.

use clap::{Args, Subcommand};
use quorate_api::{CreateJoinToken, CreatedJoinToken, JoinToken, endpoints};

use crate::cli::{
    Context,
    admin::Listing,
    api::Connection,
    exit::Done,
    output::{Table, duration, now_ms, utc},
};

/// Join tokens: let one more node in
#[derive(Debug, Args)]
#[command(after_help = "\
A token lets exactly one node in, within its lifetime, and proves both ways: the new node knows
that it joins your cluster, and the cluster that it was you who sent it.

Examples:
  quorate join-token create                    # prints the line to type on the new machine
  quorate join-token create --lifetime-s 600
  quorate join-token list")]
pub struct JoinTokenCommand {
    #[command(flatten)]
    at: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a join token and print the whole line to type on the new machine
    Create {
        /// Seconds that it is valid [default: 3600]
        #[arg(long, value_name = "SECONDS")]
        lifetime_s: Option<u64>,
        /// The address the new node shall ask [default: this node's cluster address]
        #[arg(long, value_name = "HOST:PORT")]
        address: Option<String>,
    },
    /// List join tokens; never the tokens themselves
    List(Listing),
}

impl JoinTokenCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.at.api(context)?;
        match self.action {
            Action::List(listing) => {
                listing
                    .show(&api, context, (endpoints::LIST_JOIN_TOKENS, &[]), table)
                    .await
            }
            Action::Create { lifetime_s, address } => {
                let create = CreateJoinToken { lifetime_s, address };
                let made = api.tell(endpoints::CREATE_JOIN_TOKEN, &[], &create).await?;
                context.format.show(&made, created);
                Ok(())
            }
        }
    }
}

fn created(made: &CreatedJoinToken) -> String {
    let lifetime = duration(made.join_token.expires_ms.saturating_sub(now_ms()));
    format!(
        "On the new machine, once, within {lifetime}:\n\n  {}\n",
        made.command.expose()
    )
}

fn state(token: &JoinToken) -> String {
    match token.spent_by {
        Some(node) => format!("used by node {node}"),
        None if token.expires_ms <= now_ms() => "expired".to_owned(),
        None => "valid".to_owned(),
    }
}

fn table(tokens: &[JoinToken]) -> (Table, &'static str) {
    let mut table = Table::new(&["JOIN TOKEN", "STATE", "EXPIRES (UTC)"]);
    for token in tokens {
        table.row(vec![token.id.clone(), state(token), utc(token.expires_ms)]);
    }
    (table, "There are no join tokens: quorate join-token create")
}
