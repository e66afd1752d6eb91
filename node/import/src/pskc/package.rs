//! What one key package says, before anything is decrypted.

use zeroize::Zeroizing;

use super::xml::{Element, fragment};
use crate::{
    date, dn, encoding,
    fields::{self, OathParts},
    intake::RowRefusal,
    limits,
    model::{TokenKind, UserName},
    quote::quoted,
    report::Wrong,
};

/// A key as the document has it.
pub(super) struct Key {
    pub(super) secret: Secret,
    pub(super) kind: TokenKind,
    pub(super) hash_said: bool,
    pub(super) last_timestep: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) owner: Option<UserName>,
    pub(super) name: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) valid_from_s: Option<i64>,
    pub(super) valid_until_s: Option<i64>,
    pub(super) enabled: bool,
    pub(super) notes: Vec<String>,
}

pub(super) enum Secret {
    Plain(Zeroizing<Vec<u8>>),
    Encrypted {
        /// `aes128-cbc`.
        method: String,
        /// Initialisation vector and ciphertext.
        text: Vec<u8>,
        mac: Option<Vec<u8>>,
    },
}

/// What a report calls a package: the serial, or else the key's id.
pub(super) fn subject(package: &Element) -> String {
    let serial = package.text_at(&["deviceinfo", "serialno"]);
    let id = || package.child("key").and_then(|key| key.attribute("id"));
    serial.or_else(id).unwrap_or_default().to_owned()
}

pub(super) fn read(package: &Element) -> Result<Key, RowRefusal> {
    let key = package.child("key").ok_or_else(|| Wrong::new("Key", "is missing"))?;
    let algorithm = key.attribute("algorithm").unwrap_or_default();
    let kind_name = fragment(algorithm);
    match kind_name.as_str() {
        "hotp" | "totp" => {}
        "pin" => return Err(RowRefusal::skipped("a PIN, which is no token")),
        _ => {
            let shown = quoted(algorithm);
            return Err(RowRefusal::skipped(format!(
                "a key for {shown}; only TOTP and HOTP are imported"
            )));
        }
    }
    let mut notes = Vec::new();
    let parts = parts(key, kind_name == "totp", &mut notes)?;
    let text = |path: &[&str], field: &'static str| fields::description(field, package.text_at(path));
    let inner = |name: &str, field: &'static str| fields::description(field, key.text_at(&[name]));
    Ok(Key {
        secret: secret(key)?,
        kind: parts.of_type("Algorithm", &kind_name)?,
        hash_said: parts.algorithm.is_some(),
        // privacyIDEA writes the last used timestep of a TOTP token as its counter.
        last_timestep: parts.counter.filter(|counter| kind_name == "totp" && *counter > 0),
        id: fields::description("Key Id", key.attribute("id"))?,
        serial: text(&["deviceinfo", "serialno"], "SerialNo")?,
        owner: owner(package, key)?,
        name: inner("friendlyname", "FriendlyName")?,
        issuer: inner("issuer", "Issuer")?,
        manufacturer: text(&["deviceinfo", "manufacturer"], "Manufacturer")?,
        valid_from_s: date_of(package, key, "startdate", "StartDate")?,
        valid_until_s: date_of(package, key, "expirydate", "ExpiryDate")?,
        enabled: key.find("enabled").is_none_or(|enabled| enabled.text() != "false"),
        notes,
    })
}

fn parts(key: &Element, is_totp: bool, notes: &mut Vec<String>) -> Result<OathParts, Wrong> {
    let mut parts = OathParts::default();
    if let Some(format) = key.at(&["algorithmparameters", "responseformat"]) {
        let encoding = format.attribute("encoding").unwrap_or("DECIMAL");
        if !encoding.eq_ignore_ascii_case("DECIMAL") {
            return Err(Wrong::new(
                "Encoding",
                format!("is {}; codes are decimal", quoted(encoding)),
            ));
        }
        if let Some(length) = format.attribute("length") {
            parts.digits = Some(fields::digits("Length", length)?);
        }
    }
    if let Some(suite) = key.at(&["algorithmparameters", "suite"]) {
        let name = Some(suite.text())
            .filter(|text| !text.is_empty())
            .or(suite.attribute("hashalgo"));
        parts.algorithm = name.map(|name| fields::algorithm("Suite", name)).transpose()?;
    }
    parts.counter = number(key, "counter", "Counter")?;
    if is_totp {
        let period = number(key, "timeinterval", "TimeInterval")?;
        parts.period_s = period
            .map(|period| fields::period_of("TimeInterval", period))
            .transpose()?;
        if plain(key, "timedrift").is_some_and(|drift| drift.parse::<f64>().is_ok_and(|drift| drift != 0.0)) {
            notes.push("the drift of the token's clock is not taken over".to_owned());
        }
    }
    Ok(parts)
}

/// The plain value of a data element.
fn plain<'e>(key: &'e Element, name: &str) -> Option<&'e str> {
    let text = key.text_at(&["data", name, "plainvalue"]);
    text.filter(|text| *text != "None")
}

fn number(key: &Element, name: &str, field: &'static str) -> Result<Option<u64>, Wrong> {
    if key.at(&["data", name, "encryptedvalue"]).is_some() {
        return Err(Wrong::new(field, "is encrypted; only secrets are read encrypted"));
    }
    plain(key, name).map(|text| fields::number(field, text)).transpose()
}

fn secret(key: &Element) -> Result<Secret, Wrong> {
    let Some(secret) = key.at(&["data", "secret"]) else {
        let sentence = match key.child("keyreference") {
            Some(_) => "is missing: the key is derived from a master key that is not in the file (KeyReference)",
            None => "is missing",
        };
        return Err(Wrong::new("Secret", sentence));
    };
    if let Some(plain) = secret.child("plainvalue") {
        let bytes = encoding::base64(plain.text()).filter(|bytes| bytes.len() <= limits::SECRET_BYTES_MAX);
        return bytes
            .map(Secret::Plain)
            .ok_or_else(|| Wrong::new("PlainValue", "is not a short value in base 64"));
    }
    let Some(encrypted) = secret.child("encryptedvalue") else {
        return Err(Wrong::new("Secret", "has neither a PlainValue nor an EncryptedValue"));
    };
    let mac = match secret.child("valuemac") {
        Some(mac) => Some(
            encoding::base64(mac.text())
                .ok_or_else(|| Wrong::new("ValueMAC", "is not base 64"))?
                .to_vec(),
        ),
        None => None,
    };
    let (method, text) =
        encrypted_value(encrypted).ok_or_else(|| Wrong::new("EncryptedValue", "has no CipherValue in base 64"))?;
    Ok(Secret::Encrypted { method, text, mac })
}

/// Method and ciphertext of an encrypted value (XML Encryption section 3).
pub(super) fn encrypted_value(element: &Element) -> Option<(String, Vec<u8>)> {
    let method = element
        .child("encryptionmethod")
        .and_then(|method| method.attribute("algorithm"));
    let text = encoding::base64(element.find("ciphervalue")?.text())?;
    Some((fragment(method.unwrap_or_default()), text.to_vec()))
}

/// Whose the key is: a name, or the uid or cn of a distinguished name.
fn owner(package: &Element, key: &Element) -> Result<Option<UserName>, Wrong> {
    let of_device = package.text_at(&["deviceinfo", "userid"]);
    let Some(text) = key.text_at(&["userid"]).or(of_device) else {
        return Ok(None);
    };
    if !text.contains('=') {
        return fields::user_name("UserId", text).map(Some);
    }
    match dn::value_of(text, &["uid", "cn"]) {
        Some(name) => fields::user_name("UserId", &name).map(Some),
        None => Ok(None),
    }
}

/// A date of the key's policy or, in the same words, of the device.
fn date_of(package: &Element, key: &Element, name: &str, field: &'static str) -> Result<Option<i64>, Wrong> {
    let of_device = package.text_at(&["deviceinfo", name]);
    let Some(text) = key.text_at(&["policy", name]).or(of_device) else {
        return Ok(None);
    };
    let date = date::parse(text);
    date.map(Some)
        .ok_or_else(|| Wrong::new(field, format!("{} is no date and time", quoted(text))))
}
