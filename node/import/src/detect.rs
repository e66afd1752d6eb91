//! Which format a file has, by its content. The name of a file says nothing: everything is called `tokens.csv`.

use crate::{
    columns::Column,
    csv::{Record, Records, delimiter},
    encoding::{SecretAlphabet, secret},
    format::Format,
    freeradius, limits, migration, oath_csv, otpauth, privacyidea, sql, text, users_csv, yubico_csv,
};

/// The format of a file; `None` when nothing speaks for one. Tolerant: a file may still turn out to be wrong when it is read.
#[must_use]
pub fn detect(input: &[u8]) -> Option<Format> {
    let input = text::without_mark(input).ok()?;
    let head = &input[..input.len().min(limits::DETECTED_BYTES)];
    let start = head.trim_ascii_start();
    if start.starts_with(b"<") {
        return contains_ignoring_case(head, b"keycontainer").then_some(Format::Pskc);
    }
    if privacyidea::is_export(start) {
        return Some(Format::PrivacyideaExport);
    }
    by_first_line(head)
        .or_else(|| sql::mentions(input, &freeradius::TABLE_NAMES).then_some(Format::Freeradius))
        .or_else(|| sql::mentions(input, &["token"]).then_some(Format::PrivacyideaTables))
        .or_else(|| by_table(head))
}

/// URIs and LDIF, by the first line that is no comment.
fn by_first_line(head: &[u8]) -> Option<Format> {
    let mut lines = text::lines(head).map(|(_, line)| line.trim_ascii());
    let line = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"))?;
    let line = String::from_utf8_lossy(line);
    if otpauth::starts_with(&line, "otpauth://") || otpauth::starts_with(&line, migration::MIGRATION) {
        Some(Format::Otpauth)
    } else if otpauth::starts_with(&line, "version:") || otpauth::starts_with(&line, "dn:") {
        Some(Format::Ldif)
    } else {
        None
    }
}

/// Tables, by the header or by what stands in the first row.
fn by_table(head: &[u8]) -> Option<Format> {
    let first = Records::new(head, delimiter(head))
        .filter_map(Result::ok)
        .find(|record| !record.subject(0).starts_with('#'))?;
    let cells: Vec<String> = (0..first.fields.len())
        .map(|index| first.subject(index).to_ascii_lowercase())
        .collect();
    if cells.iter().any(|cell| cell == "key_enc") {
        return Some(Format::PrivacyideaTables);
    }
    if freeradius::is_header(&cells) {
        return Some(Format::Freeradius);
    }
    by_header(&first).or_else(|| by_row(&cells))
}

/// Tokens are told from users by what only users have.
fn by_header(first: &Record) -> Option<Format> {
    let columns: Vec<Column> = first.fields.iter().filter_map(|cell| Column::named(cell)).collect();
    let has = |wanted: &[Column]| wanted.iter().any(|column| columns.contains(column));
    let secrets = users_csv::SECRETS.map(|(column, _)| column);
    let of_users = [
        Column::DisplayName,
        Column::Mail,
        Column::Mobile,
        Column::Groups,
        Column::Password,
        Column::PasswordHash,
        Column::Enabled,
        Column::Language,
    ];
    if matches!(oath_csv::header(first), Ok(Some(_))) && !has(&of_users) {
        Some(Format::OathCsv)
    } else if has(&[Column::Name]) && (columns.len() > 1 || first.fields.len() == 1 || has(&secrets)) {
        Some(Format::UsersCsv)
    } else {
        None
    }
}

/// A row of data, for the formats without a header.
fn by_row(cells: &[String]) -> Option<Format> {
    let cell = |index: usize| cells.get(index).map_or("", String::as_str);
    let is_secret = |index: usize| secret(SecretAlphabet::Guessed, cell(index)).is_some_and(|bytes| bytes.len() >= 4);
    let is_kind = |index: usize| matches!(cell(index), "totp" | "hotp" | "ocra");
    let is_number = |index: usize| !cell(index).is_empty() && cell(index).bytes().all(|byte| byte.is_ascii_digit());
    let is_yubico =
        yubico_csv::is_traditional(cell(0)) || is_number(0) && cells.len() >= 6 && is_secret(3) && !is_kind(3);
    if is_yubico {
        Some(Format::YubicoCsv)
    } else if is_kind(3) && is_secret(2) {
        Some(Format::PrivacyideaCsv)
    } else if is_secret(1) && (is_kind(2) || cells.len() == 2) {
        Some(Format::OathCsv)
    } else {
        None
    }
}

fn contains_ignoring_case(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len())
        .any(|window| window.eq_ignore_ascii_case(wanted))
}
