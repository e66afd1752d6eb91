//! `quorate radius`: the other side of the wire. Tries a login as a gateway would and says in words
//! what went wrong.
//!
//! [`exchange`] sends and waits; [`login`] carries a login through the challenge; [`diagnosis`]
//! finds the words. None of it needs a node on this machine, but where one is running, its drop
//! counters say why it stayed silent.

mod diagnosis;
mod exchange;
mod login;
#[cfg(test)]
mod tests;

use std::{net::IpAddr, time::Duration};

use clap::{Args, Subcommand};
use quorate_radius::{SharedSecret, client::Request};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    Context,
    exit::{Done, Exit, Failure},
    output::{Table, json, say},
    terminal,
};
use diagnosis::Drops;
use exchange::{Exchange, Server};

/// Try a login as a gateway would, or ask whether a server is there
#[derive(Debug, Args)]
pub struct RadiusCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Test(login::Test),
    /// Ask each server whether it is there (Status-Server, RFC 5997)
    #[command(after_help = "\
Example:
  quorate radius status --server 10.0.0.1 --server 10.0.0.2 --secret testing123

Ends with 0 when every server answered, 11 when one did not.")]
    Status(Servers),
}

/// Which servers, and how to talk to them.
#[derive(Debug, Args)]
pub struct Servers {
    /// A server as HOST or HOST:PORT; repeat for the next one to try when it does not answer
    #[arg(long, value_name = "HOST[:PORT]", default_value = "127.0.0.1:1812")]
    server: Vec<String>,
    /// The shared secret; asked for if absent
    #[arg(long, env = "QUORATE_RADIUS_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Milliseconds to wait before sending again
    #[arg(long, value_name = "MS", default_value_t = 3000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    timeout_ms: u64,
    /// How often to send to one server before trying the next
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    tries: u32,
    /// Send from this address of this machine
    #[arg(long, value_name = "IP")]
    source: Option<IpAddr>,
    /// Leave Message-Authenticator out, as old gateways do; a client with the default settings is
    /// not answered then
    #[arg(long)]
    no_message_authenticator: bool,
}

impl RadiusCommand {
    pub async fn perform(self, context: &Context) -> Done {
        match self.action {
            Action::Test(test) => test.perform(context).await,
            Action::Status(servers) => status(servers, context).await,
        }
    }
}

impl Servers {
    async fn exchange(&self) -> Done<Exchange> {
        let secret = match &self.secret {
            Some(secret) => Zeroizing::new(secret.clone()),
            None => terminal::ask_secret(
                "Shared secret",
                "in a script: --secret, or QUORATE_RADIUS_SECRET in the environment",
            )?,
        };
        let mut servers = Vec::new();
        for name in &self.server {
            servers.push(Server::resolve(name).await?);
        }
        Ok(Exchange {
            servers,
            secret: SharedSecret::new(secret.as_bytes()),
            timeout: Duration::from_millis(self.timeout_ms),
            tries: self.tries,
            source: self.source,
            signed: !self.no_message_authenticator,
        })
    }
}

/// What `quorate radius status --json` prints for each server.
#[derive(Serialize)]
struct ServerStatus {
    server: String,
    answers: bool,
    took_ms: Option<u64>,
    problem: Option<String>,
}

async fn status(servers: Servers, context: &Context) -> Done {
    let exchange = servers.exchange().await?;
    let drops = Drops::before(context).await;
    let mut found = Vec::new();
    let mut advice = Vec::new();
    for server in &exchange.servers {
        let silence = match exchange.ask_one(server, &Request::status_server()).await? {
            Ok(answered) => {
                found.push(ServerStatus {
                    server: server.name.clone(),
                    answers: true,
                    took_ms: Some(answered.took_ms),
                    problem: None,
                });
                continue;
            }
            Err(silence) => silence,
        };
        advice = diagnosis::advice(std::slice::from_ref(&silence), &exchange, drops.since().await);
        found.push(ServerStatus {
            server: server.name.clone(),
            answers: false,
            took_ms: None,
            problem: Some(silence.to_string()),
        });
    }
    match context.format {
        super::output::Format::Json => say(json(&found)),
        super::output::Format::Text => say(table(&found).render("")),
    }
    match found.iter().all(|server| server.answers) {
        true => Ok(()),
        false => Err(Failure::new(Exit::NoAnswer, "not every server answered").with_advice(advice)),
    }
}

fn table(found: &[ServerStatus]) -> Table {
    let mut table = Table::new(&["SERVER", "ANSWERS", "AFTER", "PROBLEM"]);
    for server in found {
        table.row(vec![
            server.server.clone(),
            super::output::yes_no(server.answers),
            server.took_ms.map_or("-".to_owned(), |ms| format!("{ms} ms")),
            server.problem.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table
}
