//! Closed audit segments on their way to disk, and back; and the index that finds records in them.
//!
//! The machine hands over each segment the moment it closes; a thread of its own writes it, so no login waits for that
//! fsync. A snapshot waits (`flush`) until every segment it leaves out is durable, and the log is purged only
//! after the snapshot: so no record is ever only in memory.
//!
//! What is on disk is believed only as far as it is checked: files have a checksum, and [`crate::ArchiveCare`] compares every segment with
//! the head that the replicated state has for it. A damaged one is noted here by whoever stumbles over it, and fetched again.
//!
//! Caveat: a segment that cannot be written (full disk) is kept in memory and tried again with the next flush; snapshots, and with
//! them the purging of the log, fail until it is written.

mod index;
mod shelf;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use quorate_app::{ArchiveStanding, AuditArchive, AuditKeys, Order};
use quorate_core::audit::{AuditRecord, Chain, Head, Located, Segment, slots};
use quorate_core::limits::RECORDS_PER_SEGMENT;
use quorate_storage::{PostingStore, SegmentError, SegmentStore};

use self::shelf::Shelf;
use self::writer::{Order as WriterOrder, write_all};

/// The segments of this node: files, index, and a writer thread.
pub struct Archive {
    shared: Arc<Shared>,
    orders: Sender<WriterOrder>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer thread shares with everybody else.
struct Shared {
    store: SegmentStore,
    index: PostingStore,
    keys: AuditKeys,
    shelf: Mutex<Shelf>,
}

impl Archive {
    /// Looks at what is there and starts the writer thread. An index that is not usable, or made with other keys, is removed.
    ///
    /// # Errors
    /// When a folder cannot be read, or the system gives no thread.
    pub fn start(store: SegmentStore, index: PostingStore, keys: AuditKeys) -> io::Result<Arc<Archive>> {
        let present = store.list().map_err(io::Error::other)?.into_iter().collect();
        let spans = index::usable(&index)?;
        let shared = Arc::new(Shared {
            store,
            index,
            keys,
            shelf: Mutex::new(Shelf::new(present, spans)),
        });
        let (orders, inbox) = channel();
        let writer = std::thread::Builder::new().name("audit-archive".into()).spawn({
            let shared = shared.clone();
            move || write_all(&shared, &inbox)
        })?;
        Ok(Arc::new(Archive {
            shared,
            orders,
            writer: Mutex::new(Some(writer)),
        }))
    }

    /// Hands a closed segment to the writer. Returns at once; encoding it is the writer's work.
    pub fn write(&self, segment: Arc<Segment>) {
        self.shared
            .shelf
            .lock()
            .writing
            .insert(segment.number(), segment.clone());
        // A writer that is gone has been stopped: the process is ending and the log still holds the records.
        let _ = self.orders.send(WriterOrder::Write(segment));
    }

    /// Waits until everything handed over before is on disk.
    ///
    /// # Errors
    /// The first segment's that could not be written.
    pub fn flush(&self) -> io::Result<()> {
        let (done, answer) = channel();
        self.orders
            .send(WriterOrder::Flush(done))
            .map_err(|_| writer::stopped())?;
        answer.recv().map_err(|_| writer::stopped())?
    }

    /// Writes what is left and ends the thread.
    pub fn stop(&self) {
        let _ = self.orders.send(WriterOrder::Stop);
        if let Some(writer) = self.writer.lock().take() {
            let _ = writer.join();
        }
    }

    /// Takes over a segment that another node sent, if it is the one with this head.
    ///
    /// # Errors
    /// It is not, or it cannot be written.
    pub fn adopt(&self, number: u64, base: Head, head: Head, bytes: &[u8]) -> io::Result<()> {
        let segment = Segment::from_bytes(bytes).map_err(invalid)?;
        segment.is_genuine(number, base, head).map_err(invalid)?;
        self.shared.put(number, bytes)?;
        let mut shelf = self.shared.shelf.lock();
        shelf.suspect.remove(&number);
        shelf.checked.insert(number);
        Ok(())
    }

    /// The bytes of the segment with this head, for another node.
    ///
    /// # Errors
    /// It is not here, or damaged.
    pub fn bytes(&self, number: u64, head: Head) -> io::Result<Vec<u8>> {
        let bytes = self.shared.read(number)?;
        match Segment::claims(&bytes) == Some((number, head)) {
            true => Ok(bytes),
            false => Err(not_here(number)),
        }
    }

    /// Closed segments of this chain that are missing or damaged here, the newest first.
    pub fn missing(&self, chain: &Chain) -> Vec<u64> {
        let shelf = self.shared.shelf.lock();
        let numbers = chain.seals().rev().map(|(number, _)| number);
        numbers.filter(|number| !shelf.is_here(*number)).collect()
    }

    /// Removes segments and index of what is no longer kept.
    ///
    /// # Errors
    /// When a file cannot be removed; the rest is tried again the next time.
    pub fn prune(&self, first_kept: u64) -> io::Result<()> {
        let (segments, spans) = self.shared.shelf.lock().take_below(first_kept);
        for number in segments {
            self.shared.store.remove(number).map_err(io::Error::other)?;
        }
        for span in spans {
            self.shared.index.remove(span).map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Reads one segment that was not read since this node started, or that the index does not cover; checks it against the
    /// chain, and adds it to the index. The newest first. False when there is none.
    ///
    /// # Errors
    /// The segment is damaged, and noted as such; or the index cannot be written.
    pub fn look_after_one(&self, chain: &Chain) -> io::Result<bool> {
        let next = {
            let shelf = self.shared.shelf.lock();
            let mut numbers = chain.seals().rev().map(|(number, seal)| (number, seal.head));
            numbers.find(|(number, _)| shelf.is_here(*number) && !shelf.is_looked_after(*number))
        };
        let Some((number, head)) = next else { return Ok(false) };
        let segment = self.segment(number)?;
        let base = chain.base(number).unwrap_or_default();
        if let Err(fault) = segment.is_genuine(number, base, head) {
            self.shared.shelf.lock().suspect.insert(number);
            return Err(invalid(format!("audit segment {number} is not the cluster's: {fault}")));
        }
        let indexed = {
            let mut shelf = self.shared.shelf.lock();
            shelf.checked.insert(number);
            shelf.is_indexed(number)
        };
        if !indexed {
            self.shared.add_to_index(&segment, chain.checkpoint().segment)?;
        }
        Ok(true)
    }

    /// From now on every segment is to be read and checked again.
    pub fn check_all_again(&self) {
        self.shared.shelf.lock().checked.clear();
    }
}

impl AuditArchive for Archive {
    fn segment(&self, number: u64) -> io::Result<Arc<Segment>> {
        if let Some(segment) = self.shared.shelf.lock().writing.get(&number) {
            return Ok(segment.clone());
        }
        let segment = Segment::from_bytes(&self.shared.read(number)?)
            .ok()
            .filter(|segment| segment.number() == number);
        segment.map(Arc::new).ok_or_else(|| self.shared.suspect(number))
    }

    fn record(&self, seq: u64) -> io::Result<AuditRecord> {
        let (number, place) = (seq / RECORDS_PER_SEGMENT, (seq % RECORDS_PER_SEGMENT) as usize);
        if let Some(segment) = self.shared.shelf.lock().writing.get(&number) {
            let bytes = segment.records().get(place).map_or(&[][..], |bytes| bytes);
            return AuditRecord::from_bytes(bytes).map_err(invalid);
        }
        let read = |range| {
            let bytes = self.shared.store.read_range(number, range).map_err(io::Error::other)?;
            bytes.ok_or_else(|| self.shared.suspect(number))
        };
        let located = Located::from_slots(&read(slots(place))?).ok_or_else(|| self.shared.suspect(number))?;
        let bytes = read(located.range.clone())?;
        let record = AuditRecord::from_bytes(&bytes)
            .ok()
            .filter(|record| located.holds(&bytes) && record.seq == seq);
        record.ok_or_else(|| self.shared.suspect(number))
    }

    fn indexed(&self) -> Vec<Range<u64>> {
        let shelf = self.shared.shelf.lock();
        shelf.spans().map(|span| span.first..span.end()).collect()
    }

    fn search(
        &self,
        range: Range<u64>,
        keys: &[u64],
        order: Order,
        visit: &mut dyn FnMut(u64) -> bool,
    ) -> io::Result<()> {
        self.shared.search(range, keys, order == Order::OldestFirst, visit)
    }

    fn standing(&self, chain: &Chain) -> ArchiveStanding {
        let shelf = self.shared.shelf.lock();
        let count = |wanted: &dyn Fn(u64) -> bool| chain.seals().filter(|(number, _)| wanted(*number)).count() as u64;
        ArchiveStanding {
            segments: count(&|_| true),
            missing: count(&|number| !shelf.is_here(number)),
            checked: count(&|number| shelf.checked.contains(&number)),
            indexed: count(&|number| shelf.is_indexed(number)),
            index_bytes: shelf.index_bytes(),
        }
    }
}

impl Shared {
    /// Writes a segment that is known to be genuine. Another one in its place is kept aside.
    fn put(&self, number: u64, bytes: &[u8]) -> io::Result<()> {
        let written = match self.store.write(number, bytes) {
            Err(error @ SegmentError::Differs { .. }) => {
                let aside = self.store.set_aside(number).map_err(io::Error::other)?;
                tracing::error!(
                    %error, aside = %aside.display(),
                    "the file of an audit segment was sound and not the cluster's: somebody has changed it; it is kept as evidence"
                );
                self.store.write(number, bytes)
            }
            written => written,
        };
        written.map_err(io::Error::other)?;
        self.shelf.lock().present.insert(number);
        Ok(())
    }

    fn read(&self, number: u64) -> io::Result<Vec<u8>> {
        match self.store.read(number) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => {
                self.shelf.lock().present.remove(&number);
                Err(not_here(number))
            }
            Err(SegmentError::Damaged { .. }) => Err(self.suspect(number)),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Notes that a segment is damaged: it is fetched again.
    fn suspect(&self, number: u64) -> io::Error {
        let mut shelf = self.shelf.lock();
        if !shelf.present.contains(&number) {
            return not_here(number);
        }
        if shelf.suspect.insert(number) {
            tracing::warn!(
                segment = number,
                "an audit segment is damaged on this node; it is fetched again"
            );
        }
        invalid(format!("audit segment {number} is damaged on this node"))
    }
}

fn not_here(number: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("audit segment {number} is not on this node"),
    )
}

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
