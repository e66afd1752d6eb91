//! OATH CSV: what token vendors deliver and what privacyIDEA and LinOTP take in.
//!
//! Without a header: `serial, secret, type, digits, period or counter`, of which only the first two must be there, the secret in
//! hexadecimal (or base 32), `#` before a comment. With a header: the same by name, in any order, with owner, manufacturer and hash.

use crate::{
    columns::{Column, Header},
    csv::{Record, Records, delimiter},
    encoding::SecretAlphabet,
    error::ImportError,
    fields::{self, OathParts},
    intake::{Intake, RowRefusal, Taken},
    model::ImportedToken,
    report::Wrong,
    users_csv,
};

pub(crate) fn read(input: &[u8], intake: &mut Intake) -> Result<(), ImportError> {
    let mut records = Records::new(input, delimiter(input)).peekable();
    let header = match records.peek() {
        Some(Ok(first)) => header(first)?,
        Some(Err(_)) => None,
        None => return Err(ImportError::Empty("row")),
    };
    if let Some(header) = &header {
        records.next();
        for unknown in &header.unknown {
            intake.note(unknown.clone());
        }
    }
    for record in records {
        match record {
            Ok(record) => row(header.as_ref(), &record, intake)?,
            Err((place, wrong)) => {
                let place = intake.next_place(place.line);
                intake.row(place, "", Err(wrong.into()))?;
            }
        }
    }
    Ok(())
}

/// The header, if the first record is one: it names a serial and a secret.
pub(crate) fn header(first: &Record) -> Result<Option<Header>, ImportError> {
    let names = |wanted: &[Column]| {
        let cells = first.fields.iter().filter_map(|cell| Column::named(cell));
        cells.into_iter().any(|column| wanted.contains(&column))
    };
    let secrets = users_csv::SECRETS.map(|(column, _)| column);
    if names(&[Column::TokenSerial]) && names(&secrets) {
        Header::parse(first).map(Some)
    } else {
        Ok(None)
    }
}

fn row(header: Option<&Header>, record: &Record, intake: &mut Intake) -> Result<(), ImportError> {
    let (subject, taken) = match header {
        Some(header) => (
            header.subject(record, &[Column::TokenSerial]),
            named(header, record, intake),
        ),
        None if record.subject(0).starts_with('#') => return Ok(()),
        None => (record.subject(0), positional(record, intake)),
    };
    let place = intake.next_place(record.place.line);
    intake.row(place, &subject, taken).map(|_| ())
}

fn named(header: &Header, record: &Record, intake: &Intake) -> Result<Taken, RowRefusal> {
    header.check_width(record)?;
    let Some((mut token, note)) = users_csv::token(header, record, intake)? else {
        return Err(Wrong::new(Column::Secret.name(), "is empty").into());
    };
    if header.text(record, Column::Name)?.is_some() {
        token.owner = Some(users_csv::name(header, record)?);
    }
    Ok(Taken {
        user: None,
        token: Some(token),
        notes: note.into_iter().collect(),
    })
}

fn positional(record: &Record, intake: &Intake) -> Result<Taken, RowRefusal> {
    let serial = fields::description("serial", record.text(0, "serial")?)?;
    let serial = serial.ok_or_else(|| Wrong::new("serial", "is empty"))?;
    let text = record
        .text(1, "secret")?
        .ok_or_else(|| Wrong::new("secret", "is empty"))?;
    let kind = record.text(2, "type")?.unwrap_or("hotp");
    if kind.eq_ignore_ascii_case("ocra") {
        return Err(RowRefusal::skipped("an OCRA token; only TOTP and HOTP are imported"));
    }
    let parts = positional_parts(record, kind)?;
    let secret = fields::token_secret("secret", SecretAlphabet::Guessed, text, &intake.options.secret_bytes)?;
    let note = fields::hash_note(false, &secret);
    let mut token = ImportedToken::new(parts.of_type("type", kind)?, secret);
    token.serial = Some(serial);
    Ok(Taken {
        user: None,
        token: Some(token),
        notes: note.into_iter().collect(),
    })
}

/// Digits, and then what moves: a period for TOTP, a counter for HOTP.
fn positional_parts(record: &Record, kind: &str) -> Result<OathParts, Wrong> {
    let mut parts = OathParts::default();
    if let Some(digits) = record.text(3, "digits")? {
        parts.digits = Some(fields::digits("digits", digits)?);
    }
    if let Some(moving) = record.text(4, "period or counter")? {
        if kind.eq_ignore_ascii_case("totp") {
            parts.period_s = Some(fields::period("period", moving)?);
        } else {
            parts.counter = Some(fields::number("counter", moving)?);
        }
    }
    Ok(parts)
}
