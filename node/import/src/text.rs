//! From bytes to text and back to line numbers.

use std::ops::Deref;

use zeroize::Zeroizing;

use crate::{error::ImportError, report::Wrong};

/// A value of the input: borrowed where it stands there as it is, else a copy, which is wiped.
pub(crate) enum Bytes<'a> {
    Borrowed(&'a [u8]),
    Owned(Zeroizing<Vec<u8>>),
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Borrowed(bytes) => bytes,
            Bytes::Owned(bytes) => bytes,
        }
    }
}

/// The file without the mark that some editors put in front of UTF-8.
pub(crate) fn without_mark(input: &[u8]) -> Result<&[u8], ImportError> {
    if input.starts_with(b"\xff\xfe") || input.starts_with(b"\xfe\xff") {
        return Err(ImportError::Utf16);
    }
    Ok(input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input))
}

/// A field's text.
pub(crate) fn utf8<'a>(field: &'static str, bytes: &'a [u8]) -> Result<&'a str, Wrong> {
    std::str::from_utf8(bytes).map_err(|_| Wrong::new(field, "is not UTF-8; save the file as UTF-8"))
}

/// A whole file's text.
pub(crate) fn whole(input: &[u8]) -> Result<&str, ImportError> {
    std::str::from_utf8(input).map_err(|error| ImportError::NotUtf8 {
        line: 1 + newlines(&input[..error.valid_up_to()]),
    })
}

/// Line ends in some bytes.
pub(crate) fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Lines without their ends, with their numbers from 1.
pub(crate) fn lines(input: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    input
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .zip(1..)
        .map(|(line, number)| (number, line))
}
