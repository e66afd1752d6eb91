//! What the use cases need from outside, as traits: the replicated state, time, randomness, closed audit segments and their
//! signatures.
//!
//! Production binds them in `boot`; tests bind a replica that is one `State` in memory.

mod audit;
mod directory;
mod notifier;
mod status;

use std::sync::Arc;

use async_trait::async_trait;
use quorate_core::{Command, NodeId, Outcome, State};
use quorate_seal::KeyRing;
use tokio::sync::watch;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::hash_queue::HashQueue;
use crate::names::Names;

pub use audit::{ArchiveStanding, AuditArchive, HeadSigner, Order};
pub use directory::{
    Allowed, Contact, Directories, DirectoryRefused, DirectoryStanding, ExaminedStep, NoDirectories, NotChanged,
    People, Person,
};
pub use notifier::{
    AskedGateway, Delivery, GatewayStanding, Message, NoGateways, Notifier, Preview, ReadGateway, ShownGateway,
    Wording, WrittenText,
};
pub use status::{ClockStanding, ClusterStatus, DiskStanding, Member, MemberKind, ProposalCounts, Role};

/// The replicated state machine as a use case sees it. Cheap to share; every method may be called from any thread.
#[async_trait]
pub trait Replica: Send + Sync + 'static {
    /// The state of one applied instant. Never blocks; the snapshot stays as it is while the caller holds it.
    fn state(&self) -> Arc<State>;

    /// Puts a command into the log, through whichever node leads, and returns its outcome after it was applied
    /// *there*; the local state may still be behind `Proposed::index`.
    ///
    /// # Errors
    /// [`ProposeError`]; only [`ProposeError::Unknown`] leaves open whether the command was committed.
    async fn propose(&self, command: &Command, deadline: Instant) -> Result<Proposed, ProposeError>;

    /// Waits until the local state has applied this log index.
    ///
    /// # Errors
    /// [`Late`] when the deadline passes first.
    async fn wait_applied(&self, index: u64, deadline: Instant) -> Result<(), Late>;

    /// Asks a quorum how far the log is committed and waits until the local state is there: a read after this is
    /// linearizable. Returns the index.
    ///
    /// # Errors
    /// [`ProposeError::NoLeader`] or [`ProposeError::Unknown`] without a quorum.
    async fn barrier(&self, deadline: Instant) -> Result<u64, ProposeError>;

    /// Consensus as this node sees it now.
    fn status(&self) -> ClusterStatus;

    /// This node's clock against the cluster's, now. Cheap: every login asks.
    fn clock(&self) -> ClockStanding;

    /// Has a node whose clock is right judge a login (see [`crate::Authenticator::judge_passed`]). None when none answered in time.
    async fn pass_on(&self, login: Zeroizing<Vec<u8>>, deadline: Instant) -> Option<Vec<u8>>;

    /// The locally applied log index, for those who follow it.
    fn applied(&self) -> watch::Receiver<u64>;

    /// Takes a node out of the membership. The replicated record that fences it off is the caller's command.
    ///
    /// # Errors
    /// [`ProposeError`].
    async fn remove_member(&self, node: NodeId, deadline: Instant) -> Result<(), ProposeError>;

    /// Gives leadership, if this node has it, to a voter that is up to date: the first half of a drain.
    ///
    /// # Errors
    /// [`Late`] when nobody took over before the deadline.
    async fn hand_over(&self, deadline: Instant) -> Result<(), Late>;
}

/// A command that was committed and applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposed {
    /// Its log index.
    pub index: u64,
    /// What `decide` said.
    pub outcome: Outcome,
}

/// Why a proposal has no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// The deadline passed or the answer was lost: it may or may not have been committed. Proposing the *same*
    /// command again resolves it.
    #[error("no answer in time; whether the change was made is not known")]
    Unknown,
    /// No leader could be reached: certainly not committed.
    #[error("no quorum: this node reaches no leader")]
    NoLeader,
    /// A queue on the way is full: certainly not committed.
    #[error("the cluster is overloaded")]
    Overloaded,
}

/// A deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed")]
pub struct Late;

/// Wall-clock time. Monotonic time is `tokio::time::Instant`, which tests can pause.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> u64;
}

/// Randomness fit for keys.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]);
}

/// What the use cases of a node work with: [`crate::Administrator`] and [`crate::Authenticator`] alike.
#[derive(Clone)]
pub struct Deps {
    pub replica: Arc<dyn Replica>,
    pub keys: Arc<KeyRing>,
    pub hashes: Arc<HashQueue>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// Who carries codes that are sent.
    pub notifier: Arc<dyn Notifier>,
    pub names: Names,
    pub directories: Arc<dyn Directories>,
    /// This node.
    pub node: NodeId,
}

/// Draws a fixed number of random bytes.
pub(crate) fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// A random identifier. Zero stays free, for what must not be an id.
pub(crate) fn random_id(entropy: &dyn Entropy) -> u64 {
    u64::from_be_bytes(random(entropy)).max(1)
}
