//! Commands that ask a node over its API: each sends what was typed and shows what came back. No
//! rule is checked here that the API checks, so that both always agree.

pub mod api_token;
pub mod application;
pub mod audit;
pub mod care;
pub mod client;
pub mod cluster;
mod device;
pub mod directory;
mod export;
pub mod gateway;
pub mod import;
mod import_passwords;
mod import_rows;
mod import_send;
pub mod join_token;
mod password_rules;
pub mod pending;
pub mod plan;
pub mod policy;
pub mod role;
pub mod rule;
pub mod text;
pub mod token;
pub mod user;

use clap::Args;
use quorate_api::{Endpoint, ExaminedStep, Nothing, Page, PageQuery};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Context,
    api::Api,
    exit::{Done, Exit, Failure},
    output::{self, Format, Table},
};

/// How much of a list.
#[derive(Debug, Args)]
pub struct Listing {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl Listing {
    async fn show<T: Serialize + DeserializeOwned>(
        &self,
        api: &Api,
        context: &Context,
        (endpoint, names): (Endpoint<Nothing, Page<T>>, &[&str]),
        table: impl FnOnce(&[T]) -> (Table, &'static str),
    ) -> Done {
        self.show_by(api, context, (endpoint, names), |page| page, table).await
    }

    /// The same, of what a query asks for beside the page.
    async fn show_by<T: Serialize + DeserializeOwned, Q: Serialize>(
        &self,
        api: &Api,
        context: &Context,
        (endpoint, names): (Endpoint<Nothing, Page<T>>, &[&str]),
        query: impl Fn(PageQuery) -> Q,
        table: impl FnOnce(&[T]) -> (Table, &'static str),
    ) -> Done {
        let (items, more) = api.list_by(endpoint, names, self.limit as usize, query).await?;
        context.format.show(&items, |items| {
            let (table, none) = table(items);
            table.render(none)
        });
        if more {
            eprintln!("There are more than {}; ask for them with --limit.", self.limit);
        }
        Ok(())
    }
}

/// What was tried, step by step.
fn steps(steps: &[ExaminedStep]) -> String {
    let mut table = Table::new(&["", "STEP", "MS", "WHAT IT SAYS"]);
    for step in steps {
        table.row(vec![
            step.outcome.clone(),
            step.step.clone(),
            step.took_ms.to_string(),
            step.said.clone(),
        ]);
    }
    table.render("Nothing was tried.")
}

/// A test that failed is a failure to whoever runs it in a script.
fn verdict(steps: &[ExaminedStep]) -> Done {
    match steps.iter().find(|step| step.outcome == "failed") {
        None => Ok(()),
        Some(step) => Err(Failure::new(Exit::Failed, format!("{} failed", step.step))),
    }
}

/// Says that something without an answer was done.
fn done(format: Format, sentence: impl Into<String>) {
    let done = Told { done: sentence.into() };
    format.show(&done, |told| told.done.clone());
}

#[derive(Serialize)]
struct Told {
    done: String,
}

/// Asks before something that cannot be undone.
fn confirm(yes: bool, question: &str) -> Done {
    use super::{
        exit::{Exit, Failure},
        terminal,
    };
    if yes {
        return Ok(());
    }
    let answer = terminal::ask(&format!("{question} Type yes"), "say --yes if you are sure")?;
    match answer.as_str() {
        "yes" => Ok(()),
        _ => Err(Failure::new(Exit::Refused, "nothing was done")),
    }
}

/// `-` for nothing, so that a column never looks forgotten.
fn or_dash(text: &str) -> String {
    match text {
        "" => "-".to_owned(),
        text => text.to_owned(),
    }
}

/// How long a lock lasts, for people.
fn locked(until_ms: Option<u64>) -> String {
    match until_ms {
        Some(until) if until > output::now_ms() => {
            format!("locked for {}", output::duration(until - output::now_ms()))
        }
        _ => "no".to_owned(),
    }
}
