//! Looks after the archive, in the background and in small steps: what a rule has given up is removed, what is missing or
//! damaged is fetched from other nodes by its hash, what was not read yet is checked, what is not in the index is added.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use quorate_core::audit::Head;
use quorate_raft::Raft;
use tokio::time::{Instant, sleep};

use crate::answers::Topic;
use crate::limits::{CARE_INTERVAL, CHECK_INTERVAL, FETCH_AGAIN, SEGMENT_FETCH_MS};
use crate::peer::{Question, piece_of};
use crate::{Archive, Published};

/// The other nodes, as far as segments are asked of them.
#[async_trait]
pub trait SegmentPeers: Send + Sync + 'static {
    /// Who can be asked.
    fn others(&self) -> Vec<u64>;

    /// Asks one of them; none if it does not answer in time.
    async fn ask(&self, node: u64, question: Bytes) -> Option<Bytes>;
}

#[async_trait]
impl SegmentPeers for Raft {
    fn others(&self) -> Vec<u64> {
        let status = self.status();
        status.nodes.keys().copied().filter(|id| *id != status.id).collect()
    }

    async fn ask(&self, node: u64, question: Bytes) -> Option<Bytes> {
        let deadline = Instant::now() + Duration::from_millis(SEGMENT_FETCH_MS);
        Raft::ask(self, node, Topic::Segment.question(&question), deadline).await
    }
}

/// One node's care for its archive.
pub struct ArchiveCare {
    archive: Arc<Archive>,
    published: Arc<Published>,
    peers: Arc<dyn SegmentPeers>,
    times: Mutex<Times>,
}

struct Times {
    /// Nobody had a missing segment: not asked again before then.
    fetch_again: Instant,
    /// When every file is to be read and checked again.
    check_again: Instant,
}

impl ArchiveCare {
    /// Cares for this archive, by the heads of this state.
    pub fn new(archive: Arc<Archive>, published: Arc<Published>, peers: Arc<dyn SegmentPeers>) -> Self {
        let now = Instant::now();
        ArchiveCare {
            archive,
            published,
            peers,
            times: Mutex::new(Times {
                fetch_again: now,
                check_again: now + CHECK_INTERVAL,
            }),
        }
    }

    /// Goes on for ever. Rests as long as it has worked, so that it takes half of one processor at most.
    pub async fn run(&self) {
        loop {
            let begun = Instant::now();
            match self.step().await {
                true => sleep(begun.elapsed()).await,
                false => sleep(CARE_INTERVAL).await,
            }
        }
    }

    /// One small step. False when there is nothing to do now.
    pub async fn step(&self) -> bool {
        if let Err(error) = self.prune().await {
            tracing::warn!(%error, "audit segments that were given up could not be removed");
        }
        self.fetch_one().await || self.look_after_one().await
    }

    async fn prune(&self) -> std::io::Result<()> {
        let first_kept = self.published.state().audit().checkpoint().segment;
        let archive = self.archive.clone();
        blocking(move || archive.prune(first_kept)).await
    }

    /// Whether a segment was fetched.
    async fn fetch_one(&self) -> bool {
        let state = self.published.state();
        let missing = self.archive.missing(state.audit());
        if missing.is_empty() || Instant::now() < self.times.lock().fetch_again {
            return false;
        }
        for number in &missing {
            let (Some(base), Some(seal)) = (state.audit().base(*number), state.audit().seal(*number)) else {
                continue;
            };
            if self.fetch(*number, base, seal.head).await {
                return true;
            }
        }
        tracing::info!(
            missing = missing.len(),
            "no other node has the audit segments that are missing here, yet"
        );
        self.times.lock().fetch_again = Instant::now() + FETCH_AGAIN;
        false
    }

    /// Whether a node had the segment with this head.
    async fn fetch(&self, number: u64, base: Head, head: Head) -> bool {
        for peer in self.peers.others() {
            let Some(bytes) = self.bytes_from(peer, number, head).await else {
                continue;
            };
            let archive = self.archive.clone();
            match blocking(move || archive.adopt(number, base, head, &bytes)).await {
                Ok(()) => {
                    tracing::info!(segment = number, from = peer, "fetched an audit segment");
                    return true;
                }
                Err(error) => {
                    tracing::warn!(segment = number, from = peer, %error, "an audit segment was not taken over");
                }
            }
        }
        false
    }

    /// Piece by piece: a frame between nodes is smaller than the largest segment.
    async fn bytes_from(&self, peer: u64, number: u64, head: Head) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let offset = bytes.len() as u32;
            let question = Question { number, head, offset };
            let answer = self.peers.ask(peer, question.to_bytes()).await?;
            let (total, piece) = piece_of(&answer)?;
            bytes.extend_from_slice(piece);
            match bytes.len().cmp(&total) {
                std::cmp::Ordering::Equal => return Some(bytes),
                std::cmp::Ordering::Less if !piece.is_empty() => {}
                _ => return None,
            }
        }
    }

    async fn look_after_one(&self) -> bool {
        {
            let mut times = self.times.lock();
            if Instant::now() >= times.check_again {
                times.check_again = Instant::now() + CHECK_INTERVAL;
                self.archive.check_all_again();
            }
        }
        let (archive, state) = (self.archive.clone(), self.published.state());
        match blocking(move || archive.look_after_one(state.audit())).await {
            Ok(worked) => worked,
            Err(error) => {
                tracing::warn!(%error, "an audit segment could not be looked after");
                // What is damaged was noted and is fetched in the next step; what cannot be written has to wait.
                error.kind() == std::io::ErrorKind::InvalidData
            }
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(std::io::Error::other("the runtime is shutting down")),
    }
}
