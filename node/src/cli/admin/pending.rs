//! `quorate confirm` and `quorate pending`: changes that are taken back by themselves unless somebody confirms them.

use clap::{Args, Subcommand};
use quorate_api::{PendingChange, endpoints};

use crate::cli::{
    Context,
    admin::done,
    api::{Api, Connection},
    exit::{Done, Exit, Failure},
    output::{Table, duration, now_ms},
};

/// Whether the change is taken back by itself.
#[derive(Debug, Args)]
pub struct Within {
    /// Make the change for so long (30s, 10m, 2h) and take it back then, unless it was confirmed: quorate confirm
    #[arg(long, global = true, value_name = "DURATION", value_parser = within_ms)]
    confirm_within: Option<u64>,
}

impl Within {
    /// The API, whose changes wait for their confirmation if that was asked.
    pub fn over(&self, api: Api) -> Api {
        api.until_confirmed(self.confirm_within)
    }
}

/// Keep a change that was made with --confirm-within
///
/// Without an id: the one that waits, if it is the only one.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, a rule that could lock people out:
  quorate rule change admins --application strict --confirm-within 10m
  quorate confirm                # or ten minutes later the rule is what it was")]
pub struct Confirm {
    /// As `quorate pending list` shows it
    id: Option<String>,
    #[command(flatten)]
    at: Connection,
}

impl Confirm {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.at.api(context)?;
        let id = which(&api, self.id).await?;
        let kept = api.ask(endpoints::CONFIRM_CHANGE, &[&id]).await?;
        done(context.format, format!("{} {} stays", kept.change, kept.name));
        Ok(())
    }
}

/// Changes that are taken back unless they are confirmed
#[derive(Debug, Args)]
pub struct PendingCommand {
    #[command(flatten)]
    at: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List what waits, and for how long
    List,
    /// Take a change back now; without an id the one that waits
    Undo { id: Option<String> },
}

impl PendingCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.at.api(context)?;
        match self.action {
            Action::List => {
                let waiting = api.ask(endpoints::LIST_PENDING_CHANGES, &[]).await?.items;
                context.format.show(&waiting, |waiting| table(waiting));
            }
            Action::Undo { id } => {
                let id = which(&api, id).await?;
                let gone = api.ask(endpoints::TAKE_BACK_CHANGE, &[&id]).await?;
                done(context.format, format!("{} {} is taken back", gone.change, gone.name));
            }
        }
        Ok(())
    }
}

/// The change that is meant: the only one, if none is named.
async fn which(api: &Api, named: Option<String>) -> Done<String> {
    if let Some(id) = named {
        return Ok(id);
    }
    let waiting = api.ask(endpoints::LIST_PENDING_CHANGES, &[]).await?.items;
    match waiting.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => Err(Failure::new(Exit::NotFound, "no change waits for its confirmation")),
        several => {
            let none = Failure::new(Exit::Refused, "several changes wait: say which");
            let line = |pending: &PendingChange| format!("{}: {} {}", pending.id, pending.change, pending.name);
            Err(several
                .iter()
                .fold(none, |failure, pending| failure.advise(line(pending))))
        }
    }
}

/// What waits, for people.
pub fn table(waiting: &[PendingChange]) -> String {
    let now_ms = now_ms();
    let mut table = Table::new(&["CHANGE", "WHAT", "NAME", "BY", "TAKEN BACK IN"]);
    for pending in waiting {
        table.row(vec![
            pending.id.clone(),
            pending.change.clone(),
            pending.name.clone(),
            pending.actor.clone(),
            duration(pending.until_ms.saturating_sub(now_ms)),
        ]);
    }
    table.render("No change waits for its confirmation.")
}

/// What to do about a change that was just made.
pub fn announcement(pending: &PendingChange) -> String {
    format!(
        "Taken back in {} unless it is confirmed: quorate confirm {}",
        duration(pending.until_ms.saturating_sub(now_ms())),
        pending.id
    )
}

fn within_ms(typed: &str) -> Result<u64, String> {
    let wanted = "expected a number and s, m or h, such as 10m";
    let digits = typed.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_ms = match &typed[digits.len()..] {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wanted.to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| wanted.to_owned())?;
    number.checked_mul(unit_ms).ok_or_else(|| wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use super::within_ms;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(within_ms("2s"), Ok(2_000));
        assert_eq!(within_ms("10m"), Ok(600_000));
        assert_eq!(within_ms("24h"), Ok(86_400_000));
        for wrong in [
            "",
            "10",
            "m",
            "10 m",
            "1d",
            "-1s",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(within_ms(wrong).is_err(), "{wrong}");
        }
    }
}
