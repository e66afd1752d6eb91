//! What became of every row: for a person to read before anything is taken over, and for a script.
//!
//! A report never holds a secret, a password or a hash: subjects are names and serials, sentences quote at most names.

use std::borrow::Cow;

use serde::Serialize;

use crate::{format::Format, limits, quote::shortened};

/// What a reader found in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// As which format it was read.
    pub format: Format,
    /// What holds for the whole file: unknown columns, missing batches, an unchecked signature.
    pub notes: Vec<String>,
    /// One for each row of data, in the file's order.
    pub rows: Vec<RowReport>,
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowReport {
    /// The line where the row begins, from 1. Rows of a database dump share one.
    pub line: u64,
    /// The row, entry or key package, from 1; a header is none.
    pub row: u64,
    /// Whom or what it is about: a user's name or a token's serial. Empty where that could not be read.
    pub subject: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What an operator should know although the row is right: "the {SSHA} hash cannot be verified".
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// Read: what it holds, in a few words.
    Ok {
        /// "user, clear password", "TOTP token (SHA-1, 6 digits, 30 s) of alice".
        summary: String,
    },
    /// Not read, because of this field.
    Wrong {
        /// The column, attribute or element.
        field: Cow<'static, str>,
        /// What is wrong with it, to be read after its name.
        sentence: String,
    },
    /// Read, and nothing to import: another kind of object.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// How many rows had which outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All rows.
    pub rows: usize,
    /// Read.
    pub ok: usize,
    /// Of those, with something to know.
    pub with_notes: usize,
    /// Not read.
    pub wrong: usize,
    /// Nothing to import.
    pub skipped: usize,
}

impl Report {
    /// Counts the outcomes.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for row in &self.rows {
            totals.rows += 1;
            match row.outcome {
                Outcome::Ok { .. } => totals.ok += 1,
                Outcome::Wrong { .. } => totals.wrong += 1,
                Outcome::Skipped { .. } => totals.skipped += 1,
            }
            totals.with_notes += usize::from(row.outcome.is_ok() && !row.notes.is_empty());
        }
        totals
    }

    /// The rows that were not read.
    pub fn wrong(&self) -> impl Iterator<Item = &RowReport> {
        self.rows
            .iter()
            .filter(|row| matches!(row.outcome, Outcome::Wrong { .. }))
    }
}

impl Outcome {
    /// Whether the row was read.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        matches!(self, Outcome::Ok { .. })
    }

    /// The word for a table.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Ok { .. } => "ok",
            Outcome::Wrong { .. } => "wrong",
            Outcome::Skipped { .. } => "skipped",
        }
    }

    /// The sentence for a table.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Outcome::Ok { summary } => summary.clone(),
            Outcome::Wrong { field, sentence } => format!("{field} {sentence}"),
            Outcome::Skipped { reason } => reason.clone(),
        }
    }
}

/// Why a row is not read: a field, and a sentence that follows its name ("digits" "is 9; …").
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) field: Cow<'static, str>,
    pub(crate) sentence: String,
}

impl Wrong {
    pub(crate) fn new(field: impl Into<Cow<'static, str>>, sentence: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            sentence: sentence.into(),
        }
    }
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) row: u64,
}

impl RowReport {
    pub(crate) fn new(place: Place, subject: &str, outcome: Outcome, notes: Vec<String>) -> Self {
        Self {
            line: place.line,
            row: place.row,
            subject: shortened(subject, limits::QUOTED_BYTES),
            outcome,
            notes,
        }
    }
}

impl From<Wrong> for Outcome {
    fn from(wrong: Wrong) -> Self {
        Outcome::Wrong {
            field: wrong.field,
            sentence: wrong.sentence,
        }
    }
}
