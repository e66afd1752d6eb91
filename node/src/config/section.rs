//! Reads one table of the file, key by key, and remembers what was asked for: what is left over at
//! the end is unknown. A mistake never stops the reading; the value is then simply absent.

use std::{
    collections::BTreeMap,
    fmt::Display,
    net::{IpAddr, SocketAddr},
    ops::{Range, RangeInclusive},
    path::PathBuf,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::mistake::Mistakes;

/// Line of each setting that was present, for checks across settings.
pub(super) type Lines = BTreeMap<String, usize>;

pub(super) struct Section<'a, 't> {
    name: &'static str,
    /// Its head as it is written: `[name]` or `[[name]]`.
    shown: String,
    head: Range<usize>,
    table: Option<&'a DeTable<'t>>,
    asked: Vec<&'static str>,
    lines: &'a mut Lines,
    mistakes: &'a mut Mistakes<'t>,
}

impl<'a, 't> Section<'a, 't> {
    /// The table `name` of the document; an absent one reads as empty.
    pub(super) fn open(
        document: &'a DeTable<'t>,
        name: &'static str,
        lines: &'a mut Lines,
        mistakes: &'a mut Mistakes<'t>,
    ) -> Self {
        let value = entry(document, name);
        let table = match value {
            None => None,
            Some(value) => match value.get_ref() {
                DeValue::Table(table) => {
                    lines.insert(name.to_owned(), mistakes.line_at(value.span().start));
                    Some(table)
                }
                _ => {
                    mistakes.at(
                        value.span(),
                        name,
                        "is a section, not a setting",
                        format!("write [{name}] on a line of its own and its settings under it"),
                    );
                    None
                }
            },
        };
        Section {
            name,
            shown: format!("[{name}]"),
            head: value.map_or(0..0, Spanned::span),
            table,
            asked: Vec::new(),
            lines,
            mistakes,
        }
    }

    /// Reads every table of the list `name`, each under a `[[name]]` of its own.
    pub(super) fn each(
        document: &'a DeTable<'t>,
        name: &'static str,
        lines: &mut Lines,
        mistakes: &mut Mistakes<'t>,
        mut read: impl FnMut(Section<'_, 't>),
    ) {
        let Some(value) = entry(document, name) else { return };
        let items = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        for item in items {
            match (item.get_ref(), value.get_ref()) {
                (DeValue::Table(table), DeValue::Array(_)) => read(Section {
                    name,
                    shown: format!("[[{name}]]"),
                    head: item.span(),
                    table: Some(table),
                    asked: Vec::new(),
                    lines: &mut *lines,
                    mistakes: &mut *mistakes,
                }),
                _ => mistakes.at(
                    item.span(),
                    name,
                    "is a list of sections",
                    format!("write [[{name}]], with two brackets, above the settings of each"),
                ),
            }
        }
    }

    /// A string that is not empty.
    pub(super) fn text(&mut self, key: &'static str, example: &str) -> Option<String> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::String(s) if !s.trim().is_empty() => Some(s.to_string()),
            DeValue::String(_) => {
                self.wrong(
                    key,
                    value.span(),
                    "is empty",
                    format!("write {key} = \"{example}\", or leave the line out"),
                );
                None
            }
            other => {
                self.wrong_type(
                    key,
                    value.span(),
                    other,
                    format!("write text in quotes: {key} = \"{example}\""),
                );
                None
            }
        }
    }

    /// An absolute path.
    pub(super) fn path(&mut self, key: &'static str, example: &str) -> Option<PathBuf> {
        let text = self.text(key, example)?;
        let path = PathBuf::from(&text);
        if path.is_absolute() {
            return Some(path);
        }
        let span = self.span_of(key);
        self.wrong(
            key,
            span,
            format!("\"{text}\" is relative, and would depend on where the node is started"),
            format!("write an absolute path: {key} = \"{example}\""),
        );
        None
    }

    /// A whole number in `range`; `unit` is for the message ("milliseconds").
    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: impl Display,
        unit: &str,
    ) -> Option<u64> {
        let right = format!(
            "write a whole number of {unit} from {} to {}; the default is {default}",
            range.start(),
            range.end()
        );
        let value = self.value(key)?;
        let DeValue::Integer(integer) = value.get_ref() else {
            self.wrong_type(key, value.span(), value.get_ref(), right);
            return None;
        };
        match i128::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(n) if u64::try_from(n).is_ok_and(|n| range.contains(&n)) => u64::try_from(n).ok(),
            _ => {
                self.wrong(
                    key,
                    value.span(),
                    format!("{} is out of range", integer.as_str()),
                    right,
                );
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> Option<bool> {
        let value = self.value(key)?;
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        let right = format!("write {key} = true or {key} = false; the default is {default}");
        self.wrong_type(key, value.span(), value.get_ref(), right);
        None
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let text = self.text(key, names[0])?;
        if let Some((_, chosen)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*chosen);
        }
        let span = self.span_of(key);
        self.wrong(
            key,
            span,
            format!("\"{text}\" is not one of its values"),
            format!("{}write one of: {}", did_you_mean(&text, &names), names.join(", ")),
        );
        None
    }

    /// One IP address with a port.
    pub(super) fn address(&mut self, key: &'static str, example: &str) -> Option<SocketAddr> {
        let text = self.text(key, example)?;
        let span = self.span_of(key);
        self.parse_address(key, span, &text, example)
    }

    /// A list of addresses; one address alone may be written without brackets.
    pub(super) fn addresses(&mut self, key: &'static str, example: &str) -> Option<Vec<SocketAddr>> {
        let value = self.value(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            return self.address(key, example).map(|one| vec![one]);
        };
        let mut addresses = Vec::new();
        let mut complete = !items.is_empty();
        if items.is_empty() {
            self.wrong(
                key,
                value.span(),
                "is an empty list",
                format!("write {key} = [\"{example}\"]"),
            );
        }
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(s) => match self.parse_address(key, item.span(), s, example) {
                    Some(address) => addresses.push(address),
                    None => complete = false,
                },
                other => {
                    self.wrong_type(key, item.span(), other, format!("write {key} = [\"{example}\"]"));
                    complete = false;
                }
            }
        }
        complete.then_some(addresses)
    }

    /// Whether the key is there at all, right or wrong.
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// A mistake at `key`, or at the section's head when the key is absent.
    pub(super) fn complain(&mut self, key: &'static str, problem: &str, right: &str) {
        let span = self.span_of(key);
        self.wrong(key, span, problem, right);
    }

    /// Everything that was never asked for is unknown.
    pub(super) fn close(self) {
        let Some(table) = self.table else { return };
        for (key, _) in table.iter() {
            let name = key.get_ref().as_ref();
            if !self.asked.contains(&name) {
                self.mistakes.at(
                    key.span(),
                    format!("{}.{name}", self.name),
                    "there is no such setting",
                    format!(
                        "{}{} has: {}",
                        did_you_mean(name, &self.asked),
                        self.shown,
                        self.asked.join(", ")
                    ),
                );
            }
        }
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'t>>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let value = entry(self.table?, key)?;
        let line = self.mistakes.line_at(value.span().start);
        self.lines.insert(format!("{}.{key}", self.name), line);
        Some(value)
    }

    fn span_of(&mut self, key: &'static str) -> Range<usize> {
        self.value(key).map_or(self.head.clone(), Spanned::span)
    }

    fn parse_address(&mut self, key: &str, span: Range<usize>, text: &str, example: &str) -> Option<SocketAddr> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            if address.port() != 0 {
                return Some(address);
            }
            self.wrong(
                key,
                span,
                format!("\"{text}\" has port 0"),
                format!("write the port the others dial, as in \"{example}\""),
            );
            return None;
        }
        let port = example.rsplit(':').next().unwrap_or("1812");
        let right = match text.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => format!("add the port: \"{ip}:{port}\""),
            Ok(IpAddr::V6(ip)) => format!("IPv6 goes in brackets, with the port: \"[{ip}]:{port}\""),
            Err(_) => format!("write an IP address and a port, as in \"{example}\" or \"192.0.2.1:{port}\""),
        };
        self.wrong(key, span, format!("\"{text}\" is not an address with a port"), right);
        None
    }

    fn wrong(&mut self, key: &str, span: Range<usize>, problem: impl Into<String>, right: impl Into<String>) {
        self.mistakes.at(span, format!("{}.{key}", self.name), problem, right);
    }

    fn wrong_type(&mut self, key: &str, span: Range<usize>, found: &DeValue<'_>, right: impl Into<String>) {
        self.wrong(key, span, format!("is {}", kind_of(found)), right);
    }
}

/// Sections that do not exist, and settings outside any section.
pub(super) fn check_sections(document: &DeTable<'_>, sections: &[&str], lists: &[&str], mistakes: &mut Mistakes<'_>) {
    let all = [sections, lists].concat();
    let shown = sections.iter().map(|name| format!("[{name}]"));
    let shown: Vec<String> = shown.chain(lists.iter().map(|name| format!("[[{name}]]"))).collect();
    for (key, value) in document.iter() {
        let name = key.get_ref().as_ref();
        if all.contains(&name) {
            continue;
        }
        let problem = match value.get_ref() {
            DeValue::Table(_) | DeValue::Array(_) => "there is no such section",
            _ => "stands outside any section",
        };
        mistakes.at(
            key.span(),
            name,
            problem,
            format!("{}the sections are: {}", did_you_mean(name, &all), shown.join(", ")),
        );
    }
}

fn entry<'a, 't>(table: &'a DeTable<'t>, name: &str) -> Option<&'a Spanned<DeValue<'t>>> {
    table
        .iter()
        .find(|(key, _)| key.get_ref().as_ref() == name)
        .map(|(_, value)| value)
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text in quotes",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// `did you mean "x"? ` when one of the names is near enough to be a slip of the fingers.
fn did_you_mean(written: &str, names: &[&str]) -> String {
    let nearest = names.iter().min_by_key(|name| edit_distance(written, name));
    match nearest {
        Some(name) if edit_distance(written, name) <= 1 + name.len() / 4 => {
            format!("did you mean \"{name}\"? ")
        }
        _ => String::new(),
    }
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let substitution = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
