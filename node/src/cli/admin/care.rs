//! How carefully a change that could lock somebody out is made.

use clap::Args;
use quorate_api::{CareQuery, Lockouts};

use crate::cli::output::Table;

/// How carefully a change is made. Without either, it is refused if it would lock somebody out.
#[derive(Debug, Args)]
pub struct Care {
    /// Change nothing: show whom the change would lock out
    #[arg(long, global = true, conflicts_with = "allow_lockout")]
    preview: bool,
    /// Make the change whomever it locks out
    #[arg(long, global = true)]
    allow_lockout: bool,
}

impl Care {
    /// Whether nothing is to be changed.
    pub fn is_preview(&self) -> bool {
        self.preview
    }

    /// As the API takes it.
    pub fn query(&self) -> CareQuery {
        CareQuery {
            preview: self.preview,
            allow_lockout: self.allow_lockout,
            // The API puts it to every change alike.
            confirm_within_ms: None,
        }
    }
}

/// Whom a change would lock out.
pub fn text(found: &Lockouts) -> String {
    if found.would_lock_out == 0 {
        return "The change would lock nobody out.".to_owned();
    }
    let mut table = Table::new(&["USER", "COULD NO LONGER LOG IN TO"]);
    for lockout in &found.first {
        table.row(vec![lockout.user.clone(), lockout.application.clone()]);
    }
    let named = found.first.len() as u64;
    let rest = match found.would_lock_out - named.min(found.would_lock_out) {
        0 => String::new(),
        rest => format!("\n… and {rest} more"),
    };
    format!(
        "The change would lock out {} who can log in now:\n{}{rest}",
        match found.would_lock_out {
            1 => "1 user".to_owned(),
            users => format!("{users} users"),
        },
        table.render("")
    )
}
