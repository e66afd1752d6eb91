//! Logins at a given rate, whatever is answered, sent again as a NAS does: the load of an overload.
//!
//! Each login is a right code that was never used. It is signed when it is sent first, sent again unchanged when its answer does not
//! come within the NAS's patience, and given up after the last try. What was answered is told second by second.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::Result;
use cluster_tests::{
    Person,
    wire::{ACCESS_ACCEPT, Request, Secret},
};

use crate::sockets::Sockets;

/// As much as the flood makes up for when it was off the processor.
const BEHIND: Duration = Duration::from_millis(20);

/// How long a NAS waits for an answer, and how often it sends.
#[derive(Clone, Copy)]
pub struct Nas {
    pub patience: Duration,
    pub tries: u32,
}

/// What became of the logins that were sent first in one second.
#[derive(Clone, Debug, Default)]
pub struct Second {
    pub begun: usize,
    pub accepted: usize,
    pub refused: usize,
    pub silent: usize,
    /// Transmissions, the first ones among them.
    pub sent: usize,
    /// Of the accepted ones, from the first transmission.
    pub latencies: Vec<Duration>,
    /// The same from the last transmission.
    pub answers: Vec<Duration>,
}

struct Flight {
    request: Request,
    due: Instant,
    sent: Instant,
    tries: u32,
}

/// The place of a flight: which socket, which Identifier.
type Slot = (usize, u8);

pub struct Flood<'a> {
    people: &'a mut [Person],
    next: usize,
    secret: &'a Secret,
    nas: Nas,
    sockets: Sockets,
    flights: Vec<[Option<Flight>; 256]>,
    free: VecDeque<Slot>,
    /// When which slot has waited long enough, in the order of time; a slot that is used anew by then is known by when its login was due.
    timers: VecDeque<(Instant, Slot, Instant)>,
    begun: Instant,
    pub seconds: Vec<Second>,
}

impl<'a> Flood<'a> {
    /// With room for `per_second` unanswered logins a second.
    pub fn open(
        people: &'a mut [Person],
        secret: &'a Secret,
        source: IpAddr,
        servers: &[SocketAddr],
        nas: Nas,
        per_second: f64,
    ) -> Result<Self> {
        let waiting = per_second * nas.patience.as_secs_f64() * f64::from(nas.tries);
        let each = ((waiting / 256.0) as usize / servers.len()).max(8);
        let sockets = Sockets::open(source, servers, each)?;
        let count = sockets.count();
        let free = (0..=255).flat_map(|id| (0..count).map(move |socket| (socket, id)));
        Ok(Self {
            people,
            next: 0,
            secret,
            nas,
            flights: (0..count).map(|_| [const { None }; 256]).collect(),
            free: free.collect(),
            sockets,
            timers: VecDeque::new(),
            begun: Instant::now(),
            seconds: Vec::new(),
        })
    }

    /// Sends at this rate for so long, or as fast as it can: what it could not send in time is not made up for. Answers to former
    /// logins are taken meanwhile.
    pub fn run(&mut self, per_second: f64, lasts: Duration) -> Result<()> {
        let (begun, mut sent) = (Instant::now(), 0_u64);
        let (mut due, apart) = (begun, Duration::from_secs_f64(1.0 / per_second));
        while begun.elapsed() < lasts {
            let now = Instant::now();
            if now < due {
                self.receive((due - now).min(Duration::from_millis(20)))?;
                self.try_again();
                continue;
            }
            sent += 1;
            self.begin(now);
            due = (due + apart).max(now.checked_sub(BEHIND).unwrap_or(now));
            // A flood that never looked for answers would find the buffers full of them.
            if sent.is_multiple_of(64) {
                self.receive(Duration::ZERO)?;
                self.try_again();
            }
        }
        Ok(())
    }

    /// Waits until every login was answered or given up.
    pub fn finish(&mut self) -> Result<()> {
        while !self.timers.is_empty() {
            self.receive(Duration::from_millis(20))?;
            self.try_again();
        }
        Ok(())
    }

    fn second(&mut self, at: Instant) -> &mut Second {
        second_of(&mut self.seconds, self.begun, at)
    }

    fn begin(&mut self, due: Instant) {
        let person = self.next % self.people.len();
        self.next += 1;
        let (Some((_, code)), Some(slot)) = (self.people[person].fresh_code(), self.free.pop_front()) else {
            return;
        };
        let request = Request::numbered(self.secret, slot.1, &self.people[person].name, code.as_bytes());
        self.flights[slot.0][usize::from(slot.1)] = Some(Flight {
            request,
            due,
            sent: due,
            tries: 0,
        });
        self.second(due).begun += 1;
        self.send(slot);
    }

    fn send(&mut self, slot: Slot) {
        let Some(flight) = &mut self.flights[slot.0][usize::from(slot.1)] else {
            return;
        };
        flight.tries += 1;
        flight.sent = Instant::now();
        self.sockets.send(slot.0, &flight.request.datagram);
        let due = flight.due;
        self.timers.push_back((Instant::now() + self.nas.patience, slot, due));
        self.second(due).sent += 1;
    }

    fn try_again(&mut self) {
        while let Some((_, slot, due)) = self.timers.pop_front_if(|(at, ..)| *at <= Instant::now()) {
            let place = &mut self.flights[slot.0][usize::from(slot.1)];
            let Some(tries) = place
                .as_ref()
                .filter(|flight| flight.due == due)
                .map(|flight| flight.tries)
            else {
                continue;
            };
            if tries < self.nas.tries {
                self.send(slot);
            } else {
                *place = None;
                self.free.push_back(slot);
                self.second(due).silent += 1;
            }
        }
    }

    fn receive(&mut self, wait: Duration) -> Result<()> {
        let Self {
            sockets,
            flights,
            secret,
            free,
            begun,
            seconds,
            ..
        } = self;
        sockets.receive(wait, |socket, datagram| {
            let [code, identifier, ..] = *datagram else { return };
            // A reply whose Response Authenticator does not hold is passed over.
            let is_its = |flight: &mut Flight| datagram.len() >= 20 && flight.request.signed_response(secret, datagram);
            let place = &mut flights[socket][usize::from(identifier)];
            let Some(flight) = place.take_if(is_its) else { return };
            free.push_back((socket, identifier));
            let second = second_of(seconds, *begun, flight.due);
            if code == ACCESS_ACCEPT {
                second.accepted += 1;
                second.latencies.push(flight.due.elapsed());
                second.answers.push(flight.sent.elapsed());
            } else {
                second.refused += 1;
            }
        })
    }
}

fn second_of(seconds: &mut Vec<Second>, begun: Instant, at: Instant) -> &mut Second {
    let second = at.saturating_duration_since(begun).as_secs() as usize;
    if seconds.len() <= second {
        seconds.resize_with(second + 1, Second::default);
    }
    &mut seconds[second]
}
