//! The network between simulated nodes: frames that arrive late, twice, in another order, or not at all, by direction.
//!
//! A link is what a QUIC connection is to a node: it breaks when its other end has restarted, and when nothing came through for two
//! seconds. A lost frame is worse here than there, where it would be sent again: the exchange it belongs to is never answered.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use quorate_raft::ports::{CallError, Link, Network};
use quorate_storage::SnapshotFile;
use tokio::sync::{oneshot, watch};

use crate::dice::Dice;

/// A link without any sign of life for this long breaks, as a QUIC connection does. In ms.
const IDLE_MS: u64 = 2_000;

/// What goes wrong from one node to another.
#[derive(Debug, Clone)]
pub struct Weather {
    pub blocked: bool,
    pub lost_permille: u64,
    pub doubled_permille: u64,
    pub delay_ms: Range<u64>,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            blocked: false,
            lost_permille: 0,
            doubled_permille: 0,
            delay_ms: 0..2,
        }
    }
}

/// What happened to frames, for the report.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub sent: u64,
    pub lost: u64,
    pub blocked: u64,
    pub doubled: u64,
    pub overtaken: u64,
}

/// A frame for a node to answer.
pub struct Arrival {
    pub from: u64,
    pub call: u64,
    pub frame: Bytes,
}

enum Body {
    Connect(u64),
    /// With the life of the node it is meant for.
    Request(u64, Bytes, u64),
    Reply(u64, Option<Bytes>),
}

struct Message {
    from: u64,
    to: u64,
    body: Body,
}

type Call = oneshot::Sender<Option<Bytes>>;

struct LinkState {
    from: u64,
    to: u64,
    life: u64,
    broken: watch::Sender<bool>,
    silent_since_ms: Mutex<Option<u64>>,
}

struct Inner {
    now_ms: u64,
    serial: u64,
    under_way: BTreeMap<(u64, u64), Message>,
    latest: BTreeMap<(u64, u64), u64>,
    calls: BTreeMap<u64, Call>,
    weather: BTreeMap<(u64, u64), Weather>,
    /// Which life of each node is running; none while it is down.
    lives: BTreeMap<u64, Option<u64>>,
    paused: BTreeMap<u64, bool>,
    links: Vec<Weak<LinkState>>,
    counts: Counts,
    dice: Dice,
}

/// The whole network.
#[derive(Clone)]
pub struct Net(Arc<Mutex<Inner>>);

impl Net {
    pub fn new(dice: Dice) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            now_ms: 0,
            serial: 0,
            under_way: BTreeMap::new(),
            latest: BTreeMap::new(),
            calls: BTreeMap::new(),
            weather: BTreeMap::new(),
            lives: BTreeMap::new(),
            paused: BTreeMap::new(),
            links: Vec::new(),
            counts: Counts::default(),
            dice,
        })))
    }

    /// The network as one node sees it.
    pub fn of(&self, node: u64) -> NodeNet {
        NodeNet {
            net: self.clone(),
            node,
        }
    }

    pub fn counts(&self) -> Counts {
        self.0.lock().counts
    }

    pub fn set_weather(&self, from: u64, to: u64, weather: Weather) {
        self.0.lock().weather.insert((from, to), weather);
    }

    pub fn weather(&self, from: u64, to: u64) -> Weather {
        self.0.lock().weather.get(&(from, to)).cloned().unwrap_or_default()
    }

    pub fn clear_weather(&self) {
        self.0.lock().weather.clear();
    }

    /// Whether frames come through both ways.
    pub fn connected(&self, a: u64, b: u64) -> bool {
        !self.weather(a, b).blocked && !self.weather(b, a).blocked
    }

    /// A node begins another life, or ends one.
    pub fn set_life(&self, node: u64, life: Option<u64>) {
        self.0.lock().lives.insert(node, life);
    }

    pub fn set_paused(&self, node: u64, paused: bool) {
        self.0.lock().paused.insert(node, paused);
    }

    /// Lets time pass, breaks links that are due, and hands out what has arrived for `node`.
    pub fn take(&self, node: u64) -> Vec<Arrival> {
        let mut inner = self.0.lock();
        let inner = &mut *inner;
        let mut arrivals = Vec::new();
        let due: Vec<(u64, u64)> = inner
            .under_way
            .range(..(inner.now_ms + 1, 0))
            .filter(|(_, message)| message.to == node)
            .map(|(key, _)| *key)
            .collect();
        for key in due {
            let Some(Message { from, body, .. }) = inner.under_way.remove(&key) else {
                continue;
            };
            match body {
                Body::Connect(call) => inner.send(node, from, Body::Reply(call, Some(Bytes::new()))),
                Body::Request(call, frame, life) if inner.lives.get(&node) == Some(&Some(life)) => {
                    arrivals.push(Arrival { from, call, frame });
                }
                Body::Request(..) => {}
                Body::Reply(call, frame) => {
                    if let Some(call) = inner.calls.remove(&call) {
                        let _ = call.send(frame);
                    }
                }
            }
        }
        arrivals
    }

    /// Sends the answer to a frame that arrived at `node`.
    pub fn reply(&self, node: u64, arrival_from: u64, call: u64, frame: Option<Bytes>) {
        self.0.lock().send(node, arrival_from, Body::Reply(call, frame));
    }

    /// Lets time pass. Frames to nodes that are down are gone; links to them break in time.
    pub fn advance(&self, now_ms: u64) {
        let mut inner = self.0.lock();
        let inner = &mut *inner;
        inner.now_ms = now_ms;
        let lives = &inner.lives;
        inner
            .under_way
            .retain(|(due, _), message| *due > now_ms || lives.get(&message.to).copied().flatten().is_some());
        if now_ms.is_multiple_of(20) {
            inner.calls.retain(|_, call| !call.is_closed());
            inner.break_links();
        }
    }
}

impl Inner {
    fn blocked(&self, from: u64, to: u64) -> bool {
        self.weather.get(&(from, to)).is_some_and(|weather| weather.blocked)
    }

    fn send(&mut self, from: u64, to: u64, body: Body) {
        let weather = self.weather.get(&(from, to)).cloned().unwrap_or_default();
        self.counts.sent += 1;
        if weather.blocked {
            self.counts.blocked += 1;
            return;
        }
        if self.dice.permille(weather.lost_permille) {
            self.counts.lost += 1;
            return;
        }
        if self.dice.permille(weather.doubled_permille)
            && let Body::Request(call, frame, life) = &body
        {
            self.counts.doubled += 1;
            let again = Body::Request(*call, frame.clone(), *life);
            self.put(from, to, again, &weather);
        }
        self.put(from, to, body, &weather);
    }

    fn put(&mut self, from: u64, to: u64, body: Body, weather: &Weather) {
        let due = self.now_ms + 1 + self.dice.of(weather.delay_ms.clone());
        let latest = self.latest.entry((from, to)).or_default();
        if due < *latest {
            self.counts.overtaken += 1;
        }
        *latest = due.max(*latest);
        self.serial += 1;
        self.under_way.insert((due, self.serial), Message { from, to, body });
    }

    fn break_links(&mut self) {
        let now_ms = self.now_ms;
        let mut kept = Vec::new();
        for weak in std::mem::take(&mut self.links) {
            let Some(link) = weak.upgrade() else { continue };
            let life = self.lives.get(&link.to).copied().flatten();
            let cut = self.blocked(link.from, link.to) || self.blocked(link.to, link.from);
            let asleep = self.paused.get(&link.to).copied().unwrap_or(false);
            let reborn = life.is_some_and(|life| life != link.life);
            let silent = cut || asleep || life.is_none();
            let mut since = link.silent_since_ms.lock();
            *since = silent.then(|| since.unwrap_or(now_ms));
            let idle = since.is_some_and(|since| now_ms - since >= IDLE_MS);
            if idle || (reborn && !cut) {
                link.broken.send_replace(true);
            } else {
                kept.push(weak);
            }
        }
        self.links = kept;
    }
}

/// The network as one node sees it.
pub struct NodeNet {
    net: Net,
    node: u64,
}

#[async_trait::async_trait]
impl Network for NodeNet {
    async fn connect(&self, node: u64, _address: &str) -> Result<Arc<dyn Link>, String> {
        let answered = {
            let mut inner = self.net.0.lock();
            let (call, answered) = inner.call();
            inner.send(self.node, node, Body::Connect(call));
            answered
        };
        let patience = std::time::Duration::from_millis(quorate_raft::limits::CONNECT_TIMEOUT_MS);
        if !matches!(tokio::time::timeout(patience, answered).await, Ok(Ok(_))) {
            return Err("no answer".into());
        }
        let mut inner = self.net.0.lock();
        let Some(life) = inner.lives.get(&node).copied().flatten() else {
            return Err("reset".into());
        };
        let (broken, watch) = watch::channel(false);
        let state = Arc::new(LinkState {
            from: self.node,
            to: node,
            life,
            broken,
            silent_since_ms: Mutex::new(None),
        });
        inner.links.push(Arc::downgrade(&state));
        Ok(Arc::new(SimLink {
            net: self.net.clone(),
            state,
            broken: watch,
        }))
    }

    fn local_addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::new(10, 0, 0, self.node as u8), 7443))
    }

    async fn close(&self) {}
}

impl Inner {
    fn call(&mut self) -> (u64, oneshot::Receiver<Option<Bytes>>) {
        let (answer, answered) = oneshot::channel();
        self.serial += 1;
        self.calls.insert(self.serial, answer);
        (self.serial, answered)
    }
}

struct SimLink {
    net: Net,
    state: Arc<LinkState>,
    broken: watch::Receiver<bool>,
}

impl SimLink {
    async fn until_broken(&self) {
        let mut broken = self.broken.clone();
        let _ = broken.wait_for(|broken| *broken).await;
    }
}

#[async_trait::async_trait]
impl Link for SimLink {
    async fn exchange(&self, request: Vec<Bytes>) -> Result<Bytes, CallError> {
        if *self.broken.borrow() {
            return Err(CallError::NotSent("the connection is broken".into()));
        }
        let answered = {
            let mut inner = self.net.0.lock();
            let (call, answered) = inner.call();
            let frame = Bytes::from(request.concat());
            inner.send(
                self.state.from,
                self.state.to,
                Body::Request(call, frame, self.state.life),
            );
            answered
        };
        tokio::select! {
            biased;
            answer = answered => match answer {
                Ok(Some(frame)) => Ok(frame),
                Ok(None) | Err(_) => Err(CallError::Lost("no answer".into())),
            },
            () = self.until_broken() => Err(CallError::Lost("the connection broke".into())),
        }
    }

    async fn exchange_with_file(&self, request: Bytes, file: &SnapshotFile) -> Result<Bytes, String> {
        let mut raw = file.open_raw().map_err(|e| e.to_string())?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut raw, &mut bytes).map_err(|e| e.to_string())?;
        let request = vec![request, Bytes::from(bytes)];
        loop {
            // A transfer has no deadline of its own: what is lost of it is sent again, as QUIC does, as long as there is a connection.
            let again = std::time::Duration::from_millis(IDLE_MS / 2);
            if let Ok(answer) = tokio::time::timeout(again, self.exchange(request.clone())).await {
                return answer.map_err(|e| e.to_string());
            }
        }
    }

    async fn closed(&self) -> String {
        self.until_broken().await;
        "broken".into()
    }

    fn close(&self) {
        self.state.broken.send_replace(true);
    }
}
