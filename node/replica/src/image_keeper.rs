//! Keeps the sled image a little behind the state, off the path of every login.
//!
//! The state is made of persistent maps, so what changed since the last write is their difference: no list of dirty rows is
//! kept, and a row that changed a thousand times is written once. Each write is atomic with the applied index it brings the image to.
//!
//! While the node runs, only what lasts is written: objects. What is remembered of single logins for minutes, and the records of the open
//! audit segment, would be written and deleted again for nothing (and sled keeps what it wrote in memory);
//! they are written once, with the marker of a clean stop.
//!
//! Caveats
//! - The image is worth something only after a clean stop, which writes the last difference and the marker. After a
//!   crash it is dropped and rebuilt from snapshot and log.
//! - A write that fails (full disk) ends the writing for this run and is reported when the node stops: the image is never the only copy
//!   of anything, and without a marker the next start rebuilds it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use quorate_core::{ChangedRows, State};
use quorate_storage::{Image, ImageError, LogId};

use crate::limits::{IMAGE_INTERVAL_MS, IMAGE_ROWS_PER_WRITE};
use crate::published::{Published, View};

/// The thread that writes the image.
pub struct ImageKeeper {
    stop: Sender<()>,
    thread: JoinHandle<Result<(), ImageError>>,
}

impl ImageKeeper {
    /// Starts writing what changes from `written` on, which is what the image holds now.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(image: Image, written: State, published: Arc<Published>) -> io::Result<ImageKeeper> {
        let (stop, stopping) = channel();
        let thread = std::thread::Builder::new().name("image".into()).spawn(move || {
            let mut keeper = Keeper {
                image,
                written,
                passing: true,
            };
            let interval = Duration::from_millis(IMAGE_INTERVAL_MS);
            while let Err(RecvTimeoutError::Timeout) = stopping.recv_timeout(interval) {
                keeper.write(&published.view())?;
            }
            keeper.close(&published.view())
        })?;
        Ok(ImageKeeper { stop, thread })
    }

    /// Writes the last difference and the marker of a clean stop. The state must not change any more.
    ///
    /// # Errors
    /// When the image could not be written now or earlier; the next start then rebuilds it.
    pub fn close(self) -> Result<(), ImageError> {
        let _ = self.stop.send(());
        match self.thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

struct Keeper {
    image: Image,
    written: State,
    /// Whether the image still holds passing rows of the state it was loaded into.
    passing: bool,
}

impl Keeper {
    fn write(&mut self, view: &View) -> Result<(), ImageError> {
        let Some(applied) = view.applied else { return Ok(()) };
        let mut changed = view.state.lasting_rows_changed(&self.written);
        if std::mem::take(&mut self.passing) {
            changed
                .deletes
                .append(&mut State::new().passing_rows_changed(&self.written).deletes);
        }
        self.put(applied, changed)?;
        self.written = (*view.state).clone();
        Ok(())
    }

    /// Only a first write or a rebuild is larger than one part; until it is whole there is no marker, so its parts are harmless.
    fn put(&self, applied: LogId, changed: ChangedRows) -> Result<(), ImageError> {
        let ChangedRows { mut puts, deletes } = changed;
        while puts.len() > IMAGE_ROWS_PER_WRITE {
            let part = puts.split_off(puts.len() - IMAGE_ROWS_PER_WRITE);
            self.image.write(applied, part, Vec::new())?;
        }
        self.image.write(applied, puts, deletes)
    }

    fn close(mut self, view: &View) -> Result<(), ImageError> {
        self.write(view)?;
        let Some(applied) = view.applied else { return Ok(()) };
        self.put(applied, view.state.passing_rows_changed(&State::new()))?;
        self.image.close_clean(applied, view.state.digest(), &view.membership)
    }
}
