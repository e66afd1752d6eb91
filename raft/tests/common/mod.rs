//! A cluster inside one process: real sockets on loopback, real files, a trivial machine.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use parking_lot::Mutex;
use quorate_raft::pki::{ClusterCa, NodeKey};
use quorate_raft::{
    Admission, AdmissionError, Admitted, Config, Deps, Frozen, Identity, LogId, Machine, NodeInfo, PeerService,
    ProposeError, Raft, RaftStatus, Role, Successor, Token, WallClock,
};
use quorate_storage::{DurableLog, LogOptions, Reserve, SnapshotStore};
use tempfile::TempDir;
use tokio::time::Instant;
use zeroize::Zeroizing;

pub const CLUSTER: [u8; 16] = [7; 16];

/// What a machine has seen, shared with the test: the commands in order.
pub type Seen = Arc<Mutex<Vec<Bytes>>>;

/// Remembers every command and answers with its ordinal number.
pub struct Journal {
    pub seen: Seen,
    /// A command that this machine takes for another one.
    misreads: Option<&'static str>,
    applied: Option<LogId>,
    membership: Vec<u8>,
}

impl Journal {
    pub fn new(seen: Seen) -> Self {
        Self {
            seen,
            misreads: None,
            applied: None,
            membership: Vec::new(),
        }
    }

    fn read(&self, command: &Bytes) -> Bytes {
        match self.misreads {
            Some(misread) if command == misread.as_bytes() => Bytes::from_static(b"something else"),
            _ => command.clone(),
        }
    }
}

struct FrozenJournal(Vec<Bytes>);

impl Frozen for FrozenJournal {
    fn write(self: Box<Self>, record: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        self.0.iter().try_for_each(|bytes| record(bytes))
    }

    fn before_publish(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Machine for Journal {
    fn apply(&mut self, at: LogId, stamp_ms: u64, commands: &[Bytes]) -> Vec<Bytes> {
        assert!(stamp_ms > 0, "each batch carries the leader's time");
        self.applied = Some(at);
        let mut seen = self.seen.lock();
        let outcomes = commands.iter().map(|command| {
            seen.push(self.read(command));
            Bytes::from((seen.len() as u64).to_be_bytes().to_vec())
        });
        outcomes.collect()
    }

    fn note(&mut self, at: LogId, membership: Option<&[u8]>) {
        self.applied = Some(at);
        if let Some(bytes) = membership {
            self.membership = bytes.to_vec();
        }
    }

    fn applied(&self) -> (Option<LogId>, Vec<u8>) {
        (self.applied, self.membership.clone())
    }

    fn freeze(&self) -> Box<dyn Frozen> {
        Box::new(FrozenJournal(self.seen.lock().clone()))
    }

    fn install(
        &mut self,
        at: Option<LogId>,
        membership: &[u8],
        records: &mut dyn Iterator<Item = io::Result<Vec<u8>>>,
    ) -> io::Result<()> {
        *self.seen.lock() = records
            .map(|record| record.map(Bytes::from))
            .collect::<io::Result<_>>()?;
        self.applied = at;
        self.membership = membership.to_vec();
        Ok(())
    }
}

struct SystemClock;

impl WallClock for SystemClock {
    fn now_ms(&self) -> u64 {
        u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
    }
}

/// Admission without a replicated state: one book for the whole cluster.
pub struct Book {
    pub ca: ClusterCa,
    pub token_secret: [u8; 32],
    pub spent: Mutex<BTreeSet<u64>>,
    pub removed: Mutex<BTreeSet<u64>>,
    pub next_id: Mutex<u64>,
    /// Successors, and whose place they take.
    pub places: Mutex<BTreeMap<u64, u64>>,
}

impl Book {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            ca: ClusterCa::generate(CLUSTER).unwrap(),
            token_secret: [9; 32],
            spent: Mutex::default(),
            removed: Mutex::default(),
            next_id: Mutex::new(100),
            places: Mutex::default(),
        })
    }

    pub fn token(&self, id: u64) -> Token {
        Token {
            id,
            secret: Zeroizing::new(self.token_secret),
            ca_fingerprint: self.ca.fingerprint(),
            expires_ms: u64::MAX,
        }
    }

    pub fn identity(&self, node_id: u64) -> Identity {
        identity(&self.ca, node_id)
    }
}

pub fn identity(ca: &ClusterCa, node_id: u64) -> Identity {
    let key = NodeKey::generate().unwrap();
    Identity {
        cluster_id: CLUSTER,
        node_id,
        certificate_der: ca.issue(node_id, &key.csr_der().unwrap(), &[]).unwrap(),
        private_key_der: key.private_key_der(),
        ca_der: ca.certificate_der().to_vec(),
    }
}

#[async_trait::async_trait]
impl Admission for Book {
    async fn token_secret(&self, token_id: u64) -> Option<Zeroizing<[u8; 32]>> {
        (token_id < 10).then(|| Zeroizing::new(self.token_secret))
    }

    async fn admit(&self, token_id: u64, csr_der: &[u8], _node: &NodeInfo) -> Result<Admitted, AdmissionError> {
        if !self.spent.lock().insert(token_id) {
            return Err(AdmissionError::Spent);
        }
        let mut next_id = self.next_id.lock();
        *next_id += 1;
        Ok(Admitted {
            node_id: *next_id,
            certificate_der: self.ca.issue(*next_id, csr_der, &[]).unwrap(),
            ca_der: self.ca.certificate_der().to_vec(),
            cluster_id: CLUSTER,
            secrets: Zeroizing::new(b"the key ring".to_vec()),
        })
    }

    async fn succeed(&self, damaged: u64, csr_der: &[u8], _node: &NodeInfo) -> Result<Successor, AdmissionError> {
        let mut next_id = self.next_id.lock();
        *next_id += 1;
        self.places.lock().insert(*next_id, damaged);
        Ok(Successor {
            node_id: *next_id,
            certificate_der: self.ca.issue(*next_id, csr_der, &[]).unwrap(),
        })
    }

    fn takes_place_of(&self, node_id: u64) -> Option<u64> {
        self.places.lock().get(&node_id).copied()
    }

    fn is_removed(&self, node_id: u64) -> bool {
        self.removed.lock().contains(&node_id)
    }
}

struct Echo;

#[async_trait::async_trait]
impl PeerService for Echo {
    async fn answer(&self, from: u64, request: Bytes) -> Bytes {
        Bytes::from([&from.to_be_bytes()[..], &request].concat())
    }
}

/// One node: its files outlive its process.
pub struct Node {
    pub id: u64,
    pub raft: Raft,
    pub seen: Seen,
    pub info: NodeInfo,
    pub identity: Identity,
    dir: TempDir,
    config: Config,
    book: Arc<Book>,
}

pub fn config() -> Config {
    // Wider than the default: the tests of a whole workspace share two cores, and what is tested
    // is that things happen, not how fast.
    Config {
        heartbeat_ms: 100,
        election_min_ms: 300,
        election_max_ms: 600,
        ..Config::default()
    }
}

/// A free UDP port on loopback, for a node that must keep its address over a restart.
pub fn free_address() -> SocketAddr {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Node {
    pub fn start(identity: Identity, book: &Arc<Book>, config: Config) -> Self {
        Self::start_misreading(identity, book, config, None)
    }

    /// A node whose machine takes one command for another.
    pub fn start_misreading(
        identity: Identity,
        book: &Arc<Book>,
        config: Config,
        misreads: Option<&'static str>,
    ) -> Self {
        let info = NodeInfo {
            name: format!("node-{}", identity.node_id),
            cluster: free_address().to_string(),
            ..NodeInfo::default()
        };
        let dir = tempfile::tempdir().unwrap();
        Self::start_in(dir, identity, info, book, config, misreads)
    }

    /// A node with nothing, where another one was.
    pub fn start_in_place_of(info: NodeInfo, identity: Identity, book: &Arc<Book>, config: Config) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), identity, info, book, config, None)
    }

    fn start_in(
        dir: TempDir,
        identity: Identity,
        info: NodeInfo,
        book: &Arc<Book>,
        config: Config,
        misreads: Option<&'static str>,
    ) -> Self {
        let seen = Seen::default();
        let mut machine = Journal::new(seen.clone());
        machine.misreads = misreads;
        let deps = Deps {
            log: Arc::new(DurableLog::open(&dir.path().join("log"), LogOptions::default()).unwrap()),
            snapshots: SnapshotStore::open(&dir.path().join("snapshots")).unwrap(),
            space: Arc::new(Reserve::new(dir.path(), 1 << 20)),
            machine: Box::new(machine),
            clock: Arc::new(SystemClock),
            admission: book.clone(),
            service: Some(Arc::new(Echo)),
        };
        let listen = info.cluster.parse().unwrap();
        let raft = Raft::start(config.clone(), listen, identity.clone(), info.clone(), deps).unwrap();
        Self {
            id: identity.node_id,
            raft,
            seen,
            info,
            dir,
            identity,
            config,
            book: book.clone(),
        }
    }

    /// Stops in order and starts again from the files.
    pub async fn restart(self) -> Self {
        self.raft.shutdown().await;
        let Self {
            raft,
            dir,
            identity,
            info,
            book,
            config,
            ..
        } = self;
        drop(raft);
        Self::start_in(dir, identity, info, &book, config, None)
    }

    /// Stops in order, and keeps a copy of the files as they are then.
    pub async fn stop_and_copy(self) -> (Stopped, TempDir) {
        self.raft.shutdown().await;
        let Self {
            raft,
            dir,
            identity,
            info,
            book,
            config,
            ..
        } = self;
        drop(raft);
        let copy = tempfile::tempdir().unwrap();
        copy_all(dir.path(), copy.path());
        (
            Stopped {
                dir,
                identity,
                info,
                book,
                config,
            },
            copy,
        )
    }

    pub fn status(&self) -> RaftStatus {
        self.raft.status()
    }

    pub fn leads(&self) -> bool {
        self.status().role == Role::Leader
    }

    pub async fn propose(&self, command: &str) -> Result<u64, ProposeError> {
        let command = Bytes::copy_from_slice(command.as_bytes());
        let committed = self.raft.propose(command, soon()).await?;
        assert_eq!(committed.outcome.len(), 8);
        Ok(committed.index)
    }

    /// As an application does: while the outcome is unknown, the same again.
    pub async fn propose_until_known(&self, command: &str) {
        while let Err(error) = self.propose(command).await {
            assert_eq!(error, ProposeError::Unknown);
        }
    }

    pub fn has(&self, command: &str) -> bool {
        self.seen.lock().iter().any(|seen| seen == command.as_bytes())
    }

    pub fn count(&self, command: &str) -> usize {
        self.seen
            .lock()
            .iter()
            .filter(|seen| *seen == command.as_bytes())
            .count()
    }
}

/// A node's files and identity, without the process.
pub struct Stopped {
    pub dir: TempDir,
    identity: Identity,
    info: NodeInfo,
    book: Arc<Book>,
    config: Config,
}

impl Stopped {
    pub fn start(self) -> Node {
        Node::start_in(self.dir, self.identity, self.info, &self.book, self.config, None)
    }
}

fn copy_all(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A deadline that only a hang reaches.
pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Waits for a condition; panics, saying which, when it does not come.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = soon();
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Starts `count` nodes, the first as the founder, the others entering as new nodes do.
pub async fn cluster(book: &Arc<Book>, count: u64, config: Config) -> Vec<Node> {
    let mut nodes = vec![Node::start(book.identity(1), book, config.clone())];
    nodes[0].raft.bootstrap().await.unwrap();
    for id in 2..=count {
        let node = Node::start(book.identity(id), book, config.clone());
        let peers = BTreeMap::from([(1, nodes[0].info.clone())]);
        node.raft.enter(peers, soon(), &mut |_| {}).await.unwrap();
        nodes.push(node);
    }
    nodes
}

pub async fn leader_of(nodes: &[Node]) -> usize {
    let mut found = None;
    eventually("a leader", || {
        found = nodes.iter().position(Node::leads);
        found.is_some()
    })
    .await;
    found.unwrap()
}
