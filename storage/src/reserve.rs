//! Room that is kept free for the log, and a look at how much is left beside it.
//!
//! A file of a fixed size lies in the data directory. When the rest of the file system has filled up, the file is given back: then votes,
//! a last snapshot and the purge that follows it still find room, while the node takes on nothing new. It is made again once there is room
//! for it, and the same again beside it, so that a node does not go to and fro at the edge.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::{durable, limits};

/// What a look at the disk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Whether the reserve is in place and there is room beside it.
    pub enough: bool,
    /// Free for this process, in bytes, the reserve not counted.
    pub free_bytes: u64,
}

/// The reserved room of one data directory.
#[derive(Debug)]
pub struct Reserve {
    dir: PathBuf,
    path: PathBuf,
    bytes: u64,
    /// One look at a time.
    looking: Mutex<()>,
}

impl Reserve {
    /// The reserve of `bytes` in `dir`; nothing is touched before the first look.
    #[must_use]
    pub fn new(dir: &Path, bytes: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            path: dir.join("reserve"),
            bytes,
            looking: Mutex::new(()),
        }
    }

    /// Looks how much is left; gives the reserve back or takes it again accordingly. May wait for the disk.
    ///
    /// # Errors
    /// When the file system cannot be asked.
    pub fn look(&self) -> io::Result<Room> {
        let _one = self.looking.lock();
        let free_bytes = self.free_bytes()?;
        let in_place = fs::metadata(&self.path).is_ok_and(|file| file.len() == self.bytes);
        let enough = if !in_place {
            free_bytes >= self.needed() && self.take()
        } else if free_bytes >= self.bytes / limits::RESERVE_BESIDE_SHARE {
            true
        } else {
            durable::remove(&self.path)?;
            false
        };
        Ok(Room {
            enough,
            free_bytes: self.free_bytes()?,
        })
    }

    /// Whether a directory that is not used yet has room for a reserve, and how much is free.
    ///
    /// # Errors
    /// When the file system cannot be asked.
    pub fn would_fit(&self) -> io::Result<Room> {
        let free_bytes = self.free_bytes()?;
        Ok(Room {
            enough: free_bytes >= self.needed(),
            free_bytes,
        })
    }

    /// What must be free before the reserve is taken.
    fn needed(&self) -> u64 {
        self.bytes
            .saturating_add(2 * (self.bytes / limits::RESERVE_BESIDE_SHARE))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let seen = statvfs(&self.dir)?;
        Ok(seen.f_bavail.saturating_mul(seen.f_frsize))
    }

    fn take(&self) -> bool {
        let taken = durable::create_file(&self.path).and_then(|file| {
            fallocate(&file, FallocateFlags::empty(), 0, self.bytes)?;
            file.sync_all()
        });
        if let Err(error) = &taken {
            tracing::debug!(%error, "no room could be reserved yet");
            let _ = fs::remove_file(&self.path);
        }
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_taken_where_there_is_room_and_only_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let reserve = Reserve::new(dir.path(), 1 << 20);
        let room = reserve.look().expect("a look");
        assert!(room.enough && room.free_bytes > 0);
        let file = dir.path().join("reserve");
        assert_eq!(fs::metadata(&file).expect("it is there").len(), 1 << 20);

        // A quarter of an exbibyte no disk of ours has.
        let reserve = Reserve::new(dir.path(), 1 << 58);
        assert!(!reserve.would_fit().expect("a look").enough);
        assert!(!reserve.look().expect("a look").enough);
    }
}
