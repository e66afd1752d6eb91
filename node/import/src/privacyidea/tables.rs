//! privacyIDEA's tables: `token`, and beside it `tokenowner`, `tokeninfo` and `realm`, which may be missing.
//!
//! Either one dump with all of them, or CSV with their columns as header; several CSV files are read as one when they are put behind
//! each other: a record that holds a table's column names begins that table.
//!
//! An owner is what the resolver calls a user, which is a name for some resolvers and a number or UUID for others. Only what can be
//! a name is taken for one; `--format pi` exports names.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Facts, encfile::EncFile};
use crate::{
    csv::{Record, Records, delimiter},
    encoding,
    error::ImportError,
    fields,
    intake::{Intake, RowRefusal, Taken},
    limits,
    model::{ImportedToken, UserName},
    quote::quoted,
    report::{Place, Wrong},
    sql,
};

/// Columns in the order in which privacyIDEA makes them, for dumps that do not name them.
const TABLES: [(&str, &[&str]); 4] = [
    (
        "token",
        &[
            "id",
            "description",
            "serial",
            "tokentype",
            "user_pin",
            "user_pin_iv",
            "so_pin",
            "so_pin_iv",
            "pin_seed",
            "otplen",
            "pin_hash",
            "key_enc",
            "key_iv",
            "maxfail",
            "active",
            "revoked",
            "locked",
            "failcount",
            "count",
            "count_window",
            "sync_window",
            "rollout_state",
        ],
    ),
    ("tokenowner", &["id", "token_id", "resolver", "user_id", "realm_id"]),
    ("tokeninfo", &["id", "key", "value", "type", "description", "token_id"]),
    ("realm", &["id", "name", "default", "option"]),
];

/// One row, however it is written.
type Get<'r> = dyn Fn(&'static str) -> Result<Option<&'r str>, Wrong> + 'r;

/// What the tables hold.
#[derive(Default)]
struct Tables {
    tokens: Vec<Stored>,
    owners: BTreeMap<u64, Owner>,
    info: BTreeMap<u64, BTreeMap<String, String>>,
    realms: BTreeMap<u64, String>,
}

struct Stored {
    place: Place,
    id: Option<u64>,
    serial: String,
    facts: Facts,
    description: Option<String>,
    key_enc: String,
    key_iv: String,
    enabled: bool,
    /// From a join, where somebody made one.
    owner: Option<Owner>,
}

struct Owner {
    user_id: String,
    realm: Option<String>,
    realm_id: Option<u64>,
}

pub(crate) fn read(input: &[u8], intake: &mut Intake) -> Result<(), ImportError> {
    let key = intake
        .options
        .key_file
        .as_ref()
        .ok_or_else(|| ImportError::KeyMissing {
            hint: " by the keys in privacyIDEA's encryption key file (PI_ENCFILE)".to_owned(),
        })?;
    let key = EncFile::parse(key)?;
    let mut tables = Tables::default();
    if sql::mentions(input, &["token"]) {
        tables.read_dump(input, intake)?;
    } else {
        tables.read_csv(input, intake)?;
    }
    tables.give(&key, intake)
}

impl Tables {
    fn read_dump(&mut self, input: &[u8], intake: &mut Intake) -> Result<(), ImportError> {
        for row in sql::Rows::new(input, &TABLES) {
            match row {
                Ok(row) => {
                    let taken = self.take(&row.table, row.place, &|column| row.text(column));
                    refuse(row.place, &row.table, taken, intake)?;
                }
                Err((place, wrong)) => refuse(place, "", Err(wrong), intake)?,
            }
        }
        Ok(())
    }

    fn read_csv(&mut self, input: &[u8], intake: &mut Intake) -> Result<(), ImportError> {
        let mut section: Option<Section> = None;
        for record in Records::new(input, delimiter(input)) {
            match record {
                Ok(record) => {
                    if let Some(next) = Section::header(&record) {
                        section = Some(next);
                        continue;
                    }
                    let Some(section) = &section else {
                        return Err(crate::columns::Header::missing(
                            &record,
                            "a table: serial and key_enc, user_id, or Key and Value",
                        ));
                    };
                    let get = |column: &'static str| section.text(&record, column);
                    let taken = self.take(section.table, record.place, &get);
                    refuse(record.place, section.table, taken, intake)?;
                }
                Err((place, wrong)) => refuse(place, "", Err(wrong), intake)?,
            }
        }
        Ok(())
    }

    /// Takes one row of one table.
    fn take(&mut self, table: &str, place: Place, get: &Get) -> Result<(), Wrong> {
        let number = |column: &'static str| number(column, get);
        match table {
            "token" => self.tokens.push(stored(place, get)?),
            "tokenowner" => {
                if let (Some(token), Some(owner)) = (number("token_id")?, owner(get)?) {
                    // The first owner is the one who is asked for codes.
                    self.owners.entry(token).or_insert(owner);
                }
            }
            "tokeninfo" => {
                if let (Some(token), Some(key), Some(value)) = (number("token_id")?, get("key")?, get("value")?) {
                    let kept = ["hashlib", "timeStep", "yubikey.prefix", "yubikey.tokenid"].contains(&key);
                    if kept && value.len() <= limits::TEXT_BYTES {
                        let info = self.info.entry(token).or_default();
                        info.insert(key.to_owned(), value.to_owned());
                    }
                }
            }
            _ => {
                if let (Some(id), Some(name)) = (number("id")?, get("name")?) {
                    self.realms.insert(id, fields::checked_name("name", name)?.to_owned());
                }
            }
        }
        Ok(())
    }

    /// Opens the keys and reports every token.
    fn give(self, key: &EncFile, intake: &mut Intake) -> Result<(), ImportError> {
        let opened: Vec<_> = self.tokens.iter().map(|token| open(key, token)).collect();
        let tried = || self.tokens.iter().zip(&opened).filter(|(token, _)| has_secret(token));
        if tried().next().is_some() && tried().all(|(_, opened)| opened.is_err()) {
            return Err(ImportError::WrongKey);
        }
        if self.tokens.is_empty() {
            return Err(ImportError::Empty("row of the table token"));
        }
        for (token, secret) in self.tokens.iter().zip(opened) {
            let taken = self.token(token, secret, intake);
            intake.row(token.place, &token.serial, taken)?;
        }
        Ok(())
    }

    fn token(
        &self,
        stored: &Stored,
        secret: Result<Zeroizing<Vec<u8>>, Wrong>,
        intake: &Intake,
    ) -> Result<Taken, RowRefusal> {
        let info = stored.id.and_then(|id| self.info.get(&id));
        let fact = |key: &str| info.and_then(|info| info.get(key)).cloned();
        let known = &stored.facts;
        let facts = Facts {
            kind: known.kind.clone(),
            digits: known.digits,
            counter: known.counter,
            algorithm: fact("hashlib").or(known.algorithm.clone()),
            period_s: match fact("timeStep") {
                Some(text) => Some(fields::number("timeStep", &text)?),
                None => known.period_s,
            },
            yubikey_prefix: fact("yubikey.prefix"),
            yubikey_id: fact("yubikey.tokenid"),
        };
        let kind = facts.kind()?.map_err(RowRefusal::Skipped)?;
        let secret = fields::checked_secret("key_enc", secret?, &intake.options.secret_bytes)?;
        let mut notes = Vec::new();
        if facts.algorithm.is_none() && facts.yubikey_prefix.is_none() {
            notes.extend(fields::hash_note(false, &secret));
        }
        let mut token = ImportedToken::new(kind, secret);
        token.serial = fields::description("serial", Some(&stored.serial))?;
        token.name = stored.description.clone();
        token.enabled = stored.enabled;
        token.last_timestep = facts.last_timestep();
        let (owner, note) = self.owner_of(stored)?;
        token.owner = owner;
        notes.extend(note);
        if !token.enabled {
            notes.push("the token is disabled, revoked or locked".to_owned());
        }
        Ok(Taken {
            user: None,
            token: Some(token),
            notes,
        })
    }

    fn owner_of(&self, stored: &Stored) -> Result<(Option<UserName>, Option<String>), Wrong> {
        let owner = stored.owner.as_ref().or_else(|| self.owners.get(&stored.id?));
        let Some(owner) = owner else {
            return Ok((None, Some("the token has no owner".to_owned())));
        };
        if !can_be_a_name(&owner.user_id) {
            let id = quoted(&owner.user_id);
            let note = format!("the owner is {id}, which is no name; assign the token, or export with --format pi");
            return Ok((None, Some(note)));
        }
        let realm = owner.realm.as_ref().or_else(|| self.realms.get(&owner.realm_id?));
        let name = match realm {
            Some(realm) => fields::name_in("owner", Some(realm), &owner.user_id)?,
            None => fields::user_name("owner", &owner.user_id)?,
        };
        Ok((Some(name), None))
    }
}

/// A row that could not be taken is reported; one that was, is reported with its token.
fn refuse(place: Place, table: &str, taken: Result<(), Wrong>, intake: &mut Intake) -> Result<(), ImportError> {
    match taken {
        Ok(()) => Ok(()),
        Err(wrong) => intake.row(place, table, Err(wrong.into())).map(|_| ()),
    }
}

fn number(column: &'static str, get: &Get) -> Result<Option<u64>, Wrong> {
    get(column)?.map(|text| fields::number(column, text)).transpose()
}

fn stored(place: Place, get: &Get) -> Result<Stored, Wrong> {
    let truth = |column: &'static str| get(column)?.map(|text| fields::truth(column, text)).transpose();
    let text = |column: &'static str| Ok::<_, Wrong>(get(column)?.unwrap_or_default().to_owned());
    let joined = match (get("username")?, get("login")?) {
        (Some(name), _) | (None, Some(name)) => Some(name),
        (None, None) => get("user_id")?,
    };
    Ok(Stored {
        place,
        id: number("id", get)?,
        serial: text("serial")?,
        facts: Facts {
            kind: text("tokentype")?,
            digits: number("otplen", get)?,
            counter: number("count", get)?,
            algorithm: get("hashlib")?.map(str::to_owned),
            period_s: number("timestep", get)?,
            yubikey_prefix: None,
            yubikey_id: None,
        },
        description: fields::description("description", get("description")?)?,
        key_enc: text("key_enc")?,
        key_iv: text("key_iv")?,
        enabled: truth("active")?.unwrap_or(true)
            && !truth("revoked")?.unwrap_or(false)
            && !truth("locked")?.unwrap_or(false),
        owner: match joined {
            Some(user_id) => Some(Owner {
                user_id: user_id.to_owned(),
                realm: get("realm")?.map(str::to_owned),
                realm_id: None,
            }),
            None => None,
        },
    })
}

fn owner(get: &Get) -> Result<Option<Owner>, Wrong> {
    let Some(user_id) = get("user_id")? else {
        return Ok(None);
    };
    Ok(Some(Owner {
        user_id: user_id.to_owned(),
        realm: None,
        realm_id: number("realm_id", get)?,
    }))
}

fn has_secret(stored: &Stored) -> bool {
    let kind = stored.facts.kind.to_ascii_lowercase();
    ["totp", "hotp", "yubikey"].contains(&kind.as_str()) && !stored.key_enc.is_empty()
}

/// The secret itself: what is encrypted is its hexadecimal text.
fn open(key: &EncFile, stored: &Stored) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    let text = key.open(&stored.key_enc, &stored.key_iv)?;
    std::str::from_utf8(&text)
        .ok()
        .and_then(encoding::hex)
        .ok_or_else(|| Wrong::new("key_enc", "does not open with this key"))
}

/// Neither a number nor a UUID nor a distinguished name.
fn can_be_a_name(user_id: &str) -> bool {
    let hexadecimal = user_id
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b'{' | b'}'));
    let number = user_id.bytes().all(|byte| byte.is_ascii_digit());
    !(number || hexadecimal && user_id.len() >= 32 || user_id.contains('='))
}

/// A table in CSV: its columns in lower case.
struct Section {
    table: &'static str,
    columns: Vec<String>,
}

impl Section {
    /// The table that a record begins, if it holds column names.
    fn header(record: &Record) -> Option<Section> {
        let columns: Vec<String> = (0..record.fields.len())
            .map(|index| record.subject(index).to_ascii_lowercase())
            .collect();
        let has = |name: &str| columns.iter().any(|column| column == name);
        let table = if has("serial") && has("key_enc") {
            "token"
        } else if has("token_id") && has("key") && has("value") {
            "tokeninfo"
        } else if has("token_id") && has("user_id") {
            "tokenowner"
        } else if has("id") && has("name") && has("default") {
            "realm"
        } else {
            return None;
        };
        Some(Section { table, columns })
    }

    fn text<'r>(&self, record: &'r Record, column: &'static str) -> Result<Option<&'r str>, Wrong> {
        if record.fields.len() != self.columns.len() {
            let sentence = format!("has {} fields, the header {}", record.fields.len(), self.columns.len());
            return Err(Wrong::new("row", sentence));
        }
        let Some(index) = self.columns.iter().position(|name| name == column) else {
            return Ok(None);
        };
        Ok(record
            .text(index, column)?
            .filter(|text| !matches!(*text, "NULL" | "\\N")))
    }
}
