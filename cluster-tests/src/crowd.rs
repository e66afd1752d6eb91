//! Many RADIUS logins at once, each as a NAS sends it: the identical datagram again after `retry`, to the next
//! server of its list, until it is answered or its tries are used up. One thread, one event loop; every request in
//! flight has a socket of its own, so identifiers never run out and a late reply cannot be taken for another's. Waiting is counted in time
//! that the machine gave ([`crate::pulse`]).

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    limits, pulse,
    wire::{Reply, Request, Secret},
};

/// What is sent, where to, and how often.
#[derive(Clone)]
pub struct Login {
    pub request: Request,
    /// Tried in turn, the first one first.
    pub servers: Vec<SocketAddr>,
    pub retry: Duration,
    pub tries: u32,
}

impl Login {
    /// To one server, once, waiting as long as a reply may take.
    pub fn once(request: Request, server: SocketAddr) -> Self {
        Self {
            request,
            servers: vec![server],
            retry: limits::LAST_REPLY,
            tries: 1,
        }
    }

    /// As a NAS with a list of servers sends it.
    pub fn with_retries(request: Request, servers: Vec<SocketAddr>) -> Self {
        Self {
            request,
            servers,
            retry: limits::NAS_RETRY,
            tries: limits::NAS_TRIES,
        }
    }
}

/// How a login ended.
#[derive(Clone, Debug)]
pub struct Ended<Tag> {
    pub tag: Tag,
    /// `None`: every try went unanswered.
    pub reply: Option<Reply>,
    /// From the first datagram to the answer, or to giving up.
    pub took: Duration,
    pub at: Instant,
}

struct Flight<Tag> {
    tag: Tag,
    login: Login,
    socket: UdpSocket,
    begun: Instant,
    /// On the clock of [`pulse`].
    again_at: Instant,
    tries: u32,
}

/// Logins in flight, from one source address under one secret.
pub struct Crowd<Tag> {
    secret: Secret,
    source: IpAddr,
    flights: Vec<Flight<Tag>>,
    idle: Vec<UdpSocket>,
}

impl<Tag> Crowd<Tag> {
    pub fn new(secret: &str, source: IpAddr) -> Self {
        Self {
            secret: Secret::new(secret),
            source,
            flights: Vec::new(),
            idle: Vec::new(),
        }
    }

    pub fn from_loopback(secret: &str) -> Self {
        Self::new(secret, Ipv4Addr::LOCALHOST.into())
    }

    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Sends the first datagram of `login`.
    pub fn send(&mut self, tag: Tag, login: Login) -> Result<()> {
        let socket = match self.idle.pop() {
            Some(socket) => socket,
            None => open(self.source)?,
        };
        let begun = Instant::now();
        let mut flight = Flight {
            tag,
            login,
            socket,
            begun,
            again_at: begun,
            tries: 0,
        };
        flight.transmit();
        self.flights.push(flight);
        Ok(())
    }

    /// Everything that ended within `patience`; returns as soon as something did.
    pub fn ended(&mut self, patience: Duration) -> Result<Vec<Ended<Tag>>> {
        let until = pulse::now() + patience;
        loop {
            let ended = self.collect();
            let now = pulse::now();
            if !ended.is_empty() || now >= until || self.flights.is_empty() {
                return Ok(ended);
            }
            let next = self
                .flights
                .iter()
                .map(|flight| flight.again_at)
                .min()
                .unwrap_or(until)
                .min(until);
            self.sleep_until_readable(next.saturating_duration_since(now))?;
        }
    }

    /// Waits for every login in flight.
    pub fn all_ended(&mut self) -> Result<Vec<Ended<Tag>>> {
        let mut all = Vec::new();
        while !self.flights.is_empty() {
            all.extend(self.ended(limits::LAST_REPLY)?);
        }
        Ok(all)
    }

    fn sleep_until_readable(&self, longest: Duration) -> Result<()> {
        let mut readable: Vec<PollFd<'_>> = self
            .flights
            .iter()
            .map(|flight| PollFd::new(&flight.socket, PollFlags::IN))
            .collect();
        let longest = Timespec::try_from(longest.max(Duration::from_micros(100))).context("a wait too long")?;
        match poll(&mut readable, Some(&longest)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error).context("poll"),
        }
    }

    fn collect(&mut self) -> Vec<Ended<Tag>> {
        let mut ended = Vec::new();
        let mut at = 0;
        while at < self.flights.len() {
            let now = Instant::now();
            let reply = self.flights[at].reply(&self.secret);
            if reply.is_none() && !self.flights[at].is_given_up() {
                at += 1;
                continue;
            }
            let flight = self.flights.swap_remove(at);
            self.idle.push(flight.socket);
            ended.push(Ended {
                tag: flight.tag,
                reply,
                took: now - flight.begun,
                at: now,
            });
        }
        ended
    }
}

impl<Tag> Flight<Tag> {
    fn transmit(&mut self) {
        let server = self.login.servers[self.tries as usize % self.login.servers.len()];
        // A refused datagram (the server's process is dead) is a lost datagram: the next try is the remedy.
        let _ = self.socket.send_to(&self.login.request.datagram, server);
        self.tries += 1;
        self.again_at = pulse::now() + self.login.retry;
    }

    /// The first datagram waiting that is a true reply to this request; anything else is passed over.
    fn reply(&self, secret: &Secret) -> Option<Reply> {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    if let Some(reply) = self.login.request.reply(secret, &buffer[..length]) {
                        return Some(reply);
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(_) => return None,
            }
        }
    }

    /// Sends again when it is time; true when there is no try left.
    fn is_given_up(&mut self) -> bool {
        if pulse::now() < self.again_at {
            return false;
        }
        if self.tries >= self.login.tries {
            return true;
        }
        self.transmit();
        false
    }
}

fn open(source: IpAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(SocketAddr::new(source, 0)).with_context(|| format!("no socket on {source}"))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
