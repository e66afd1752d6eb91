//! What is wrong with settings, all of it at once, each with the path of its field.

use std::fmt;

/// One field that cannot be taken as it is, or (as a warning) should not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its path in the settings, such as `smtp.servers[0].port`.
    pub field: String,
    /// What is wrong, as the rest of a sentence that begins with the field.
    pub problem: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.problem)
    }
}

/// Collects problems and warnings, and knows where in the settings it stands.
#[derive(Default)]
pub(crate) struct Checker {
    path: String,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Checker {
    /// Checks something inside the field `name`.
    pub(crate) fn within<T>(&mut self, name: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.path.len();
        self.path = self.path_of(name);
        let result = check(self);
        self.path.truncate(before);
        result
    }

    pub(crate) fn wrong(&mut self, field: &str, problem: impl Into<String>) {
        let (field, problem) = (self.path_of(field), problem.into());
        self.problems.push(Problem { field, problem });
    }

    pub(crate) fn warn(&mut self, field: &str, problem: impl Into<String>) {
        let (field, problem) = (self.path_of(field), problem.into());
        self.warnings.push(Problem { field, problem });
    }

    /// Adds a problem unless the condition holds.
    pub(crate) fn require(&mut self, holds: bool, field: &str, problem: impl Into<String>) {
        if !holds {
            self.wrong(field, problem);
        }
    }

    /// A line of text: bounded, printable, not empty unless it may be.
    pub(crate) fn line(&mut self, field: &str, text: &str, bytes_max: usize, may_be_empty: bool) {
        self.require(may_be_empty || !text.is_empty(), field, "is empty");
        self.require(
            text.len() <= bytes_max,
            field,
            format!("is longer than {bytes_max} bytes"),
        );
        self.require(
            !text.chars().any(char::is_control),
            field,
            "has a control character (a line break, perhaps)",
        );
    }

    pub(crate) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Problems and warnings.
    pub(crate) fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        (self.problems, self.warnings)
    }

    fn path_of(&self, field: &str) -> String {
        match (self.path.is_empty(), field.is_empty()) {
            (true, _) => field.to_owned(),
            (false, true) => self.path.clone(),
            (false, false) => format!("{}.{field}", self.path),
        }
    }
}
