//! Validation that reports every bad field at once.

use std::fmt;
use std::str::FromStr;

use quorate_core::{Cidr, names};

/// One field that cannot be taken as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Its path in the request, such as `name` or `networks[2]`.
    pub field: String,
    /// What is wrong, as the rest of a sentence that begins with the field.
    pub problem: String,
    /// What would be right.
    pub hint: String,
}

impl FieldError {
    /// The hint may be empty.
    pub fn new(field: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        FieldError {
            field: field.into(),
            problem: problem.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.problem)?;
        if self.hint.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.hint)
        }
    }
}

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    pub(crate) fn add(&mut self, field: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) {
        self.0.push(FieldError::new(field, problem, hint));
    }

    /// Adds what somebody else has found.
    pub(crate) fn extend(&mut self, found: Vec<FieldError>) {
        self.0.extend(found);
    }

    /// Adds an error unless the condition holds.
    pub(crate) fn require(&mut self, holds: bool, field: &str, problem: &str, hint: &str) {
        if !holds {
            self.add(field, problem, hint);
        }
    }

    /// A name of anything but a user: not empty unless it may be, bounded, printable.
    pub(crate) fn check_label(&mut self, field: &str, text: &str, may_be_empty: bool) {
        let max = quorate_core::limits::NAME_BYTES;
        self.require(may_be_empty || !text.is_empty(), field, "is empty", "give it a name");
        self.require(
            text.len() <= max,
            field,
            "is too long",
            &format!("at most {max} bytes of UTF-8"),
        );
        self.require(
            text.trim() == text && !text.chars().any(char::is_control),
            field,
            "has a control character, or a space at its beginning or end",
            "printable characters only",
        );
    }

    /// At most so many entries of a list.
    pub(crate) fn check_count(&mut self, field: &str, count: usize, max: usize) {
        self.require(count <= max, field, "has too many entries", &format!("at most {max}"));
    }

    /// A language in the one spelling in which it is kept, if it is one.
    pub(crate) fn check_language(&mut self, field: &str, typed: &str) -> Option<Box<str>> {
        let language = names::language(typed);
        self.require(language.is_some(), field, "is no language", "a tag such as de or pt-BR");
        language
    }

    /// Names of groups: bounded, and each as any other name.
    pub(crate) fn check_groups(&mut self, field: &str, groups: &[String], max: usize) {
        self.check_count(field, groups.len(), max);
        for (place, group) in groups.iter().enumerate() {
            self.check_label(&format!("{field}[{place}]"), group, false);
        }
    }

    /// A network, if it is one.
    pub(crate) fn check_network(&mut self, field: &str, text: &str) -> Option<Cidr> {
        let parsed = text.parse::<Cidr>();
        parsed
            .map_err(|problem| self.add(field, "is no address or range", problem.to_string()))
            .ok()
    }

    /// The name of an object that has an id too: a label that nobody could take for one.
    pub(crate) fn check_name<Id: FromStr>(&mut self, name: &str) {
        self.check_label("name", name, false);
        self.require(
            name.parse::<Id>().is_err(),
            "name",
            "looks like an id",
            "choose a name that is no id",
        );
    }

    /// The checked value, or what is collected. A value is missing only where an error was added.
    pub(crate) fn finish_with<T>(self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) | None => Err(self.0),
        }
    }

    /// What is collected, as an error if there is any.
    pub(crate) fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
