//! Dumps of a database: `CREATE TABLE` for the columns, `INSERT INTO … VALUES (…),(…);` for the rows. Everything else is passed over.
//!
//! Written by mysqldump, by `pg_dump --inserts` or by sqlite3's `.dump`. They differ in how text is quoted: a backslash escapes in MySQL
//! and MariaDB alone, which are told by their backquotes. A row that cannot be read ends its statement, not the file.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::{
    encoding, limits,
    report::{Place, Wrong},
    text::{Bytes, newlines},
};

/// A row of a table: its values by column.
pub(crate) struct Row<'a> {
    pub(crate) place: Place,
    pub(crate) table: String,
    columns: Vec<String>,
    values: Vec<Option<Bytes<'a>>>,
}

impl Row<'_> {
    /// A column's value as text; `None` when it is NULL or empty, or there is no such column.
    pub(crate) fn text(&self, column: &'static str) -> Result<Option<&str>, Wrong> {
        let index = self.columns.iter().position(|name| name == column);
        match index.and_then(|index| self.values.get(index)) {
            Some(Some(value)) => {
                let text = crate::text::utf8(column, value)?;
                Ok((!text.is_empty()).then_some(text))
            }
            _ => Ok(None),
        }
    }
}

/// The rows of the tables that are asked for.
pub(crate) struct Rows<'a> {
    scanner: Scanner<'a>,
    /// Columns of a table, by `CREATE TABLE` or as the product is known to make it.
    columns: BTreeMap<String, Vec<String>>,
    /// The statement that is being read: table and columns.
    insert: Option<(String, Vec<String>)>,
    row: u64,
}

/// Whether a file has a statement that makes or fills one of these tables.
pub(crate) fn mentions(input: &[u8], tables: &[&str]) -> bool {
    crate::text::lines(input).any(|(_, line)| {
        let head = &line[..line.len().min(limits::NAME_BYTES)];
        let starts = |word: &str| {
            head.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
        };
        if !starts("insert into ") && !starts("create table ") {
            return false;
        }
        let text = String::from_utf8_lossy(head).to_ascii_lowercase();
        let words = text
            .split([' ', '('])
            .skip(2)
            .filter(|word| !matches!(*word, "if" | "not" | "exists"));
        words.take(1).any(|name| tables.contains(&bare(name).as_str()))
    })
}

impl<'a> Rows<'a> {
    /// `known` are the tables that are read, with their columns where the file does not name them.
    pub(crate) fn new(input: &'a [u8], known: &[(&str, &[&str])]) -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            scanner: Scanner {
                rest: input,
                line: 1,
                backslash: false,
            },
            columns: known
                .iter()
                .map(|(table, columns)| ((*table).to_owned(), names(columns)))
                .collect(),
            insert: None,
            row: 0,
        }
    }

    /// Goes to the next statement that fills a table that is read.
    fn next_insert(&mut self) -> Option<(String, Vec<String>)> {
        loop {
            let start = self.scanner.statement()?;
            let word = start.to_ascii_lowercase();
            if word == b"insert" {
                if let Some(insert) = self.insert_head() {
                    return Some(insert);
                }
            } else if word == b"create" {
                self.create();
            }
            self.scanner.skip_statement();
        }
    }

    /// `INTO table (columns) VALUES`, up to the first parenthesis.
    fn insert_head(&mut self) -> Option<(String, Vec<String>)> {
        self.scanner.keyword(b"into")?;
        let table = self.scanner.name()?;
        let known = self.columns.get(&table)?;
        let columns = match self.scanner.names() {
            Some(named) => named,
            None => known.clone(),
        };
        self.scanner.keyword(b"values")?;
        Some((table, columns))
    }

    /// `TABLE table (column type …, …)`.
    fn create(&mut self) -> Option<()> {
        self.scanner.keyword(b"table")?;
        if self.scanner.keyword(b"if").is_some() {
            self.scanner.keyword(b"not")?;
            self.scanner.keyword(b"exists")?;
        }
        let table = self.scanner.name()?;
        let columns = self.scanner.definitions()?;
        if let Some(known) = self.columns.get_mut(&table) {
            *known = columns;
        }
        Some(())
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<Row<'a>, (Place, Wrong)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.insert.is_none() {
            self.insert = self.next_insert();
        }
        let (table, columns) = self.insert.clone()?;
        self.row += 1;
        self.scanner.skip_blanks();
        let place = Place {
            line: self.scanner.line,
            row: self.row,
        };
        let values = self.scanner.tuple().and_then(|values| {
            let found = values.len();
            if found == columns.len() {
                return Ok(values);
            }
            Err(Wrong::new(
                "row",
                format!("has {found} values, table {table} has {} columns", columns.len()),
            ))
        });
        if values.is_err() || !self.scanner.takes(b',') {
            self.insert = None;
            self.scanner.skip_statement();
        }
        Some(values.map_err(|wrong| (place, wrong)).map(|values| Row {
            place,
            table,
            columns,
            values,
        }))
    }
}

/// A name without quotes, schema and case.
fn bare(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.trim_matches(['`', '"', '[', ']', '\'']).to_ascii_lowercase()
}

struct Scanner<'a> {
    rest: &'a [u8],
    line: u64,
    /// Whether a backslash escapes in text.
    backslash: bool,
}

impl<'a> Scanner<'a> {
    fn advance(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.line += newlines(taken);
        self.rest = rest;
        taken
    }

    /// Blanks and comments. What MySQL runs in `/*!40101 … */` is a comment here.
    fn skip_blanks(&mut self) {
        loop {
            let blank = self.rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.advance(blank);
            if self.rest.starts_with(b"--") || self.rest.starts_with(b"#") {
                self.advance_behind(b"\n");
            } else if self.rest.starts_with(b"/*") {
                self.advance_behind(b"*/");
            } else {
                return;
            }
        }
    }

    fn advance_behind(&mut self, end: &[u8]) {
        let at = self.rest.windows(end.len()).position(|window| window == end);
        self.advance(at.map_or(self.rest.len(), |at| at + end.len()));
    }

    /// The first word of the next statement, which may be empty.
    fn statement(&mut self) -> Option<&'a [u8]> {
        self.skip_blanks();
        while self.takes(b';') {
            self.skip_blanks();
        }
        (!self.rest.is_empty()).then(|| self.word())
    }

    fn word(&mut self) -> &'a [u8] {
        let len = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        self.advance(len)
    }

    fn keyword(&mut self, word: &[u8]) -> Option<()> {
        self.skip_blanks();
        let head = self.rest.get(..word.len())?;
        let ends = self
            .rest
            .get(word.len())
            .is_none_or(|byte| !byte.is_ascii_alphanumeric());
        if !ends || !head.eq_ignore_ascii_case(word) {
            return None;
        }
        self.advance(word.len());
        Some(())
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        let there = self.rest.first() == Some(&byte);
        if there {
            self.advance(1);
        }
        there
    }

    /// A table's or column's name, quoted or not, without its schema.
    fn name(&mut self) -> Option<String> {
        self.skip_blanks();
        let end = self
            .rest
            .iter()
            .take(4 * limits::NAME_BYTES)
            .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'(' | b')' | b',' | b';'))?;
        self.backslash |= self.rest[..end].contains(&b'`');
        let name = self.advance(end);
        (end > 0).then(|| bare(&String::from_utf8_lossy(name)))
    }

    /// `(name, name, …)`.
    fn names(&mut self) -> Option<Vec<String>> {
        if !self.takes(b'(') {
            return None;
        }
        let mut names = Vec::new();
        while names.len() <= limits::COLUMNS {
            names.push(self.name()?);
            if !self.takes(b',') {
                break;
            }
        }
        self.takes(b')').then_some(names)
    }

    /// The names in `(name type …, name type …, KEY …)`.
    fn definitions(&mut self) -> Option<Vec<String>> {
        const NO_COLUMN: [&str; 9] = [
            "primary",
            "key",
            "unique",
            "constraint",
            "index",
            "foreign",
            "check",
            "fulltext",
            "spatial",
        ];
        if !self.takes(b'(') {
            return None;
        }
        let mut names = Vec::new();
        while names.len() <= limits::COLUMNS {
            self.skip_blanks();
            let quoted = matches!(self.rest.first(), Some(b'`' | b'"'));
            let name = self.name()?;
            if quoted || !NO_COLUMN.contains(&name.as_str()) {
                names.push(name);
            }
            if self.skip_until_comma()? == b')' {
                return Some(names);
            }
        }
        None
    }

    /// Passes text and parentheses up to a comma or the closing parenthesis, and that too.
    fn skip_until_comma(&mut self) -> Option<u8> {
        let mut depth = 0u32;
        loop {
            self.skip_blanks();
            match *self.rest.first()? {
                b'\'' | b'"' | b'`' => {
                    self.text()?;
                    continue;
                }
                b'(' => depth += 1,
                end @ (b')' | b',') if depth == 0 => {
                    self.advance(1);
                    return Some(end);
                }
                b')' => depth -= 1,
                b';' => return None,
                _ => {}
            }
            self.advance(1);
        }
    }

    /// Passes the rest of a statement: to a semicolon outside text.
    fn skip_statement(&mut self) {
        loop {
            self.skip_blanks();
            match self.rest.first() {
                None => return,
                Some(b';') => {
                    self.advance(1);
                    return;
                }
                Some(b'\'' | b'"' | b'`') => {
                    if self.text().is_none() {
                        self.advance_behind(b"\n");
                    }
                }
                Some(_) => {
                    self.advance(1);
                }
            }
        }
    }

    /// `(value, value, …)`.
    fn tuple(&mut self) -> Result<Vec<Option<Bytes<'a>>>, Wrong> {
        let broken = || Wrong::new("row", "is not a row of values");
        if !self.takes(b'(') {
            return Err(broken());
        }
        let mut values = Vec::new();
        while values.len() <= limits::COLUMNS {
            values.push(self.value().ok_or_else(broken)?);
            if self.takes(b')') {
                return Ok(values);
            }
            if !self.takes(b',') {
                return Err(broken());
            }
        }
        Err(broken())
    }

    /// NULL, text, a number or bytes.
    fn value(&mut self) -> Option<Option<Bytes<'a>>> {
        self.skip_blanks();
        if self.keyword(b"null").is_some() {
            return Some(None);
        }
        if self.keyword(b"_binary").is_some() {
            self.skip_blanks();
        }
        match *self.rest.first()? {
            b'\'' => self.text().map(Some),
            b'E' | b'e' | b'N' | b'n' if self.rest.get(1) == Some(&b'\'') => {
                let backslash = std::mem::replace(&mut self.backslash, true);
                self.advance(1);
                let text = self.text();
                self.backslash = backslash;
                text.map(Some)
            }
            b'X' | b'x' if self.rest.get(1) == Some(&b'\'') => {
                self.advance(1);
                let digits = self.text()?;
                bytes(&digits).map(Some)
            }
            b'0' if matches!(self.rest.get(1), Some(b'x')) => {
                self.advance(2);
                bytes(self.word()).map(Some)
            }
            _ => self.bare_value().map(Some),
        }
    }

    fn bare_value(&mut self) -> Option<Bytes<'a>> {
        let len = self
            .rest
            .iter()
            .take(64)
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'))
            .count();
        (len > 0).then(|| Bytes::Borrowed(self.advance(len)))
    }

    /// Text between quotes of one kind, which are doubled inside.
    fn text(&mut self) -> Option<Bytes<'a>> {
        let quote = *self.rest.first()?;
        let reach = &self.rest[..self.rest.len().min(limits::ROW_BYTES)];
        let (mut at, mut escaped) = (1, false);
        loop {
            match reach.get(at)? {
                b'\\' if self.backslash => {
                    escaped = true;
                    at += 2;
                }
                byte if *byte == quote && reach.get(at + 1) == Some(&quote) => {
                    escaped = true;
                    at += 2;
                }
                byte if *byte == quote => break,
                _ => at += 1,
            }
        }
        let inside = &self.advance(at + 1)[1..at];
        Some(if escaped {
            Bytes::Owned(unescaped(inside, quote, self.backslash))
        } else {
            Bytes::Borrowed(inside)
        })
    }
}

fn bytes<'b>(digits: &[u8]) -> Option<Bytes<'b>> {
    let text = std::str::from_utf8(digits).ok()?;
    encoding::hex(text).map(Bytes::Owned)
}

fn unescaped(inside: &[u8], quote: u8, backslash: bool) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(inside.len()));
    let mut rest = inside.iter().copied();
    while let Some(byte) = rest.next() {
        if byte == b'\\' && backslash {
            plain.extend(rest.next().map(|next| match next {
                b'0' => 0,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' => 8,
                b'Z' => 26,
                other => other,
            }));
            continue;
        }
        plain.push(byte);
        if byte == quote {
            // Its double.
            rest.next();
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line, table and values, or line and sentence.
    type Seen = Result<(u64, String, Vec<Option<String>>), (u64, String)>;

    fn read(input: &str) -> Vec<Seen> {
        Rows::new(input.as_bytes(), &[("t", &["a", "b"]), ("u", &[])])
            .map(|row| match row {
                Ok(row) => {
                    let text =
                        |value: &Option<Bytes>| value.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                    Ok((row.place.line, row.table.clone(), row.values.iter().map(text).collect()))
                }
                Err((place, wrong)) => Err((place.line, wrong.sentence)),
            })
            .collect()
    }

    fn row(line: u64, table: &str, values: &[Option<&str>]) -> Seen {
        Ok((
            line,
            table.to_owned(),
            values.iter().map(|value| value.map(str::to_owned)).collect(),
        ))
    }

    #[test]
    fn rows_of_a_mysqldump() {
        let dump = "-- MySQL dump\n/*!40101 SET NAMES utf8 */;\nCREATE TABLE `u` (\n  `x` int(11) NOT NULL DEFAULT '1',\n  \
                    `key` varchar(64) COMMENT 'a, b',\n  PRIMARY KEY (`x`),\n  KEY `k` (`key`,`x`)\n) ENGINE=InnoDB;\n\
                    INSERT INTO `other` VALUES (1,'a;b');\nINSERT INTO `u` VALUES (1,'it''s'),(-2,'a\\'b\\n;'),\n(3,NULL);\n\
                    INSERT INTO `t` (`b`,`a`) VALUES (0x6869,_binary 'x');\n";
        assert_eq!(
            read(dump),
            [
                row(10, "u", &[Some("1"), Some("it's")]),
                row(10, "u", &[Some("-2"), Some("a'b\n;")]),
                row(11, "u", &[Some("3"), None]),
                row(12, "t", &[Some("hi"), Some("x")]),
            ]
        );
    }

    #[test]
    fn other_databases_quote_otherwise() {
        let dump = "INSERT INTO public.t VALUES (1, 'back\\slash');\nINSERT INTO \"t\" VALUES (2, E'a\\'b');\n";
        assert_eq!(
            read(dump),
            [
                row(1, "t", &[Some("1"), Some("back\\slash")]),
                row(2, "t", &[Some("2"), Some("a'b")]),
            ]
        );
    }

    #[test]
    fn a_broken_row_ends_its_statement_and_no_other() {
        let read =
            read("INSERT INTO t VALUES (1,2),(3),(4,5);\nINSERT INTO t VALUES (1,(2));\nINSERT INTO t VALUES (6,7);\n");
        assert_eq!(read[0], row(1, "t", &[Some("1"), Some("2")]));
        assert!(read[1].is_err() && read[2].is_err());
        assert_eq!(read[3], row(3, "t", &[Some("6"), Some("7")]));
        assert_eq!(read.len(), 4);
    }

    #[test]
    fn tables_are_told_from_the_first_lines() {
        assert!(mentions(b"x\nINSERT INTO `radcheck` VALUES (1);", &["radcheck"]));
        assert!(mentions(b"CREATE TABLE IF NOT EXISTS public.radcheck (", &["radcheck"]));
        assert!(!mentions(b"INSERT INTO users VALUES (1);", &["radcheck"]));
    }
}
