//! The image: each node's own queryable copy of the state, in sled.
//!
//! It is a copy and nothing else. sled flushes with `sync_file_range` and can lose or tear what it
//! wrote when the power goes (spacejam/sled#1351, #1452), so an image is trusted in one case only:
//! after a clean stop that flushed and closed sled, fsynced every file and directory of it, and
//! then wrote the [`marker`] with the applied log id, the caller's digest of the state and a
//! checksum of every file. The marker goes, durably, before the first write. No marker, or one
//! that does not match the files: the image is emptied and the caller rebuilds it from snapshot
//! and log. sled thus never opens a file that is not byte for byte what it left, and its recovery
//! is never relied on.
//!
//! One tree; the caller's keys carry their own table prefix and are never empty, because the empty
//! key holds the applied log id. A batch of rows and that id are one atomic write.

mod marker;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use self::marker::Marker;
use crate::{LogId, durable, limits};

const MARKER: &str = "clean";
const GENERATION: &str = "rows-";
const APPLIED: &[u8] = b"";

/// One key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// The queryable copy of the state.
#[derive(Debug)]
pub struct Image {
    dir: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    db: sled::Db,
    generation: u64,
    /// The marker is still on disk: it has to go before anything is written.
    marked: bool,
}

/// What the marker of a clean stop says about the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clean {
    /// The last log entry whose effects the rows include.
    pub applied: LogId,
    /// The digest the caller gave at the stop; compare it with that of the state just loaded.
    pub digest: [u8; 32],
    /// The caller's metadata (membership, audit head).
    pub meta: Vec<u8>,
}

/// Why the image cannot be used. It can always be deleted: the node then rebuilds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A row with an empty key.
    #[error("the empty key is reserved in the image")]
    ReservedKey,
    /// sled refused.
    #[error("the image in {dir}: {source}")]
    Sled {
        dir: PathBuf,
        #[source]
        source: sled::Error,
    },
    /// sled did not let go of its files in time, so no marker was written.
    #[error("the image in {dir} did not close in time; it will be rebuilt at the next start")]
    StillOpen { dir: PathBuf },
    /// The file system refused.
    #[error("cannot {action} {path}: {source}{}", durable::advice(.source))]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Image {
    /// Opens the image in `dir`. With `Some`, the rows are those of a clean stop, and the caller
    /// compares the digest with that of the state it loads; with `None` the image is empty and the
    /// caller rebuilds it.
    ///
    /// # Errors
    /// [`ImageError::Io`] or [`ImageError::Sled`]; a damaged image is no error.
    pub fn open(dir: &Path) -> Result<(Image, Option<Clean>), ImageError> {
        durable::create_dir(dir).map_err(io_at("create", dir))?;
        durable::remove_unfinished(dir).map_err(io_at("clean", dir))?;
        let path = dir.join(MARKER);
        let found = Marker::read(&path).map_err(io_at("read", &path))?;
        if let Some(marker) = found
            && let Some(db) = open_clean(dir, &marker)
        {
            let open = Open {
                db,
                generation: marker.generation,
                marked: true,
            };
            remove_generations(dir, Some(marker.generation))?;
            return Ok((
                Image {
                    dir: dir.into(),
                    open: Mutex::new(open),
                },
                Some(marker.clean),
            ));
        }
        durable::remove(&path).map_err(io_at("remove", &path))?;
        let newest = remove_generations(dir, None)?;
        let generation = newest.map_or(0, |newest| newest + 1);
        let open = Open {
            db: open_sled(dir, generation)?,
            generation,
            marked: false,
        };
        Ok((
            Image {
                dir: dir.into(),
                open: Mutex::new(open),
            },
            None,
        ))
    }

    /// Puts and deletes rows, and notes that they are the state after `applied`: atomically.
    ///
    /// # Errors
    /// [`ImageError::ReservedKey`] (nothing is written), [`ImageError::Sled`], [`ImageError::Io`].
    pub fn write(&self, applied: LogId, puts: Vec<Row>, deletes: Vec<Vec<u8>>) -> Result<(), ImageError> {
        let mut batch = sled::Batch::default();
        for key in deletes {
            batch.remove(caller_key(key)?);
        }
        for (key, value) in puts {
            batch.insert(caller_key(key)?, value);
        }
        batch.insert(APPLIED, &encode_applied(applied));
        let mut open = self.open.lock();
        self.remove_marker(&mut open)?;
        open.db.apply_batch(batch).map_err(self.sled())
    }

    /// The log id of the last batch written, if any.
    ///
    /// # Errors
    /// [`ImageError::Sled`].
    pub fn applied(&self) -> Result<Option<LogId>, ImageError> {
        applied(&self.open.lock().db).map_err(self.sled())
    }

    /// All rows, by key.
    ///
    /// # Errors
    /// [`ImageError::Sled`], for each row.
    pub fn rows(&self) -> impl Iterator<Item = Result<Row, ImageError>> + '_ {
        let rows = self.open.lock().db.iter();
        rows.filter(|row| !matches!(row, Ok((key, _)) if key.as_ref() == APPLIED))
            .map(|row| {
                row.map(|(key, value)| (key.to_vec(), value.to_vec()))
                    .map_err(self.sled())
            })
    }

    /// Drops all rows, before a rebuild or when a snapshot is installed.
    ///
    /// # Errors
    /// [`ImageError::Sled`] or [`ImageError::Io`].
    pub fn clear(&self) -> Result<(), ImageError> {
        let mut open = self.open.lock();
        self.remove_marker(&mut open)?;
        // A new folder is quicker than deleting a million rows, and cannot be half done.
        let generation = open.generation + 1;
        let db = open_sled(&self.dir, generation)?;
        *open = Open {
            db,
            generation,
            marked: false,
        };
        remove_generations(&self.dir, Some(generation)).map(drop)
    }

    /// Flushes and closes sled, fsyncs all of it and writes the marker: the rows are the state
    /// after `applied`, whose digest is `digest`.
    ///
    /// # Errors
    /// Any [`ImageError`]; there is then no marker, and the next start rebuilds.
    pub fn close_clean(self, applied: LogId, digest: [u8; 32], meta: &[u8]) -> Result<(), ImageError> {
        self.write(applied, Vec::new(), Vec::new())?;
        let Image { dir, open } = self;
        let Open { db, generation, .. } = open.into_inner();
        db.flush().map_err(|source| ImageError::Sled {
            dir: dir.clone(),
            source,
        })?;
        drop(db);
        let rows = generation_dir(&dir, generation);
        if !released(&rows) {
            return Err(ImageError::StillOpen { dir });
        }
        let files = marker::sync_and_fingerprint(&rows).map_err(io_at("sync", &rows))?;
        durable::sync_dir(&dir).map_err(io_at("sync", &dir))?;
        let path = dir.join(MARKER);
        let clean = Clean {
            applied,
            digest,
            meta: meta.to_vec(),
        };
        Marker {
            generation,
            clean,
            files,
        }
        .write(&path)
        .map_err(io_at("write", &path))
    }

    fn remove_marker(&self, open: &mut Open) -> Result<(), ImageError> {
        if open.marked {
            let path = self.dir.join(MARKER);
            durable::remove(&path).map_err(io_at("remove", &path))?;
            open.marked = false;
        }
        Ok(())
    }

    fn sled(&self) -> impl Fn(sled::Error) -> ImageError + '_ {
        |source| ImageError::Sled {
            dir: self.dir.clone(),
            source,
        }
    }
}

/// Opens the rows a marker speaks of, if they are exactly what it says.
fn open_clean(dir: &Path, marker: &Marker) -> Option<sled::Db> {
    let rows = generation_dir(dir, marker.generation);
    if marker::fingerprint(&rows).is_ok_and(|found| found == marker.files) {
        let db = open_sled(dir, marker.generation).ok()?;
        if applied(&db).ok()? == Some(marker.clean.applied) {
            return Some(db);
        }
    }
    tracing::warn!(image = %dir.display(), "the image is not what a clean stop left; it will be rebuilt");
    None
}

fn open_sled(dir: &Path, generation: u64) -> Result<sled::Db, ImageError> {
    sled::Config::new()
        .path(generation_dir(dir, generation))
        .cache_capacity(limits::IMAGE_CACHE_BYTES)
        // Nothing relies on it before a clean stop, and its flushes would compete with the log's.
        .flush_every_ms(None)
        .open()
        .map_err(|source| ImageError::Sled {
            dir: dir.into(),
            source,
        })
}

fn applied(db: &sled::Db) -> sled::Result<Option<LogId>> {
    Ok(db.get(APPLIED)?.and_then(|bytes| decode_applied(&bytes)))
}

fn encode_applied(applied: LogId) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&applied.term.to_be_bytes());
    bytes[8..16].copy_from_slice(&applied.node.to_be_bytes());
    bytes[16..].copy_from_slice(&applied.index.to_be_bytes());
    bytes
}

fn decode_applied(bytes: &[u8]) -> Option<LogId> {
    let bytes: &[u8; 24] = bytes.try_into().ok()?;
    let number = |at: usize| {
        bytes[at..at + 8]
            .iter()
            .fold(0_u64, |value, byte| value << 8 | u64::from(*byte))
    };
    Some(LogId {
        term: number(0),
        node: number(8),
        index: number(16),
    })
}

fn caller_key(key: Vec<u8>) -> Result<Vec<u8>, ImageError> {
    if key.is_empty() {
        Err(ImageError::ReservedKey)
    } else {
        Ok(key)
    }
}

/// Waits until sled's last thread has let go of its file, which it keeps locked.
fn released(rows: &Path) -> bool {
    let deadline = Instant::now() + limits::IMAGE_CLOSE_TIMEOUT;
    let Ok(file) = File::open(rows.join("db")) else {
        return false;
    };
    while file.try_lock().is_err() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

fn generation_dir(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("{GENERATION}{generation}"))
}

/// Removes all folders of rows but one; returns the highest number there was.
fn remove_generations(dir: &Path, keep: Option<u64>) -> Result<Option<u64>, ImageError> {
    let mut highest = None;
    for entry in fs::read_dir(dir).map_err(io_at("list", dir))? {
        let entry = entry.map_err(io_at("list", dir))?;
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(GENERATION))
            .and_then(|number| number.parse().ok());
        highest = highest.max(number);
        if number.is_some() && number != keep {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(io_at("remove", &path))?;
        }
    }
    Ok(highest)
}

fn io_at<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> ImageError + 'a {
    move |source| ImageError::Io {
        action,
        path: path.into(),
        source,
    }
}
