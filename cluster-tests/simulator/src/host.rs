//! One simulated node: the real consensus, replica and use cases on a runtime of its own, with a clock that stands still unless it is moved.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use quorate_app::{Administrator, AuditKeys, Authenticator, Deps, HashQueue, Names};
use quorate_core::NodeId;
use quorate_raft::ports::{Log, Network, Space, Waiting};
use quorate_raft::{Admission, AdmissionError, Admitted, Config, Ground, Identity, NodeInfo, Raft, Successor};
use quorate_replica::{Archive, ClusterReplica, Halt, PeerAnswers, Published, StateMachine, View};
use quorate_seal::{KeyId, KeyRing};
use quorate_storage::{PostingStore, SegmentStore, SnapshotStore};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::clock::{NodeClock, NodeEntropy};
use crate::dice::Dice;
use crate::disk::{Disk, Lost};
use crate::network::Net;

/// The cluster all hosts belong to.
pub const CLUSTER: [u8; 16] = [7; 16];

/// What runs while a node is up. Cheap to clone.
#[derive(Clone)]
pub struct Parts {
    pub raft: Raft,
    pub published: Arc<Published>,
    pub replica: Arc<ClusterReplica>,
    pub logins: Arc<Authenticator>,
    pub admin: Arc<Administrator>,
    pub clock: NodeClock,
    pub archive: Arc<Archive>,
}

/// What a node's parts stand on.
pub struct Below {
    pub log: Arc<dyn Log>,
    pub space: Arc<dyn Space>,
    pub network: Arc<dyn Network>,
    pub waiting: Waiting,
    pub clock: NodeClock,
    /// Where snapshots and segments are.
    pub folder: PathBuf,
    pub halt: Halt,
}

impl Parts {
    /// Puts a node together: the real consensus, core and login code.
    ///
    /// # Errors
    /// When it cannot be started with what is on disk.
    pub async fn assemble(
        id: u64,
        config: Config,
        below: Below,
        hashes: Arc<HashQueue>,
        entropy: NodeEntropy,
    ) -> anyhow::Result<Parts> {
        let keys = AuditKeys::default();
        let index = PostingStore::open(&below.folder.join("index"), keys.version())?;
        let archive = Archive::start(SegmentStore::open(&below.folder.join("segments"))?, index, keys)?;
        let published = Arc::new(Published::new(View::empty()));
        let answers = PeerAnswers::new(archive.clone());
        let deps = quorate_raft::Deps {
            log: below.log,
            snapshots: SnapshotStore::open(&below.folder.join("snapshots"))?,
            space: below.space,
            machine: Box::new(StateMachine::new(published.clone(), archive.clone(), below.halt)),
            clock: Arc::new(below.clock.clone()),
            admission: Arc::new(Nobody),
            service: Some(answers.clone()),
        };
        let ground = Ground {
            network: below.network,
            waiting: below.waiting,
        };
        let raft = Raft::start_on(ground, config, identity(id), info(id), deps).await?;
        let replica = ClusterReplica::new(raft.clone(), published.clone(), Arc::new(|_| {}));
        let deps = Deps {
            replica: replica.clone(),
            keys: Arc::new(KeyRing::new(KeyId(1), Zeroizing::new([42; 32]))),
            hashes,
            clock: Arc::new(below.clock.clone()),
            entropy: Arc::new(entropy),
            notifier: Arc::new(quorate_app::NoGateways),
            names: Names::new(["corp"]),
            directories: Arc::new(quorate_app::NoDirectories),
            node: NodeId(id),
        };
        let logins = Arc::new(Authenticator::new(deps.clone()));
        answers.judge_with(logins.clone());
        Ok(Parts {
            raft,
            published,
            replica,
            logins,
            admin: Arc::new(Administrator::new(deps)),
            clock: below.clock,
            archive,
        })
    }
}

/// One node: its disk and its files outlive its lives.
pub struct Host {
    pub id: u64,
    pub disk: Disk,
    pub clock: NodeClock,
    pub lives: u64,
    net: Net,
    folder: PathBuf,
    dice: Dice,
    hashes: Arc<HashQueue>,
    config: Config,
    running: Option<(Runtime, Parts)>,
    /// Asleep until then; time passes outside.
    paused_until_ms: Option<u64>,
    slept_ms: u64,
    halted: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
}

impl Host {
    pub fn new(id: u64, net: Net, folder: PathBuf, hashes: Arc<HashQueue>, config: Config, mut dice: Dice) -> Self {
        Self {
            id,
            disk: Disk::new(dice.fork(1)),
            clock: NodeClock::default(),
            lives: 0,
            net,
            folder,
            dice,
            hashes,
            config,
            running: None,
            paused_until_ms: None,
            slept_ms: 0,
            halted: Arc::default(),
            stopped: Arc::default(),
        }
    }

    /// What runs, unless the node is down.
    pub fn parts(&self) -> Option<&Parts> {
        self.running.as_ref().map(|(_, parts)| parts)
    }

    pub fn is_up(&self) -> bool {
        self.running.is_some()
    }

    pub fn is_paused(&self) -> bool {
        self.paused_until_ms.is_some()
    }

    /// Whether this node had to stop because it could not apply what was committed: never right.
    pub fn halted(&self) -> bool {
        self.halted.load(Ordering::Relaxed)
    }

    /// Why consensus has stopped, if it has: a real node would end, and be started again.
    pub fn fatal(&self) -> Option<String> {
        self.parts()?.raft.status().fatal
    }

    /// Whether this node stopped because its state is not the others'.
    pub fn diverged(&self) -> bool {
        self.parts().is_some_and(|parts| parts.raft.status().diverged)
    }

    /// Begins a life with what is on disk. False when it could not start.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        self.lives += 1;
        // Opened anew: whatever was not durable is gone by now.
        self.disk.crash();
        let parts = runtime.block_on(self.build())?;
        self.net.set_life(self.id, Some(self.lives));
        self.net.set_paused(self.id, false);
        self.running = Some((runtime, parts));
        Ok(())
    }

    async fn build(&mut self) -> anyhow::Result<Parts> {
        let halted = self.halted.clone();
        let halt = Box::new(move |why: &str| {
            halted.store(true, Ordering::Relaxed);
            panic!("a node halted: {why}");
        });
        let below = Below {
            log: Arc::new(self.disk.clone()),
            space: Arc::new(self.disk.clone()),
            network: Arc::new(self.net.of(self.id)),
            waiting: Waiting::InPlace,
            clock: self.clock.clone(),
            folder: self.folder.clone(),
            halt,
        };
        let entropy = NodeEntropy::new(self.dice.fork(self.lives));
        Parts::assemble(self.id, self.config.clone(), below, self.hashes.clone(), entropy).await
    }

    /// Kills the process, or takes its power: what was not durable may be lost. Returns what was.
    pub fn crash(&mut self) -> Lost {
        let Some((runtime, parts)) = self.running.take() else {
            return Lost::default();
        };
        self.net.set_life(self.id, None);
        self.paused_until_ms = None;
        self.stopped = Arc::default();
        drop(parts);
        drop(runtime);
        self.disk.crash()
    }

    /// Begins to stop in order, as on SIGTERM. The node is down once that is done; who waits too long kills it.
    pub fn stop(&mut self) {
        let Some((runtime, parts)) = &self.running else { return };
        let (parts, stopped) = (parts.clone(), self.stopped.clone());
        runtime.spawn(async move {
            parts.raft.shutdown().await;
            parts.archive.stop();
            stopped.store(true, Ordering::Relaxed);
        });
    }

    /// Stops the process's threads until then, as SIGSTOP would.
    pub fn pause_until(&mut self, until_ms: u64) {
        if self.is_up() {
            self.paused_until_ms = Some(until_ms);
            self.net.set_paused(self.id, true);
        }
    }

    /// Begins a task on this node.
    pub fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> Option<JoinHandle<T>> {
        let (runtime, _) = self.running.as_ref()?;
        Some(runtime.spawn(task))
    }

    /// One millisecond of this node's life.
    pub fn tick(&mut self, now_ms: u64) {
        self.clock.set_true(now_ms);
        if self.paused_until_ms.is_some_and(|until| now_ms < until) {
            self.slept_ms += 1;
            return;
        }
        let slept_ms = std::mem::take(&mut self.slept_ms);
        if self.paused_until_ms.take().is_some() {
            self.net.set_paused(self.id, false);
        }
        self.disk.advance(now_ms);
        let Some((runtime, parts)) = &self.running else { return };
        let (id, net) = (self.id, &self.net);
        let arrivals = net.take(id);
        runtime.block_on(async {
            if slept_ms > 0 {
                tokio::time::advance(Duration::from_millis(slept_ms)).await;
            }
            for arrival in arrivals {
                let (raft, net) = (parts.raft.clone(), net.clone());
                tokio::spawn(async move {
                    let frame = raft.answer(arrival.from, &arrival.frame).await;
                    let frame = frame.map(|pieces| Bytes::from(pieces.concat()));
                    net.reply(id, arrival.from, arrival.call, frame);
                });
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        });
        if self.stopped.swap(false, Ordering::Relaxed) {
            self.running = None;
            self.net.set_life(id, None);
        }
    }
}

fn identity(id: u64) -> Identity {
    Identity {
        cluster_id: CLUSTER,
        node_id: id,
        certificate_der: Vec::new(),
        private_key_der: Zeroizing::default(),
        ca_der: Vec::new(),
    }
}

/// What the others know of this node.
pub fn info(id: u64) -> NodeInfo {
    NodeInfo {
        name: format!("node-{id}"),
        cluster: format!("10.0.0.{id}:7443"),
        ..NodeInfo::default()
    }
}

/// Joining by token needs certificates; nodes of a simulation are simply let in.
struct Nobody;

#[async_trait::async_trait]
impl Admission for Nobody {
    async fn token_secret(&self, _token_id: u64) -> Option<Zeroizing<[u8; 32]>> {
        None
    }

    async fn admit(&self, _token_id: u64, _csr_der: &[u8], _node: &NodeInfo) -> Result<Admitted, AdmissionError> {
        Err(AdmissionError::Spent)
    }

    async fn succeed(&self, _damaged: u64, _csr_der: &[u8], _node: &NodeInfo) -> Result<Successor, AdmissionError> {
        Err(AdmissionError::Spent)
    }

    fn takes_place_of(&self, _node_id: u64) -> Option<u64> {
        None
    }

    fn is_removed(&self, _node_id: u64) -> bool {
        false
    }
}
