//! What YubiKey tools log when they write keys, in both of their layouts:
//!
//! ```text
//! traditional  Yubico OTP,12/11/2013 11:10,1,<public id, modhex>,<private id, hex>,<key, hex>,…
//!              OATH-HOTP,11.12.13 18:55,1,<token id>,,<key, hex>,,,0,0,0,<digits>,…
//! yubico       <serial>,<public id, modhex>,<private id, hex>,<key, hex>,<access code>,<time>,
//!              <serial>,,0,<key, hex>,,<time>,                            (OATH-HOTP)
//! ```
//!
//! Neither says anything of counters: they begin at 0, so that the next code of the key is new.

use zeroize::Zeroizing;

use crate::{
    csv::{Record, Records, delimiter},
    encoding,
    error::ImportError,
    fields::{self, OathParts},
    intake::{Intake, RowRefusal, Taken},
    limits,
    model::{ImportedToken, TokenKind, YubikeyCounters},
    quote::quoted,
    report::Wrong,
};

pub(crate) fn read(input: &[u8], intake: &mut Intake) -> Result<(), ImportError> {
    for record in Records::new(input, delimiter(input)) {
        match record {
            Ok(record) if record.subject(0).starts_with('#') => {}
            Ok(record) => {
                let taken = row(&record, intake);
                let place = intake.next_place(record.place.line);
                intake.row(place, &subject(&record), taken)?;
            }
            Err((place, wrong)) => {
                let place = intake.next_place(place.line);
                intake.row(place, "", Err(wrong.into()))?;
            }
        }
    }
    Ok(())
}

/// Whether a first cell begins the traditional layout.
pub(crate) fn is_traditional(cell: &str) -> bool {
    const TYPES: [&str; 6] = [
        "logging start",
        "yubico otp",
        "oath-hotp",
        "static password",
        "challenge-response",
        "scan code",
    ];
    let cell = cell.trim().to_ascii_lowercase();
    TYPES.iter().any(|name| cell.starts_with(name))
}

/// The public id, or else the serial.
fn subject(record: &Record) -> String {
    let (serial, public) = if is_traditional(&record.subject(0)) {
        (0, 3)
    } else {
        (0, 1)
    };
    let public = record.subject(public);
    if public.is_empty() {
        record.subject(serial)
    } else {
        public
    }
}

fn row(record: &Record, intake: &Intake) -> Result<Taken, RowRefusal> {
    let first = record.text(0, "type or serial")?.unwrap_or_default();
    if is_traditional(first) {
        return traditional(first, record, intake);
    }
    if first.is_empty() || !first.bytes().all(|byte| byte.is_ascii_digit()) {
        let sentence = format!(
            "{} is neither a kind of configuration nor a serial number",
            quoted(first)
        );
        return Err(Wrong::new("type or serial", sentence).into());
    }
    let mut taken = match (record.text(1, "public id")?, record.text(2, "private id")?) {
        (None, Some("0")) => hotp(record, 3, None, intake)?,
        (_, None) => return Err(RowRefusal::skipped("a static password, which is no one-time code")),
        (public_id, Some(private_id)) => yubico_otp(public_id, private_id, record.text(3, "key")?)?,
    };
    if let (Some(token), true) = (&mut taken.token, first != "0") {
        token.serial = Some(serial(first, &token.kind, intake));
    }
    Ok(taken)
}

/// The key's serial. Both of its slots have the same, so that the second one has the public id behind it.
fn serial(first: &str, kind: &TokenKind, intake: &Intake) -> String {
    match kind {
        _ if !intake.has_serial(first) => first.to_owned(),
        TokenKind::YubikeyOtp { public_id, .. } => format!("{first}:{}", encoding::to_modhex(public_id)),
        TokenKind::Totp { .. } | TokenKind::Hotp { .. } => format!("{first}:hotp"),
    }
}

fn traditional(kind: &str, record: &Record, intake: &Intake) -> Result<Taken, RowRefusal> {
    let kind = kind.to_ascii_lowercase();
    if kind.starts_with("yubico otp") {
        let private_id = record.text(4, "private id")?.unwrap_or_default();
        yubico_otp(record.text(3, "public id")?, private_id, record.text(5, "key")?)
    } else if kind.starts_with("oath-hotp") {
        let mut taken = hotp(record, 5, record.text(11, "digits")?, intake)?;
        if let Some(token) = &mut taken.token {
            token.serial = fields::description("token id", record.text(3, "token id")?)?;
        }
        Ok(taken)
    } else {
        let shown = quoted(&kind);
        Err(RowRefusal::skipped(format!(
            "{shown} makes no one-time codes that can be imported"
        )))
    }
}

fn yubico_otp(public_id: Option<&str>, private_id: &str, key: Option<&str>) -> Result<Taken, RowRefusal> {
    let public_id = public_id
        .and_then(encoding::modhex)
        .filter(|id| limits::YUBIKEY_PUBLIC_ID_BYTES.contains(&id.len()))
        .ok_or_else(|| Wrong::new("public id", "is not 1 to 16 bytes in modhex"))?;
    let private_id = encoding::hex(private_id)
        .and_then(|id| <[u8; 6]>::try_from(&id[..]).ok())
        .map(Zeroizing::new)
        .ok_or_else(|| Wrong::new("private id", "is not 6 bytes in hexadecimal"))?;
    let key = key
        .and_then(encoding::hex)
        .filter(|key| key.len() == limits::YUBIKEY_KEY_BYTES)
        .ok_or_else(|| Wrong::new("key", "is not 16 bytes in hexadecimal"))?;
    let kind = TokenKind::YubikeyOtp {
        public_id: public_id.to_vec(),
        private_id: Some(private_id),
        counters: YubikeyCounters::default(),
    };
    let mut token = ImportedToken::new(kind, key);
    token.manufacturer = Some("Yubico".to_owned());
    Ok(Taken {
        token: Some(token),
        ..Taken::default()
    })
}

/// OATH-HOTP on a YubiKey.
fn hotp(record: &Record, key: usize, digits: Option<&str>, intake: &Intake) -> Result<Taken, RowRefusal> {
    let key = record
        .text(key, "key")?
        .and_then(encoding::hex)
        .ok_or_else(|| Wrong::new("key", "is not hexadecimal"))?;
    let secret = fields::checked_secret("key", key, &intake.options.secret_bytes)?;
    let digits = match digits {
        Some("0") | None => None,
        Some(digits) => Some(fields::digits("digits", digits)?),
    };
    let parts = OathParts {
        digits,
        ..OathParts::default()
    };
    let mut token = ImportedToken::new(parts.hotp(), secret);
    token.manufacturer = Some("Yubico".to_owned());
    let mut notes = vec!["the file says no counter; 0 is assumed".to_owned()];
    if digits.is_none() {
        notes.push("the file says no number of digits; 6 is assumed".to_owned());
    }
    Ok(Taken {
        token: Some(token),
        notes,
        ..Taken::default()
    })
}
