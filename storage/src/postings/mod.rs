//! Posting lists: for each key, the numbers of the records that have it. One immutable file per span of records; several
//! adjoining ones are merged into one, so that a search opens few files however long the history is.
//!
//! ```text
//! page …                     entries, keys ascending: key u64 | bytes (varint) | postings: first, then differences (varints)
//! fence per page             key u64 | first posting u32 | offset u32 | length u32 | crc32 u32 of the page
//! first u64 | records u64 | version u32 | fences u32 | crc32 of fences and the fields before | magic "QPST0001"
//! ```
//!
//! Numbers are big-endian; a posting counts from the span's first record. A key whose postings do not fit into the rest of
//! a page goes on in the next.
//!
//! Caveat: these files are derived from others and so are written without fsync. Every byte is under a checksum; whoever
//! finds one damaged removes it and makes it again. They prove nothing to an auditor.

mod read;
mod write;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use self::read::{PostingList, Postings};
pub use self::write::PostingWriter;
use crate::durable;

const MAGIC: &[u8; 8] = b"QPST0001";
const SUFFIX: &str = ".postings";
const FENCE_BYTES: usize = 24;
const FOOTER_BYTES: usize = 36;

/// Adjoining records, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first of them.
    pub first: u64,
    /// How many.
    pub records: u64,
}

impl Span {
    /// The number after the last of them.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.records)
    }
}

/// Why postings could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostingError {
    /// The file is not what was written, or of another version. Remove it and make it again.
    #[error("index file {path} is not usable: {what}")]
    Damaged { path: PathBuf, what: &'static str },
    /// The file system refused.
    #[error("cannot {action} {path}: {source}{}", durable::advice(.source))]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The folder of posting lists.
#[derive(Debug, Clone)]
pub struct PostingStore {
    dir: PathBuf,
    version: u32,
}

impl PostingStore {
    /// Opens the folder, making it if need be. Files of another `version` are not usable: it says how keys are made.
    ///
    /// # Errors
    /// [`PostingError::Io`].
    pub fn open(dir: &Path, version: u32) -> Result<PostingStore, PostingError> {
        durable::create_dir(dir).map_err(io_at("create", dir))?;
        durable::remove_unfinished(dir).map_err(io_at("clean", dir))?;
        Ok(PostingStore {
            dir: dir.into(),
            version,
        })
    }

    /// The spans there are files for, ascending. Their content is not read.
    ///
    /// # Errors
    /// [`PostingError::Io`].
    pub fn list(&self) -> Result<Vec<Span>, PostingError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(io_at("list", &self.dir))? {
            let name = entry.map_err(io_at("list", &self.dir))?.file_name();
            found.extend(name.to_str().and_then(span_of));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Begins a file; it appears when it is finished.
    ///
    /// # Errors
    /// [`PostingError::Io`].
    pub fn create(&self, span: Span) -> Result<PostingWriter, PostingError> {
        PostingWriter::create(self.path(span), span, self.version)
    }

    /// Opens a file and checks its directory of pages; pages are checked as they are read.
    ///
    /// # Errors
    /// [`PostingError::Damaged`] or [`PostingError::Io`].
    pub fn read(&self, span: Span) -> Result<Postings, PostingError> {
        Postings::open(self.path(span), span, self.version)
    }

    /// Makes one file of several adjoining ones, which stay. Takes the memory of a page of each.
    ///
    /// # Errors
    /// [`PostingError::Damaged`] names the part that is; or [`PostingError::Io`].
    pub fn merge(&self, parts: &[Span]) -> Result<Span, PostingError> {
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            return Ok(Span { first: 0, records: 0 });
        };
        let whole = Span {
            first: first.first,
            records: last.end() - first.first,
        };
        let mut writer = self.create(whole)?;
        let mut sources = Vec::with_capacity(parts.len());
        for part in parts {
            let mut pieces = self.read(*part)?.into_pieces();
            let head = pieces.next().transpose()?;
            sources.push(((part.first - whole.first) as u32, head, pieces));
        }
        while let Some(key) = sources.iter().filter_map(|(_, head, _)| Some(head.as_ref()?.0)).min() {
            for (shift, head, pieces) in &mut sources {
                while let Some((_, postings)) = head.take_if(|(found, _)| *found == key) {
                    writer.add(key, postings.into_iter().map(|posting| posting + *shift))?;
                    *head = pieces.next().transpose()?;
                }
            }
        }
        writer.finish()?;
        Ok(whole)
    }

    /// Removes a file; one that is not there is fine.
    ///
    /// # Errors
    /// [`PostingError::Io`].
    pub fn remove(&self, span: Span) -> Result<(), PostingError> {
        let path = self.path(span);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_at("remove", &path)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Bytes of a file; zero if it is not there.
    #[must_use]
    pub fn bytes(&self, span: Span) -> u64 {
        fs::metadata(self.path(span)).map_or(0, |file| file.len())
    }

    fn path(&self, span: Span) -> PathBuf {
        self.dir.join(format!("{:020}-{}{SUFFIX}", span.first, span.records))
    }
}

fn span_of(name: &str) -> Option<Span> {
    let (first, records) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    Some(Span {
        first: first.parse().ok()?,
        records: records.parse().ok()?,
    })
}

fn io_at<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> PostingError + 'a {
    move |source| PostingError::Io {
        action,
        path: path.into(),
        source,
    }
}
