//! CSV of users: a header, and one user per row, perhaps with a token.
//!
//! A user with several tokens has several rows; the further ones name the user and a token, and nothing else.

use crate::{
    columns::{Column, Header},
    csv::{Record, Records, delimiter},
    encoding::SecretAlphabet,
    error::ImportError,
    fields::{self, OathParts},
    intake::{Intake, RowRefusal, Taken},
    limits,
    model::{ImportedPassword, ImportedToken, ImportedUser, UserName},
    password,
    report::Wrong,
};

/// The columns that may hold a token's secret, and how it is written there.
pub(crate) const SECRETS: [(Column, SecretAlphabet); 4] = [
    (Column::Secret, SecretAlphabet::Guessed),
    (Column::SecretHex, SecretAlphabet::Hex),
    (Column::SecretBase32, SecretAlphabet::Base32),
    (Column::SecretBase64, SecretAlphabet::Base64),
];

pub(crate) fn read(input: &[u8], intake: &mut Intake) -> Result<(), ImportError> {
    let mut records = Records::new(input, delimiter(input));
    let first = match records.next() {
        Some(Ok(first)) => first,
        Some(Err((place, wrong))) => {
            return Err(ImportError::document(
                place.line,
                format!("the header {}", wrong.sentence),
            ));
        }
        None => return Err(ImportError::Empty("header")),
    };
    let header = Header::parse(&first)?;
    if !header.has(Column::Name) {
        return Err(Header::missing(
            &first,
            "the user's name (name, username, login, uid, …)",
        ));
    }
    for unknown in &header.unknown {
        intake.note(unknown.clone());
    }
    records.restart_rows();
    for record in records {
        match record {
            Ok(record) => {
                let subject = header.subject(&record, &[Column::Name]);
                let taken = row(&header, &record, intake);
                intake.row(record.place, &subject, taken)?;
            }
            Err((place, wrong)) => {
                intake.row(place, "", Err(wrong.into()))?;
            }
        }
    }
    Ok(())
}

fn row(header: &Header, record: &Record, intake: &Intake) -> Result<Taken, RowRefusal> {
    header.check_width(record)?;
    let name = name(header, record)?;
    let (token, notes) = match token(header, record, intake)? {
        Some((mut token, note)) => {
            token.owner = Some(name.clone());
            (Some(token), note.into_iter().collect())
        }
        None => (None, Vec::new()),
    };
    let user = user(header, record, name)?;
    // A further row of a user who was read already brings a token and nothing else.
    let again =
        token.is_some() && intake.line_of(&user.name).is_some() && user == ImportedUser::named(user.name.clone());
    Ok(Taken {
        user: (!again).then_some(user),
        token,
        notes,
    })
}

/// The user's name, with the domain that stands with it or in a column of its own.
pub(crate) fn name(header: &Header, record: &Record) -> Result<UserName, Wrong> {
    let field = Column::Name.name();
    let name = header
        .text(record, Column::Name)?
        .ok_or_else(|| Wrong::new(field, "is empty"))?;
    match header.text(record, Column::Domain)? {
        Some(domain) => fields::name_in(field, Some(domain), name),
        None => fields::user_name(field, name),
    }
}

fn user(header: &Header, record: &Record, name: UserName) -> Result<ImportedUser, Wrong> {
    let description = |column: Column| fields::description(column.name(), header.text(record, column)?);
    let mut user = ImportedUser::named(name);
    user.display_name = description(Column::DisplayName)?;
    user.mail = description(Column::Mail)?;
    user.mobile = description(Column::Mobile)?;
    user.language = description(Column::Language)?;
    if let Some(groups) = header.text(record, Column::Groups)? {
        add_groups(&mut user, groups)?;
    }
    if let Some(enabled) = header.text(record, Column::Enabled)? {
        user.enabled = fields::truth(Column::Enabled.name(), enabled)?;
    }
    user.password = password(header, record)?;
    Ok(user)
}

/// Names between `;` or `|`, or between commas where neither is there.
fn add_groups(user: &mut ImportedUser, text: &str) -> Result<(), Wrong> {
    let field = Column::Groups.name();
    let between: &[char] = if text.contains([';', '|']) { &[';', '|'] } else { &[','] };
    for group in text.split(between).map(str::trim).filter(|group| !group.is_empty()) {
        if user.groups.len() >= limits::GROUPS_PER_USER {
            return Err(Wrong::new(field, format!("are more than {}", limits::GROUPS_PER_USER)));
        }
        user.groups.insert(fields::checked_name(field, group)?.to_owned());
    }
    Ok(())
}

fn password(header: &Header, record: &Record) -> Result<Option<ImportedPassword>, Wrong> {
    let clear = header.verbatim(record, Column::Password)?;
    let hash = header.text(record, Column::PasswordHash)?;
    match (clear, hash) {
        (Some(_), Some(_)) => Err(Wrong::new(
            Column::Password.name(),
            "and password_hash are both there; one must be empty",
        )),
        (Some(clear), None) => {
            fields::clear_password(Column::Password.name(), clear).map(|clear| Some(ImportedPassword::Clear(clear)))
        }
        (None, Some(hash)) => password::hashed(Column::PasswordHash.name(), hash).map(Some),
        (None, None) => Ok(None),
    }
}

/// The token of a row that has a secret, and what to know about it.
pub(crate) fn token(
    header: &Header,
    record: &Record,
    intake: &Intake,
) -> Result<Option<(ImportedToken, Option<String>)>, Wrong> {
    let mut found = None;
    for (column, alphabet) in SECRETS {
        let Some(text) = header.text(record, column)? else {
            continue;
        };
        if found.is_some() {
            return Err(Wrong::new(column.name(), "is there beside another secret"));
        }
        found = Some(fields::token_secret(
            column.name(),
            alphabet,
            text,
            &intake.options.secret_bytes,
        )?);
    }
    let Some(secret) = found else {
        return no_secret(header, record).map(|()| None);
    };
    let parts = oath_parts(header, record)?;
    let kind = match header.text(record, Column::TokenType)? {
        Some(name) => parts.of_type(Column::TokenType.name(), name)?,
        None if parts.counter.is_some() && parts.period_s.is_none() => parts.hotp(),
        None => parts.totp(),
    };
    let note = fields::hash_note(parts.algorithm.is_some(), &secret);
    let mut token = ImportedToken::new(kind, secret);
    let description = |column: Column| fields::description(column.name(), header.text(record, column)?);
    token.serial = description(Column::TokenSerial)?;
    token.name = description(Column::TokenName)?;
    token.issuer = description(Column::Issuer)?;
    token.manufacturer = description(Column::Manufacturer)?;
    Ok(Some((token, note)))
}

/// A serial without a secret is a token that would get lost.
fn no_secret(header: &Header, record: &Record) -> Result<(), Wrong> {
    match header.text(record, Column::TokenSerial)? {
        Some(_) => Err(Wrong::new(Column::Secret.name(), "is empty, though there is a serial")),
        None => Ok(()),
    }
}

/// What the other columns say about the token.
pub(crate) fn oath_parts(header: &Header, record: &Record) -> Result<OathParts, Wrong> {
    let text = |column: Column| header.text(record, column);
    Ok(OathParts {
        algorithm: text(Column::Algorithm)?
            .map(|text| fields::algorithm(Column::Algorithm.name(), text))
            .transpose()?,
        digits: text(Column::Digits)?
            .map(|text| fields::digits(Column::Digits.name(), text))
            .transpose()?,
        period_s: text(Column::Period)?
            .map(|text| fields::period(Column::Period.name(), text))
            .transpose()?,
        counter: text(Column::Counter)?
            .map(|text| fields::number(Column::Counter.name(), text))
            .transpose()?,
    })
}
