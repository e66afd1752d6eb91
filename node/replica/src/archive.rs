//! Closed audit segments on their way to disk, and back.
//!
//! The machine hands over each segment the moment it closes; a thread of its own writes it, so no login waits for that
//! fsync. A snapshot waits (`flush`) until every segment it leaves out is durable, and the log is purged only
//! after the snapshot: so no record is ever only in memory.
//!
//! Caveat: a segment that cannot be written (full disk) is kept in memory and tried again with the next flush; snapshots, and with
//! them the purging of the log, fail until it is written.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use quorate_app::AuditArchive;
use quorate_core::audit::Segment;
use quorate_storage::SegmentStore;

/// The segments of this node: a writer thread and the store both sides share.
pub struct Archive {
    store: Arc<SegmentStore>,
    orders: Sender<Order>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

enum Order {
    Write(Arc<Segment>),
    Flush(Sender<io::Result<()>>),
    Stop,
}

impl Archive {
    /// Starts the writer thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(store: SegmentStore) -> io::Result<Arc<Archive>> {
        let store = Arc::new(store);
        let (orders, inbox) = channel();
        let writer = std::thread::Builder::new().name("audit-archive".into()).spawn({
            let store = store.clone();
            move || write_all(&store, &inbox)
        })?;
        Ok(Arc::new(Archive {
            store,
            orders,
            writer: Mutex::new(Some(writer)),
        }))
    }

    /// Hands a closed segment to the writer. Returns at once; encoding it is the writer's work.
    pub fn write(&self, segment: Arc<Segment>) {
        // A writer that is gone has been stopped: the process is ending and the log still holds the records.
        let _ = self.orders.send(Order::Write(segment));
    }

    /// Waits until everything handed over before is on disk.
    ///
    /// # Errors
    /// The first segment's that could not be written.
    pub fn flush(&self) -> io::Result<()> {
        let (done, answer) = channel();
        self.orders.send(Order::Flush(done)).map_err(|_| stopped())?;
        answer.recv().map_err(|_| stopped())?
    }

    /// Takes over a segment that another node sent.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn adopt(&self, sequence: u64, bytes: &[u8]) -> io::Result<()> {
        self.store.write(sequence, bytes).map_err(io::Error::other)
    }

    /// Writes what is left and ends the thread.
    pub fn stop(&self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(writer) = self.writer.lock().take() {
            let _ = writer.join();
        }
    }
}

impl AuditArchive for Archive {
    fn list(&self) -> io::Result<Vec<u64>> {
        self.store.list().map_err(io::Error::other)
    }

    fn read(&self, sequence: u64) -> io::Result<Vec<u8>> {
        match self.store.read(sequence).map_err(io::Error::other)? {
            Some(bytes) => Ok(bytes),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("audit segment {sequence} is not on this node"),
            )),
        }
    }
}

fn write_all(store: &SegmentStore, inbox: &Receiver<Order>) {
    let mut waiting = Vec::new();
    while let Ok(order) = inbox.recv() {
        match order {
            Order::Write(segment) => {
                waiting.push(segment);
                if let Err(error) = write_waiting(store, &mut waiting) {
                    tracing::error!(%error, "an audit segment could not be written; it is kept in memory and in the log");
                }
            }
            Order::Flush(done) => {
                let _ = done.send(write_waiting(store, &mut waiting));
            }
            Order::Stop => break,
        }
    }
}

/// Writes in order and keeps what failed, so that a gap never appears in the middle.
fn write_waiting(store: &SegmentStore, waiting: &mut Vec<Arc<Segment>>) -> io::Result<()> {
    while let Some(segment) = waiting.first() {
        store
            .write(segment.number(), &segment.to_bytes())
            .map_err(io::Error::other)?;
        waiting.remove(0);
    }
    Ok(())
}

fn stopped() -> io::Error {
    io::Error::other("the audit archive has stopped")
}
