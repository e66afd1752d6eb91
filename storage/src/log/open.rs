//! Opening: lock, look, repair what may be repaired, sync, and only then let the engine in.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::record::Records;
use super::scan::{self, Scanned, Torn, Unsynced};
use super::watermark::{Mark, Watermark};
use super::{Engine, LogOptions};
use crate::{durable, limits};

const CHUNKS: &str = "chunks";
const WATERMARK: &str = "watermark";

/// A log that has been found sound; everything in it is on disk.
pub(super) struct Opened {
    pub(super) engine: Engine,
    pub(super) watermark: Watermark,
    /// Global offset of its end.
    pub(super) end: u64,
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogOpenError {
    /// Quarantine: the log lacks what was certainly flushed.
    #[error(
        "the log in {dir} ends at byte {end}, but it had reached byte {watermark}: something that was confirmed is missing. \
         The files are left as they are and this node does not vote; replace it (`quorate remove`, then `quorate join` with an empty directory)"
    )]
    Short { dir: PathBuf, end: u64, watermark: u64 },
    /// Quarantine: the log holds something that cannot be true.
    #[error(
        "the log in {dir} is damaged at byte {offset}: {what}. \
         The files are left as they are and this node does not vote; replace it (`quorate remove`, then `quorate join` with an empty directory)"
    )]
    Damaged { dir: PathBuf, offset: u64, what: String },
    /// Quarantine: nobody can say how far the log had reached.
    #[error(
        "the watermark {path} is missing or damaged, so the log beside it cannot be trusted to be whole. \
         The files are left as they are and this node does not vote; replace it (`quorate remove`, then `quorate join` with an empty directory)"
    )]
    NoWatermark { path: PathBuf },
    /// Another process, or another handle of this one, has it open.
    #[error("the log in {dir} is in use by another process; stop that process first")]
    Locked { dir: PathBuf },
    /// The file system refused.
    #[error("cannot {action} {path}: {source}{}", durable::advice(.source))]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl LogOpenError {
    /// True when the log itself is at fault: its files are untouched, the node keeps its id and
    /// must not vote.
    pub fn is_quarantine(&self) -> bool {
        match self {
            LogOpenError::Short { .. } | LogOpenError::Damaged { .. } | LogOpenError::NoWatermark { .. } => true,
            LogOpenError::Locked { .. } | LogOpenError::Io { .. } => false,
        }
    }
}

pub(super) fn open(dir: &Path, options: &LogOptions) -> Result<Opened, LogOpenError> {
    let chunks = dir.join(CHUNKS);
    durable::create_dir(dir).map_err(io_at("create", dir))?;
    durable::create_dir(&chunks).map_err(io_at("create", &chunks))?;
    let (file, sequence, mark) = open_watermark(dir, &chunks)?;

    let scanned = scan::scan(&chunks, &mark)?;
    settle(&chunks, &scanned)?;
    let mut watermark = Watermark::new(file, sequence);
    if scanned.end != mark {
        let path = dir.join(WATERMARK);
        watermark.write(&scanned.end).map_err(io_at("write", &path))?;
    }
    let config = Arc::new(engine_config(&chunks, options)?);
    let records = raft_log::RaftLog::<Records>::open(config).map_err(io_at("open", &chunks))?;
    let engine = Engine {
        records,
        branch: scanned.branch,
    };
    Ok(Opened {
        engine,
        watermark,
        end: scanned.end.offset,
    })
}

/// Opens and locks the watermark, making one only for a log that has never held anything.
fn open_watermark(dir: &Path, chunks: &Path) -> Result<(File, u64, Mark), LogOpenError> {
    let path = dir.join(WATERMARK);
    if !path.exists() {
        let mut entries = fs::read_dir(chunks).map_err(io_at("list", chunks))?;
        if entries.next().is_some() {
            return Err(LogOpenError::NoWatermark { path });
        }
        Watermark::create(&path).map_err(io_at("write", &path))?;
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .map_err(io_at("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(LogOpenError::Locked { dir: dir.into() }),
        Err(TryLockError::Error(source)) => return Err(io_at("lock", &path)(source)),
    }
    let found = Watermark::read(&file).map_err(io_at("read", &path))?;
    let (sequence, mark) = found.ok_or(LogOpenError::NoWatermark { path })?;
    Ok((file, sequence, mark))
}

/// Cuts a torn tail, and writes once more what may only be in the page cache. To sync it would not be enough: if the process before this
/// one ended because a sync failed, the kernel holds those pages for clean, and the next sync succeeds without them.
fn settle(chunks: &Path, scanned: &Scanned) -> Result<(), LogOpenError> {
    if let Some(torn) = &scanned.torn {
        cut(torn).map_err(io_at("cut the unfinished end of", &torn.chunk))?;
        tracing::warn!(
            offset = scanned.end.offset,
            bytes = torn.lost_bytes,
            "the log ended in an unfinished write, which was cut off"
        );
    }
    for unsynced in scanned.unsynced.iter().filter(|unsynced| unsynced.chunk.exists()) {
        write_again(unsynced).map_err(io_at("sync", &unsynced.chunk))?;
    }
    durable::sync_dir(chunks).map_err(io_at("sync", chunks))
}

fn write_again(unsynced: &Unsynced) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(&unsynced.chunk)?;
    let length = file.metadata()?.len().saturating_sub(unsynced.from);
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, unsynced.from)?;
    file.write_all_at(&bytes, unsynced.from)?;
    file.sync_all()
}

/// Later chunks first: a crash between leaves a log that is still cut in the same place.
fn cut(torn: &Torn) -> io::Result<()> {
    torn.remove.iter().rev().try_for_each(|path| durable::remove(path))?;
    if torn.keep_bytes == 0 {
        return durable::remove(&torn.chunk);
    }
    let file = OpenOptions::new().write(true).open(&torn.chunk)?;
    file.set_len(torn.keep_bytes)?;
    file.sync_all()
}

fn engine_config(chunks: &Path, options: &LogOptions) -> Result<raft_log::Config, LogOpenError> {
    let Some(dir) = chunks.to_str() else {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "the path is not valid UTF-8");
        return Err(io_at("open", chunks)(source));
    };
    let mut config = raft_log::Config::new(dir);
    config.log_cache_capacity = Some(options.cache_bytes);
    config.wal.chunk_max_size = Some(options.chunk_bytes);
    config.wal.read_buffer_size = Some(limits::LOG_READ_BUFFER_BYTES);
    // Batches arrive ready made; waiting for more would only add its time to every commit.
    config.wal.flush_batch_wait = Some(std::time::Duration::ZERO);
    // Cutting is ours to decide, and has been done.
    config.wal.truncate_incomplete_record = Some(false);
    Ok(config)
}

pub(super) fn io_at<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> LogOpenError + 'a {
    move |source| LogOpenError::Io {
        action,
        path: path.into(),
        source,
    }
}
