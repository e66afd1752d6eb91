//! What consensus stands on: a network, a log, and somewhere to wait for the disk.
//!
//! In a node these are QUIC, [`DurableLog`] and threads. In a simulation they are whatever the
//! simulation says, on one thread and one clock, so that a seed decides everything.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use quorate_storage::{Done, DurableLog, LogId, Reserve, Room, SnapshotFile, Vote};

/// Why a peer gave no answer, by what is known of the request.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// It was certainly not received.
    #[error("cannot reach the node: {0}")]
    NotSent(String),
    /// It may have been received and acted upon.
    #[error("the node did not answer: {0}")]
    Lost(String),
}

/// Reaches other nodes, and knows that they are who they should be.
#[async_trait::async_trait]
pub trait Network: Send + Sync + 'static {
    /// A new connection to `node` at `address` (`host:port`).
    ///
    /// # Errors
    /// In words, for the log.
    async fn connect(&self, node: u64, address: &str) -> Result<Arc<dyn Link>, String>;

    /// The address at which others reach this node, with the port that the system chose.
    fn local_addr(&self) -> SocketAddr;

    /// Closes everything, telling peers if there is time.
    async fn close(&self);
}

/// One connection to one node.
#[async_trait::async_trait]
pub trait Link: Send + Sync + 'static {
    /// Sends one frame, in pieces, and awaits the frame that answers it. May wait for ever.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn exchange(&self, request: Vec<Bytes>) -> Result<Bytes, CallError>;

    /// The same with a snapshot's bytes behind the request.
    ///
    /// # Errors
    /// In words; whether it was received is not known.
    async fn exchange_with_file(&self, request: Bytes, file: &SnapshotFile) -> Result<Bytes, String>;

    /// Ends when the connection does, with the reason.
    async fn closed(&self) -> String;

    /// Ends the connection.
    fn close(&self);
}

/// The durable log and vote: see [`DurableLog`], whose promises these are.
pub trait Log: Send + Sync + 'static {
    /// See [`DurableLog::vote`].
    fn vote(&self) -> Option<Vote>;
    /// See [`DurableLog::save_vote_then`].
    fn save_vote(&self, vote: Vote, done: Done);
    /// See [`DurableLog::committed`].
    fn committed(&self) -> Option<LogId>;
    /// See [`DurableLog::save_committed`].
    ///
    /// # Errors
    /// As there.
    fn save_committed(&self, committed: Option<LogId>) -> io::Result<()>;
    /// See [`DurableLog::append`].
    fn append(&self, entries: Vec<(LogId, Bytes)>, done: Done);
    /// See [`DurableLog::truncate_from`].
    ///
    /// # Errors
    /// As there.
    fn truncate_from(&self, index: u64) -> io::Result<()>;
    /// See [`DurableLog::purge_upto`].
    ///
    /// # Errors
    /// As there.
    fn purge_upto(&self, upto: LogId) -> io::Result<()>;
    /// See [`DurableLog::read`].
    ///
    /// # Errors
    /// As there.
    fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<(LogId, Bytes)>>;
    /// See [`DurableLog::last`].
    fn last(&self) -> Option<LogId>;
    /// See [`DurableLog::purged`].
    fn purged(&self) -> Option<LogId>;
    /// See [`DurableLog::bytes`].
    fn bytes(&self) -> u64;
    /// See [`DurableLog::close`].
    ///
    /// # Errors
    /// As there.
    fn close(&self) -> io::Result<()>;
}

/// How much room there is for the log: see [`Reserve`], whose promises these are.
pub trait Space: Send + Sync + 'static {
    /// See [`Reserve::look`].
    ///
    /// # Errors
    /// As there.
    fn look(&self) -> io::Result<Room>;
}

impl Space for Reserve {
    fn look(&self) -> io::Result<Room> {
        self.look()
    }
}

impl Log for DurableLog {
    fn vote(&self) -> Option<Vote> {
        self.vote()
    }

    fn save_vote(&self, vote: Vote, done: Done) {
        self.save_vote_then(vote, done);
    }

    fn committed(&self) -> Option<LogId> {
        self.committed()
    }

    fn save_committed(&self, committed: Option<LogId>) -> io::Result<()> {
        self.save_committed(committed)
    }

    fn append(&self, entries: Vec<(LogId, Bytes)>, done: Done) {
        self.append(entries, done);
    }

    fn truncate_from(&self, index: u64) -> io::Result<()> {
        self.truncate_from(index)
    }

    fn purge_upto(&self, upto: LogId) -> io::Result<()> {
        self.purge_upto(upto)
    }

    fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<(LogId, Bytes)>> {
        self.read(range, max_bytes)
    }

    fn last(&self) -> Option<LogId> {
        self.last()
    }

    fn purged(&self) -> Option<LogId> {
        self.purged()
    }

    fn bytes(&self) -> u64 {
        self.bytes()
    }

    fn close(&self) -> io::Result<()> {
        self.close()
    }
}

/// Where work is done that waits for the disk, and where the state machine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// On threads of its own, so that consensus never waits.
    OnThreads,
    /// Where it is asked for: a simulation has one thread, and a disk that takes no time but simulated.
    InPlace,
}

impl Waiting {
    /// Does `work` and returns what it found.
    ///
    /// # Errors
    /// Those of `work`, and when its thread was stopped.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        match self {
            Waiting::InPlace => work(),
            Waiting::OnThreads => match tokio::task::spawn_blocking(work).await {
                Ok(result) => result,
                Err(_) => Err(io::Error::other("the disk thread was stopped")),
            },
        }
    }
}
