//! Why a whole file is not read. What is wrong with one row stands in the report instead.

use crate::limits;

/// Why a whole file is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Larger than what is read at once.
    #[error("the file has more than {} MiB; split it", limits::INPUT_BYTES >> 20)]
    TooLarge,
    /// More rows than a report holds.
    #[error("line {line}: more than {} rows; split the file", limits::ROWS)]
    TooManyRows {
        /// The first row beyond.
        line: u64,
    },
    /// No reader recognises it.
    #[error("the format cannot be told from the content; name it")]
    UnknownFormat,
    /// Not UTF-8 where the whole file must be.
    #[error("line {line}: not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// The first line that is not.
        line: u64,
    },
    /// Begins with the mark of UTF-16.
    #[error("the file is UTF-16; save it as UTF-8")]
    Utf16,
    /// A table whose header lacks a column without which no row can be read.
    #[error("line {line}: the header has no column for {missing}; it has {found}")]
    Header {
        /// The header's line.
        line: u64,
        /// What is missing, with the names it is known by.
        missing: &'static str,
        /// The header's columns.
        found: String,
    },
    /// A table with two columns for the same thing.
    #[error("line {line}: columns {first} and {second} of the header both mean the {field}")]
    HeaderTwice {
        /// The header's line.
        line: u64,
        /// The column, from 1.
        first: usize,
        /// The other, from 1.
        second: usize,
        /// What both mean.
        field: &'static str,
    },
    /// There is nothing in it that could be read.
    #[error("the file holds no {0}")]
    Empty(&'static str),
    /// Sealed, and no key was given.
    #[error("the file is encrypted{hint}; give its key or password in a key file")]
    KeyMissing {
        /// What the file says about its key, with a leading space, or nothing.
        hint: String,
    },
    /// A key of another form than the file needs.
    #[error("the key file does not fit: {0}")]
    KeyForm(&'static str),
    /// The key is of the right form and opens nothing.
    #[error("the key does not open this file: it is another file's key or a mistyped password")]
    WrongKey,
    /// The document is broken where it encloses everything.
    #[error("line {line}: {sentence}")]
    Document {
        /// Where.
        line: u64,
        /// What is wrong.
        sentence: String,
    },
}

impl ImportError {
    pub(crate) fn document(line: u64, sentence: impl Into<String>) -> Self {
        ImportError::Document {
            line,
            sentence: sentence.into(),
        }
    }
}
