//! Google Authenticator's transfer URIs: `otpauth-migration://offline?data=<base 64 of a protocol buffer>`.
//!
//! One QR code holds about ten accounts; more of them make a batch, whose parts name its id, its size and their place in it. A part
//! that is missing is noted, for its accounts would be missed by nobody but their owner.
//!
//! ```text
//! payload: 1 account (repeated)   2 version   3 parts of the batch   4 this part, from 0   5 batch id
//! account: 1 secret   2 name   3 issuer   4 hash (1 SHA-1, 2 SHA-256, 3 SHA-512, 4 MD5)   5 digits (1 six, 2 eight)
//!          6 type (1 HOTP, 2 TOTP)   7 counter   8 id
//! ```

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use crate::{
    encoding,
    error::ImportError,
    fields::{self, OathParts},
    intake::{Intake, RowRefusal, Taken},
    limits,
    model::{Algorithm, ImportedToken},
    otpauth::label_into,
    percent,
    protobuf::{Fields, Value},
    report::Wrong,
};

pub(crate) const MIGRATION: &str = "otpauth-migration://";

/// The batches that a file has parts of.
#[derive(Default)]
pub(crate) struct Batches {
    /// By id: how many parts there should be, and which there are.
    parts: BTreeMap<u64, (u64, BTreeSet<u64>)>,
}

impl Batches {
    /// Reads one URI: a report row for each account, or one for the URI when it is broken.
    pub(crate) fn read(&mut self, uri: &str, line: u64, intake: &mut Intake) -> Result<(), ImportError> {
        let payload = match data(uri) {
            Ok(payload) => payload,
            Err(wrong) => return refuse(line, wrong, intake),
        };
        let mut batch = Batch::default();
        let mut accounts = 0;
        for field in Fields::new(&payload) {
            let place = intake.next_place(line);
            match field {
                None => return refuse(line, Wrong::new("data", "is not a migration payload"), intake),
                Some((1, Value::Bytes(account))) if accounts < limits::MIGRATION_ACCOUNTS => {
                    accounts += 1;
                    let (name, taken) = account_token(account, intake);
                    intake.row(place, &name, taken)?;
                }
                Some((1, _)) => return refuse(line, Wrong::new("data", "holds too many accounts"), intake),
                Some((number, Value::Number(value))) => batch.take(number, value),
                Some(_) => {}
            }
        }
        self.remember(&batch, line, intake);
        Ok(())
    }

    fn remember(&mut self, batch: &Batch, line: u64, intake: &mut Intake) {
        if batch.size > 1 && self.parts.len() < limits::NOTES {
            let (_, parts) = self.parts.entry(batch.id).or_insert((batch.size, BTreeSet::new()));
            if !parts.insert(batch.index) {
                intake.note(format!(
                    "line {line}: part {} of its batch is there twice",
                    batch.index + 1
                ));
            }
        }
    }

    /// Notes which parts of which batch are not in the file.
    pub(crate) fn note_missing(&self, intake: &mut Intake) {
        for (id, (size, parts)) in &self.parts {
            let size = (*size).min(limits::NOTES as u64);
            let missing: Vec<String> = (0..size)
                .filter(|part| !parts.contains(part))
                .map(|part| (part + 1).to_string())
                .collect();
            if !missing.is_empty() {
                let id = *id as i64;
                intake.note(format!(
                    "batch {id}: QR codes {} of {size} are missing",
                    missing.join(", ")
                ));
            }
        }
    }
}

#[derive(Default)]
struct Batch {
    size: u64,
    index: u64,
    id: u64,
}

impl Batch {
    fn take(&mut self, number: u32, value: u64) {
        match number {
            3 => self.size = value,
            4 => self.index = value,
            5 => self.id = value,
            _ => {}
        }
    }
}

fn refuse(line: u64, wrong: Wrong, intake: &mut Intake) -> Result<(), ImportError> {
    let place = intake.next_place(line);
    intake.row(place, "", Err(wrong.into())).map(|_| ())
}

/// The payload inside a URI.
fn data(uri: &str) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    let (_, query) = uri.split_once('?').ok_or_else(|| Wrong::new("data", "is missing"))?;
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("data="))
        .ok_or_else(|| Wrong::new("data", "is missing"))?;
    if value.len() > limits::ROW_BYTES {
        return Err(Wrong::new(
            "data",
            format!("is longer than {} bytes", limits::ROW_BYTES),
        ));
    }
    let text = percent::decode(value).map(Zeroizing::new);
    // A browser's form turns `+` into a blank.
    let text = text.map(|text| Zeroizing::new(text.replace(' ', "+")));
    text.and_then(|text| encoding::base64(&text))
        .ok_or_else(|| Wrong::new("data", "is not base 64"))
}

/// What one account says.
#[derive(Default)]
struct Account<'a> {
    secret: &'a [u8],
    name: &'a [u8],
    issuer: &'a [u8],
    algorithm: u64,
    digits: u64,
    kind: u64,
    counter: u64,
}

fn account_token(bytes: &[u8], intake: &Intake) -> (String, Result<Taken, RowRefusal>) {
    let Some(account) = Account::parse(bytes) else {
        return (
            String::new(),
            Err(Wrong::new("account", "is not an account of a migration payload").into()),
        );
    };
    let name = String::from_utf8_lossy(account.name).into_owned();
    (name, account.token(intake).map_err(RowRefusal::from))
}

impl<'a> Account<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut account = Account::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, Value::Bytes(secret)) => account.secret = secret,
                (2, Value::Bytes(name)) => account.name = name,
                (3, Value::Bytes(issuer)) => account.issuer = issuer,
                (4, Value::Number(algorithm)) => account.algorithm = algorithm,
                (5, Value::Number(digits)) => account.digits = digits,
                (6, Value::Number(kind)) => account.kind = kind,
                (7, Value::Number(counter)) => account.counter = counter,
                _ => {}
            }
        }
        Some(account)
    }

    fn token(&self, intake: &Intake) -> Result<Taken, Wrong> {
        let parts = OathParts {
            algorithm: Some(algorithm(self.algorithm)?),
            digits: Some(if self.digits == 2 { 8 } else { 6 }),
            period_s: None,
            counter: Some(self.counter),
        };
        let kind = match self.kind {
            1 => parts.hotp(),
            0 | 2 => parts.totp(),
            other => return Err(Wrong::new("type", format!("{other} is neither HOTP nor TOTP"))),
        };
        let secret = Zeroizing::new(self.secret.to_vec());
        let mut token = ImportedToken::new(
            kind,
            fields::checked_secret("secret", secret, &intake.options.secret_bytes)?,
        );
        let issuer = crate::text::utf8("issuer", self.issuer)?;
        let issuer = Some(issuer).filter(|issuer| !issuer.is_empty());
        label_into(&mut token, crate::text::utf8("name", self.name)?, issuer)?;
        Ok(Taken {
            token: Some(token),
            ..Taken::default()
        })
    }
}

fn algorithm(number: u64) -> Result<Algorithm, Wrong> {
    match number {
        0 | 1 => Ok(Algorithm::Sha1),
        2 => Ok(Algorithm::Sha256),
        3 => Ok(Algorithm::Sha512),
        4 => Err(Wrong::new("algorithm", "is MD5, which is not taken")),
        other => Err(Wrong::new("algorithm", format!("{other} is not known"))),
    }
}
