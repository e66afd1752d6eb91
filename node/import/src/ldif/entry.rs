//! From lines to records: folding, comments, base 64.

use zeroize::Zeroizing;

use crate::{
    encoding, limits,
    quote::quoted_bytes,
    report::{Place, Wrong},
    text::{Bytes, lines, utf8},
};

/// The attributes that are read; of others the lines are only passed.
const READ: [&str; 22] = [
    "dn",
    "changetype",
    "objectclass",
    "uid",
    "samaccountname",
    "userprincipalname",
    "cn",
    "displayname",
    "mail",
    "mobile",
    "telephonenumber",
    "preferredlanguage",
    "memberof",
    "userpassword",
    "sambantpassword",
    "useraccountcontrol",
    "nsaccountlock",
    "pwdaccountlockedtime",
    "accountexpires",
    "shadowexpire",
    "member",
    "memberuid",
];

/// One record.
pub(crate) struct Entry<'a> {
    pub(crate) place: Place,
    /// Of the attributes that are read, in the record's order.
    values: Vec<(&'static str, Bytes<'a>)>,
    /// The first thing that is wrong with its lines.
    pub(crate) problem: Option<Wrong>,
    lines: usize,
}

impl<'a> Entry<'a> {
    /// All values of an attribute.
    pub(crate) fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.values
            .iter()
            .filter(move |(known, _)| *known == name)
            .map(|(_, value)| &value[..])
    }

    /// The first value of an attribute as text, without blanks around it; `None` when it is absent or empty.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, Wrong> {
        let Some(value) = self.values(name).next() else {
            return Ok(None);
        };
        let text = utf8(name, value)?.trim();
        Ok((!text.is_empty()).then_some(text))
    }

    /// The distinguished name, for a report.
    pub(crate) fn subject(&self) -> String {
        let name = self.values("dn").next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            values: Vec::new(),
            problem: None,
            lines: 0,
        }
    }

    /// Takes one logical line.
    fn take(&mut self, number: u64, line: Bytes<'a>) {
        self.lines += 1;
        let taken = if self.lines > limits::ENTRY_LINES {
            Err(Wrong::new(
                "entry",
                format!("has more than {} lines", limits::ENTRY_LINES),
            ))
        } else {
            attribute(number, line)
        };
        match taken {
            Ok(Some(value)) => self.values.push(value),
            Ok(None) => {}
            Err(wrong) => {
                self.problem.get_or_insert(wrong);
            }
        }
    }
}

/// `name: value`, `name:: base 64`; `None` when the attribute is not read.
fn attribute(number: u64, line: Bytes) -> Result<Option<(&'static str, Bytes)>, Wrong> {
    // Between the changes of a record that is refused anyway.
    if &line[..] == b"-" {
        return Ok(None);
    }
    let colon = line
        .iter()
        .position(|byte| *byte == b':')
        .ok_or_else(|| Wrong::new("line", format!("{number} has no colon")))?;
    let name = name(&line[..colon]);
    let encoded = line.get(colon + 1) == Some(&b':');
    if line.get(colon + 1) == Some(&b'<') {
        let shown = quoted_bytes(&line[..colon]);
        return Err(Wrong::new(
            "line",
            format!("{number}: {shown} is a URL, which is not fetched"),
        ));
    }
    let Some(name) = name else { return Ok(None) };
    let start = colon + 1 + usize::from(encoded);
    if line.len() - start > limits::ROW_BYTES {
        return Err(Wrong::new(name, format!("is longer than {} bytes", limits::ROW_BYTES)));
    }
    if encoded {
        let text = std::str::from_utf8(&line[start..]).ok();
        let value = text.and_then(encoding::base64);
        let value = value.ok_or_else(|| Wrong::new(name, format!("in line {number} is not base 64")))?;
        return Ok(Some((name, Bytes::Owned(value))));
    }
    Ok(Some((name, trimmed(line, start))))
}

/// The attribute's name without options (`;lang-de`), if it is one that is read.
fn name(bytes: &[u8]) -> Option<&'static str> {
    let plain = bytes.split(|byte| *byte == b';').next()?.trim_ascii();
    // uniqueMember differs from member in nothing that matters here.
    let plain = if plain.eq_ignore_ascii_case(b"uniquemember") {
        b"member"
    } else {
        plain
    };
    READ.into_iter()
        .find(|known| known.as_bytes().eq_ignore_ascii_case(plain))
}

/// The value behind `start`, without the blanks in front of it.
fn trimmed(line: Bytes<'_>, start: usize) -> Bytes<'_> {
    match line {
        Bytes::Borrowed(line) => Bytes::Borrowed(line[start..].trim_ascii_start()),
        Bytes::Owned(line) => Bytes::Owned(Zeroizing::new(line[start..].trim_ascii_start().to_vec())),
    }
}

/// The records of a file.
pub(crate) struct Entries<'a, I: Iterator<Item = (u64, &'a [u8])>> {
    lines: std::iter::Peekable<I>,
    row: u64,
}

impl<'a> Entries<'a, std::iter::Empty<(u64, &'a [u8])>> {
    pub(crate) fn new(input: &'a [u8]) -> Entries<'a, impl Iterator<Item = (u64, &'a [u8])>> {
        Entries {
            lines: lines(input).peekable(),
            row: 0,
        }
    }
}

impl<'a, I: Iterator<Item = (u64, &'a [u8])>> Entries<'a, I> {
    /// A line with those that continue it, each by one blank in front.
    fn logical_line(&mut self) -> Option<(u64, Bytes<'a>)> {
        let (number, first) = self.lines.next()?;
        let mut line = Bytes::Borrowed(first);
        while let Some((_, more)) = self.lines.next_if(|(_, next)| next.starts_with(b" ")) {
            let mut joined = match line {
                Bytes::Borrowed(start) => Zeroizing::new(start.to_vec()),
                Bytes::Owned(joined) => joined,
            };
            joined.extend_from_slice(&more[1..]);
            line = Bytes::Owned(joined);
        }
        Some((number, line))
    }
}

impl<'a, I: Iterator<Item = (u64, &'a [u8])>> Iterator for Entries<'a, I> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let mut entry: Option<Entry> = None;
        while let Some((number, line)) = self.logical_line() {
            let version = self.row == 0 && entry.is_none() && line.starts_with(b"version:");
            if line.starts_with(b"#") || version {
                continue;
            }
            if line.is_empty() {
                if entry.is_some() {
                    break;
                }
                continue;
            }
            let row = self.row + 1;
            entry
                .get_or_insert_with(|| Entry::at(Place { line: number, row }))
                .take(number, line);
        }
        self.row += u64::from(entry.is_some());
        let mut entry = entry?;
        if entry.problem.is_none() && entry.values.first().is_none_or(|(name, _)| *name != "dn") {
            entry.problem = Some(Wrong::new("dn", "is not the first line of the entry"));
        }
        Some(entry)
    }
}
