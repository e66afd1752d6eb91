//! Where readers put what they read: counts rows, finds doubles, writes the report, and in a dry run keeps nothing else.

use std::collections::BTreeMap;

use crate::{
    error::ImportError,
    format::Format,
    limits,
    model::{ImportedPassword, ImportedToken, ImportedUser, TokenKind, UserName},
    quote::quoted,
    read::{Import, Options},
    report::{Outcome, Place, Report, RowReport, Wrong},
};

/// What one row gives.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) user: Option<ImportedUser>,
    pub(crate) token: Option<ImportedToken>,
    pub(crate) notes: Vec<String>,
}

/// The import as it grows.
pub(crate) struct Intake<'o> {
    pub(crate) options: &'o Options,
    import: Import,
    keep: bool,
    /// Names and serials so far, and their lines.
    users: BTreeMap<UserName, u64>,
    serials: BTreeMap<String, u64>,
}

impl<'o> Intake<'o> {
    /// `keep` is false for a dry run: every user and token is dropped, and so wiped, as soon as it is reported.
    pub(crate) fn new(format: Format, options: &'o Options, keep: bool) -> Self {
        Self {
            options,
            import: Import {
                users: Vec::new(),
                tokens: Vec::new(),
                user_rows: Vec::new(),
                token_rows: Vec::new(),
                report: Report {
                    format,
                    notes: Vec::new(),
                    rows: Vec::new(),
                },
            },
            keep,
            users: BTreeMap::new(),
            serials: BTreeMap::new(),
        }
    }

    /// A remark about the whole file.
    pub(crate) fn note(&mut self, note: String) {
        if self.import.report.notes.len() < limits::NOTES {
            self.import.report.notes.push(note);
        }
    }

    /// One row: what it gives, or why it gives nothing. Whether it gave something.
    pub(crate) fn row(
        &mut self,
        place: Place,
        subject: &str,
        taken: Result<Taken, RowRefusal>,
    ) -> Result<bool, ImportError> {
        let taken = taken.and_then(|taken| {
            self.refuse_doubles(place, &taken)?;
            Ok(taken)
        });
        let right = taken.is_ok();
        match taken {
            Ok(taken) => self.take(place, subject, taken)?,
            Err(RowRefusal::Wrong(wrong)) => self.report(place, subject, wrong.into(), Vec::new())?,
            Err(RowRefusal::Skipped(reason)) => self.report(place, subject, Outcome::Skipped { reason }, Vec::new())?,
        }
        Ok(right)
    }

    /// Adds a group to a user by their number, from 0 in the order in which they were taken.
    pub(crate) fn add_group(&mut self, user: usize, group: &str) {
        if let Some(user) = self.import.users.get_mut(user)
            && user.groups.len() < limits::GROUPS_PER_USER
        {
            user.groups.insert(group.to_owned());
        }
    }

    /// A row that is right, of an object that several rows make up: see [`push_user`](Self::push_user).
    pub(crate) fn part(
        &mut self,
        place: Place,
        subject: &str,
        summary: String,
        notes: Vec<String>,
    ) -> Result<(), ImportError> {
        self.report(place, subject, Outcome::Ok { summary }, notes)
    }

    /// A user whose rows are reported already.
    pub(crate) fn push_user(&mut self, user: ImportedUser, row: u64) {
        if self.keep {
            self.import.users.push(user);
            self.import.user_rows.push(row);
        }
    }

    /// A token whose rows are reported already.
    pub(crate) fn push_token(&mut self, token: ImportedToken, row: u64) {
        if self.keep {
            self.import.tokens.push(token);
            self.import.token_rows.push(row);
        }
    }

    /// The place of the next row, where rows are counted as they are reported.
    pub(crate) fn next_place(&self, line: u64) -> Place {
        Place {
            line,
            row: self.import.report.rows.len() as u64 + 1,
        }
    }

    pub(crate) fn finish(mut self) -> Import {
        // Some readers meet what is wrong before what is right.
        self.import.report.rows.sort_by_key(|row| row.row);
        self.import
    }

    fn take(&mut self, place: Place, subject: &str, taken: Taken) -> Result<(), ImportError> {
        let summary = summary(&taken);
        let Taken { user, token, mut notes } = taken;
        if let Some(user) = user {
            notes.extend(password_note(&user));
            self.push_user(user, place.row);
        }
        if let Some(token) = token {
            notes.extend(self.validity_note(&token));
            self.push_token(token, place.row);
        }
        self.report(place, subject, Outcome::Ok { summary }, notes)
    }

    fn report(&mut self, place: Place, subject: &str, outcome: Outcome, notes: Vec<String>) -> Result<(), ImportError> {
        let rows = &mut self.import.report.rows;
        if rows.len() >= limits::ROWS {
            return Err(ImportError::TooManyRows { line: place.line });
        }
        rows.push(RowReport::new(place, subject, outcome, notes));
        Ok(())
    }

    fn refuse_doubles(&mut self, place: Place, taken: &Taken) -> Result<(), Wrong> {
        if let Some(serial) = taken.token.as_ref().and_then(identity) {
            if let Some(line) = self.serials.get(&serial) {
                let sentence = format!("{} is in line {line} already", quoted(&serial));
                return Err(Wrong::new("serial", sentence));
            }
            self.serials.insert(serial, place.line);
        }
        if let Some(user) = &taken.user {
            let key = user.name.key();
            if let Some(line) = self.users.get(&key) {
                let sentence = format!("{} is in line {line} already", quoted(&user.name.to_string()));
                return Err(Wrong::new("name", sentence));
            }
            self.users.insert(key, place.line);
        }
        Ok(())
    }

    /// The line where a user was read already.
    pub(crate) fn line_of(&self, name: &UserName) -> Option<u64> {
        self.users.get(&name.key()).copied()
    }

    /// Whether a token of this serial was read already.
    pub(crate) fn has_serial(&self, serial: &str) -> bool {
        self.serials.contains_key(serial)
    }

    fn validity_note(&self, token: &ImportedToken) -> Option<String> {
        let now_s = self.options.now_s?;
        if token.valid_until_s.is_some_and(|until_s| until_s < now_s) {
            Some("the token has expired".to_owned())
        } else if token.valid_from_s.is_some_and(|from_s| from_s > now_s) {
            Some("the token is not valid yet".to_owned())
        } else {
            None
        }
    }
}

/// Why a row gives nothing.
#[derive(Debug)]
pub(crate) enum RowRefusal {
    Wrong(Wrong),
    Skipped(String),
}

impl From<Wrong> for RowRefusal {
    fn from(wrong: Wrong) -> Self {
        RowRefusal::Wrong(wrong)
    }
}

impl RowRefusal {
    pub(crate) fn skipped(reason: impl Into<String>) -> Self {
        RowRefusal::Skipped(reason.into())
    }
}

/// By what two tokens are the same one: the serial, or a YubiKey's public id.
fn identity(token: &ImportedToken) -> Option<String> {
    match (&token.serial, &token.kind) {
        (Some(serial), _) => Some(serial.clone()),
        (None, TokenKind::YubikeyOtp { public_id, .. }) => Some(crate::encoding::to_modhex(public_id)),
        (None, _) => None,
    }
}

fn summary(taken: &Taken) -> String {
    let user = taken.user.as_ref().map(|user| match &user.password {
        Some(ImportedPassword::Clear(_)) => "user, clear password".to_owned(),
        Some(ImportedPassword::Hash(hash)) => format!("user, password hash {}", hash.scheme.name()),
        None => "user".to_owned(),
    });
    let token = taken.token.as_ref().map(|token| match (&token.owner, &user) {
        (Some(owner), None) => format!("{} of {}", token.kind, quoted(&owner.to_string())),
        _ => token.kind.to_string(),
    });
    match (user, token) {
        (Some(user), Some(token)) => format!("{user}, {token}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "nothing".to_owned(),
    }
}

/// What an operator has to know about a password hash: that it cannot be checked, or is weak.
pub(crate) fn password_note(user: &ImportedUser) -> Option<String> {
    let Some(ImportedPassword::Hash(hash)) = &user.password else {
        return None;
    };
    let name = hash.scheme.name();
    match (hash.is_verifiable(), hash.is_weak()) {
        (false, _) => Some(format!(
            "the {name} hash cannot be verified: the user needs a new password"
        )),
        (true, true) => Some(format!(
            "the {name} hash is weak: whoever had this file may know the password"
        )),
        (true, false) => None,
    }
}
