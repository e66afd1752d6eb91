//! Three nodes in this process, on real files and real time, with a network that is a function call.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, Result};
use bytes::Bytes;
use parking_lot::Mutex;
use quorate_app::HashQueue;
use quorate_raft::ports::{CallError, Link, Log, Network, Waiting};
use quorate_raft::{Config, LogId, Raft};
use quorate_simulator::clock::{NodeClock, NodeEntropy};
use quorate_simulator::dice::Dice;
use quorate_simulator::host::{Below, Parts};
use quorate_storage::{Done, DurableLog, LogOptions, Reserve, SnapshotFile, Vote};
use tokio::runtime::Runtime;

/// The nodes.
pub const NODES: Range<u64> = 1..4;

/// The folder of a node below the root.
pub fn folder(node: u64) -> PathBuf {
    PathBuf::from(node.to_string())
}

/// Three running nodes; stopped as by kill -9 when dropped.
pub struct Cluster {
    pub nodes: Vec<Parts>,
    runtime: Option<Runtime>,
    registry: Arc<Registry>,
}

type Registry = Mutex<BTreeMap<u64, Raft>>;

/// Told of each vote and each entry that a node's log has made durable.
pub type Witness = Arc<dyn Fn(Durable) + Send + Sync>;

/// What a node may have promised on the strength of its disk.
#[derive(Debug, Clone, Copy)]
pub enum Durable {
    Vote(u64, Vote),
    Entries(u64, LogId),
}

impl Cluster {
    /// Starts a node on each folder below `root`, at `now_ms` of the clock.
    ///
    /// # Errors
    /// When one cannot be started with what is on its disk.
    pub fn start(root: &Path, now_ms: u64, dice: &mut Dice, witness: &Witness) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()?;
        let clock = NodeClock::default();
        clock.set_true(now_ms);
        let registry: Arc<Registry> = Arc::default();
        let hashes = Arc::new(HashQueue::in_place());
        let mut nodes = Vec::new();
        for id in NODES {
            let home = root.join(folder(id));
            fs::create_dir_all(&home)?;
            let options = LogOptions {
                // Small, so that chunks are closed and purged.
                chunk_bytes: 32 << 10,
                ..LogOptions::default()
            };
            let log = DurableLog::open(&home.join("log"), options).with_context(|| format!("node {id}'s log"))?;
            let below = Below {
                log: Arc::new(Witnessed {
                    id,
                    log,
                    witness: witness.clone(),
                }),
                space: Arc::new(Reserve::new(&home, 1)),
                network: Arc::new(Wire {
                    id,
                    registry: registry.clone(),
                }),
                waiting: Waiting::OnThreads,
                clock: clock.clone(),
                folder: home,
                halt: Box::new(|why| panic!("a node halted: {why}")),
            };
            let entropy = NodeEntropy::new(dice.fork(id));
            let assembling = Parts::assemble(id, config(), below, hashes.clone(), entropy);
            let parts = runtime.block_on(assembling).with_context(|| format!("node {id}"))?;
            registry.lock().insert(id, parts.raft.clone());
            nodes.push(parts);
        }
        let ticking = clock.clone();
        runtime.spawn(async move {
            let begun = tokio::time::Instant::now();
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                ticking.set_true(now_ms + begun.elapsed().as_millis() as u64);
            }
        });
        Ok(Self {
            nodes,
            runtime: Some(runtime),
            registry,
        })
    }

    /// Does something on the cluster's threads.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime
            .as_ref()
            .expect("invariant: it is there until dropped")
            .block_on(work)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.registry.lock().clear();
        for parts in self.nodes.drain(..) {
            parts.archive.stop();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn config() -> Config {
    Config {
        heartbeat_ms: 40,
        election_min_ms: 80,
        election_max_ms: 160,
        snapshot_log_bytes: 48 << 10,
        keep_entries: 20,
        ..Config::default()
    }
}

/// The network of one node.
struct Wire {
    id: u64,
    registry: Arc<Registry>,
}

struct Line {
    from: u64,
    to: u64,
    registry: Arc<Registry>,
}

#[async_trait::async_trait]
impl Network for Wire {
    async fn connect(&self, node: u64, _address: &str) -> Result<Arc<dyn Link>, String> {
        match self.registry.lock().contains_key(&node) {
            true => Ok(Arc::new(Line {
                from: self.id,
                to: node,
                registry: self.registry.clone(),
            })),
            false => Err("not started yet".to_owned()),
        }
    }

    fn local_addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }

    async fn close(&self) {}
}

#[async_trait::async_trait]
impl Link for Line {
    async fn exchange(&self, request: Vec<Bytes>) -> Result<Bytes, CallError> {
        let raft = self.registry.lock().get(&self.to).cloned();
        let raft = raft.ok_or_else(|| CallError::NotSent("down".to_owned()))?;
        let answer = raft.answer(self.from, &Bytes::from(request.concat())).await;
        answer
            .map(|pieces| Bytes::from(pieces.concat()))
            .ok_or_else(|| CallError::Lost("no frame".to_owned()))
    }

    async fn exchange_with_file(&self, request: Bytes, file: &SnapshotFile) -> Result<Bytes, String> {
        let bytes = fs::read(file.path()).map_err(|error| error.to_string())?;
        let answer = self.exchange(vec![request, Bytes::from(bytes)]).await;
        answer.map_err(|error| error.to_string())
    }

    async fn closed(&self) -> String {
        std::future::pending().await
    }

    fn close(&self) {}
}

/// The real log; what it makes durable is told before the node hears of it.
struct Witnessed {
    id: u64,
    log: DurableLog,
    witness: Witness,
}

impl Witnessed {
    fn tell(&self, what: Durable, done: Done) -> Done {
        let witness = self.witness.clone();
        Box::new(move |result| {
            if result.is_ok() {
                witness(what);
            }
            done(result);
        })
    }
}

impl Log for Witnessed {
    fn vote(&self) -> Option<Vote> {
        self.log.vote()
    }

    fn save_vote(&self, vote: Vote, done: Done) {
        self.log
            .save_vote_then(vote, self.tell(Durable::Vote(self.id, vote), done));
    }

    fn committed(&self) -> Option<LogId> {
        self.log.committed()
    }

    fn save_committed(&self, committed: Option<LogId>) -> io::Result<()> {
        self.log.save_committed(committed)
    }

    fn append(&self, entries: Vec<(LogId, Bytes)>, done: Done) {
        let done = match entries.last() {
            Some((last, _)) => self.tell(Durable::Entries(self.id, *last), done),
            None => done,
        };
        self.log.append(entries, done);
    }

    fn truncate_from(&self, index: u64) -> io::Result<()> {
        self.log.truncate_from(index)
    }

    fn purge_upto(&self, upto: LogId) -> io::Result<()> {
        self.log.purge_upto(upto)
    }

    fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<(LogId, Bytes)>> {
        self.log.read(range, max_bytes)
    }

    fn last(&self) -> Option<LogId> {
        self.log.last()
    }

    fn purged(&self) -> Option<LogId> {
        self.log.purged()
    }

    fn bytes(&self) -> u64 {
        self.log.bytes()
    }

    fn close(&self) -> io::Result<()> {
        self.log.close()
    }
}
