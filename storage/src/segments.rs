//! Closed audit segments: immutable files, named by their sequence number.
//!
//! A segment closes at a deterministic log index, so every node writes the same bytes under the
//! same number, possibly more than once (after a crash the entries are applied again). Writing is
//! therefore idempotent: the same bytes again are fine, other bytes are an error, because they
//! would mean that two nodes disagree about the audit. A damaged file is replaced by a good copy.
//!
//! ```text
//! magic "QSEG0001" | sequence u64 | length u64 | crc32 of all before and of the body | body
//! ```

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::durable;
use crate::limits;

const MAGIC: &[u8; 8] = b"QSEG0001";
const HEADER_BYTES: usize = 28;
const SUFFIX: &str = ".segment";

/// The folder of closed segments.
#[derive(Debug, Clone)]
pub struct SegmentStore {
    dir: PathBuf,
}

/// Why a segment could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// The file is not what was written. Fetch it from another node; `write` replaces it.
    #[error("audit segment {path} is damaged: {what}")]
    Damaged { path: PathBuf, what: &'static str },
    /// A sound segment of this number exists with other bytes: nodes disagree about the audit.
    #[error(
        "audit segment {path} exists with other content; this node's audit differs, keep the file and replace the node"
    )]
    Differs { path: PathBuf },
    /// Larger than [`limits::SEGMENT_BYTES`].
    #[error(
        "an audit segment of {bytes} bytes is over the limit of {} bytes",
        limits::SEGMENT_BYTES
    )]
    TooLarge { bytes: usize },
    /// The file system refused.
    #[error("cannot {action} {path}: {source}{}", durable::advice(.source))]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl SegmentStore {
    /// Opens the folder, making it if need be.
    ///
    /// # Errors
    /// [`SegmentError::Io`].
    pub fn open(dir: &Path) -> Result<SegmentStore, SegmentError> {
        durable::create_dir(dir).map_err(io_at("create", dir))?;
        durable::remove_unfinished(dir).map_err(io_at("clean", dir))?;
        Ok(SegmentStore { dir: dir.into() })
    }

    /// Writes a segment and returns after it is on disk under its name. Idempotent.
    ///
    /// # Errors
    /// [`SegmentError::Differs`] when other bytes are there, [`SegmentError::TooLarge`],
    /// [`SegmentError::Io`]; nothing half written stays behind.
    pub fn write(&self, seq: u64, bytes: &[u8]) -> Result<(), SegmentError> {
        if bytes.len() > limits::SEGMENT_BYTES {
            return Err(SegmentError::TooLarge { bytes: bytes.len() });
        }
        let path = self.path(seq);
        match self.read(seq) {
            // The name may have survived a crash without its directory having been synced.
            Ok(Some(present)) if present == bytes => {
                return durable::sync_dir(&self.dir).map_err(io_at("sync", &self.dir));
            }
            Ok(Some(_)) => return Err(SegmentError::Differs { path }),
            Ok(None) | Err(SegmentError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        let header = header(seq, bytes);
        durable::write_whole(&path, &[&header, bytes]).map_err(io_at("write", &path))
    }

    /// The bytes of a segment, verified; `None` when there is no such segment.
    ///
    /// # Errors
    /// [`SegmentError::Damaged`] or [`SegmentError::Io`].
    pub fn read(&self, seq: u64) -> Result<Option<Vec<u8>>, SegmentError> {
        let path = self.path(seq);
        let mut content = Vec::new();
        match File::open(&path) {
            Ok(file) => file
                .take((HEADER_BYTES + limits::SEGMENT_BYTES + 1) as u64)
                .read_to_end(&mut content)
                .map_err(io_at("read", &path))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io_at("open", &path)(source)),
        };
        let Some((found, body)) = content.split_at_checked(HEADER_BYTES) else {
            return Err(SegmentError::Damaged {
                path,
                what: "it is too short",
            });
        };
        if found != header(seq, body) {
            return Err(SegmentError::Damaged {
                path,
                what: "its checksum does not match",
            });
        }
        content.drain(..HEADER_BYTES);
        Ok(Some(content))
    }

    /// Some of the bytes of a segment, **not verified**: the caller has its own way to know them. `None` when there is no such
    /// segment or it is shorter.
    ///
    /// # Errors
    /// [`SegmentError::Io`].
    pub fn read_range(&self, seq: u64, range: Range<u64>) -> Result<Option<Vec<u8>>, SegmentError> {
        let path = self.path(seq);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io_at("open", &path)(source)),
        };
        let length = range.end.saturating_sub(range.start).min(limits::SEGMENT_BYTES as u64);
        let mut bytes = vec![0; length as usize];
        match file.read_exact_at(&mut bytes, HEADER_BYTES as u64 + range.start) {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(source) => Err(io_at("read", &path)(source)),
        }
    }

    /// Removes a segment for good; one that is not there is fine.
    ///
    /// # Errors
    /// [`SegmentError::Io`].
    pub fn remove(&self, seq: u64) -> Result<(), SegmentError> {
        let path = self.path(seq);
        durable::remove(&path).map_err(io_at("remove", &path))
    }

    /// Takes a segment away that is not the genuine one, and keeps it as evidence under another name. Returns that name.
    ///
    /// # Errors
    /// [`SegmentError::Io`].
    pub fn set_aside(&self, seq: u64) -> Result<PathBuf, SegmentError> {
        let path = self.path(seq);
        let aside = path.with_extension("segment.rejected");
        durable::publish(&path, &aside).map_err(io_at("rename", &path))?;
        Ok(aside)
    }

    /// Sequence numbers of the segments there are, ascending. Their content is not read.
    ///
    /// # Errors
    /// [`SegmentError::Io`].
    pub fn list(&self) -> Result<Vec<u64>, SegmentError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(io_at("list", &self.dir))? {
            let name = entry.map_err(io_at("list", &self.dir))?.file_name();
            let seq = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
            found.extend(seq.and_then(|seq| seq.parse::<u64>().ok()));
        }
        found.sort_unstable();
        Ok(found)
    }

    fn path(&self, seq: u64) -> PathBuf {
        self.dir.join(format!("{seq:020}{SUFFIX}"))
    }
}

fn header(seq: u64, body: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..16].copy_from_slice(&seq.to_be_bytes());
    header[16..24].copy_from_slice(&(body.len() as u64).to_be_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&header[..24]);
    crc.update(body);
    header[24..].copy_from_slice(&crc.finalize().to_be_bytes());
    header
}

fn io_at<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> SegmentError + 'a {
    move |source| SegmentError::Io {
        action,
        path: path.into(),
        source,
    }
}
