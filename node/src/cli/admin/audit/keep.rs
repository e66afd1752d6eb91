//! How the audit stands, and how much of it is kept.

use clap::Args;
use quorate_api::{AuditStatus, Retention, SetRetention, endpoints};

use super::verify::signatures;
use crate::cli::{
    api::Api,
    exit::Done,
    output::{Format, facts},
};

pub async fn status(api: &Api, format: Format) -> Done {
    let status = api.ask(endpoints::AUDIT_STATUS, &[]).await?;
    format.show(&status, text);
    Ok(())
}

fn text(status: &AuditStatus) -> String {
    let facts = facts(&[
        ("node", status.node.to_string()),
        ("records", extent(status)),
        ("segments", segments(status)),
        ("index", index(status)),
        ("kept", kept(&status.retention)),
        ("head", status.head.clone()),
    ]);
    format!("{facts}\n\n{}", signatures(&status.signed, status.first_seq))
}

fn extent(status: &AuditStatus) -> String {
    match (status.first_seq, status.records) {
        (0, records) => records.to_string(),
        (first, records) => format!("{first} to {}; older ones were given up", records.saturating_sub(1)),
    }
}

fn segments(status: &AuditStatus) -> String {
    let whole = format!("{} closed, {} read and found genuine", status.segments, status.checked);
    match status.missing {
        0 => whole,
        missing => format!("{whole}, {missing} missing or damaged here and being fetched from other nodes"),
    }
}

fn index(status: &AuditStatus) -> String {
    match status.index_building {
        false => format!("complete, {:.1} MB", status.index_bytes as f64 / 1e6),
        true => format!(
            "being built, {} of {} segments; until then searches take longer",
            status.indexed, status.segments
        ),
    }
}

fn kept(retention: &Retention) -> String {
    const DAY_MS: u64 = 86_400_000;
    let age = retention
        .max_age_ms
        .map(|ms| format!("{:.1} days", ms as f64 / DAY_MS as f64));
    let size = retention
        .max_bytes
        .map(|bytes| format!("{:.3} GiB", bytes as f64 / GIB as f64));
    match (age, size) {
        (None, None) => "everything".to_owned(),
        (Some(age), None) => age,
        (None, Some(size)) => size,
        (Some(age), Some(size)) => format!("{age}, and at most {size}"),
    }
}

/// Show or set how much of the audit is kept
///
/// The oldest segments (8,192 records each) are given up on all nodes alike, in one step of the replicated log that the audit itself
/// records. What is left still verifies, from a signed checkpoint. Without options the rule is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate audit retention                      # show it
  quorate audit retention --days 365           # a year, of any size
  quorate audit retention --days 90 --gib 20   # whichever is reached first
  quorate audit retention --everything")]
pub struct Retain {
    /// Give up records older than this (at least 1)
    #[arg(long, value_name = "N", conflicts_with = "everything")]
    days: Option<u32>,
    /// Give up the oldest records beyond this size, as 20 or 0.5 (at least 0.001)
    #[arg(long, value_name = "N", conflicts_with = "everything")]
    gib: Option<f64>,
    /// Never give anything up
    #[arg(long)]
    everything: bool,
}

const GIB: u64 = 1 << 30;

impl Retain {
    pub async fn perform(self, api: &Api, format: Format) -> Done {
        let retention = match (self.days, self.gib, self.everything) {
            (None, None, false) => api.ask(endpoints::AUDIT_STATUS, &[]).await?.retention,
            (days, gib, _) => {
                let rule = SetRetention {
                    max_age_ms: days.map(|days| u64::from(days) * 86_400_000),
                    max_bytes: gib.map(|gib| (gib * GIB as f64) as u64),
                };
                api.tell(endpoints::SET_RETENTION, &[], &rule).await?
            }
        };
        format.show(&retention, |retention| format!("kept: {}", kept(retention)));
        Ok(())
    }
}
