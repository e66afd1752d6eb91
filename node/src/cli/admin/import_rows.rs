//! What a file holds, as rows that a node takes; and what the node says of them, back in the report.

use clap::ValueEnum;
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use quorate_api::{
    Argon2idHash, Confidential, CreateToken, FieldProblem, ForeignHash, ForeignScheme, ImportRow, ImportedToken,
    ImportedUser, TokenKind,
};
use quorate_import::{Algorithm, Import, ImportedPassword, Outcome, Report, RowReport};

/// To which addresses codes are sent from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Channel {
    /// The mobile, by text message
    Sms,
    /// The mobile, by a call
    Voice,
    /// The mail address
    Email,
}

/// A row to be sent, and the row of the file that it is from.
pub struct Sent {
    pub row: ImportRow,
    pub from: u64,
}

/// The rows of an import, users first, and how many passwords nobody can verify.
pub fn rows_of(import: Import, channels: &[Channel], now_ms: u64) -> (Vec<Sent>, Report, u64) {
    let mut report = import.report;
    let mut left_out = Left::default();
    let users = import.users.into_iter().zip(import.user_rows);
    let mut rows: Vec<Sent> = users
        .map(|(user, from)| Sent {
            row: ImportRow::User(user_row(user, channels, &mut left_out)),
            from,
        })
        .collect();
    for (token, from) in import.tokens.into_iter().zip(import.token_rows) {
        if token
            .valid_from_s
            .is_some_and(|from_s| from_s.saturating_mul(1_000) > now_ms as i64)
        {
            note(
                &mut report,
                from,
                "the day from which it is valid is not taken over: it is at once",
            );
        }
        match token_row(token, now_ms) {
            Ok(row) => rows.push(Sent { row, from }),
            Err(Unfit::Expired) => {
                let reason = "the token has expired".to_owned();
                set(&mut report, from, Outcome::Skipped { reason });
            }
            Err(Unfit::Wrong(field, sentence)) => make_wrong(&mut report, from, field, sentence),
        }
    }
    left_out.tell(&mut report);
    (rows, report, left_out.passwords)
}

/// What a file has and nobody takes over.
#[derive(Default)]
struct Left {
    passwords: u64,
    addresses: u64,
}

impl Left {
    fn tell(&self, report: &mut Report) {
        if self.addresses > 0 {
            let sentence =
                "users have a mail address or mobile that is not taken over; --send-codes-to has codes sent there";
            report.notes.push(format!("{} {sentence}", self.addresses));
        }
    }
}

fn user_row(user: quorate_import::ImportedUser, channels: &[Channel], left: &mut Left) -> ImportedUser {
    let (mut password, mut password_hash, mut foreign_hash) = (None, None, None);
    match &user.password {
        None => (),
        Some(ImportedPassword::Clear(clear)) => password = Some(Confidential::new(clear.as_str())),
        Some(ImportedPassword::Hash(hash)) => match hash.argon2id() {
            Some(parts) => {
                password_hash = Some(Argon2idHash {
                    memory_kib: parts.memory_kib,
                    passes: parts.passes,
                    lanes: parts.lanes,
                    salt: Confidential::new(HEXLOWER.encode(&parts.salt)),
                    hash: Confidential::new(HEXLOWER.encode(&parts.hash[..])),
                });
            }
            None => match hash.foreign() {
                Some(hash) => foreign_hash = Some(foreign(&hash)),
                None => left.passwords += 1,
            },
        },
    }
    let address = |channel: Channel, address: &Option<String>| {
        let address = address.as_deref().filter(|_| channels.contains(&channel));
        address.map(Confidential::from)
    };
    let row = ImportedUser {
        name: user.name.to_string(),
        password,
        password_hash,
        groups: user.groups.into_iter().collect(),
        language: first_language(user.language.as_deref().unwrap_or_default()).to_owned(),
        sms: address(Channel::Sms, &user.mobile),
        voice: address(Channel::Voice, &user.mobile),
        email: address(Channel::Email, &user.mail),
        display_name: user.display_name.unwrap_or_default(),
        disabled: !user.enabled,
        foreign_hash,
    };
    let mobile_is_taken = row.sms.is_some() || row.voice.is_some();
    let lost = (user.mobile.is_some() && !mobile_is_taken) || (user.mail.is_some() && row.email.is_none());
    left.addresses += u64::from(lost);
    row
}

/// The first of several, as directories have them (RFC 2798 section 2.7): `de-AT, en;q=0.8`.
fn first_language(several: &str) -> &str {
    several.split([',', ';']).next().unwrap_or_default().trim()
}

fn foreign(hash: &quorate_import::ForeignHash) -> ForeignHash {
    use quorate_import::ForeignScheme as Read;
    ForeignHash {
        scheme: match hash.scheme {
            Read::Md5 => ForeignScheme::Md5,
            Read::Sha1 => ForeignScheme::Sha1,
            Read::Sha256 => ForeignScheme::Sha256,
            Read::Sha384 => ForeignScheme::Sha384,
            Read::Sha512 => ForeignScheme::Sha512,
            Read::Nt => ForeignScheme::Nt,
            Read::Pbkdf2Sha1 => ForeignScheme::Pbkdf2Sha1,
            Read::Pbkdf2Sha256 => ForeignScheme::Pbkdf2Sha256,
            Read::Pbkdf2Sha512 => ForeignScheme::Pbkdf2Sha512,
            Read::Sha256Crypt => ForeignScheme::Sha256Crypt,
            Read::Sha512Crypt => ForeignScheme::Sha512Crypt,
            Read::Bcrypt => ForeignScheme::Bcrypt,
            Read::Yescrypt => ForeignScheme::Yescrypt,
        },
        cost: hash.cost,
        salt: (!hash.salt.is_empty()).then(|| Confidential::new(HEXLOWER.encode(&hash.salt))),
        hash: Confidential::new(HEXLOWER.encode(&hash.digest)),
    }
}

/// Why a token is not sent.
enum Unfit {
    Expired,
    Wrong(&'static str, &'static str),
}

/// A token as the API makes it, in use at once: its secret is in a device already.
fn token_row(token: quorate_import::ImportedToken, now_ms: u64) -> Result<ImportRow, Unfit> {
    let expires_ms = token
        .valid_until_s
        .map(|until_s| u64::try_from(until_s).unwrap_or(0).saturating_mul(1_000));
    if expires_ms.is_some_and(|end_ms| end_ms <= now_ms) {
        return Err(Unfit::Expired);
    }
    let name = token.name.or(token.serial).unwrap_or_else(|| "imported".to_owned());
    let mut create = CreateToken {
        name,
        verified: Some(true),
        expires_ms,
        ..CreateToken::default()
    };
    match token.kind {
        quorate_import::TokenKind::Totp {
            algorithm,
            digits,
            period_s,
        } => {
            create.algorithm = Some(hash(algorithm));
            create.digits = Some(digits);
            create.period_s = Some(period_s);
            create.counter = token.last_timestep.map(|last| last + 1);
            create.secret_base32 = Some(Confidential::new(BASE32_NOPAD.encode(&token.secret)));
        }
        quorate_import::TokenKind::Hotp {
            algorithm,
            digits,
            counter,
        } => {
            create.kind = TokenKind::Hotp;
            create.algorithm = Some(hash(algorithm));
            create.digits = Some(digits);
            create.counter = Some(counter);
            create.secret_base32 = Some(Confidential::new(BASE32_NOPAD.encode(&token.secret)));
        }
        quorate_import::TokenKind::YubikeyOtp {
            public_id,
            private_id,
            counters,
        } => {
            create.kind = TokenKind::Yubikey;
            create.public_id = Some(quorate_core::method::modhex(&public_id));
            let missing = "is not in the file, and without it the YubiKey's codes are not checked";
            let private_id = private_id.ok_or(Unfit::Wrong("private identity", missing))?;
            create.private_id = Some(Confidential::new(HEXLOWER.encode(&private_id[..])));
            create.aes_key = Some(Confidential::new(HEXLOWER.encode(&token.secret)));
            let last = u64::from(counters.session) << 8 | u64::from(counters.uses);
            create.counter = (last > 0).then(|| last + 1);
        }
    }
    Ok(ImportRow::Token(ImportedToken {
        owner: token.owner.as_ref().map(ToString::to_string),
        token: create,
        disabled: !token.enabled,
    }))
}

const fn hash(algorithm: Algorithm) -> quorate_api::Algorithm {
    match algorithm {
        Algorithm::Sha1 => quorate_api::Algorithm::Sha1,
        Algorithm::Sha256 => quorate_api::Algorithm::Sha256,
        Algorithm::Sha512 => quorate_api::Algorithm::Sha512,
    }
}

/// What a node finds wrong with a row.
pub fn refuse(report: &mut Report, row: u64, errors: &[FieldProblem]) {
    let Some((first, rest)) = errors.split_first() else {
        return;
    };
    let said = |error: &FieldProblem| match error.hint.as_str() {
        "" => error.problem.clone(),
        hint => format!("{} ({hint})", error.problem),
    };
    let mut sentence = said(first);
    rest.iter()
        .for_each(|error| sentence += &format!("; {} {}", error.field, said(error)));
    make_wrong(report, row, &first.field, &sentence);
}

/// Makes a row wrong, whatever it was. What was wrong before stays what it was.
pub fn make_wrong(report: &mut Report, row: u64, field: &str, sentence: &str) {
    let outcome = Outcome::Wrong {
        field: field.to_owned().into(),
        sentence: sentence.to_owned(),
    };
    set(report, row, outcome);
}

/// Adds to a row what one should know.
pub fn note(report: &mut Report, row: u64, note: &str) {
    if let Some(found) = find(report, row) {
        found.notes.push(note.to_owned());
    }
}

fn set(report: &mut Report, row: u64, outcome: Outcome) {
    if let Some(found) = find(report, row).filter(|found| found.outcome.is_ok()) {
        found.outcome = outcome;
    }
}

/// Rows are in the file's order.
fn find(report: &mut Report, row: u64) -> Option<&mut RowReport> {
    let place = report.rows.binary_search_by_key(&row, |found| found.row).ok()?;
    report.rows.get_mut(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(file: &[u8], channels: &[Channel]) -> (Vec<Sent>, Report, u64) {
        let import = quorate_import::read(file, &quorate_import::Options::default()).expect("a file of users");
        rows_of(import, channels, 1_800_000_000_000)
    }

    #[test]
    fn addresses_groups_and_hashes_go_along_as_far_as_they_are_asked_for_and_can_be_verified() {
        let argon2 = format!("$argon2id$v=19$m=19456,t=2,p=1${}Q${}", "A".repeat(21), "A".repeat(43));
        let file = format!(
            "name,mail,mobile,groups,language,password_hash\n\
             alice,a@example.org,+491712345667,vpn;staff,\"de-AT, en;q=0.8\",\"{argon2}\"\n\
             bob,,,,,{{SSHA}}MTIzNDU2Nzg5MDEyMzQ1Njc4OTBzYWx0\n\
             carol,,,,,{{CRYPT}}abcdefghijklm\n"
        );
        let (rows, report, without) = sent(file.as_bytes(), &[Channel::Sms]);
        assert_eq!((rows.len(), without, report.totals().wrong), (3, 1, 0));
        let ImportRow::User(alice) = &rows[0].row else {
            panic!("a user")
        };
        assert_eq!(alice.groups, ["staff", "vpn"]);
        assert_eq!(alice.language, "de-AT", "the first of several");
        assert_eq!(alice.sms.as_ref().map(Confidential::expose), Some("+491712345667"));
        assert!(alice.email.is_none() && alice.voice.is_none() && alice.password_hash.is_some());
        assert!(
            report.notes.iter().any(|note| note.starts_with("1 users have a mail")),
            "{:?}",
            report.notes
        );
        let noted = |row: usize, note: &str| report.rows[row].notes.iter().any(|found| found.contains(note));
        assert!(noted(1, "{SSHA} hash is weak") && noted(2, "DES crypt hash cannot be verified"));
        let ImportRow::User(bob) = &rows[1].row else {
            panic!("a user")
        };
        let foreign = bob.foreign_hash.as_ref().expect("what is wrapped");
        assert_eq!((foreign.scheme, foreign.cost), (ForeignScheme::Sha1, 0));
        assert_eq!(foreign.salt.as_ref().map(Confidential::expose), Some("73616c74"));
    }

    #[test]
    fn what_a_node_says_of_a_row_stands_in_its_line() {
        let (_, mut report, _) = sent(b"name\nalice\nbob\ncarol\n", &[]);
        let problem = FieldProblem {
            field: "name".to_owned(),
            problem: "is taken".to_owned(),
            hint: "choose another".to_owned(),
        };
        refuse(&mut report, 2, &[problem]);
        note(&mut report, 3, "is there");
        let wrong: Vec<u64> = report.wrong().map(|row| row.line).collect();
        assert_eq!(wrong, [3], "bob's line");
        assert_eq!(report.rows[1].outcome.sentence(), "name is taken (choose another)");
        assert_eq!(report.rows[2].notes, ["is there"]);
    }
}
