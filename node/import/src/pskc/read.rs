//! Reading: the whole document first, then its keys, then package by package.
//!
//! A wrong key is told from an altered value: it is wrong when no value at all is authentic under it and the MAC's key did not come out
//! with right padding either.

use super::{
    key::{Keys, Opened, Refusal},
    package::{self, Key, Secret},
    xml::Document,
};
use crate::{
    error::ImportError,
    fields,
    intake::{Intake, RowRefusal, Taken},
    limits,
    model::ImportedToken,
    report::{Place, Wrong},
    text::whole,
};

struct Package {
    place: Place,
    subject: String,
    key: Result<Key, RowRefusal>,
}

pub(crate) fn read(input: &[u8], intake: &mut Intake) -> Result<(), ImportError> {
    let mut document = Document::new(whole(input)?);
    let mut keys = Keys::default();
    let mut packages = Vec::new();
    let mut open = document.enter()?;
    while open {
        let Some(part) = document.part()? else {
            open = false;
            continue;
        };
        match part.name.as_str() {
            "encryptionkey" => keys.encryption = Some(part),
            "macmethod" => keys.mac = Some(part),
            "keypackage" => {
                if packages.len() >= limits::ROWS {
                    return Err(ImportError::TooManyRows { line: part.line });
                }
                packages.push(Package {
                    place: Place {
                        line: part.line,
                        row: packages.len() as u64 + 1,
                    },
                    subject: package::subject(&part),
                    key: package::read(&part),
                });
            }
            "signature" => intake.note("the document is signed; the signature is not verified".to_owned()),
            _ => {}
        }
    }
    if packages.is_empty() {
        return Err(ImportError::Empty("KeyPackage"));
    }
    give(packages, &keys, intake)
}

fn give(packages: Vec<Package>, keys: &Keys, intake: &mut Intake) -> Result<(), ImportError> {
    let opened = match packages.iter().any(is_readable) {
        true => Some(keys.open(intake.options)?),
        false => None,
    };
    if let Some(opened) = &opened {
        if !opened.is_sure() && !any_opens(&packages, opened) {
            return Err(ImportError::WrongKey);
        }
        if !opened.has_mac() {
            intake.note("the file has no MAC: nothing tells whether its secrets were altered".to_owned());
        }
    }
    for package in packages {
        let taken = package.key.and_then(|key| token(key, opened.as_ref(), intake));
        intake.row(package.place, &package.subject, taken)?;
    }
    Ok(())
}

/// Whether a package's secret is encrypted in a way that is read, so that a key is needed.
fn is_readable(package: &Package) -> bool {
    let Ok(key) = &package.key else { return false };
    matches!(&key.secret, Secret::Encrypted { method, .. } if method.ends_with("-cbc") && method.starts_with("aes"))
}

/// Whether any secret opens, or cannot for another reason than the key.
fn any_opens(packages: &[Package], opened: &Opened) -> bool {
    let secrets = packages.iter().filter_map(|package| package.key.as_ref().ok());
    let mut opens = secrets.filter_map(|key| match &key.secret {
        Secret::Encrypted { method, text, mac } => Some(opened.secret(method, text, mac.as_deref())),
        Secret::Plain(_) => None,
    });
    opens.any(|secret| !matches!(secret, Err(Refusal::NotAuthentic(_))))
}

fn token(key: Key, opened: Option<&Opened>, intake: &Intake) -> Result<Taken, RowRefusal> {
    let secret = match (&key.secret, opened) {
        (Secret::Plain(secret), _) => secret.clone(),
        (Secret::Encrypted { method, text, mac }, Some(opened)) => opened
            .secret(method, text, mac.as_deref())
            .map_err(|(Refusal::NotAuthentic(wrong) | Refusal::Other(wrong))| wrong)?,
        (Secret::Encrypted { method, .. }, None) => {
            let sentence = format!(
                "is {}; only AES in CBC mode is read, under a key or a password",
                crate::quote::quoted(method)
            );
            return Err(Wrong::new("EncryptionMethod", sentence).into());
        }
    };
    let secret = fields::checked_secret("Secret", secret, &intake.options.secret_bytes)?;
    let mut notes = key.notes;
    notes.extend(fields::hash_note(key.hash_said, &secret));
    let mut token = ImportedToken::new(key.kind, secret);
    token.serial = serial(key.serial, key.id, intake);
    token.owner = key.owner;
    token.name = key.name;
    token.issuer = key.issuer;
    token.manufacturer = key.manufacturer;
    token.last_timestep = key.last_timestep;
    token.valid_from_s = key.valid_from_s;
    token.valid_until_s = key.valid_until_s;
    token.enabled = key.enabled;
    Ok(Taken {
        user: None,
        token: Some(token),
        notes,
    })
}

/// The device's serial, or the key's id. A device with several keys has one serial: the further ones have the id behind it.
fn serial(serial: Option<String>, id: Option<String>, intake: &Intake) -> Option<String> {
    match (serial, id) {
        (Some(serial), Some(id)) if intake.has_serial(&serial) => Some(format!("{serial}:{id}")),
        (serial, id) => serial.or(id),
    }
}
