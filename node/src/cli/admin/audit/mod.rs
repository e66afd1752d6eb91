//! `quorate audit`: what happened, in order, and the proof that nothing was taken out.

mod export;
pub(super) mod filter;
mod keep;
mod list;
mod offline;
mod verify;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use self::filter::Filter;
use self::keep::Retain;
use self::verify::Verify;
use crate::cli::{Context, api::Connection, exit::Done, limits};

/// The audit trail: every verdict and every change, hash-chained and signed
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate audit list --user alice          # why could alice not log in?
  quorate audit list --client vpn --result rejected --since 24h
  quorate audit list --since 2026-11-01 --until 2026-11-02 --last 1000 --json
  quorate audit follow                     # until Ctrl-C
  quorate audit follow --json | jq 'select(.kind == \"login_rejected\")'
  quorate audit status                     # extent, index, signatures
  quorate audit retention --days 365 --gib 50
  quorate audit verify                     # prints the head; keep it somewhere else
  quorate audit verify --expected-head 9f…
  quorate audit export /mnt/audit/2026-11
  quorate audit verify --dir /mnt/audit/2026-11 --ca ca.pem --earlier /mnt/audit/2026-10/heads.json")]
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
        /// The newest before this number
        #[arg(long, value_name = "SEQ", conflicts_with = "after")]
        before: Option<u64>,
        /// Records after this number instead of the newest
        #[arg(long, value_name = "SEQ")]
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
    /// Show how far the audit goes back, how its index stands and who has signed what
    Status,
    Retention(Retain),
    Verify(Verify),
    /// Write every segment and all signed heads into a directory, for an auditor; what is there already is not fetched again
    Export {
        /// Where to; made if need be
        dir: PathBuf,
    },
}

impl AuditCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let format = context.format;
        match self.action {
            Action::Verify(verify) if verify.is_offline() => verify.offline(format),
            Action::Verify(verify) => {
                let api = self.at.api(context)?.with_patience(limits::VERIFY_TIMEOUT);
                verify.online(&api, format).await
            }
            Action::List {
                filter,
                last,
                before,
                after,
            } => {
                let query = filter.query(last, before, after)?;
                list::list(&self.at.api(context)?, format, &query).await
            }
            Action::Follow { filter, after } => {
                let query = filter.following(after)?;
                list::follow(&self.at.api(context)?, format, query).await
            }
            Action::Status => keep::status(&self.at.api(context)?, format).await,
            Action::Retention(retain) => retain.perform(&self.at.api(context)?, format).await,
            Action::Export { dir } => export::export(&self.at.api(context)?, format, &dir).await,
        }
    }
}
