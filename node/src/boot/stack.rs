//! From a data directory to a running replica: log, snapshots and segments are opened, the state is recovered, consensus
//! started. `init` and `run` both stand on this.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use quorate_app::{AuditKeys, Names};
use quorate_raft::{Deps, NodeInfo, Raft, StartError};
use quorate_replica::{Archive, ClusterReplica, CommitObserver, PeerAnswers, Published, StateMachine, View};
use quorate_seal::KeyRing;
use quorate_storage::{
    DataDir, DurableLog, FsyncObserver, LogOptions, PostingStore, Reserve, SegmentStore, SnapshotStore,
};

use super::admission::Admissions;
use super::heads::Heads;
use super::system::SystemClock;
use super::{BootError, identity};
use crate::config::Config;

/// A replica that takes part in consensus.
pub struct Stack {
    /// Held as long as the node runs: the lock on the directory.
    pub data_dir: Arc<DataDir>,
    pub raft: Raft,
    pub replica: Arc<ClusterReplica>,
    pub published: Arc<Published>,
    pub archive: Arc<Archive>,
    pub heads: Arc<Heads>,
    /// Turns joiners away until it is given an administrator.
    pub admissions: Arc<Admissions>,
    /// Judges nothing for others until it is given an authenticator.
    pub answers: Arc<PeerAnswers>,
    /// Members known before consensus said anything.
    pub peers: BTreeMap<u64, NodeInfo>,
}

/// Who is told how long the disk and the quorum take.
#[derive(Clone)]
pub struct Observers {
    /// From appending entries to their being durable.
    pub on_fsync: FsyncObserver,
    /// From proposing a command to its outcome.
    pub on_commit: CommitObserver,
}

impl Observers {
    /// Nobody.
    pub fn none() -> Self {
        Observers {
            on_fsync: Arc::new(|_| {}),
            on_commit: Arc::new(|_| {}),
        }
    }
}

impl Stack {
    /// Opens everything in `data_dir` and starts consensus on `listen`.
    pub fn start(
        config: &Config,
        data_dir: DataDir,
        listen: SocketAddr,
        info: NodeInfo,
        keys: &Arc<KeyRing>,
        observers: Observers,
    ) -> Result<Stack, BootError> {
        let (who, peers) = identity::load(&data_dir)?;
        let node = who.node_id;
        let quarantine = |damage| BootError::Quarantine { damage, node };
        if let Some(why) = data_dir.diverged()? {
            return Err(quarantine(format!("this node's state is not the cluster's: {why}")));
        }
        let options = LogOptions {
            on_fsync: observers.on_fsync,
            ..LogOptions::default()
        };
        let log = DurableLog::open(&data_dir.log_dir(), options).map_err(|log| match log.is_quarantine() {
            true => quarantine(log.to_string()),
            false => BootError::Log(log),
        })?;
        let snapshots = SnapshotStore::open(&data_dir.snapshots_dir())?;
        let heads = Arc::new(Heads::new(&who)?);
        let keys_of_records = AuditKeys::new(Names::default());
        let index = PostingStore::open(&data_dir.index_dir(), keys_of_records.version())?;
        let archive = Archive::start(SegmentStore::open(&data_dir.segments_dir())?, index, keys_of_records)?;
        let published = Arc::new(Published::new(View::empty()));
        let answers = PeerAnswers::new(archive.clone());
        let admissions = Admissions::new(published.clone(), keys.clone());
        let deps = Deps {
            log: Arc::new(log),
            snapshots,
            space: Arc::new(reserve(config, data_dir.root())),
            machine: Box::new(StateMachine::new(
                published.clone(),
                archive.clone(),
                Box::new(stop_for_good),
            )),
            clock: Arc::new(SystemClock),
            admission: admissions.clone(),
            service: Some(answers.clone()),
        };
        let raft = Raft::start(consensus(config), listen, who, info, deps).map_err(|error| match error {
            StartError::Gap { .. } => quarantine(error.to_string()),
            other => other.into(),
        })?;
        let replica = ClusterReplica::new(raft.clone(), published.clone(), observers.on_commit);
        Ok(Stack {
            data_dir: Arc::new(data_dir),
            raft,
            replica,
            published,
            archive,
            heads,
            admissions,
            answers,
            peers,
        })
    }

    /// Stops consensus, then what it writes to.
    pub async fn stop(self) {
        self.raft.shutdown().await;
        let archive = self.archive;
        if let Err(error) = tokio::task::spawn_blocking(move || archive.stop()).await {
            tracing::error!(%error, "stopping the archive failed");
        }
        drop(self.data_dir);
    }
}

/// The room that is kept free in the data directory.
fn reserve(config: &Config, data_dir: &Path) -> Reserve {
    Reserve::new(data_dir, u64::from(config.limits.disk_reserve_mib) << 20)
}

/// Refuses an existing directory on a disk where a new node would step aside at once.
pub fn require_room(config: &Config, data_dir: &Path) -> Result<(), BootError> {
    let reserve = reserve(config, data_dir);
    let room = reserve
        .would_fit()
        .map_err(BootError::file("ask for the room on", data_dir))?;
    if room.enough {
        return Ok(());
    }
    Err(BootError::Refused(format!(
        "no space left for a node in {}: {} MiB are free, and it keeps {} MiB in reserve; free some space, or lower limits.disk_reserve_mib",
        data_dir.display(),
        room.free_bytes >> 20,
        config.limits.disk_reserve_mib
    )))
}

fn consensus(config: &Config) -> quorate_raft::Config {
    quorate_raft::Config {
        heartbeat_ms: config.cluster.heartbeat_ms,
        election_min_ms: config.cluster.election_timeout_min_ms,
        election_max_ms: config.cluster.election_timeout_max_ms,
        clock_tolerance_ms: config.cluster.clock_tolerance_ms,
        snapshot_log_bytes: u64::from(config.limits.snapshot_after_log_mib) << 20,
        ..quorate_raft::Config::default()
    }
}

/// The state can no longer be trusted to be the cluster's: nothing may be served from it, not even for the time of a clean stop.
fn stop_for_good(why: &str) {
    tracing::error!(why, "this node stops: it cannot apply what the cluster has committed");
    std::process::abort();
}
