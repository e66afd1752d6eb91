//! `quorate import`: users and tokens that another product kept.
//!
//! The file is read here, whole, before anything is sent. Then a node judges every row by who is there ([`import_send::look`]); if all are right, or
//! the wrong ones are to be left out, it gathers them, and one order makes them ([`import_send::send`]). Nothing is written before that order.

use std::path::{Path, PathBuf};

use clap::Args;
use quorate_core::PasswordRules;
use quorate_import::{Format, Import, Options, Outcome, Report};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::{
    Context,
    admin::{
        import_passwords,
        import_rows::{self, Channel, Sent},
        import_send,
    },
    api::{Api, Connection},
    exit::{Done, Exit, Failure},
    output::{Table, facts, now_ms},
};

/// Take over users and tokens from a file of another product
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate import --dry-run users.csv              # a line for each row: what it holds, or what is wrong with it
  quorate import tokens.pskc --key-file key.hex
  quorate import --partial radius.sql             # the right rows, although others are wrong
  quorate import people.ldif --send-codes-to sms --send-codes-to email

Formats: CSV of users, LDIF, privacyIDEA (export, CSV, tables), FreeRADIUS SQL, PSKC, OATH CSV, Yubico CSV, otpauth:// and
migration URIs; told from the content, or named with --format.")]
pub struct ImportCommand {
    #[command(flatten)]
    at: Connection,
    /// What to read
    file: PathBuf,
    /// Only read and report
    #[arg(long)]
    dry_run: bool,
    /// Which format it is, where that cannot be told from the content
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// A file with the key or password that opens it
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Take over the right rows although others are wrong
    #[arg(long)]
    partial: bool,
    /// Have codes sent to the addresses in the file, from the first login on; repeat for more
    #[arg(long, value_enum, value_name = "CHANNEL")]
    send_codes_to: Vec<Channel>,
}

/// What became of an import, for scripts.
#[derive(Debug, Default, Serialize)]
struct Taken {
    users_created: u64,
    users_there_before: u64,
    tokens_created: u64,
    tokens_there_before: u64,
    /// Passwords that were only there as a hash that nobody can verify: their users need a new one.
    passwords_left_out: u64,
    rows_wrong: usize,
    /// What could not be made any more when it was ordered: how many, the first of them, and why.
    left_out: u64,
    first_left_out: Vec<(String, String)>,
}

impl ImportCommand {
    pub async fn perform(self, context: &Context) -> Done {
        let mut import = self.read()?;
        let api = self.at.api(context);
        let rules = match (self.dry_run, &api) {
            (true, api) => rules_of_a_trial(api.as_ref().ok()).await,
            (false, Ok(api)) => import_passwords::rules_of(api).await?,
            // Told below, if the rows are right.
            (false, Err(_)) => PasswordRules::default(),
        };
        import_passwords::judge(&mut import, &rules);
        let (mut rows, mut report, passwords_left_out) = import_rows::rows_of(import, &self.send_codes_to, now_ms());
        if self.dry_run {
            look_if_possible(api.as_ref().ok(), &mut rows, &mut report).await;
            return shown(context, &report);
        }
        if report.totals().wrong > 0 && !self.partial {
            return shown(context, &report);
        }
        let api = api?;
        import_send::look(&api, &mut rows, &mut report).await?;
        if report.totals().wrong > 0 && !self.partial {
            return shown(context, &report);
        }
        let made = import_send::send(&api, &rows, &mut report, self.partial).await?;
        let taken = Taken {
            users_created: made.users_created,
            users_there_before: made.users_there,
            tokens_created: made.tokens_created,
            tokens_there_before: made.tokens_there,
            passwords_left_out,
            rows_wrong: report.totals().wrong,
            left_out: made.left_out,
            first_left_out: made
                .first_left_out
                .into_iter()
                .map(|one| (one.subject, one.why))
                .collect(),
        };
        context.format.show(&taken, taken_text);
        match taken.left_out {
            0 => Ok(()),
            left_out => Err(Failure::new(
                Exit::Refused,
                format!("{left_out} rows could not be made any more; the others are there"),
            )),
        }
    }

    fn read(&self) -> Result<Import, Failure> {
        let bytes = Zeroizing::new(read_file(&self.file)?);
        let options = Options {
            format: self.format,
            key_file: match &self.key_file {
                Some(file) => Some(Zeroizing::new(read_file(file)?)),
                None => None,
            },
            now_s: Some((now_ms() / 1_000) as i64),
            ..Options::default()
        };
        quorate_import::read(&bytes, &options).map_err(|error| {
            Failure::new(
                Exit::Refused,
                format!("{} cannot be read: {error}", self.file.display()),
            )
        })
    }
}

/// A dry run needs no node: without one, passwords are judged by the rules of a new cluster.
async fn rules_of_a_trial(api: Option<&Api>) -> PasswordRules {
    match api {
        Some(api) => import_passwords::rules_of(api).await.unwrap_or_default(),
        None => PasswordRules::default(),
    }
}

/// Whom a node has already, and what it finds wrong, if one is asked.
async fn look_if_possible(api: Option<&Api>, rows: &mut Vec<Sent>, report: &mut Report) {
    let looked = match api {
        Some(api) => import_send::look(api, rows, report)
            .await
            .map_err(|failure| failure.message),
        None => Err("no node is configured".to_owned()),
    };
    if let Err(why) = looked {
        let sentence = "no node has judged these rows by who is there";
        report.notes.push(format!("{sentence}: {why}"));
    }
}

/// The report, and whether a row in it is wrong.
fn shown(context: &Context, report: &Report) -> Done {
    context.format.show(report, report_text);
    match report.totals().wrong {
        0 => Ok(()),
        wrong => Err(
            Failure::new(Exit::Refused, format!("{wrong} rows are wrong; nothing was changed"))
                .advise("mend them, or take over the others with --partial"),
        ),
    }
}

fn read_file(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| Failure::system(format!("cannot read {}", file.display()), error))
}

fn report_text(report: &Report) -> String {
    let mut table = Table::new(&["LINE", "", "SUBJECT", "WHAT IT HOLDS, OR WHAT IS WRONG"]);
    for row in &report.rows {
        let (outcome, mut said) = match &row.outcome {
            Outcome::Ok { summary } => ("ok", summary.clone()),
            Outcome::Wrong { field, sentence } => ("WRONG", format!("{field} {sentence}")),
            Outcome::Skipped { reason } => ("skipped", reason.clone()),
        };
        row.notes.iter().for_each(|note| said += &format!("; {note}"));
        table.row(vec![
            row.line.to_string(),
            outcome.to_owned(),
            row.subject.clone(),
            said,
        ]);
    }
    let totals = report.totals();
    let notes: String = report.notes.iter().map(|note| format!("{note}\n")).collect();
    format!(
        "{}\n\n{notes}Read as {}: {} rows, {} right, {} wrong, {} skipped. Nothing was changed.",
        table.render("The file has no rows."),
        report.format,
        totals.rows,
        totals.ok,
        totals.wrong,
        totals.skipped,
    )
}

fn taken_text(taken: &Taken) -> String {
    let mut lines = vec![
        ("users created", taken.users_created.to_string()),
        ("users there before", taken.users_there_before.to_string()),
        ("tokens created", taken.tokens_created.to_string()),
        ("tokens there before", taken.tokens_there_before.to_string()),
    ];
    if taken.passwords_left_out > 0 {
        lines.push((
            "passwords left out",
            format!(
                "{}: only a hash was there that cannot be verified",
                taken.passwords_left_out
            ),
        ));
    }
    if taken.rows_wrong > 0 {
        lines.push(("rows wrong", format!("{}: --dry-run names them", taken.rows_wrong)));
    }
    lines.extend(
        taken
            .first_left_out
            .iter()
            .map(|(subject, why)| ("left out", format!("{subject}: {why}"))),
    );
    facts(&lines)
}
