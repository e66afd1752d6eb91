//! `--format pi`: a JSON list of tokens inside an envelope.

use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Facts, envelope};
use crate::{
    encoding::SecretAlphabet,
    error::ImportError,
    fields,
    intake::{Intake, RowRefusal, Taken},
    limits,
    model::{ImportedToken, TokenKind},
    report::{Place, Wrong},
};

/// A text of the file that is wiped; numbers become text, everything else nothing.
#[derive(Default)]
struct Text(Zeroizing<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Text(Zeroizing::new(match Value::deserialize(from)? {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
        })))
    }
}

impl Text {
    fn get(&self) -> Option<&str> {
        let text = self.0.trim();
        (!text.is_empty() && text != "None").then_some(text)
    }

    fn number(&self, field: &'static str) -> Result<Option<u64>, Wrong> {
        self.get().map(|text| fields::number(field, text)).transpose()
    }
}

/// One token. Everything may be missing: what must not be is said row by row.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Exported {
    serial: Text,
    #[serde(rename = "type")]
    kind: Text,
    otpkey: Text,
    description: Text,
    otplen: Text,
    counter: Text,
    count: Text,
    active: Text,
    revoked: Text,
    locked: Text,
    info_list: Info,
    user: Option<Owner>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    hashlib: Text,
    #[serde(rename = "timeStep")]
    time_step: Text,
    #[serde(rename = "yubikey.prefix")]
    yubikey_prefix: Text,
    #[serde(rename = "yubikey.tokenid")]
    yubikey_id: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Owner {
    login: Text,
    realm: Text,
}

pub(crate) fn read(input: &[u8], intake: &mut Intake) -> Result<(), ImportError> {
    let key = intake
        .options
        .key_file
        .as_ref()
        .ok_or(ImportError::KeyMissing { hint: String::new() })?;
    if key.len() > limits::KEY_FILE_BYTES {
        return Err(ImportError::KeyForm("it is too long"));
    }
    let json = envelope::open(input.trim_ascii(), key.trim_ascii())?;
    let tokens: Vec<Exported> = serde_json::from_slice(&json)
        .map_err(|error| ImportError::document(error.line() as u64, "the export inside is not a list of tokens"))?;
    for (exported, row) in tokens.into_iter().zip(1..) {
        // The envelope has no lines that anybody could look at.
        let place = Place { line: 1, row };
        let taken = token(&exported, intake);
        intake.row(place, exported.serial.get().unwrap_or_default(), taken)?;
    }
    Ok(())
}

fn token(exported: &Exported, intake: &Intake) -> Result<Taken, RowRefusal> {
    let facts = Facts {
        kind: exported.kind.get().unwrap_or_default().to_owned(),
        digits: exported.otplen.number("otplen")?,
        counter: exported.count.number("count")?.or(exported.counter.number("counter")?),
        algorithm: exported.info_list.hashlib.get().map(str::to_owned),
        period_s: exported.info_list.time_step.number("timeStep")?,
        yubikey_prefix: exported.info_list.yubikey_prefix.get().map(str::to_owned),
        yubikey_id: exported.info_list.yubikey_id.get().map(str::to_owned),
    };
    let kind = facts.kind()?.map_err(RowRefusal::Skipped)?;
    let key = exported.otpkey.get().ok_or_else(|| Wrong::new("otpkey", "is empty"))?;
    let secret = fields::token_secret("otpkey", SecretAlphabet::Hex, key, &intake.options.secret_bytes)?;
    let serial = exported
        .serial
        .get()
        .ok_or_else(|| Wrong::new("serial", "is missing"))?;
    let mut token = ImportedToken::new(kind, secret);
    token.serial = fields::description("serial", Some(serial))?;
    token.name = fields::description("description", exported.description.get())?;
    token.last_timestep = facts.last_timestep();
    token.owner = owner(exported)?;
    token.enabled = exported.active.get() != Some("false")
        && exported.revoked.get() != Some("true")
        && exported.locked.get() != Some("true");
    let notes = notes(exported, &token, &facts);
    Ok(Taken {
        user: None,
        token: Some(token),
        notes,
    })
}

fn owner(exported: &Exported) -> Result<Option<crate::model::UserName>, Wrong> {
    let Some(owner) = &exported.user else { return Ok(None) };
    match owner.login.get() {
        Some(login) => fields::name_in("user", owner.realm.get(), login).map(Some),
        None => Ok(None),
    }
}

fn notes(exported: &Exported, token: &ImportedToken, facts: &Facts) -> Vec<String> {
    let mut notes = Vec::new();
    if token.owner.is_none() {
        notes.push("the token has no owner in the file; assign it".to_owned());
    }
    if !token.enabled {
        notes.push("the token is disabled, revoked or locked".to_owned());
    }
    if matches!(token.kind, TokenKind::YubikeyOtp { private_id: None, .. }) {
        notes.push("the YubiKey's private id is not known; it will be what the first code says".to_owned());
    }
    if exported.info_list.hashlib.get().is_none() && facts.yubikey_prefix.is_none() {
        notes.extend(fields::hash_note(false, &token.secret));
    }
    notes
}
