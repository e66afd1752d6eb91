//! `quorate audit`: what happened, in order, and the proof that nothing was taken out.

use clap::{Args, Subcommand};
use quorate_api::{AuditQuery, AuditRecord, AuditVerification, VerifyQuery, endpoints, limits::FOLLOW_WAIT_MAX_S};

use crate::cli::{
    Context,
    admin::or_dash,
    api::{Api, Connection},
    exit::{Done, Exit, Failure},
    output::{Format, Table, say, utc},
};

/// The audit trail: every verdict and every change, hash-chained
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate audit list --user alice          # why could alice not log in?
  quorate audit follow                     # until Ctrl-C
  quorate audit follow --json | jq 'select(.kind == \"login_rejected\")'
  quorate audit verify                     # prints the head; keep it somewhere else
  quorate audit verify --expected-head 9f…")]
pub struct AuditCommand {
    #[command(flatten)]
    at: Connection,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List records, the newest last
    List {
        #[command(flatten)]
        filter: Filter,
        /// The newest so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        last: u32,
        /// Records after this number instead of the newest
        #[arg(long, value_name = "SEQ", conflicts_with = "last")]
        after: Option<u64>,
    },
    /// Print records as they come, until Ctrl-C; with --json one per line
    Follow {
        #[command(flatten)]
        filter: Filter,
        /// Begin after this record, not now
        #[arg(long, value_name = "SEQ")]
        after: Option<u64>,
    },
    /// Read the whole chain and compare it with its head; ends with 8 when it does not hold
    Verify {
        /// The head it must end in, from another node or an earlier run
        #[arg(long, value_name = "HEX")]
        expected_head: Option<String>,
    },
}

#[derive(Debug, Args)]
struct Filter {
    /// Only records of this user name
    #[arg(long)]
    user: Option<String>,
    /// Only records of this kind, as login_accepted or login_rejected
    #[arg(long)]
    kind: Option<String>,
}

impl AuditCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.at.api(context)?;
        match self.action {
            Action::List { filter, last, after } => list(&api, context, filter, last, after).await,
            Action::Follow { filter, after } => follow(&api, context.format, filter, after).await,
            Action::Verify { expected_head } => verify(&api, context, expected_head).await,
        }
    }
}

async fn list(api: &Api, context: &Context, filter: Filter, last: u32, after: Option<u64>) -> Done {
    let query = AuditQuery {
        after,
        last: after.is_none().then_some(last),
        limit: after.is_some().then_some(last),
        user: filter.user,
        kind: filter.kind,
        wait_s: None,
    };
    let page = api.ask_with(endpoints::LIST_AUDIT, &[], &query).await?;
    context
        .format
        .show(&page.items, |items| table(items).render("There are no such records."));
    Ok(())
}

async fn follow(api: &Api, format: Format, filter: Filter, after: Option<u64>) -> Done {
    let mut query = AuditQuery {
        after,
        user: filter.user,
        kind: filter.kind,
        wait_s: Some(FOLLOW_WAIT_MAX_S),
        ..AuditQuery::default()
    };
    if query.after.is_none() {
        let newest = AuditQuery {
            last: Some(1),
            ..AuditQuery::default()
        };
        query.after = Some(api.ask_with(endpoints::LIST_AUDIT, &[], &newest).await?.next);
    }
    loop {
        let page = api.ask_with(endpoints::LIST_AUDIT, &[], &query).await?;
        for record in &page.items {
            match format {
                Format::Json => say(serde_json::to_string(record).expect("invariant: a record serialises")),
                Format::Text => say(cells(record).join("  ")),
            }
        }
        query.after = Some(page.next);
    }
}

async fn verify(api: &Api, context: &Context, expected_head: Option<String>) -> Done {
    let found = api
        .ask_with(endpoints::VERIFY_AUDIT, &[], &VerifyQuery { expected_head })
        .await?;
    context.format.show(&found, verified);
    match found.ok {
        true => Ok(()),
        false => Err(Failure::new(Exit::AuditBroken, "the audit chain does not hold")),
    }
}

fn verified(found: &AuditVerification) -> String {
    match &found.problem {
        None => format!("{} records, unbroken\nhead {}", found.records, found.head),
        Some(problem) => format!("{} records read\nhead {}\n{problem}", found.records, found.head),
    }
}

fn table(records: &[AuditRecord]) -> Table {
    let mut table = Table::new(&[
        "SEQ",
        "TIME (UTC)",
        "WHAT",
        "USER",
        "CLIENT",
        "SOURCE",
        "NODE",
        "WHY OR WHO",
    ]);
    for record in records {
        table.row(cells(record).into());
    }
    table
}

fn cells(record: &AuditRecord) -> [String; 8] {
    let text = |field: &Option<String>| or_dash(field.as_deref().unwrap_or(""));
    let why = record.reason.as_ref().or(record.actor.as_ref());
    [
        record.seq.to_string(),
        utc(record.at_ms),
        record.kind.clone(),
        text(&record.user),
        text(&record.client),
        text(&record.source),
        record.node.map_or("-".to_owned(), |id| id.to_string()),
        text(&why.cloned()),
    ]
}
