//! The thread that keeps the watermark.
//!
//! Flushes leave a note on the desk; the thread picks up the newest and writes it. So the watermark
//! follows the flushed log without ever standing in its way, and is behind it by one flush or by
//! [`WATERMARK_INTERVAL`], whichever is longer. When nothing new comes, and on closing, it writes
//! the same mark into the other slot too: at rest, damage to one slot loses nothing.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use super::flush::Failure;
use super::watermark::{Mark, Watermark};
use crate::limits::WATERMARK_INTERVAL;

/// Where flushes leave their marks.
#[derive(Debug, Default)]
pub(super) struct Desk {
    note: Mutex<Note>,
    changed: Condvar,
    synced: AtomicU64,
}

#[derive(Debug, Default)]
struct Note {
    newest: Option<Mark>,
    closing: bool,
    /// The thread waits for a mark; otherwise it looks by itself, and waking it costs for nothing.
    idle: bool,
}

/// The running thread.
#[derive(Debug)]
pub(super) struct Keeper {
    desk: Arc<Desk>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Desk {
    /// Global offset up to which the log is durable, as far as is known. What is confirmed to somebody lies before it.
    pub(super) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// The log is durable up to `mark`.
    pub(super) fn flushed(&self, mark: Mark) {
        self.synced.store(mark.offset, Ordering::Release);
        let mut note = self.note.lock();
        note.newest = Some(mark);
        if note.idle {
            self.changed.notify_one();
        }
    }

    /// Waits for the next mark; `None` when closing and none is left.
    fn next(&self) -> Option<Mark> {
        let mut note = self.note.lock();
        while note.newest.is_none() && !note.closing {
            note.idle = true;
            self.changed.wait(&mut note);
            note.idle = false;
        }
        note.newest.take()
    }

    /// Lets the interval pass; true when no new mark came meanwhile.
    fn pace(&self) -> bool {
        let mut note = self.note.lock();
        if !note.closing {
            self.changed.wait_for(&mut note, WATERMARK_INTERVAL);
        }
        note.newest.is_none()
    }
}

impl Keeper {
    /// Starts the thread, over a log that is durable up to the offset `synced`. A failure to write ends it and fails the log: without a watermark, damage
    /// could pass for an end.
    pub(super) fn start(mut watermark: Watermark, synced: u64, failure: Failure) -> io::Result<Keeper> {
        let desk = Arc::new(Desk {
            synced: synced.into(),
            ..Desk::default()
        });
        let marks = desk.clone();
        let thread = thread::Builder::new().name("log-watermark".to_owned()).spawn(move || {
            if let Err(error) = keep(&mut watermark, &marks) {
                tracing::error!(%error, "the watermark of the log cannot be written");
                let _ = failure.set(format!("the watermark of the log cannot be written: {error}"));
            }
        })?;
        Ok(Keeper {
            desk,
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(super) fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Returns after the last mark is in both slots. Idempotent.
    pub(super) fn close(&self) {
        self.desk.note.lock().closing = true;
        self.desk.changed.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

fn keep(watermark: &mut Watermark, desk: &Desk) -> io::Result<()> {
    while let Some(mark) = desk.next() {
        watermark.write(&mark)?;
        if desk.pace() {
            watermark.write(&mark)?;
        }
    }
    Ok(())
}
