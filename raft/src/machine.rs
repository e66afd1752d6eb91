//! What consensus asks of the thing it replicates.
//!
//! The machine sees commands as bytes and answers with bytes. It is driven by exactly one thread
//! of its own, in log order, so it needs no lock and may take its time without holding up
//! heartbeats. What it publishes to readers, and how, is its own affair.

use std::io;

use bytes::Bytes;
use quorate_storage::LogId;

/// The replicated state machine, in the eyes of consensus.
///
/// Every method is called from one dedicated thread, and `apply` and `note` in strictly growing
/// order of [`LogId::index`], each index exactly once per life of the process.
pub trait Machine: Send + 'static {
    /// Applies one committed batch.
    ///
    /// `stamp_ms` is the leader's time in milliseconds since 1970, as it stood when the batch was
    /// proposed; one leader's stamps never run back, a new leader's may (the machine clamps).
    /// Returns exactly one outcome per command, in order.
    fn apply(&mut self, at: LogId, stamp_ms: u64, commands: &[Bytes]) -> Vec<Bytes>;

    /// Takes note of an entry without commands, so that the applied position moves on.
    ///
    /// `membership` is opaque here: the machine keeps the newest and hands it back in
    /// [`Machine::applied`].
    fn note(&mut self, at: LogId, membership: Option<&[u8]>);

    /// The last applied position and the newest membership bytes (empty when there were none).
    fn applied(&self) -> (Option<LogId>, Vec<u8>);

    /// A view of the state as it is now, for a snapshot. Must not copy: it is called between two
    /// batches, and logins wait for it.
    fn freeze(&self) -> Box<dyn Frozen>;

    /// Replaces the whole state by a snapshot's records.
    ///
    /// # Errors
    /// Whatever reading or decoding failed with. The state is then undefined and the node stops.
    fn install(
        &mut self,
        at: Option<LogId>,
        membership: &[u8],
        records: &mut dyn Iterator<Item = io::Result<Vec<u8>>>,
    ) -> io::Result<()>;

    /// Called after the last entry of a run of committed entries, when a machine that publishes
    /// its state to readers should do so. Outcomes are handed out only after it returns.
    fn publish(&mut self) {}

    /// Called once, last, when consensus stops in an orderly way: the moment to close files.
    fn close(self: Box<Self>) {}
}

/// A state that no longer changes, ready to be written out on another thread.
pub trait Frozen: Send {
    /// Hands every record of the state to `record`, in an order of the machine's choosing.
    ///
    /// # Errors
    /// The sink's own errors, passed on.
    fn write(self: Box<Self>, record: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>;

    /// Runs before the snapshot is written and published: whatever else must be durable before
    /// the log that this snapshot replaces may be purged (closed audit segments).
    ///
    /// # Errors
    /// The snapshot is given up and tried again later; the node goes on.
    fn before_publish(&self) -> io::Result<()>;
}

/// Wall clock as a port: milliseconds since 1970.
pub trait WallClock: Send + Sync + 'static {
    /// The time now, in milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> u64;
}

/// Answers questions that another node's application asks ours, over the same authenticated
/// connection as consensus (for example: an audit segment by its number).
#[async_trait::async_trait]
pub trait PeerService: Send + Sync + 'static {
    /// Answers one request of node `from`. Bytes are the application's own.
    async fn answer(&self, from: u64, request: Bytes) -> Bytes;
}
