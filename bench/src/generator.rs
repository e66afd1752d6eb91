//! Fires a magazine: one thread, connected sockets, a slot for every Identifier of every socket.
//!
//! *Closed*: so many logins in flight, a new one for each answer; it finds the highest rate. *Open*: so many a second,
//! whatever is answered; latency counts from the moment a login was due, so that a stall is not hidden by the
//! logins that were not sent during it. Nothing is retried: what was not answered in time counts as lost.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::Result;
use cluster_tests::wire::{ACCESS_ACCEPT, Request, Secret};

use crate::{magazine::Magazine, sockets::Sockets};

/// Sockets per server: source ports for the kernel to spread over the server's sockets.
const SOCKETS: usize = 8;

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

    fn count(&mut self, code: u8, flight: Flight) {
        if code == ACCESS_ACCEPT {
            self.accepted += 1;
            self.latencies.push(flight.due.elapsed());
        } else {
            self.refused += 1;
        }
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
    sockets: Sockets,
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
        let sockets = Sockets::open(source, servers, SOCKETS)?;
        let slots = vec![[None; 256]; sockets.count()];
        let requests = &magazine.requests[..];
        Ok(Self {
            requests,
            secret,
            sockets,
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
        let count = self.sockets.count();
        let Some(socket) = (0..count)
            .map(|n| (self.next + n) % count)
            .find(|s| self.slots[*s][identifier].is_none())
        else {
            return false;
        };
        self.sockets.send(socket, &self.requests[self.next].datagram);
        self.slots[socket][identifier] = Some(Flight {
            request: self.next,
            due,
        });
        self.next += 1;
        self.in_flight += 1;
        true
    }

    fn receive(&mut self, wait: Duration) -> Result<()> {
        let Self {
            sockets,
            slots,
            requests,
            secret,
            in_flight,
            outcome,
            ..
        } = self;
        sockets.receive(wait, |socket, datagram| {
            let Some(flight) = answered(&mut slots[socket], requests, secret, datagram) else {
                return;
            };
            *in_flight -= 1;
            outcome.count(datagram[0], flight);
        })
    }
}

/// The flight that this reply answers, if its Response Authenticator holds; its slot is free then. Anything else is passed over.
fn answered(
    slots: &mut [Option<Flight>; 256],
    requests: &[Request],
    secret: &Secret,
    datagram: &[u8],
) -> Option<Flight> {
    let identifier = usize::from(*datagram.get(1)?);
    let is_its =
        |flight: &mut Flight| datagram.len() >= 20 && requests[flight.request].signed_response(secret, datagram);
    slots[identifier].take_if(is_its)
}
