//! `quorate import`: users and tokens that another product kept.
//!
//! The file is read here, whole, before anything is sent; what it holds goes through the same API as everything else, an object at a time. So an import that
//! is broken off leaves whole users and tokens behind, and the same command goes on where it stopped: who is there is left as they are, and so is
//! a token whose name the owner has already.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use quorate_api::{Confidential, CreateToken, CreateUser, Token, TokenKind, endpoints};
use quorate_core::PasswordRules;
use quorate_import::{
    Algorithm, Format, Import, ImportedPassword, ImportedToken, ImportedUser, Options, Outcome, Report,
};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::{
    Context,
    admin::import_passwords,
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
}

/// What became of an import, for scripts.
#[derive(Debug, Default, Serialize)]
struct Taken {
    users_created: u64,
    users_there_before: u64,
    tokens_created: u64,
    tokens_there_before: u64,
    /// Passwords that were only there as a hash: their users need a new one.
    passwords_left_out: u64,
    /// What a node refused: whom or what, and why.
    refused: Vec<(String, String)>,
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
        let wrong = import.report.totals().wrong;
        if self.dry_run || (wrong > 0 && !self.partial) {
            context.format.show(&import.report, report_text);
            return match wrong {
                0 => Ok(()),
                wrong => Err(
                    Failure::new(Exit::Refused, format!("{wrong} rows are wrong; nothing was changed"))
                        .advise("mend them, or take over the others with --partial"),
                ),
            };
        }
        let taken = take_over(&api?, import).await?;
        context.format.show(&taken, taken_text);
        match taken.refused.len() {
            0 => Ok(()),
            refused => Err(Failure::new(
                Exit::Refused,
                format!("{refused} of them were refused; the others are there"),
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

fn read_file(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| Failure::system(format!("cannot read {}", file.display()), error))
}

async fn take_over(api: &Api, import: Import) -> Result<Taken, Failure> {
    let mut taken = Taken::default();
    for user in import.users {
        take_user(api, user, &mut taken).await?;
    }
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for token in import.tokens {
        take_token(api, token, &mut known, &mut taken).await?;
    }
    Ok(taken)
}

async fn take_user(api: &Api, user: ImportedUser, taken: &mut Taken) -> Done {
    let name = user.name.to_string();
    let password = match user.password {
        Some(ImportedPassword::Clear(password)) => Some(Confidential::new(password.as_str())),
        Some(ImportedPassword::Hash(_)) => {
            taken.passwords_left_out += 1;
            None
        }
        None => None,
    };
    let create = CreateUser {
        name: name.clone(),
        display_name: user.display_name.unwrap_or_default(),
        password,
        role: None,
        must_change_password: false,
    };
    match api.tell(endpoints::CREATE_USER, &[], &create).await {
        Ok(_) => taken.users_created += 1,
        Err(failure) if failure.conflict => {
            taken.users_there_before += 1;
            return Ok(());
        }
        Err(failure) => return taken.refuse(&name, failure),
    }
    match user.enabled {
        true => Ok(()),
        false => api.ask(endpoints::DISABLE_USER, &[&name]).await.map(drop),
    }
}

async fn take_token(
    api: &Api,
    token: ImportedToken,
    known: &mut BTreeMap<String, Vec<String>>,
    taken: &mut Taken,
) -> Done {
    let owner = token.owner.as_ref().map(ToString::to_string);
    let enabled = token.enabled;
    let subject = token
        .serial
        .clone()
        .or(token.name.clone())
        .unwrap_or_else(|| "imported".to_owned());
    let create = match request(token, &subject) {
        Ok(create) => create,
        Err(why) => {
            taken.refused.push((subject, why.to_owned()));
            return Ok(());
        }
    };
    let names = match known.entry(owner.clone().unwrap_or_default()) {
        std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
        std::collections::btree_map::Entry::Vacant(entry) => entry.insert(names_of_tokens(api, owner.as_deref()).await),
    };
    if names.contains(&create.name) {
        taken.tokens_there_before += 1;
        return Ok(());
    }
    let made = match &owner {
        Some(owner) => api.tell(endpoints::CREATE_TOKEN, &[owner], &create).await,
        None => api.tell(endpoints::CREATE_STOCK, &[], &create).await,
    };
    match made {
        Ok(made) => {
            names.push(create.name);
            taken.tokens_created += 1;
            match enabled {
                true => Ok(()),
                false => api.ask(endpoints::DISABLE_TOKEN, &[&made.token.id]).await.map(drop),
            }
        }
        Err(failure) => taken.refuse(&subject, failure),
    }
}

/// An owner who is not there has none, and is refused with the token.
async fn names_of_tokens(api: &Api, owner: Option<&str>) -> Vec<String> {
    let listed = match owner {
        Some(owner) => api.list(endpoints::LIST_TOKENS, &[owner], usize::MAX).await,
        None => api.list(endpoints::LIST_STOCK, &[], usize::MAX).await,
    };
    let (tokens, _): (Vec<Token>, bool) = listed.unwrap_or_default();
    tokens.into_iter().map(|token| token.name).collect()
}

/// A token as the API makes it, in use at once: its secret is in a device already.
fn request(token: ImportedToken, subject: &str) -> Result<CreateToken, &'static str> {
    let mut create = CreateToken {
        name: token.name.clone().unwrap_or_else(|| subject.to_owned()),
        verified: Some(true),
        expires_ms: token
            .valid_until_s
            .and_then(|until_s| u64::try_from(until_s).ok())
            .map(|until_s| until_s * 1_000),
        ..CreateToken::default()
    };
    match token.kind {
        quorate_import::TokenKind::Totp {
            algorithm,
            digits,
            period_s,
        } => {
            create.algorithm = Some(hash(algorithm));
            create.digits = Some(digits);
            create.period_s = Some(period_s);
            create.counter = token.last_timestep.map(|last| last + 1);
            create.secret_base32 = Some(Confidential::new(BASE32_NOPAD.encode(&token.secret)));
        }
        quorate_import::TokenKind::Hotp {
            algorithm,
            digits,
            counter,
        } => {
            create.kind = TokenKind::Hotp;
            create.algorithm = Some(hash(algorithm));
            create.digits = Some(digits);
            create.counter = Some(counter);
            create.secret_base32 = Some(Confidential::new(BASE32_NOPAD.encode(&token.secret)));
        }
        quorate_import::TokenKind::YubikeyOtp {
            public_id,
            private_id,
            counters,
        } => {
            create.kind = TokenKind::Yubikey;
            create.public_id = Some(quorate_core::method::modhex(&public_id));
            let private_id = private_id.ok_or("the file does not hold the YubiKey's private identity")?;
            create.private_id = Some(Confidential::new(HEXLOWER.encode(&private_id[..])));
            create.aes_key = Some(Confidential::new(HEXLOWER.encode(&token.secret)));
            let last = u64::from(counters.session) << 8 | u64::from(counters.uses);
            create.counter = (last > 0).then(|| last + 1);
        }
    }
    Ok(create)
}

const fn hash(algorithm: Algorithm) -> quorate_api::Algorithm {
    match algorithm {
        Algorithm::Sha1 => quorate_api::Algorithm::Sha1,
        Algorithm::Sha256 => quorate_api::Algorithm::Sha256,
        Algorithm::Sha512 => quorate_api::Algorithm::Sha512,
    }
}

impl Taken {
    /// What a node refuses is told at the end; when no node answers, that is the end.
    fn refuse(&mut self, subject: &str, failure: Failure) -> Done {
        match failure.exit {
            Exit::Refused | Exit::NotFound => {
                let said: Vec<String> = std::iter::once(failure.message).chain(failure.advice).collect();
                self.refused.push((subject.to_owned(), said.join("; ")));
                Ok(())
            }
            _ => Err(failure),
        }
    }
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
            format!("{}: only their hash was there", taken.passwords_left_out),
        ));
    }
    lines.extend(
        taken
            .refused
            .iter()
            .map(|(subject, why)| ("refused", format!("{subject}: {why}"))),
    );
    facts(&lines)
}
