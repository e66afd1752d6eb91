//! What travels to the engine's flush thread with each flush, and comes back when it is durable.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::keeper::Desk;
use super::watermark::Mark;
use super::{Done, FsyncObserver};

/// The first failure of the disk, for good: after a failed write or fsync nobody knows what is on
/// disk, so the log accepts nothing more until it is opened, and scanned, again.
pub(super) type Failure = Arc<OnceLock<String>>;

/// Completes one flush exactly once, even if the flush thread dies first.
pub(super) struct Ticket {
    /// Where the flushed log then ends.
    pub(super) mark: Mark,
    pub(super) began: Instant,
    pub(super) done: Option<Done>,
    pub(super) observer: Option<FsyncObserver>,
    pub(super) desk: Arc<Desk>,
    pub(super) failure: Failure,
}

impl raft_log::Callback for Ticket {
    /// Runs on the flush thread, after fdatasync.
    fn send(mut self, result: io::Result<()>) {
        match &result {
            Ok(()) => {
                if let Some(observer) = self.observer.take() {
                    observer(self.began.elapsed());
                }
                self.desk.flushed(self.mark);
            }
            Err(error) => {
                let _ = self.failure.set(error.to_string());
            }
        }
        if let Some(done) = self.done.take() {
            done(result);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            let why = self
                .failure
                .get()
                .map_or("the log stopped before this was on disk", String::as_str);
            done(Err(io::Error::other(why.to_owned())));
        }
    }
}
