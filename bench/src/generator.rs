//! Fires a magazine: one thread, connected sockets, a slot for every Identifier of every socket.
//!
//! *Closed*: so many logins in flight, a new one for each answer; it finds the highest rate. *Open*: so many a second,
//! whatever is answered; latency counts from the moment a login was due, so that a stall is not hidden by the
//! logins that were not sent during it. Nothing is retried: what was not answered in time counts as lost.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use cluster_tests::wire::{ACCESS_ACCEPT, Request, Secret};
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    io::Errno,
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::magazine::Magazine;

/// Sockets per server: source ports for the kernel to spread over the server's sockets.
const SOCKETS: usize = 8;

/// Replies of a whole burst wait here while the generator is off the processor.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Longer than any answer may take.
const LOST_AFTER: Duration = Duration::from_secs(11);

#[derive(Clone, Copy, Debug)]
pub enum Pace {
    Closed { in_flight: usize },
    Open { per_second: f64 },
}

/// What became of the logins.
#[derive(Debug, Default)]
pub struct Outcome {
    pub sent: usize,
    pub accepted: usize,
    pub refused: usize,
    pub lost: usize,
    pub elapsed: Duration,
    /// Of the accepted ones, sorted.
    pub latencies: Vec<Duration>,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        self.accepted as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Sends logins of `magazine` to `servers` in turn from `source`, for `lasts` or until the magazine is empty.
pub fn fire(
    magazine: &Magazine,
    secret: &Secret,
    source: IpAddr,
    servers: &[SocketAddr],
    pace: Pace,
    lasts: Duration,
) -> Result<Outcome> {
    let mut generator = Generator::open(magazine, secret, source, servers)?;
    generator.run(pace, lasts)?;
    Ok(generator.outcome)
}

struct Generator<'a> {
    requests: &'a [Request],
    secret: &'a Secret,
    sockets: Vec<Socket>,
    poll: rustix::fd::OwnedFd,
    /// By socket and Identifier.
    slots: Vec<[Option<Flight>; 256]>,
    next: usize,
    in_flight: usize,
    outcome: Outcome,
}

#[derive(Clone, Copy)]
struct Flight {
    request: usize,
    due: Instant,
}

impl<'a> Generator<'a> {
    fn open(magazine: &'a Magazine, secret: &'a Secret, source: IpAddr, servers: &[SocketAddr]) -> Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut sockets = Vec::new();
        // Server after server, so that neighbouring sockets belong to different servers.
        for _ in 0..SOCKETS {
            for server in servers {
                let socket = connect(source, *server)?;
                let data = epoll::EventData::new_u64(sockets.len() as u64);
                epoll::add(&poll, socket.as_fd(), data, epoll::EventFlags::IN)?;
                sockets.push(socket);
            }
        }
        let slots = vec![[None; 256]; sockets.len()];
        let requests = &magazine.requests[..];
        Ok(Self {
            requests,
            secret,
            sockets,
            poll,
            slots,
            next: 0,
            in_flight: 0,
            outcome: Outcome::default(),
        })
    }

    fn run(&mut self, pace: Pace, lasts: Duration) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < lasts && self.next < self.requests.len() {
            let wait = match pace {
                Pace::Closed { in_flight } => self.top_up(in_flight),
                Pace::Open { per_second } => self.send_due(begun, per_second),
            };
            self.receive(wait)?;
        }
        self.outcome.elapsed = begun.elapsed();
        self.outcome.sent = self.next;
        let ended = Instant::now();
        // What is in flight still counts as an answer or a loss, but not for the rate.
        let counted = self.outcome.accepted;
        while self.in_flight > 0 && ended.elapsed() < LOST_AFTER {
            self.receive(Duration::from_millis(100))?;
        }
        self.outcome.lost = self.in_flight;
        self.outcome.latencies.truncate(counted);
        self.outcome.accepted = counted;
        self.outcome.latencies.sort_unstable();
        Ok(())
    }

    fn top_up(&mut self, in_flight: usize) -> Duration {
        while self.in_flight < in_flight && self.next < self.requests.len() && self.send(Instant::now()) {}
        Duration::from_millis(50)
    }

    /// Sends what is due, and gives the time until the next one is.
    fn send_due(&mut self, begun: Instant, per_second: f64) -> Duration {
        loop {
            let due = begun + Duration::from_secs_f64(self.next as f64 / per_second);
            let ahead = due.saturating_duration_since(Instant::now());
            if !ahead.is_zero() || self.next >= self.requests.len() || !self.send(due) {
                return ahead.min(Duration::from_millis(50));
            }
        }
    }

    /// Sends the next request on the first socket whose slot for its Identifier is free, beginning with another socket
    /// each time; false if none is.
    fn send(&mut self, due: Instant) -> bool {
        let identifier = self.next % 256;
        let count = self.sockets.len();
        let Some(socket) = (0..count)
            .map(|n| (self.next + n) % count)
            .find(|s| self.slots[*s][identifier].is_none())
        else {
            return false;
        };
        // A full send buffer or a dead server loses the datagram, as a network would.
        let _ = self.sockets[socket].send(&self.requests[self.next].datagram);
        self.slots[socket][identifier] = Some(Flight {
            request: self.next,
            due,
        });
        self.next += 1;
        self.in_flight += 1;
        true
    }

    fn receive(&mut self, wait: Duration) -> Result<()> {
        let wait = Timespec::try_from(wait).context("a short wait")?;
        let mut events = Vec::with_capacity(64);
        match epoll::wait(&self.poll, spare_capacity(&mut events), Some(&wait)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("epoll"),
        }
        for event in events {
            self.drain(event.data.u64() as usize);
        }
        Ok(())
    }

    fn drain(&mut self, socket: usize) {
        let mut buffer = [0; 4096];
        loop {
            match rustix::net::recv(&self.sockets[socket], &mut buffer, rustix::net::RecvFlags::empty()) {
                Ok((_, length)) => self.take(socket, &buffer[..length]),
                Err(Errno::CONNREFUSED | Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Counts a reply whose Response Authenticator holds; anything else is passed over.
    fn take(&mut self, socket: usize, datagram: &[u8]) {
        let [code, identifier, ..] = *datagram else { return };
        let slot = usize::from(identifier);
        let Some(flight) = self.slots[socket][slot] else { return };
        if datagram.len() < 20 || !self.requests[flight.request].signed_response(self.secret, datagram) {
            return;
        }
        self.slots[socket][slot] = None;
        self.in_flight -= 1;
        if code == ACCESS_ACCEPT {
            self.outcome.accepted += 1;
            self.outcome.latencies.push(flight.due.elapsed());
        } else {
            self.outcome.refused += 1;
        }
    }
}

fn connect(source: IpAddr, server: SocketAddr) -> Result<Socket> {
    let socket = Socket::new(Domain::for_address(server), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect(&server.into())?;
    Ok(socket)
}
