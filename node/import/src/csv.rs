//! Delimited text (RFC 4180): records with the line where they begin.
//!
//! Our own reader and not a library's: a quote that is never closed must spoil one row and not the rest of the file, every record
//! needs its line, fields are borrowed from the input (a copy of a secret is a copy to wipe), and each field is judged as
//! UTF-8 by itself, so that one Latin-1 umlaut spoils one row.
//!
//! Taken beyond the RFC: line ends of either kind, empty lines between records, and `;` or a tab instead of the comma.

use zeroize::Zeroizing;

use crate::{
    limits,
    report::{Place, Wrong},
    text::{Bytes, newlines},
};

/// One record.
pub(crate) struct Record<'a> {
    pub(crate) place: Place,
    pub(crate) fields: Vec<Bytes<'a>>,
}

impl Record<'_> {
    /// Text of a field, without the blanks around it; `None` when it is empty or absent.
    pub(crate) fn text(&self, column: usize, name: &'static str) -> Result<Option<&str>, Wrong> {
        let Some(field) = self.fields.get(column) else {
            return Ok(None);
        };
        let text = crate::text::utf8(name, field)?.trim();
        Ok((!text.is_empty()).then_some(text))
    }

    /// As [`text`](Self::text) but untrimmed: blanks may belong to a password.
    pub(crate) fn verbatim(&self, column: usize, name: &'static str) -> Result<Option<&str>, Wrong> {
        let Some(field) = self.fields.get(column) else {
            return Ok(None);
        };
        let text = crate::text::utf8(name, field)?;
        Ok((!text.is_empty()).then_some(text))
    }

    /// A field for a report, whatever is in it.
    pub(crate) fn subject(&self, column: usize) -> String {
        let field = self.fields.get(column).map_or(&[][..], |field| field);
        String::from_utf8_lossy(&field[..field.len().min(limits::ROW_BYTES)])
            .trim()
            .to_owned()
    }
}

/// The records of a file, from a first line on.
pub(crate) struct Records<'a> {
    rest: &'a [u8],
    line: u64,
    row: u64,
    delimiter: u8,
}

/// The delimiter that the first line has most of, outside quotes: comma when there is none.
pub(crate) fn delimiter(input: &[u8]) -> u8 {
    let (mut counts, mut quoted) = ([(b',', 0), (b';', 0), (b'\t', 0)], false);
    for byte in input.iter().take(limits::ROW_BYTES) {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted && counts.iter().any(|(_, count)| *count > 0) => break,
            other if !quoted => {
                for (delimiter, count) in &mut counts {
                    *count += u32::from(delimiter == other);
                }
            }
            _ => {}
        }
    }
    let [comma, semicolon, tab] = counts;
    [semicolon, tab]
        .into_iter()
        .fold(comma, |most, other| if other.1 > most.1 { other } else { most })
        .0
}

impl<'a> Records<'a> {
    /// All records of a file.
    pub(crate) fn new(input: &'a [u8], delimiter: u8) -> Self {
        Self {
            rest: input,
            line: 1,
            row: 0,
            delimiter,
        }
    }

    /// The next record is number one: what was read so far was the header.
    pub(crate) fn restart_rows(&mut self) {
        self.row = 0;
    }

    fn skip_empty_lines(&mut self) {
        loop {
            let end = self
                .rest
                .strip_prefix(b"\r\n")
                .or_else(|| self.rest.strip_prefix(b"\n"));
            let Some(rest) = end else { return };
            self.rest = rest;
            self.line += 1;
        }
    }

    /// Takes `len` bytes and counts their lines.
    fn advance(&mut self, len: usize) {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.line += newlines(taken);
        self.rest = rest;
    }

    /// Gives up on a record: goes on behind the line it began in.
    fn skip_line(&mut self) {
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        self.advance(end.map_or(self.rest.len(), |end| end + 1));
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, (Place, Wrong)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_empty_lines();
        if self.rest.is_empty() {
            return None;
        }
        self.row += 1;
        let place = Place {
            line: self.line,
            row: self.row,
        };
        match fields(self.rest, self.delimiter) {
            Ok((fields, len)) => {
                self.advance(len);
                Some(Ok(Record { place, fields }))
            }
            Err(sentence) => {
                self.skip_line();
                Some(Err((place, Wrong::new("row", sentence))))
            }
        }
    }
}

/// The fields of the first record and its length with its line end.
fn fields(input: &[u8], delimiter: u8) -> Result<(Vec<Bytes<'_>>, usize), String> {
    let (mut fields, mut at) = (Vec::new(), 0);
    loop {
        let (field, len) = match input[at..].split_first() {
            Some((b'"', quoted)) => quoted_field(quoted)?,
            _ => plain_field(&input[at..], delimiter),
        };
        at += len;
        fields.push(field);
        if fields.len() > limits::COLUMNS {
            return Err(format!("has more than {} fields", limits::COLUMNS));
        }
        if at > limits::ROW_BYTES {
            return Err(format!("is longer than {} bytes", limits::ROW_BYTES));
        }
        match &input[at..] {
            [] => return Ok((fields, at)),
            [b'\n', ..] => return Ok((fields, at + 1)),
            [b'\r', b'\n', ..] => return Ok((fields, at + 2)),
            [next, ..] if *next == delimiter => at += 1,
            _ => return Err(format!("has text after the closing quote of field {}", fields.len())),
        }
    }
}

/// Up to a delimiter or the line's end.
fn plain_field(input: &[u8], delimiter: u8) -> (Bytes<'_>, usize) {
    let end = input.iter().position(|byte| *byte == delimiter || *byte == b'\n');
    let end = end.unwrap_or(input.len());
    let is_line_end = input.get(end).is_none_or(|byte| *byte == b'\n');
    let end = if is_line_end && input[..end].ends_with(b"\r") && end < input.len() {
        end - 1
    } else {
        end
    };
    (Bytes::Borrowed(&input[..end]), end)
}

/// Up to the closing quote; the length counts both.
fn quoted_field(input: &[u8]) -> Result<(Bytes<'_>, usize), String> {
    let reach = &input[..input.len().min(limits::ROW_BYTES)];
    let mut doubled = false;
    let mut at = 0;
    loop {
        let quote = reach[at..].iter().position(|byte| *byte == b'"');
        at += quote.ok_or("has a quote that is never closed")?;
        if reach.get(at + 1) != Some(&b'"') {
            break;
        }
        doubled = true;
        at += 2;
    }
    let inside = &input[..at];
    let field = if doubled {
        Bytes::Owned(without_doubled_quotes(inside))
    } else {
        Bytes::Borrowed(inside)
    };
    Ok((field, at + 2))
}

fn without_doubled_quotes(inside: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(inside.len()));
    let mut after_quote = false;
    for byte in inside {
        after_quote = *byte == b'"' && !after_quote;
        if !after_quote {
            plain.push(*byte);
        }
    }
    plain
}

/// A field as it is written: quoted where it must be.
pub(crate) fn push_field(row: &mut String, text: &str) {
    let plain = !text.contains(['"', ',', ';', '\t', '\n', '\r']) && text.trim() == text;
    if plain {
        row.push_str(text);
        return;
    }
    row.push('"');
    for symbol in text.chars() {
        if symbol == '"' {
            row.push('"');
        }
        row.push(symbol);
    }
    row.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Line and fields, or line and sentence.
    type Seen = Result<(u64, Vec<String>), (u64, String)>;

    fn read(input: &str) -> Vec<Seen> {
        Records::new(input.as_bytes(), delimiter(input.as_bytes()))
            .map(|record| match record {
                Ok(record) => {
                    let text = |field: &Bytes| String::from_utf8(field.to_vec()).unwrap();
                    Ok((record.place.line, record.fields.iter().map(text).collect()))
                }
                Err((place, wrong)) => Err((place.line, wrong.sentence)),
            })
            .collect()
    }

    fn row(line: u64, fields: &[&str]) -> Seen {
        Ok((line, fields.iter().map(|field| (*field).to_owned()).collect()))
    }

    #[test]
    fn records_begin_where_they_begin() {
        let read = read("a,b\r\n\r\n\"x\r\ny\",\"say \"\"no\"\"\"\n,\nlast,");
        assert_eq!(
            read,
            [
                row(1, &["a", "b"]),
                row(3, &["x\r\ny", "say \"no\""]),
                row(5, &["", ""]),
                row(6, &["last", ""]),
            ]
        );
    }

    #[test]
    fn a_broken_row_spoils_itself_and_no_other() {
        let read = read("a,b\n\"never closed,1\nc,d\n\"x\"y,2\ne,f\n");
        // The second line's quote is closed by the one in the fourth, where other text follows.
        assert_eq!(read[0], row(1, &["a", "b"]));
        assert!(read[1].as_ref().is_err_and(|(line, _)| *line == 2));
        assert_eq!(read[2], row(3, &["c", "d"]));
        assert!(read[3].as_ref().is_err_and(|(line, _)| *line == 4));
        assert_eq!(read[4], row(5, &["e", "f"]));
    }

    #[test]
    fn the_delimiter_is_told_from_the_first_line() {
        assert_eq!(delimiter(b"a;b;c\n1,2,3,4,5"), b';');
        assert_eq!(delimiter(b"\"a,b,c\"\td\n"), b'\t');
        assert_eq!(delimiter(b"\na,b\n"), b',');
        assert_eq!(delimiter(b""), b',');
    }

    #[test]
    fn long_rows_are_refused_and_left_behind() {
        let wide = "x,".repeat(300) + "\nnext,row\n";
        assert!(read(&wide)[0].is_err());
        assert_eq!(read(&wide)[1], row(2, &["next", "row"]));
        let long = "y".repeat(limits::ROW_BYTES + 1) + ",z\nnext,row\n";
        assert!(read(&long)[0].is_err());
        assert_eq!(read(&long)[1], row(2, &["next", "row"]));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(rows in proptest::collection::vec(
            proptest::collection::vec("[a-c \",;\t\r\n\"ä]{0,6}", 2..4), 1..6)
        ) {
            let mut text = String::new();
            for fields in &rows {
                for (column, field) in fields.iter().enumerate() {
                    if column > 0 {
                        text.push(',');
                    }
                    push_field(&mut text, field);
                }
                text.push('\n');
            }
            let records = Records::new(text.as_bytes(), b',');
            let read: Vec<Vec<String>> = records
                .map(|record| record.map_err(|(_, wrong)| wrong.sentence).unwrap())
                .map(|record| record.fields.iter().map(|field| String::from_utf8(field.to_vec()).unwrap()).collect())
                .collect();
            prop_assert_eq!(read, rows);
        }

        #[test]
        fn no_bytes_panic_and_every_line_is_passed(input in proptest::collection::vec(
            prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200)
        ) {
            let lines = newlines(&input) + 1;
            for record in Records::new(&input, b',') {
                let line = record.map_or_else(|(place, _)| place.line, |record| record.place.line);
                prop_assert!(line <= lines);
            }
        }
    }
}
