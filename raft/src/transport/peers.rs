//! Connections to the other members, kept open ahead of need.
//!
//! One task per peer connects, probes, and connects again. A caller never dials: it finds a live
//! connection or learns at once that there is none, because a heartbeat has 60 ms and a
//! handshake on a busy machine may take longer. The probes also tell who is reachable *both
//! ways*, which decides whether this node may campaign ([`crate::standing`]).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use quorate_storage::{LogId, SnapshotFile};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::wire::{self, Request, Response};
use crate::digest::StateDigest;
use crate::ports::{CallError, Link, Network};
use crate::{NodeInfo, limits};

/// What the last probe of a peer said.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub at: Instant,
    pub round_trip: Duration,
    pub leader: Option<u64>,
    pub committed: Option<LogId>,
    /// Whether its disk could take on leadership.
    pub disk_in_order: bool,
    /// The newest digest of its state.
    pub digest: Option<StateDigest>,
    /// Its wall clock at `at`, in ms since 1970, give or take half a round trip.
    wall_ms: u64,
}

impl Seen {
    /// Its wall clock now, in ms since 1970, reckoned by our monotonic clock: our wall clock may have been set meanwhile.
    pub fn wall_now_ms(&self) -> u64 {
        let passed_ms = u64::try_from(self.at.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.wall_ms.saturating_add(passed_ms)
    }
}

struct Peer {
    info: NodeInfo,
    link: watch::Receiver<Option<Arc<dyn Link>>>,
    seen: Arc<Mutex<Option<Seen>>>,
    keeper: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.keeper.abort();
        if let Some(link) = self.link.borrow().as_ref() {
            link.close();
        }
    }
}

/// All peers of this node.
pub struct Peers {
    id: u64,
    network: Arc<dyn Network>,
    peers: RwLock<BTreeMap<u64, Peer>>,
}

impl Peers {
    pub fn new(id: u64, network: Arc<dyn Network>) -> Self {
        Self {
            id,
            network,
            peers: RwLock::default(),
        }
    }

    /// Keeps connections to exactly these nodes (this one excepted). Must run on the runtime.
    pub fn keep(&self, nodes: &BTreeMap<u64, NodeInfo>) {
        let mut peers = self.peers.write();
        peers.retain(|id, peer| nodes.get(id).is_some_and(|info| info.cluster == peer.info.cluster));
        for (id, info) in nodes {
            if *id != self.id && !peers.contains_key(id) {
                peers.insert(*id, self.peer(*id, info.clone()));
            }
        }
    }

    /// Adds one peer if it is not known yet.
    pub fn introduce(&self, id: u64, info: &NodeInfo) {
        if id != self.id {
            self.peers
                .write()
                .entry(id)
                .or_insert_with(|| self.peer(id, info.clone()));
        }
    }

    fn peer(&self, id: u64, info: NodeInfo) -> Peer {
        let (sender, link) = watch::channel(None);
        let seen = Arc::new(Mutex::new(None));
        let dialer = Dialer {
            network: self.network.clone(),
            peer: id,
            address: info.cluster.clone(),
        };
        let keeper = tokio::spawn(keep_connected(dialer, sender, seen.clone()));
        Peer {
            info,
            link,
            seen,
            keeper,
        }
    }

    pub fn known(&self) -> Vec<u64> {
        self.peers.read().keys().copied().collect()
    }

    /// The last probe of each peer that ever answered.
    pub fn seen(&self) -> BTreeMap<u64, Seen> {
        let peers = self.peers.read();
        peers
            .iter()
            .filter_map(|(id, peer)| Some((*id, (*peer.seen.lock())?)))
            .collect()
    }

    /// The last probes, of peers that answered within this time.
    pub fn seen_within(&self, time: Duration) -> BTreeMap<u64, Seen> {
        let mut seen = self.seen();
        seen.retain(|_, seen| seen.at.elapsed() < time);
        seen
    }

    /// Sends one request and awaits its answer for at most `patience`.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(
        &self,
        node: u64,
        request: &Request,
        tail: &mut [Bytes],
        patience: Duration,
    ) -> Result<(Response, Bytes), CallError> {
        let deadline = Instant::now() + patience;
        let link = self.link(node, deadline).await?;
        match tokio::time::timeout_at(deadline, exchange(&*link, request, tail)).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::Lost("no answer in time".into())),
        }
    }

    async fn link(&self, node: u64, deadline: Instant) -> Result<Arc<dyn Link>, CallError> {
        let mut watch = match self.peers.read().get(&node) {
            Some(peer) => peer.link.clone(),
            None => return Err(CallError::NotSent("not a known node".into())),
        };
        let live = tokio::time::timeout_at(deadline, watch.wait_for(Option::is_some)).await;
        match live {
            Ok(Ok(link)) => link.clone().ok_or_else(|| CallError::NotSent("no connection".into())),
            Ok(Err(_)) => Err(CallError::NotSent("no longer a peer".into())),
            Err(_) => Err(CallError::NotSent("no connection".into())),
        }
    }

    /// Sends a request with a snapshot's bytes behind it, on a connection of its own.
    ///
    /// # Errors
    /// In words, when the node is unknown, cannot be reached or does not answer.
    pub async fn send_file(&self, node: u64, request: &Request, file: &SnapshotFile) -> Result<Response, String> {
        let address = match self.peers.read().get(&node) {
            Some(peer) => peer.info.cluster.clone(),
            None => return Err("not a known node".into()),
        };
        let link = self.network.connect(node, &address).await?;
        let answer = link.exchange_with_file(wire::encode_head(request), file).await;
        link.close();
        let (response, _) = wire::decode(&answer?).map_err(|e| e.to_string())?;
        Ok(response)
    }

    /// Forgets all peers and closes their connections.
    pub fn clear(&self) {
        self.peers.write().clear();
    }
}

async fn exchange(link: &dyn Link, request: &Request, tail: &mut [Bytes]) -> Result<(Response, Bytes), CallError> {
    let mut frame = vec![wire::encode_head(request)];
    frame.extend(tail.iter_mut().map(std::mem::take));
    let answer = link.exchange(frame).await?;
    wire::decode(&answer).map_err(|error| CallError::Lost(error.to_string()))
}

struct Dialer {
    network: Arc<dyn Network>,
    peer: u64,
    address: String,
}

/// Connects, probes until the connection breaks, and begins again.
async fn keep_connected(dialer: Dialer, sender: watch::Sender<Option<Arc<dyn Link>>>, seen: Arc<Mutex<Option<Seen>>>) {
    let mut problem = String::new();
    loop {
        match dialer.network.connect(dialer.peer, &dialer.address).await {
            Ok(link) => {
                tracing::debug!(peer = dialer.peer, "connected");
                problem.clear();
                sender.send_replace(Some(link.clone()));
                let reason = probe_until_closed(&*link, &seen).await;
                sender.send_replace(None);
                tracing::debug!(peer = dialer.peer, %reason, "disconnected");
            }
            Err(error) => {
                // Said once per problem: a dead peer must not fill the log.
                if error != problem {
                    tracing::info!(peer = dialer.peer, address = %dialer.address, %error, "cannot connect");
                    problem = error;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(limits::RECONNECT_MS)).await;
    }
}

async fn probe_until_closed(link: &dyn Link, seen: &Mutex<Option<Seen>>) -> String {
    let mut ticks = tokio::time::interval(Duration::from_millis(limits::PROBE_MS));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            reason = link.closed() => return reason,
            _ = ticks.tick() => {}
        }
        let asked = Instant::now();
        let answer = exchange(link, &Request::Probe, &mut []);
        let answer = timeout(Duration::from_millis(limits::PROBE_TIMEOUT_MS), answer).await;
        if let Ok(Ok((
            Response::Probe {
                leader,
                committed,
                wall_ms,
                disk_in_order,
                digest,
            },
            _,
        ))) = answer
        {
            let round_trip = asked.elapsed();
            let half_ms = u64::try_from(round_trip.as_millis() / 2).unwrap_or(u64::MAX);
            // As of the question, not the answer: that much is certain.
            *seen.lock() = Some(Seen {
                at: asked,
                round_trip,
                leader,
                committed,
                disk_in_order,
                digest,
                wall_ms: wall_ms.saturating_sub(half_ms),
            });
        }
    }
}
