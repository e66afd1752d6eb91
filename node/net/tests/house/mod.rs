//! A house of one room for the tests: clients from a list, verdicts from a closure, everything
//! that was asked written down.

#![allow(dead_code, clippy::unwrap_used)] // each test file uses its part; a panic is a failing test

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use prometheus::Registry;
use quorate_app::{AccessRequest, Decision};
use quorate_core::{ApplicationId, Client, ClientId, Cut, Entrance, Modes, Revision};
use quorate_net::{Candidate, Config, Logins, Metrics, RadiusServer};
use quorate_radius::SharedSecret;
use quorate_radius::client::{Answer, Request, Sent};
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub const SECRET: &[u8] = b"between us";

/// Far more than any of this takes; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

type Verdict = dyn Fn(&AccessRequest) -> Decision + Send + Sync;

pub struct Rooms {
    candidates: Vec<Candidate>,
    verdict: Box<Verdict>,
    pub serving: AtomicBool,
    pub asked: AtomicU32,
    /// A login waits here for a permit, where a test holds them back.
    pub gate: Semaphore,
}

/// What the server holds; the test keeps the other `Arc`.
pub struct Port(Arc<Rooms>);

impl Port {
    pub fn of(house: &House) -> Self {
        Self(Arc::clone(&house.rooms))
    }
}

impl Logins for Port {
    fn candidates(&self, source: IpAddr) -> Vec<Candidate> {
        let holds = |it: &&Candidate| it.client.networks.iter().any(|net| net.contains(source));
        self.0.candidates.iter().filter(holds).cloned().collect()
    }

    async fn authenticate(&self, login: AccessRequest) -> quorate_app::Answer {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        let decision = (self.0.verdict)(&login);
        self.0.gate.acquire().await.unwrap().forget();
        self.0.gate.add_permits(1);
        quorate_app::Answer {
            decision,
            method: None,
            replayed: false,
        }
    }

    fn is_serving(&self) -> bool {
        self.0.serving.load(Ordering::SeqCst)
    }

    fn now_ms(&self) -> u64 {
        1_700_000_000_000
    }
}

pub struct House {
    pub rooms: Arc<Rooms>,
    pub server: RadiusServer,
    pub registry: Registry,
}

impl House {
    pub async fn open(
        clients: Vec<(Client, Vec<&[u8]>)>,
        verdict: impl Fn(&AccessRequest) -> Decision + Send + Sync + 'static,
    ) -> Self {
        let config = Config::listening_on(vec!["127.0.0.1:0".parse().unwrap()]);
        Self::open_with(config, clients, verdict).await
    }

    pub async fn open_with(
        config: Config,
        clients: Vec<(Client, Vec<&[u8]>)>,
        verdict: impl Fn(&AccessRequest) -> Decision + Send + Sync + 'static,
    ) -> Self {
        let candidate = |(client, secrets): (Client, Vec<&[u8]>)| Candidate {
            client: Arc::new(client),
            secrets: secrets.into_iter().map(SharedSecret::new).collect(),
        };
        let rooms = Arc::new(Rooms {
            candidates: clients.into_iter().map(candidate).collect(),
            verdict: Box::new(verdict),
            serving: AtomicBool::new(true),
            asked: AtomicU32::new(0),
            gate: Semaphore::new(1),
        });
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        let server = RadiusServer::start(config, Port(Arc::clone(&rooms)), metrics)
            .await
            .unwrap();
        Self {
            rooms,
            server,
            registry,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.addresses()[0]
    }

    pub fn asked(&self) -> u32 {
        self.rooms.asked.load(Ordering::SeqCst)
    }

    /// The sum over a metric's series that have this label value (any, if empty).
    pub fn metric(&self, name: &str, label: &str) -> u64 {
        let families = self.registry.gather();
        let family = families
            .iter()
            .find(|family| family.name() == name)
            .expect("no such metric");
        let matching = family
            .get_metric()
            .iter()
            .filter(|metric| label.is_empty() || metric.get_label().iter().any(|pair| pair.value() == label));
        let value = |it: &prometheus::proto::Metric| it.get_counter().get_value() + it.get_gauge().get_value();
        matching.map(value).sum::<f64>() as u64
    }

    pub fn drops(&self, reason: &str) -> u64 {
        self.metric("quorate_radius_drops_total", reason)
    }

    /// Waits for a condition on the house.
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let turns = timeout(PATIENCE, async {
            while !condition(self) {
                tokio::task::yield_now().await;
            }
        });
        turns.await.expect("the condition did not come true");
    }
}

/// A client of one network with nothing special.
pub fn client(name: &str, network: &str) -> Client {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Client {
        id: ClientId(NEXT.fetch_add(1, Ordering::SeqCst)),
        name: name.into(),
        device_type: "VPN".into(),
        networks: Box::new([network.parse().unwrap()]),
        nas_identifier: None,
        secrets: Box::new([]),
        modes: Modes {
            one_step: true,
            two_step: true,
            passcode_only: false,
        },
        require_message_authenticator: true,
        application: ApplicationId(1),
        retry_timeout_ms: 3_000,
        retry_tries: 3,
        enabled: true,
        revision: Revision(1),
        epoch: 0,
        entrance: Entrance::default(),
        cut: Cut::default(),
    }
}

/// The usual one, on loopback.
pub fn vpn() -> Vec<(Client, Vec<&'static [u8]>)> {
    vec![(client("vpn", "127.0.0.0/8"), vec![SECRET])]
}

/// A NAS: one socket, and the secret it believes in.
pub struct Nas {
    pub socket: UdpSocket,
    secret: SharedSecret,
    next: std::cell::Cell<u8>,
}

impl Nas {
    pub async fn new(server: SocketAddr) -> Self {
        let local = if server.is_ipv6() { "[::1]:0" } else { "127.0.0.1:0" };
        let socket = UdpSocket::bind(local).await.unwrap();
        socket.connect(server).await.unwrap();
        Self {
            socket,
            secret: SharedSecret::new(SECRET),
            next: 1.into(),
        }
    }

    pub async fn with_secret(server: SocketAddr, secret: &[u8]) -> Self {
        Self {
            secret: SharedSecret::new(secret),
            ..Self::new(server).await
        }
    }

    /// Sends under a new identifier and authenticator.
    pub async fn send(&self, request: &Request) -> Sent {
        let number = self.next.replace(self.next.get().wrapping_add(1));
        let sent = request.encode(number, [number; 16], &self.secret).unwrap();
        self.send_raw(sent.datagram()).await;
        sent
    }

    pub async fn send_raw(&self, datagram: &[u8]) {
        self.socket.send(datagram).await.unwrap();
    }

    /// The next datagram that comes.
    pub async fn receive(&self) -> Vec<u8> {
        let mut datagram = vec![0; 8192];
        let length = timeout(PATIENCE, self.socket.recv(&mut datagram)).await;
        datagram.truncate(length.expect("no answer came").unwrap());
        datagram
    }

    /// Sends, and expects the very next datagram to be the answer to it.
    pub async fn ask(&self, request: &Request) -> Answer {
        let sent = self.send(request).await;
        sent.verify(&self.receive().await, &self.secret).unwrap()
    }
}
