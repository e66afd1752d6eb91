//! The image: the state as a clean stop left it, in sled, for the next start to load.
//!
//! It is a copy and nothing else. sled flushes with `sync_file_range` and can lose or tear what it
//! wrote when the power goes (spacejam/sled#1351, #1452), so an image is written in one go by a
//! clean stop, closed, every file and directory of it fsynced, and only then marked: the
//! [`marker`] holds the applied log id, the caller's digest of the state and a checksum of every
//! file. No marker, or one that does not match the files: there is no image, and the caller
//! rebuilds from snapshot and log. sled thus never opens a file that is not byte for byte what it
//! left, and its recovery is never relied on.
//!
//! The caller removes the image once it is loaded, before anything changes: sled keeps what it
//! read or wrote in memory, so while a node runs there is neither an open image nor one that is
//! out of date.

mod marker;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use self::marker::Marker;
use crate::{LogId, durable, limits};

const MARKER: &str = "clean";
const ROWS: &str = "rows";

/// One key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// The rows a clean stop left, open for reading.
#[derive(Debug)]
pub struct Image {
    dir: PathBuf,
    rows: sled::Db,
    clean: Clean,
}

/// What a clean stop says about its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clean {
    /// The last log entry whose effects the rows include.
    pub applied: LogId,
    /// The digest the caller gave at the stop; compare it with that of the state just loaded.
    pub digest: [u8; 32],
    /// The caller's metadata (membership, audit head).
    pub meta: Vec<u8>,
}

/// Why the image cannot be used. It can always be removed: the node then rebuilds its state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// sled refused.
    #[error("the image in {dir}: {source}")]
    Sled {
        dir: PathBuf,
        #[source]
        source: sled::Error,
    },
    /// sled did not let go of its files in time, so no marker was written.
    #[error("the image in {dir} did not close in time; the state will be rebuilt at the next start")]
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
    /// Opens the image in `dir`, if a clean stop left one and not a byte of it has changed.
    ///
    /// # Errors
    /// [`ImageError::Io`]; a missing or damaged image is no error.
    pub fn open(dir: &Path) -> Result<Option<Image>, ImageError> {
        let path = dir.join(MARKER);
        let Some(Marker { clean, files }) = Marker::read(&path).map_err(io_at("read", &path))? else {
            return Ok(None);
        };
        let rows = dir.join(ROWS);
        if marker::fingerprint(&rows).is_ok_and(|found| found == files)
            && let Ok(rows) = open_sled(dir)
        {
            let dir = dir.into();
            return Ok(Some(Image { dir, rows, clean }));
        }
        tracing::warn!(image = %dir.display(), "the image is not what a clean stop left; the state is rebuilt");
        Ok(None)
    }

    /// What the clean stop said.
    pub fn clean(&self) -> &Clean {
        &self.clean
    }

    /// All rows, by key.
    ///
    /// # Errors
    /// [`ImageError::Sled`], for each row.
    pub fn rows(&self) -> impl Iterator<Item = Result<Row, ImageError>> + '_ {
        self.rows.iter().map(|row| {
            row.map(|(key, value)| (key.to_vec(), value.to_vec()))
                .map_err(sled_in(&self.dir))
        })
    }

    /// Removes whatever is in `dir`, the marker first and durably. Nothing that is open may be removed.
    ///
    /// # Errors
    /// [`ImageError::Io`].
    pub fn remove(dir: &Path) -> Result<(), ImageError> {
        durable::create_dir(dir).map_err(io_at("create", dir))?;
        durable::remove_unfinished(dir).map_err(io_at("clean", dir))?;
        let path = dir.join(MARKER);
        durable::remove(&path).map_err(io_at("remove", &path))?;
        let rows = dir.join(ROWS);
        match fs::remove_dir_all(&rows) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_at("remove", &rows)(error)),
            _ => Ok(()),
        }
    }

    /// Replaces whatever is in `dir` by `rows`, durably, and marks them as those of a clean stop.
    ///
    /// # Errors
    /// Any [`ImageError`]; there is then no marker, and the next start rebuilds the state.
    pub fn write(dir: &Path, clean: Clean, rows: impl Iterator<Item = Row>) -> Result<(), ImageError> {
        Image::remove(dir)?;
        let db = open_sled(dir)?;
        for (key, value) in rows {
            db.insert(key, value).map_err(sled_in(dir))?;
        }
        db.flush().map_err(sled_in(dir))?;
        drop(db);
        let rows = dir.join(ROWS);
        if !released(&rows) {
            return Err(ImageError::StillOpen { dir: dir.into() });
        }
        let files = marker::sync_and_fingerprint(&rows).map_err(io_at("sync", &rows))?;
        durable::sync_dir(dir).map_err(io_at("sync", dir))?;
        let path = dir.join(MARKER);
        Marker { clean, files }.write(&path).map_err(io_at("write", &path))
    }
}

fn open_sled(dir: &Path) -> Result<sled::Db, ImageError> {
    sled::Config::new()
        .path(dir.join(ROWS))
        .cache_capacity(limits::IMAGE_CACHE_BYTES)
        // Nothing relies on it before everything is written.
        .flush_every_ms(None)
        .open()
        .map_err(sled_in(dir))
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

fn sled_in(dir: &Path) -> impl Fn(sled::Error) -> ImageError + '_ {
    move |source| ImageError::Sled {
        dir: dir.into(),
        source,
    }
}

fn io_at<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> ImageError + 'a {
    move |source| ImageError::Io {
        action,
        path: path.into(),
        source,
    }
}
