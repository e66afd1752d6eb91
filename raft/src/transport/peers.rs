//! Connections to the other members, kept open ahead of need.
//!
//! One task per peer connects, probes, and connects again. A caller never dials: it finds a live
//! connection or learns at once that there is none, because a heartbeat has 60 ms and a
//! handshake on a busy machine may take longer. The probes also tell who is reachable *both
//! ways*, which decides whether this node may campaign ([`crate::standing`]).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use quinn::{ClientConfig, Connection, Endpoint};
use quorate_storage::LogId;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::tls;
use super::wire::{self, Request, Response};
use crate::node::Identity;
use crate::{NodeInfo, limits};

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

/// What the last probe of a peer said.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub at: Instant,
    pub round_trip: Duration,
    pub leader: Option<u64>,
    pub committed: Option<LogId>,
}

struct Peer {
    info: NodeInfo,
    connection: watch::Receiver<Option<Connection>>,
    seen: Arc<Mutex<Option<Seen>>>,
    keeper: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.keeper.abort();
        if let Some(connection) = self.connection.borrow().as_ref() {
            connection.close(0u32.into(), b"no longer a peer");
        }
    }
}

/// All peers of this node.
pub struct Peers {
    endpoint: Endpoint,
    client: ClientConfig,
    identity: Identity,
    peers: RwLock<BTreeMap<u64, Peer>>,
}

impl Peers {
    pub fn new(endpoint: Endpoint, client: ClientConfig, identity: Identity) -> Self {
        Self {
            endpoint,
            client,
            identity,
            peers: RwLock::default(),
        }
    }

    /// Keeps connections to exactly these nodes (this one excepted). Must run on the runtime.
    pub fn keep(&self, nodes: &BTreeMap<u64, NodeInfo>) {
        let mut peers = self.peers.write();
        peers.retain(|id, peer| nodes.get(id).is_some_and(|info| info.cluster == peer.info.cluster));
        for (id, info) in nodes {
            if *id != self.identity.node_id && !peers.contains_key(id) {
                peers.insert(*id, self.peer(*id, info.clone()));
            }
        }
    }

    /// Adds one peer if it is not known yet.
    pub fn introduce(&self, id: u64, info: &NodeInfo) {
        if id != self.identity.node_id {
            self.peers
                .write()
                .entry(id)
                .or_insert_with(|| self.peer(id, info.clone()));
        }
    }

    fn peer(&self, id: u64, info: NodeInfo) -> Peer {
        let (sender, connection) = watch::channel(None);
        let seen = Arc::new(Mutex::new(None));
        let dialer = Dialer {
            endpoint: self.endpoint.clone(),
            client: self.client.clone(),
            address: info.cluster.clone(),
            server_name: tls::server_name(&self.identity, id),
        };
        let keeper = tokio::spawn(keep_connected(dialer, sender, seen.clone()));
        Peer {
            info,
            connection,
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
        let connection = self.connection(node, deadline).await?;
        match tokio::time::timeout_at(deadline, exchange(&connection, request, tail)).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::Lost("no answer in time".into())),
        }
    }

    async fn connection(&self, node: u64, deadline: Instant) -> Result<Connection, CallError> {
        let mut watch = match self.peers.read().get(&node) {
            Some(peer) => peer.connection.clone(),
            None => return Err(CallError::NotSent("not a known node".into())),
        };
        let live = tokio::time::timeout_at(deadline, watch.wait_for(Option::is_some)).await;
        match live {
            Ok(Ok(connection)) => connection
                .clone()
                .ok_or_else(|| CallError::NotSent("no connection".into())),
            Ok(Err(_)) => Err(CallError::NotSent("no longer a peer".into())),
            Err(_) => Err(CallError::NotSent("no connection".into())),
        }
    }

    /// Makes a connection of its own, for bulk.
    ///
    /// # Errors
    /// In words, when the node is unknown or cannot be reached.
    pub async fn dial(&self, node: u64) -> Result<Connection, String> {
        let address = match self.peers.read().get(&node) {
            Some(peer) => peer.info.cluster.clone(),
            None => return Err("not a known node".into()),
        };
        let server_name = tls::server_name(&self.identity, node);
        Dialer {
            endpoint: self.endpoint.clone(),
            client: self.client.clone(),
            address,
            server_name,
        }
        .dial()
        .await
    }

    /// Forgets all peers and closes their connections.
    pub fn clear(&self) {
        self.peers.write().clear();
    }
}

async fn exchange(
    connection: &Connection,
    request: &Request,
    tail: &mut [Bytes],
) -> Result<(Response, Bytes), CallError> {
    let not_sent = |error: quinn::ConnectionError| CallError::NotSent(error.to_string());
    let (mut send, mut receive) = connection.open_bi().await.map_err(not_sent)?;
    let lost = |error: &dyn std::fmt::Display| CallError::Lost(error.to_string());
    wire::send(&mut send, request, tail).await.map_err(|e| lost(&e))?;
    wire::receive(&mut receive).await.map_err(|e| lost(&e))
}

struct Dialer {
    endpoint: Endpoint,
    client: ClientConfig,
    address: String,
    server_name: String,
}

impl Dialer {
    async fn dial(&self) -> Result<Connection, String> {
        let address = resolve(&self.address, self.endpoint.local_addr().ok()).await?;
        let connecting = self
            .endpoint
            .connect_with(self.client.clone(), address, &self.server_name)
            .map_err(|e| e.to_string())?;
        match timeout(Duration::from_millis(limits::CONNECT_TIMEOUT_MS), connecting).await {
            Ok(connection) => connection.map_err(|e| e.to_string()),
            Err(_) => Err("no answer".into()),
        }
    }
}

/// The first address of `host:port` that our socket can reach.
///
/// # Errors
/// In words, when the name has none.
pub async fn resolve(host_port: &str, local: Option<SocketAddr>) -> Result<SocketAddr, String> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(host_port)
        .await
        .map_err(|e| format!("{host_port}: {e}"))?
        .collect();
    let same_family = addresses
        .iter()
        .find(|a| local.is_none_or(|local| a.is_ipv4() == local.is_ipv4()));
    same_family
        .or(addresses.first())
        .copied()
        .ok_or_else(|| format!("{host_port} has no address"))
}

/// Connects, probes until the connection breaks, and begins again.
async fn keep_connected(dialer: Dialer, sender: watch::Sender<Option<Connection>>, seen: Arc<Mutex<Option<Seen>>>) {
    let mut problem = String::new();
    loop {
        match dialer.dial().await {
            Ok(connection) => {
                tracing::debug!(peer = %dialer.server_name, "connected");
                problem.clear();
                sender.send_replace(Some(connection.clone()));
                let reason = probe_until_closed(&connection, &seen).await;
                sender.send_replace(None);
                tracing::debug!(peer = %dialer.server_name, %reason, "disconnected");
            }
            Err(error) => {
                // Said once per problem: a dead peer must not fill the log.
                if error != problem {
                    tracing::info!(peer = %dialer.server_name, address = %dialer.address, %error, "cannot connect");
                    problem = error;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(limits::RECONNECT_MS)).await;
    }
}

async fn probe_until_closed(connection: &Connection, seen: &Mutex<Option<Seen>>) -> quinn::ConnectionError {
    let mut ticks = tokio::time::interval(Duration::from_millis(limits::PROBE_MS));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            reason = connection.closed() => return reason,
            _ = ticks.tick() => {}
        }
        let asked = Instant::now();
        let answer = exchange(connection, &Request::Probe, &mut []);
        let answer = timeout(Duration::from_millis(limits::PROBE_TIMEOUT_MS), answer).await;
        if let Ok(Ok((Response::Probe { leader, committed }, _))) = answer {
            // As of the question, not the answer: that much is certain.
            *seen.lock() = Some(Seen {
                at: asked,
                round_trip: asked.elapsed(),
                leader,
                committed,
            });
        }
    }
}
