//! An import as text, secrets and all: for comparing, and for fixtures only.

use std::fmt::Write;

use quorate_import::{Import, ImportedPassword, ImportedToken, ImportedUser, Report, TokenKind};

pub fn import(import: &Import) -> String {
    let mut text = report(&import.report);
    for user in &import.users {
        text.push_str(&self::user(user));
    }
    for token in &import.tokens {
        text.push_str(&self::token(token));
    }
    text
}

pub fn report(report: &Report) -> String {
    let totals = report.totals();
    let mut text = format!(
        "format {}: {} rows, {} ok ({} with notes), {} wrong, {} skipped\n",
        report.format, totals.rows, totals.ok, totals.with_notes, totals.wrong, totals.skipped
    );
    for note in &report.notes {
        writeln!(text, "note: {note}").expect("a string grows");
    }
    for row in &report.rows {
        let (word, sentence) = (row.outcome.word(), row.outcome.sentence());
        writeln!(
            text,
            "line {} row {} [{}] {word}: {sentence}",
            row.line, row.row, row.subject
        )
        .expect("a string grows");
        for note in &row.notes {
            writeln!(text, "    {note}").expect("a string grows");
        }
    }
    text
}

pub fn user(user: &ImportedUser) -> String {
    let password = match &user.password {
        Some(ImportedPassword::Clear(clear)) => format!("clear {:?}", clear.as_str()),
        Some(ImportedPassword::Hash(hash)) => format!("{} {}", hash.scheme.name(), hash.text.as_str()),
        None => "none".to_owned(),
    };
    format!(
        "user {} display {:?} mail {:?} mobile {:?} language {:?} groups {:?} enabled {} password {password}\n",
        user.name, user.display_name, user.mail, user.mobile, user.language, user.groups, user.enabled
    )
}

pub fn token(token: &ImportedToken) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let ids = match &token.kind {
        TokenKind::YubikeyOtp {
            public_id, private_id, ..
        } => format!(
            " public {} private {:?}",
            hex(public_id),
            private_id.as_ref().map(|id| hex(&**id))
        ),
        TokenKind::Totp { .. } | TokenKind::Hotp { .. } => String::new(),
    };
    format!(
        "token {}{ids} serial {:?} owner {:?} name {:?} issuer {:?} manufacturer {:?} last {:?} from {:?} until {:?} enabled {} secret {}\n",
        token.kind,
        token.serial,
        token.owner.as_ref().map(ToString::to_string),
        token.name,
        token.issuer,
        token.manufacturer,
        token.last_timestep,
        token.valid_from_s,
        token.valid_until_s,
        token.enabled,
        hex(&token.secret)
    )
}
