//! `--format csv`: `login@realm, serial, key, type, digits[, period]`, without a header, the key in hexadecimal (or base 32).
//!
//! It says neither the hash nor a HOTP token's counter: `--format pi` does.

use crate::{
    csv::{Record, Records},
    encoding::SecretAlphabet,
    error::ImportError,
    fields::{self, OathParts},
    intake::{Intake, RowRefusal, Taken},
    model::{ImportedToken, TokenKind},
    report::Wrong,
};

pub(crate) fn read(input: &[u8], intake: &mut Intake) -> Result<(), ImportError> {
    for record in Records::new(input, b',') {
        match record {
            Ok(record) => {
                let taken = token(&record, intake);
                intake.row(record.place, &record.subject(1), taken)?;
            }
            Err((place, wrong)) => {
                intake.row(place, "", Err(wrong.into()))?;
            }
        }
    }
    Ok(())
}

fn token(record: &Record, intake: &Intake) -> Result<Taken, RowRefusal> {
    let needed =
        |column: usize, name: &'static str| record.text(column, name)?.ok_or_else(|| Wrong::new(name, "is empty"));
    let (serial, key, kind) = (needed(1, "serial")?, needed(2, "otpkey")?, needed(3, "type")?);
    let period = record.text(5, "timeStep")?.filter(|text| *text != "None");
    let parts = OathParts {
        algorithm: None,
        digits: Some(fields::digits("otplen", needed(4, "otplen")?)?),
        period_s: period.map(|text| fields::period("timeStep", text)).transpose()?,
        counter: None,
    };
    let secret = fields::token_secret("otpkey", SecretAlphabet::Guessed, key, &intake.options.secret_bytes)?;
    let mut token = ImportedToken::new(parts.of_type("type", kind)?, secret);
    token.serial = fields::description("serial", Some(serial))?;
    let owner = needed(0, "owner")?;
    if owner != "n/a" {
        token.owner = Some(fields::user_name("owner", owner)?);
    }
    let mut notes: Vec<String> = fields::hash_note(false, &token.secret).into_iter().collect();
    if matches!(token.kind, TokenKind::Hotp { .. }) {
        notes.push("the file says no counter; 0 is assumed, and codes that were used are right again".to_owned());
    }
    Ok(Taken {
        user: None,
        token: Some(token),
        notes,
    })
}
