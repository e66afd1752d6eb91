//! Writing a file of posting lists, in one pass and with the memory of one page.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use super::{FENCE_BYTES, MAGIC, PostingError, Span, io_at};
use crate::durable;
use crate::limits::POSTING_PAGE_BYTES;

/// A file of posting lists that is being written.
pub struct PostingWriter {
    path: PathBuf,
    file: BufWriter<File>,
    span: Span,
    version: u32,
    offset: u32,
    page: Vec<u8>,
    /// Key and first posting of the page.
    page_begins: Option<(u64, u32)>,
    entry: Option<Entry>,
    fences: Vec<u8>,
}

/// The entry at the end of the page.
struct Entry {
    key: u64,
    last: u32,
    postings: Vec<u8>,
}

impl PostingWriter {
    pub(super) fn create(path: PathBuf, span: Span, version: u32) -> Result<Self, PostingError> {
        let unfinished = durable::unfinished(&path);
        let file = durable::create_file(&unfinished).map_err(io_at("create", &unfinished))?;
        Ok(Self {
            path,
            file: BufWriter::new(file),
            span,
            version,
            offset: 0,
            page: Vec::with_capacity(POSTING_PAGE_BYTES),
            page_begins: None,
            entry: None,
            fences: Vec::new(),
        })
    }

    /// Adds postings of a key: keys ascending, the postings of a key ascending, in one call or several.
    ///
    /// # Errors
    /// [`PostingError::Io`].
    pub fn add(&mut self, key: u64, postings: impl IntoIterator<Item = u32>) -> Result<(), PostingError> {
        for posting in postings {
            self.add_one(key, posting)?;
        }
        Ok(())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`PostingError::Io`]; nothing half written stays behind.
    pub fn finish(mut self) -> Result<(), PostingError> {
        self.close_page()?;
        let fences = (self.fences.len() / FENCE_BYTES) as u32;
        let mut end = std::mem::take(&mut self.fences);
        end.extend(self.span.first.to_be_bytes());
        end.extend(self.span.records.to_be_bytes());
        end.extend(self.version.to_be_bytes());
        end.extend(fences.to_be_bytes());
        end.extend(crc32fast::hash(&end).to_be_bytes());
        end.extend(MAGIC);
        let unfinished = durable::unfinished(&self.path);
        let written = self.file.write_all(&end).and_then(|()| self.file.flush());
        written
            .and_then(|()| fs::rename(&unfinished, &self.path))
            .map_err(|error| {
                // The error that matters is the first one.
                let _ = fs::remove_file(&unfinished);
                io_at("write", &self.path)(error)
            })
    }

    fn add_one(&mut self, key: u64, posting: u32) -> Result<(), PostingError> {
        let used = self.page.len() + self.entry.as_ref().map_or(0, |entry| entry.postings.len() + 12);
        // A key and a posting take 8 + 1 + 5 bytes at most.
        if used + 14 > POSTING_PAGE_BYTES {
            self.close_page()?;
        }
        if self.entry.as_ref().is_none_or(|entry| entry.key != key) {
            self.close_entry();
            self.entry = Some(Entry {
                key,
                last: 0,
                postings: Vec::new(),
            });
        }
        self.page_begins.get_or_insert((key, posting));
        if let Some(entry) = &mut self.entry {
            push_varint(&mut entry.postings, posting - entry.last);
            entry.last = posting;
        }
        Ok(())
    }

    fn close_entry(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.page.extend(entry.key.to_be_bytes());
            push_varint(&mut self.page, entry.postings.len() as u32);
            self.page.extend(entry.postings);
        }
    }

    fn close_page(&mut self) -> Result<(), PostingError> {
        self.close_entry();
        let Some((key, first)) = self.page_begins.take() else {
            return Ok(());
        };
        self.fences.extend(key.to_be_bytes());
        let length = self.page.len() as u32;
        for number in [first, self.offset, length, crc32fast::hash(&self.page)] {
            self.fences.extend(number.to_be_bytes());
        }
        self.offset += length;
        self.file.write_all(&self.page).map_err(io_at("write", &self.path))?;
        self.page.clear();
        Ok(())
    }
}

fn push_varint(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
