//! Columns of tables with a header, by all the names that people and products give them.

use crate::{csv::Record, error::ImportError, quote::quoted, report::Wrong};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Name,
    Domain,
    DisplayName,
    Mail,
    Mobile,
    Language,
    Groups,
    Enabled,
    Password,
    PasswordHash,
    Secret,
    SecretHex,
    SecretBase32,
    SecretBase64,
    TokenType,
    TokenSerial,
    TokenName,
    Issuer,
    Manufacturer,
    Digits,
    Period,
    Counter,
    Algorithm,
}

/// The names, in lower case and without blanks, dashes and underscores. The first is the one that is written and reported.
const NAMES: [(Column, &str, &[&str]); 23] = [
    (
        Column::Name,
        "name",
        &[
            "username",
            "user",
            "login",
            "loginname",
            "logon",
            "account",
            "uid",
            "userid",
            "samaccountname",
            "userprincipalname",
            "upn",
            "owner",
        ],
    ),
    (Column::Domain, "domain", &["realm"]),
    (
        Column::DisplayName,
        "display_name",
        &["displayname", "fullname", "commonname", "cn"],
    ),
    (Column::Mail, "mail", &["email", "emailaddress", "mailaddress"]),
    (
        Column::Mobile,
        "mobile",
        &[
            "mobilephone",
            "mobilenumber",
            "phone",
            "phonenumber",
            "cell",
            "cellphone",
            "telephonenumber",
        ],
    ),
    (Column::Language, "language", &["lang", "locale", "preferredlanguage"]),
    (Column::Groups, "groups", &["group", "memberof"]),
    (Column::Enabled, "enabled", &["active", "isactive", "accountenabled"]),
    (
        Column::Password,
        "password",
        &["clearpassword", "cleartextpassword", "plainpassword"],
    ),
    (
        Column::PasswordHash,
        "password_hash",
        &["passwordhash", "hashedpassword", "userpassword"],
    ),
    (
        Column::Secret,
        "token_secret",
        &[
            "tokensecret",
            "secret",
            "secretkey",
            "seed",
            "otpkey",
            "otpsecret",
            "totpsecret",
            "hotpsecret",
            "key",
        ],
    ),
    (
        Column::SecretHex,
        "token_secret_hex",
        &["tokensecrethex", "secrethex", "seedhex", "keyhex"],
    ),
    (
        Column::SecretBase32,
        "token_secret_base32",
        &["tokensecretbase32", "secretbase32", "seedbase32", "keybase32"],
    ),
    (
        Column::SecretBase64,
        "token_secret_base64",
        &["tokensecretbase64", "secretbase64", "seedbase64", "keybase64"],
    ),
    (Column::TokenType, "token_type", &["tokentype", "type", "otptype"]),
    (
        Column::TokenSerial,
        "token_serial",
        &["tokenserial", "serial", "serialnumber", "serialno"],
    ),
    (
        Column::TokenName,
        "token_name",
        &["tokenname", "tokendescription", "description"],
    ),
    (Column::Issuer, "issuer", &[]),
    (Column::Manufacturer, "manufacturer", &["vendor"]),
    (
        Column::Digits,
        "digits",
        &["otplen", "otplength", "codelength", "length"],
    ),
    (
        Column::Period,
        "period",
        &["timestep", "timeinterval", "interval", "step"],
    ),
    (Column::Counter, "counter", &["count", "movingfactor"]),
    (
        Column::Algorithm,
        "algorithm",
        &["hashlib", "hashalgorithm", "otpalgorithm"],
    ),
];

impl Column {
    /// The name in files that are written and in reports.
    pub(crate) fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(column, ..)| *column == self)
            .map_or("column", |(_, name, _)| name)
    }

    /// The column that a header cell means.
    pub(crate) fn named(cell: &[u8]) -> Option<Column> {
        let plain: String = String::from_utf8_lossy(cell)
            .chars()
            .filter(|symbol| !matches!(symbol, ' ' | '-' | '_' | '.'))
            .take(64)
            .collect();
        let plain = plain.to_lowercase();
        NAMES
            .iter()
            .find(|(_, name, others)| name.replace('_', "") == plain || others.contains(&plain.as_str()))
            .map(|(column, ..)| *column)
    }
}

/// Which column is where.
pub(crate) struct Header {
    places: Vec<(Column, usize)>,
    width: usize,
    /// Cells that mean nothing here, with their numbers from 1.
    pub(crate) unknown: Vec<String>,
}

impl Header {
    /// Reads the first record.
    pub(crate) fn parse(record: &Record) -> Result<Self, ImportError> {
        let mut header = Header {
            places: Vec::new(),
            width: record.fields.len(),
            unknown: Vec::new(),
        };
        for (index, cell) in record.fields.iter().enumerate() {
            match Column::named(cell) {
                Some(column) => header.add(column, index, record.place.line)?,
                None => {
                    let cell = quoted(&record.subject(index));
                    header
                        .unknown
                        .push(format!("column {} {cell} is not known and not read", index + 1));
                }
            }
        }
        Ok(header)
    }

    fn add(&mut self, column: Column, index: usize, line: u64) -> Result<(), ImportError> {
        if let Some(first) = self.index(column) {
            return Err(ImportError::HeaderTwice {
                line,
                first: first + 1,
                second: index + 1,
                field: column.name(),
            });
        }
        self.places.push((column, index));
        Ok(())
    }

    /// Where a column is.
    pub(crate) fn index(&self, column: Column) -> Option<usize> {
        self.places
            .iter()
            .find(|(known, _)| *known == column)
            .map(|(_, index)| *index)
    }

    /// Whether there is such a column.
    pub(crate) fn has(&self, column: Column) -> bool {
        self.index(column).is_some()
    }

    /// A field's text, trimmed; `None` when it is empty.
    pub(crate) fn text<'r>(&self, record: &'r Record, column: Column) -> Result<Option<&'r str>, Wrong> {
        match self.index(column) {
            Some(index) => record.text(index, column.name()),
            None => Ok(None),
        }
    }

    /// A field's text as it is; `None` when it is empty.
    pub(crate) fn verbatim<'r>(&self, record: &'r Record, column: Column) -> Result<Option<&'r str>, Wrong> {
        match self.index(column) {
            Some(index) => record.verbatim(index, column.name()),
            None => Ok(None),
        }
    }

    /// For a report: the first of these columns that has something in it.
    pub(crate) fn subject(&self, record: &Record, columns: &[Column]) -> String {
        columns
            .iter()
            .filter_map(|column| self.index(*column))
            .map(|index| record.subject(index))
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }

    /// Whether a record has as many fields as the header.
    pub(crate) fn check_width(&self, record: &Record) -> Result<(), Wrong> {
        let found = record.fields.len();
        let empty_beyond = record.fields.iter().skip(self.width).all(|field| field.is_empty());
        if found < self.width || !empty_beyond {
            let sentence = format!("has {found} fields, the header {}", self.width);
            return Err(Wrong::new("row", sentence));
        }
        Ok(())
    }

    /// The error that a needed column is missing.
    pub(crate) fn missing(record: &Record, missing: &'static str) -> ImportError {
        // A file without a header begins with somebody's row, and that may hold a password: only what is a column's name is shown.
        let known = record.fields.iter().filter_map(|cell| Column::named(cell));
        let known: Vec<&str> = known.map(Column::name).collect();
        let found = match known.is_empty() {
            true => format!("{} cells, none of which is the name of a column", record.fields.len()),
            false => known.join(", "),
        };
        ImportError::Header {
            line: record.place.line,
            missing,
            found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_known_by_its_own_name_and_no_two_share_one() {
        let mut all = Vec::new();
        for (column, name, others) in NAMES {
            assert_eq!(Column::named(name.as_bytes()), Some(column));
            assert_eq!(column.name(), name);
            all.push(name.replace('_', ""));
            all.extend(
                others
                    .iter()
                    .filter(|other| **other != name.replace('_', ""))
                    .map(|other| (*other).to_owned()),
            );
        }
        let len = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), len);
    }

    #[test]
    fn header_cells_in_many_spellings() {
        for (cell, column) in [
            ("User-Name", Column::Name),
            ("sAMAccountName", Column::Name),
            (" E-Mail ", Column::Mail),
            ("DISPLAY NAME", Column::DisplayName),
            ("Secret Key", Column::Secret),
            ("serial number", Column::TokenSerial),
        ] {
            assert_eq!(Column::named(cell.as_bytes()), Some(column), "{cell}");
        }
        assert_eq!(Column::named(b"office"), None);
        assert_eq!(Column::named(b"\xff"), None);
    }
}
