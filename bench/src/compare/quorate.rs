//! Quorate as it is driven beside the others: the whole passcode-only login over RADIUS, spread over the three nodes.
//!
//! It does more than they do for the same word "consume": it checks a signature, opens a sealed seed, computes the codes
//! of the window, counts wrong guesses, and writes an audit record in the same entry.

use std::{
    io::ErrorKind,
    net::UdpSocket,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use cluster_tests::{
    Cluster, Person,
    cluster::SECRET,
    people,
    wire::{Request, Secret},
};

use super::{
    system::{Client, System},
    wire::Verdict,
};
use crate::{
    armed::Armed,
    generator::{Outcome, Pace},
    usage,
};

/// No more logins a second than this can be done with so many in flight; so many are signed beforehand.
fn at_most_per_second(in_flight: usize) -> f64 {
    2_500.0 + 30_000.0 * in_flight as f64 / (in_flight as f64 + 40.0)
}

/// People who log in while leaders are killed, for each login a second: their codes last.
const RESERVE_S: usize = 36;

pub const NAME: &str = "Quorate";

pub struct Quorate {
    armed: Armed,
    reserve: Arc<Mutex<Reserve>>,
}

/// People in turn.
struct Reserve {
    people: Vec<Person>,
    next: usize,
}

impl Quorate {
    /// Makes a cluster with `users` for the rates and others for the kills, and leaves it stopped.
    pub fn make(users: usize, per_second: u32) -> Result<Self> {
        let cluster = Cluster::on_loopback(super::system::NODES)?;
        let people = people::import(&cluster.api()?, "u", users)?;
        let reserve = people::import(&cluster.api()?, "k", per_second as usize * RESERVE_S)?;
        cluster.converged()?;
        let mut quorate = Self {
            armed: Armed::new(cluster, people),
            reserve: Arc::new(Mutex::new(Reserve {
                people: reserve,
                next: 0,
            })),
        };
        quorate.stop()?;
        Ok(quorate)
    }
}

impl System for Quorate {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&mut self) -> Result<()> {
        let cluster = &mut self.armed.cluster;
        for node in &mut cluster.nodes {
            node.start()?;
        }
        cluster.nodes.iter().try_for_each(cluster_tests::Node::ready)?;
        cluster.converged()
    }

    fn stop(&mut self) -> Result<()> {
        self.armed
            .cluster
            .nodes
            .iter_mut()
            .try_for_each(cluster_tests::Node::stop)
    }

    fn pids(&self) -> Result<Vec<u32>> {
        usage::pids(&self.armed.cluster)
    }

    fn prepare(&mut self, in_flight: usize, lasts: Duration) -> Result<()> {
        self.armed.load(at_most_per_second(in_flight), lasts);
        Ok(())
    }

    fn drive(&mut self, in_flight: usize, lasts: Duration) -> Result<Outcome> {
        self.armed.fire(Pace::Closed { in_flight }, lasts)
    }

    fn client(&mut self) -> Result<Box<dyn Client>> {
        let cluster = &self.armed.cluster;
        let sockets = cluster.servers().into_iter().map(|server| {
            let socket = UdpSocket::bind((cluster.sources.passcode, 0))?;
            socket.connect(server)?;
            Ok(socket)
        });
        Ok(Box::new(Gateway {
            reserve: Arc::clone(&self.reserve),
            secret: Secret::new(SECRET),
            sockets: sockets.collect::<Result<_>>()?,
            login: None,
        }))
    }

    fn leader(&self) -> Result<usize> {
        self.armed.cluster.leader()
    }

    fn kill(&mut self, node: usize) -> Result<()> {
        self.armed.cluster.nodes[node].kill()
    }

    fn revive(&mut self, node: usize) -> Result<()> {
        self.armed.cluster.restart(node)?;
        self.armed.cluster.converged()
    }
}

/// A NAS with a list of servers, one login at a time. Every try sends the identical datagram.
struct Gateway {
    reserve: Arc<Mutex<Reserve>>,
    secret: Secret,
    sockets: Vec<UdpSocket>,
    login: Option<Login>,
}

struct Login {
    name: String,
    code: String,
    request: Request,
}

impl Gateway {
    fn login(&self, name: String, code: String) -> Login {
        let request = Request::access(&self.secret, &name, code.as_bytes(), None);
        Login { name, code, request }
    }
}

impl Client for Gateway {
    fn take_code(&mut self) -> Result<()> {
        let mut reserve = self.reserve.lock().expect("invariant: no holder panics");
        let at = reserve.next % reserve.people.len();
        reserve.next += 1;
        let person = &mut reserve.people[at];
        let (_, code) = person.fresh_code().context("no fresh code is left")?;
        let name = person.name.clone();
        drop(reserve);
        self.login = Some(self.login(name, code));
        Ok(())
    }

    fn ask(&mut self, node: usize, patience: Duration) -> Result<Verdict> {
        let request = &self.login.as_ref().context("no code was taken")?.request;
        let (socket, until) = (&self.sockets[node], Instant::now() + patience);
        socket.send(&request.datagram)?;
        let mut buffer = [0; 4096];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("no reply");
            }
            socket.set_read_timeout(Some(left))?;
            match socket.recv(&mut buffer) {
                // What is no reply to this request is late, and for a former one.
                Ok(length) => match request.reply(&self.secret, &buffer[..length]) {
                    Some(reply) if reply.is_accept() => return Ok(Verdict::Accepted),
                    Some(_) => return Ok(Verdict::Refused),
                    None => {}
                },
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => return Err(error).context("the node is gone"),
            }
        }
    }

    fn reuse_code(&mut self) {
        if let Some(Login { name, code, .. }) = self.login.take() {
            self.login = Some(self.login(name, code));
        }
    }
}
