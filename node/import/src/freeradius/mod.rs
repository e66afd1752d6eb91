//! FreeRADIUS's SQL tables: `radcheck` (username, attribute, op, value) and `radusergroup` (username, groupname), as CSV with a
//! header or as a dump.
//!
//! A user is made of many rows, so each row is reported by itself and the user is given when the file has ended. What rlm_sql
//! keeps of people is passwords and groups; rlm_totp's seed is the attribute TOTP-Secret.

mod attribute;

use std::collections::BTreeMap;

use self::attribute::{Meaning, meaning};
use crate::{
    csv::{Records, delimiter},
    error::ImportError,
    fields::{self, OathParts},
    intake::{Intake, RowRefusal, password_note},
    limits,
    model::{ImportedPassword, ImportedToken, ImportedUser, UserName},
    report::{Place, Wrong},
    sql,
};

/// Columns in the order of FreeRADIUS's own schema, for dumps that do not name them.
const TABLES: [(&str, &[&str]); 2] = [
    ("radcheck", &["id", "username", "attribute", "op", "value"]),
    ("radusergroup", &["id", "username", "groupname", "priority"]),
];

pub(crate) const TABLE_NAMES: [&str; 2] = ["radcheck", "radusergroup"];

/// One row of either table.
struct Row<'r> {
    username: Option<&'r str>,
    attribute: Option<&'r str>,
    op: Option<&'r str>,
    /// As it is: blanks may belong to a password.
    value: Option<&'r str>,
    groupname: Option<&'r str>,
}

/// Users as they come together.
#[derive(Default)]
struct Users {
    users: Vec<Gathered>,
    by_name: BTreeMap<UserName, usize>,
}

struct Gathered {
    user: ImportedUser,
    /// The row that gave the password.
    password_row: Option<u64>,
    token: Option<ImportedToken>,
    /// Where the user is first, and where the token is.
    row: u64,
    token_row: u64,
}

pub(crate) fn read(input: &[u8], intake: &mut Intake) -> Result<(), ImportError> {
    let mut users = Users::default();
    if sql::mentions(input, &TABLE_NAMES) {
        for row in sql::Rows::new(input, &TABLES) {
            match row {
                Ok(row) => {
                    let fields = || {
                        Ok(Row {
                            username: row.text("username")?,
                            attribute: row.text("attribute")?,
                            op: row.text("op")?,
                            value: row.text("value")?,
                            groupname: row.text("groupname")?,
                        })
                    };
                    users.row(row.place, fields(), intake)?;
                }
                Err((place, wrong)) => users.row(place, Err(wrong), intake)?,
            }
        }
    } else {
        read_csv(input, &mut users, intake)?;
    }
    users.give(intake);
    Ok(())
}

fn read_csv(input: &[u8], users: &mut Users, intake: &mut Intake) -> Result<(), ImportError> {
    let mut header: Option<Vec<String>> = None;
    for record in Records::new(input, delimiter(input)) {
        let record = match record {
            Ok(record) => record,
            Err((place, wrong)) => {
                users.row(intake.next_place(place.line), Err(wrong), intake)?;
                continue;
            }
        };
        let cells = || (0..record.fields.len()).map(|index| record.subject(index).to_ascii_lowercase());
        // A second table may stand behind the first.
        if is_header(&cells().collect::<Vec<_>>()) {
            header = Some(cells().collect());
            continue;
        }
        let Some(columns) = &header else {
            let missing = "username with attribute and value, or with groupname";
            return Err(crate::columns::Header::missing(&record, missing));
        };
        let place = intake.next_place(record.place.line);
        let index = |name: &str| columns.iter().position(|column| column == name).unwrap_or(usize::MAX);
        let fields = || {
            if record.fields.len() != columns.len() {
                let sentence = format!("has {} fields, the header {}", record.fields.len(), columns.len());
                return Err(Wrong::new("row", sentence));
            }
            Ok(Row {
                username: record.text(index("username"), "username")?,
                attribute: record.text(index("attribute"), "attribute")?,
                op: record.text(index("op"), "op")?,
                value: record.verbatim(index("value"), "value")?,
                groupname: record.text(index("groupname"), "groupname")?,
            })
        };
        users.row(place, fields(), intake)?;
    }
    Ok(())
}

/// Whether cells are the column names of one of the tables.
pub(crate) fn is_header(cells: &[String]) -> bool {
    let has = |name: &str| cells.iter().any(|cell| cell == name);
    has("username") && (has("groupname") || has("attribute") && has("value"))
}

impl Users {
    /// Takes and reports one row.
    fn row(&mut self, place: Place, row: Result<Row, Wrong>, intake: &mut Intake) -> Result<(), ImportError> {
        let subject = row
            .as_ref()
            .ok()
            .and_then(|row| row.username)
            .unwrap_or_default()
            .to_owned();
        let taken = row
            .map_err(RowRefusal::from)
            .and_then(|row| self.take(place.row, &row, intake));
        match taken {
            Ok((summary, notes)) => intake.part(place, &subject, summary, notes),
            Err(refusal) => intake.row(place, &subject, Err(refusal)).map(|_| ()),
        }
    }

    fn take(&mut self, number: u64, row: &Row, intake: &Intake) -> Result<(String, Vec<String>), RowRefusal> {
        let name = row.username.ok_or_else(|| Wrong::new("username", "is empty"))?;
        let name = fields::user_name("username", name.trim())?;
        if let Some(group) = row.groupname {
            let group = fields::checked_name("groupname", group)?.to_owned();
            return self.add_group(number, name, group);
        }
        let attribute = row.attribute.ok_or_else(|| Wrong::new("attribute", "is empty"))?;
        let meaning = meaning(
            attribute,
            row.op.unwrap_or(":="),
            row.value.unwrap_or_default(),
            intake.options,
        )?;
        self.apply(number, name, attribute, meaning)
    }

    fn add_group(&mut self, number: u64, name: UserName, group: String) -> Result<(String, Vec<String>), RowRefusal> {
        let user = &mut self.of(name, number).user;
        if user.groups.len() >= limits::GROUPS_PER_USER {
            let sentence = format!("is beyond the {} groups of a user", limits::GROUPS_PER_USER);
            return Err(Wrong::new("groupname", sentence).into());
        }
        user.groups.insert(group);
        Ok(("group".to_owned(), Vec::new()))
    }

    fn apply(
        &mut self,
        number: u64,
        name: UserName,
        attribute: &str,
        meaning: Meaning,
    ) -> Result<(String, Vec<String>), RowRefusal> {
        let gathered = self.of(name, number);
        match meaning {
            Meaning::Password(password) => gathered.password(number, attribute, password),
            Meaning::Reject => {
                gathered.user.enabled = false;
                Ok(("user, disabled".to_owned(), Vec::new()))
            }
            Meaning::TotpSecret(secret) => {
                if gathered.token.is_some() {
                    return Err(Wrong::new("attribute", "gives this user a second TOTP secret").into());
                }
                let kind = OathParts::default().totp();
                let summary = kind.to_string();
                let notes: Vec<String> = fields::hash_note(false, &secret).into_iter().collect();
                gathered.token = Some(ImportedToken::new(kind, secret));
                gathered.token_row = number;
                Ok((summary, notes))
            }
        }
    }

    fn of(&mut self, name: UserName, row: u64) -> &mut Gathered {
        let next = self.users.len();
        let number = *self.by_name.entry(name.key()).or_insert(next);
        if number == next {
            self.users.push(Gathered {
                user: ImportedUser::named(name),
                row,
                token_row: 0,
                password_row: None,
                token: None,
            });
        }
        &mut self.users[number]
    }

    /// Gives every user, and their token.
    fn give(self, intake: &mut Intake) {
        let mut without = 0;
        for gathered in self.users {
            without += u64::from(gathered.user.password.is_none());
            if let Some(mut token) = gathered.token {
                token.owner = Some(gathered.user.name.clone());
                intake.push_token(token, gathered.token_row);
            }
            intake.push_user(gathered.user, gathered.row);
        }
        if without > 0 {
            intake.note(format!("{without} users have no password in this file"));
        }
    }
}

impl Gathered {
    /// A clear password wins over a hash, and a hash that can be verified over one that cannot; else the first stays.
    fn password(
        &mut self,
        number: u64,
        attribute: &str,
        password: ImportedPassword,
    ) -> Result<(String, Vec<String>), RowRefusal> {
        let rank = |password: &ImportedPassword| match password {
            ImportedPassword::Clear(_) => 2,
            ImportedPassword::Hash(hash) => u8::from(hash.is_verifiable()),
        };
        if let (Some(former), Some(row)) = (&self.user.password, self.password_row)
            && rank(former) >= rank(&password)
        {
            return Err(RowRefusal::skipped(format!(
                "another password of this user is in row {row}"
            )));
        }
        self.user.password = Some(password);
        self.password_row = Some(number);
        let summary = format!("user, {attribute}");
        Ok((summary, password_note(&self.user).into_iter().collect()))
    }
}
