//! Snapshots: the state at one log position, in one file, verified before anybody sees it.
//!
//! A snapshot is written under a temporary name, fsynced, renamed and its directory fsynced before
//! [`SnapshotWriter::finish`] returns; the log may be purged up to it only then. One that comes
//! from another node is stored as it arrives and verified whole before [`Incoming::adopt`] gives
//! it its name. The format is in [`blocks`].
//!
//! Only the newest snapshot is kept. A [`SnapshotFile`] keeps its file until it is dropped, so one
//! that is being sent can be superseded meanwhile.
//!
//! Caveat: if the newest file is damaged, [`SnapshotStore::latest`] says so in the log and returns
//! an older one or none. The caller must compare with the log's purge point: a log that begins
//! after the snapshot means that this node has to be healed by its peers.

mod blocks;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use self::blocks::{Decoder, Encoder, Fault, Head};
use crate::{LogId, durable, limits};

const SUFFIX: &str = ".snapshot";

/// The folder of snapshots. Cheap to clone; all clones are the same store.
#[derive(Debug, Clone)]
pub struct SnapshotStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    /// Number of the next file, so that names are never reused.
    next: AtomicU64,
    current: Mutex<Current>,
}

#[derive(Debug)]
enum Current {
    /// Nobody has asked yet: the files on disk are not verified.
    Unread,
    Known(Option<Arc<SnapshotFile>>),
}

/// A complete, verified snapshot. Its file stays while this lives.
#[derive(Debug)]
pub struct SnapshotFile {
    path: PathBuf,
    head: Head,
    len_bytes: u64,
    superseded: AtomicBool,
}

/// A snapshot being written here. Dropped without [`SnapshotWriter::finish`], it leaves nothing.
#[derive(Debug)]
pub struct SnapshotWriter {
    shared: Arc<Shared>,
    unfinished: Unfinished,
    head: Head,
    encoder: Encoder<File>,
}

/// A snapshot being received. Dropped without [`Incoming::adopt`], it leaves nothing.
#[derive(Debug)]
pub struct Incoming {
    shared: Arc<Shared>,
    unfinished: Unfinished,
    file: File,
    len_bytes: u64,
}

/// Why a snapshot could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The file is not what was written.
    #[error("the snapshot {path} is damaged before byte {offset}: {what}")]
    Damaged {
        path: PathBuf,
        offset: u64,
        what: &'static str,
    },
    /// Metadata over [`limits::SNAPSHOT_RECORD_BYTES`].
    #[error("snapshot metadata of {bytes} bytes is over the limit")]
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

impl From<SnapshotError> for io::Error {
    fn from(error: SnapshotError) -> io::Error {
        let kind = match &error {
            SnapshotError::Damaged { .. } => io::ErrorKind::InvalidData,
            SnapshotError::TooLarge { .. } => io::ErrorKind::InvalidInput,
            SnapshotError::Io { source, .. } => source.kind(),
        };
        io::Error::new(kind, error)
    }
}

impl SnapshotStore {
    /// Opens the folder, making it if need be, and removes what was left unfinished.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn open(dir: &Path) -> Result<SnapshotStore, SnapshotError> {
        durable::create_dir(dir).map_err(io_at("create", dir))?;
        durable::remove_unfinished(dir).map_err(io_at("clean", dir))?;
        // A name that survived a crash may not have been synced yet.
        durable::sync_dir(dir).map_err(io_at("sync", dir))?;
        let next = files(dir)?.iter().map(|(rank, _)| rank.number + 1).max().unwrap_or(0);
        let shared = Shared {
            dir: dir.into(),
            next: AtomicU64::new(next),
            current: Mutex::new(Current::Unread),
        };
        Ok(SnapshotStore {
            shared: Arc::new(shared),
        })
    }

    /// Begins a snapshot of the state after `last`, with metadata of the caller's (membership).
    ///
    /// # Errors
    /// [`SnapshotError::Io`] or [`SnapshotError::TooLarge`].
    pub fn create(&self, last: Option<LogId>, meta: &[u8]) -> Result<SnapshotWriter, SnapshotError> {
        if meta.len() > limits::SNAPSHOT_RECORD_BYTES / 2 {
            return Err(SnapshotError::TooLarge { bytes: meta.len() });
        }
        let (unfinished, file) = self.shared.begin()?;
        let head = Head {
            last,
            meta: meta.to_vec(),
        };
        let encoder = Encoder::new(file, &head).map_err(io_at("write", &unfinished.path))?;
        Ok(SnapshotWriter {
            shared: self.shared.clone(),
            unfinished,
            head,
            encoder,
        })
    }

    /// The newest snapshot that is whole. The first call verifies every checksum of it; later
    /// calls cost nothing. Damaged files are reported to the log and left alone.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn latest(&self) -> Result<Option<Arc<SnapshotFile>>, SnapshotError> {
        let mut current = self.shared.current.lock();
        if let Current::Known(known) = &*current {
            return Ok(known.clone());
        }
        let newest = newest_whole(&self.shared.dir)?;
        *current = Current::Known(newest.clone());
        Ok(newest)
    }

    /// Begins to receive a snapshot from another node, as the bytes of [`SnapshotFile::open_raw`].
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn receive(&self) -> Result<Incoming, SnapshotError> {
        let (unfinished, file) = self.shared.begin()?;
        Ok(Incoming {
            shared: self.shared.clone(),
            unfinished,
            file,
            len_bytes: 0,
        })
    }
}

impl SnapshotWriter {
    /// Appends a record.
    ///
    /// # Errors
    /// [`SnapshotError::Io`]; the snapshot cannot be finished any more.
    pub fn record(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.encoder
            .record(bytes)
            .map_err(io_at("write", &self.unfinished.path))
    }

    /// Returns after the file, its name and its directory are on disk; older snapshots go.
    ///
    /// # Errors
    /// [`SnapshotError::Io`]; nothing stays behind and the former snapshot remains the latest.
    pub fn finish(self) -> Result<Arc<SnapshotFile>, SnapshotError> {
        let (file, len_bytes) = self.encoder.finish().map_err(io_at("write", &self.unfinished.path))?;
        self.shared.publish(self.unfinished, &file, self.head, len_bytes)
    }
}

impl Incoming {
    /// Stores the next bytes.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.len_bytes += bytes.len() as u64;
        self.file
            .write_all(bytes)
            .map_err(io_at("write", &self.unfinished.path))
    }

    /// Bytes stored so far.
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// Verifies every checksum, then makes it a snapshot of this node, durably.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`] or [`SnapshotError::Io`]; nothing stays behind.
    pub fn adopt(self) -> Result<Arc<SnapshotFile>, SnapshotError> {
        let head = verify(&self.unfinished.path)?;
        self.shared.publish(self.unfinished, &self.file, head, self.len_bytes)
    }
}

impl SnapshotFile {
    /// The last log entry the state includes; `None` for a state before the first.
    pub fn last(&self) -> Option<LogId> {
        self.head.last
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The caller's metadata.
    pub fn meta(&self) -> &[u8] {
        &self.head.meta
    }

    /// Size of the file in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The records in order, each verified again as it is read. After an error it ends.
    ///
    /// # Errors
    /// [`SnapshotError::Io`] or [`SnapshotError::Damaged`], here and for each record.
    pub fn records(
        self: &Arc<Self>,
    ) -> Result<impl Iterator<Item = Result<Vec<u8>, SnapshotError>> + Send + use<>, SnapshotError> {
        let (decoder, _) = decoder(&self.path)?;
        let mut state = Some((self.clone(), decoder));
        Ok(std::iter::from_fn(move || {
            let (file, decoder) = state.as_mut()?;
            let mut record = Vec::new();
            match decoder.next_record(&mut record) {
                Ok(true) => return Some(Ok(record)),
                Ok(false) => state = None,
                Err(fault) => {
                    let error = fault_at(&file.path)(fault);
                    state = None;
                    return Some(Err(error));
                }
            }
            None
        }))
    }

    /// The file from its first byte, for sending. The receiver verifies.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn open_raw(&self) -> Result<File, SnapshotError> {
        File::open(&self.path).map_err(io_at("open", &self.path))
    }
}

impl Drop for SnapshotFile {
    fn drop(&mut self) {
        if self.superseded.load(Ordering::Relaxed)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove an old snapshot");
        }
    }
}

impl Shared {
    fn begin(&self) -> Result<(Unfinished, File), SnapshotError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = durable::unfinished(&self.dir.join(number.to_string()));
        let file = durable::create_file(&path).map_err(io_at("create", &path))?;
        Ok((Unfinished { path, number }, file))
    }

    fn publish(
        &self,
        unfinished: Unfinished,
        file: &File,
        head: Head,
        len_bytes: u64,
    ) -> Result<Arc<SnapshotFile>, SnapshotError> {
        file.sync_all().map_err(io_at("sync", &unfinished.path))?;
        let rank = Rank {
            position: head.last.map_or(0, |last| last.index + 1),
            number: unfinished.number,
        };
        let path = self.dir.join(rank.file_name());
        // One at a time from here, so that of two the newer one stays.
        let mut current = self.current.lock();
        durable::publish(&unfinished.path, &path).map_err(io_at("rename", &unfinished.path))?;
        let new = Arc::new(SnapshotFile {
            path,
            head,
            len_bytes,
            superseded: AtomicBool::new(false),
        });
        match &*current {
            Current::Known(Some(old)) if position(old) > position(&new) => {
                new.superseded.store(true, Ordering::Relaxed);
                return Ok(new);
            }
            Current::Known(Some(old)) => old.superseded.store(true, Ordering::Relaxed),
            Current::Known(None) | Current::Unread => {}
        }
        *current = Current::Known(Some(new.clone()));
        Ok(new)
    }
}

fn position(file: &SnapshotFile) -> Option<u64> {
    file.last().map(|last| last.index)
}

/// A temporary file; removed when dropped unless it was renamed.
#[derive(Debug)]
struct Unfinished {
    path: PathBuf,
    number: u64,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Orders the files of a folder without opening them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Index after the last entry covered.
    position: u64,
    number: u64,
}

impl Rank {
    fn file_name(self) -> String {
        format!("{:020}-{:010}{SUFFIX}", self.position, self.number)
    }

    fn parse(name: &str) -> Option<Rank> {
        let (position, number) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        Some(Rank {
            position: position.parse().ok()?,
            number: number.parse().ok()?,
        })
    }
}

/// The snapshots of a folder, oldest first.
fn files(dir: &Path) -> Result<Vec<(Rank, PathBuf)>, SnapshotError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_at("list", dir))? {
        let entry = entry.map_err(io_at("list", dir))?;
        let rank = entry.file_name().to_str().and_then(Rank::parse);
        found.extend(rank.map(|rank| (rank, entry.path())));
    }
    found.sort();
    Ok(found)
}

/// The newest snapshot that verifies; what is older than it is removed.
fn newest_whole(dir: &Path) -> Result<Option<Arc<SnapshotFile>>, SnapshotError> {
    let mut newest: Option<Arc<SnapshotFile>> = None;
    for (_, path) in files(dir)?.into_iter().rev() {
        if newest.is_some() {
            durable::remove(&path).map_err(io_at("remove", &path))?;
            continue;
        }
        match verify(&path) {
            Ok(head) => {
                let len_bytes = fs::metadata(&path).map_err(io_at("read", &path))?.len();
                newest = Some(Arc::new(SnapshotFile {
                    path,
                    head,
                    len_bytes,
                    superseded: AtomicBool::new(false),
                }));
            }
            Err(error @ SnapshotError::Damaged { .. }) => tracing::error!(%error, "a snapshot is not used"),
            Err(error) => return Err(error),
        }
    }
    Ok(newest)
}

fn verify(path: &Path) -> Result<Head, SnapshotError> {
    let (mut decoder, head) = decoder(path)?;
    let mut record = Vec::new();
    while decoder.next_record(&mut record).map_err(fault_at(path))? {}
    Ok(head)
}

fn decoder(path: &Path) -> Result<(Decoder<BufReader<File>>, Head), SnapshotError> {
    let file = File::open(path).map_err(io_at("open", path))?;
    Decoder::new(BufReader::with_capacity(limits::SNAPSHOT_BLOCK_BYTES, file)).map_err(fault_at(path))
}

fn fault_at(path: &Path) -> impl Fn(Fault) -> SnapshotError + '_ {
    move |fault| match fault {
        Fault::Damaged { offset, what } => SnapshotError::Damaged {
            path: path.into(),
            offset,
            what,
        },
        Fault::Io(source) => io_at("read", path)(source),
    }
}

fn io_at<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> SnapshotError + 'a {
    move |source| SnapshotError::Io {
        action,
        path: path.into(),
        source,
    }
}
