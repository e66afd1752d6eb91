//! A node without a cluster: the real router, use cases and core over one `State` in memory.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses a part of it, and a panic is a failing test"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use parking_lot::Mutex;
use prometheus::Registry;
use quorate_api::{Confidential, Problem};
use quorate_app::*;
use quorate_core::audit::{AuditRecord, Chain, Head, HeadSignature, Segment};
use quorate_core::{Actor, Command, Level, NodeId, Stamp, State, apply};
use quorate_seal::{KeyId, KeyRing};
use quorate_web::{Deps, Peer, Web};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use tower_service::Service;
use zeroize::Zeroizing;

pub const NODE: NodeId = NodeId(1);
pub const NOW_MS: u64 = 1_700_000_000_000;

/// Everything a test may turn a screw at.
pub struct Node {
    pub web: Web,
    pub administrator: Arc<Administrator>,
    pub replica: Arc<OneState>,
    pub registry: Registry,
}

impl Node {
    /// A founded cluster of one.
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// The same, with the dependencies changed first.
    pub async fn start_with(change: impl FnOnce(&mut Deps)) -> Self {
        let keys = Arc::new(KeyRing::new(KeyId(1), Zeroizing::new([7; 32])));
        let replica = Arc::new(OneState::founded(&keys));
        let administrator = Arc::new(Administrator::new(quorate_app::Deps {
            replica: replica.clone(),
            keys,
            hashes: Arc::new(HashQueue::with_threads(1).unwrap()),
            clock: Arc::new(Noon),
            entropy: Arc::new(Counting(AtomicU64::new(1))),
            notifier: Arc::new(quorate_app::NoGateways),
            names: Names::new([]),
            directories: Arc::new(quorate_app::NoDirectories),
            node: NODE,
        }));
        let registry = Registry::new();
        let mut deps = Deps {
            administrator: administrator.clone(),
            replica: replica.clone(),
            archive: Arc::new(EmptyArchive),
            signer: Arc::new(AnyHand),
            clock: Arc::new(Noon),
            node: NODE,
            registry: registry.clone(),
            refresh: Box::new(|| ()),
            extra_checks: Vec::new(),
            scrape_from: quorate_web::loopback(),
            join_address: "node1.example.org:7443".into(),
            write_join_token: Box::new(|issued| Zeroizing::new(format!("qj1-{}", issued.id))),
        };
        change(&mut deps);
        Self {
            web: Web::new(deps).unwrap(),
            administrator,
            replica,
            registry,
        }
    }

    /// Sends a request as root over the Unix socket would.
    pub async fn root(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.send(request(method, path, body), Peer::Unix { uid: 0 }).await
    }

    /// The same for a test that needs the answer to be good.
    pub async fn must(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.root(method, path, body).await;
        assert!(
            answer.status.is_success(),
            "{method} {path}: {} {}",
            answer.status,
            answer.body
        );
        answer.body
    }

    pub async fn send(&self, mut request: Request<Body>, peer: Peer) -> Answer {
        request.extensions_mut().insert(peer);
        let response = self.web.router().call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// An API token's text.
    pub async fn bearer(&self) -> Confidential {
        self.bearer_of(quorate_core::Role::Admin).await
    }

    /// The same for a role.
    pub async fn bearer_of(&self, role: quorate_core::Role) -> Confidential {
        let issued = self
            .administrator
            .create_api_token(Actor::Root { uid: 0 }, format!("test {}", role.label()), role)
            .await
            .unwrap();
        Confidential::new(issued.text.as_str())
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn problem(&self) -> Problem {
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{}",
            self.body
        );
        let problem: Problem = serde_json::from_value(self.body.clone()).expect("a problem document");
        assert_eq!(problem.status, self.status.as_u16());
        assert_eq!(problem.request_id, self.headers["x-request-id"].to_str().unwrap());
        problem
    }

    /// The fields that are wrong, sorted.
    pub fn wrong_fields(&self) -> Vec<String> {
        let mut fields: Vec<String> = self.problem().errors.into_iter().map(|error| error.field).collect();
        fields.sort();
        fields
    }

    pub fn etag(&self) -> &str {
        self.headers["etag"].to_str().unwrap()
    }
}

pub fn request(method: &str, path: &str, body: Option<Value>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    }
    .unwrap()
}

/// Somebody on another machine.
pub fn stranger() -> Peer {
    Peer::Tls(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77)), 40_000))
}

/// A replica that is one state and no cluster.
pub struct OneState {
    state: Mutex<Arc<State>>,
    applied: watch::Sender<u64>,
    /// While set, there is no quorum.
    pub alone: AtomicBool,
    pub clock: std::sync::Mutex<ClockStanding>,
    pub barriers: AtomicU64,
}

impl OneState {
    fn founded(keys: &KeyRing) -> Self {
        let one = Self {
            state: Mutex::new(Arc::new(State::new())),
            applied: watch::Sender::new(0),
            alone: AtomicBool::new(false),
            clock: std::sync::Mutex::new(ClockStanding::UNQUESTIONED),
            barriers: AtomicU64::new(0),
        };
        let founding = FoundingNode {
            cluster_id: [3; 16],
            ca_certificate_der: b"certificate",
            ca_key_der: b"key",
            node: NODE,
            name: "node1",
            site: "",
            key_digest: [0; 32],
        };
        one.apply(&found_cluster(keys, &Counting(AtomicU64::new(1)), &founding));
        one
    }

    fn apply(&self, command: &Command) -> Proposed {
        let mut state = self.state.lock();
        let mut next = State::clone(&state);
        let outcome = apply(&mut next, Level::CURRENT, Stamp { ms: NOW_MS }, &command.to_bytes()).unwrap();
        *state = Arc::new(next);
        self.applied.send_modify(|index| *index += 1);
        Proposed {
            index: *self.applied.borrow(),
            outcome,
        }
    }
}

#[async_trait]
impl Replica for OneState {
    fn state(&self) -> Arc<State> {
        self.state.lock().clone()
    }

    async fn propose(&self, command: &Command, deadline: Instant) -> Result<Proposed, ProposeError> {
        if self.alone.load(Ordering::SeqCst) {
            tokio::time::sleep_until(deadline).await;
            return Err(ProposeError::NoLeader);
        }
        Ok(self.apply(command))
    }

    async fn wait_applied(&self, _index: u64, _deadline: Instant) -> Result<(), Late> {
        Ok(())
    }

    async fn barrier(&self, _deadline: Instant) -> Result<u64, ProposeError> {
        self.barriers.fetch_add(1, Ordering::SeqCst);
        match self.alone.load(Ordering::SeqCst) {
            true => Err(ProposeError::NoLeader),
            false => Ok(*self.applied.borrow()),
        }
    }

    fn status(&self) -> ClusterStatus {
        let applied = *self.applied.borrow();
        let member = Member {
            id: NODE,
            name: "node1".into(),
            site: String::new(),
            kind: MemberKind::Voter,
            cluster: "127.0.0.1:7443".into(),
            radius: "127.0.0.1:1812".into(),
            https: "127.0.0.1:443".into(),
            lag: Some(0),
        };
        ClusterStatus {
            cluster: [3; 16],
            node: NODE,
            role: Role::Leader,
            term: 4,
            leader: Some(NODE),
            members: vec![member],
            last_log: applied,
            committed: applied,
            applied,
            snapshot: None,
            quorum_ack_age_ms: Some(0),
            proposals: ProposalCounts::default(),
            clock: self.clock(),
            disk: quorate_app::DiskStanding::default(),
        }
    }

    fn clock(&self) -> ClockStanding {
        *self.clock.lock().unwrap()
    }

    async fn pass_on(&self, _login: zeroize::Zeroizing<Vec<u8>>, _deadline: Instant) -> Option<Vec<u8>> {
        None
    }

    fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    async fn remove_member(&self, _node: NodeId, _deadline: Instant) -> Result<(), ProposeError> {
        Ok(())
    }

    async fn hand_over(&self, _deadline: Instant) -> Result<(), Late> {
        Err(Late)
    }
}

/// A clock that stands still.
struct Noon;

impl Clock for Noon {
    fn now_ms(&self) -> u64 {
        NOW_MS
    }
}

/// Different bytes each time, the same in every run.
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let count = self
                .0
                .fetch_add(1, Ordering::SeqCst)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&count.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// No segment was closed.
struct EmptyArchive;

impl AuditArchive for EmptyArchive {
    fn segment(&self, _number: u64) -> std::io::Result<Arc<Segment>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn record(&self, _seq: u64) -> std::io::Result<AuditRecord> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn indexed(&self) -> Vec<Range<u64>> {
        Vec::new()
    }

    fn search(
        &self,
        _range: Range<u64>,
        _keys: &[u64],
        _order: Order,
        _visit: &mut dyn FnMut(u64) -> bool,
    ) -> std::io::Result<()> {
        Ok(())
    }

    fn standing(&self, _chain: &Chain) -> ArchiveStanding {
        ArchiveStanding::default()
    }
}

/// Signs everything alike.
struct AnyHand;

impl HeadSigner for AnyHand {
    fn sign(&self, _records: u64, head: &Head) -> Option<HeadSignature> {
        Some(HeadSignature {
            signature: (*head).into(),
            certificate: b"certificate"[..].into(),
        })
    }

    fn signer(&self, _records: u64, _head: &Head, _signature: &HeadSignature) -> Option<NodeId> {
        Some(NODE)
    }
}
