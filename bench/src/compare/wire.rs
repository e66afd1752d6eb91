//! Loads a system over TCP as cheaply as it can be done: one thread, one `epoll`, protocols that only see bytes.
//!
//! A [`Protocol`] turns codes into requests and bytes into verdicts and does no I/O; etcd's and MariaDB's stand in files of
//! their own. [`drive`] keeps so many requests in flight, a new one for each answer, exactly as `generator` does for
//! RADIUS. A [`Connection`] also works alone and blocking, for the clients that look for a way round a dead node.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    io::Errno,
};

use crate::generator::Outcome;

/// Longer than any answer may take.
const LOST_AFTER: Duration = Duration::from_secs(11);

/// Between two looks at a socket whose send buffer was full.
const TICK: Duration = Duration::from_millis(20);

/// A one-time code as the peers see it: of user `user` the timestep `step`, higher than any that was used.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    pub user: u64,
    pub step: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// The code, or a later one, was used.
    Refused,
    /// The system could not say.
    Failed,
}

/// One connection's half of a conversation. `slot` comes back with the verdict.
pub trait Protocol {
    /// What the client says first, if it speaks first.
    fn hello(&mut self, out: &mut Vec<u8>);
    /// Whether codes may be sent.
    fn is_ready(&self) -> bool;
    fn consume(&mut self, slot: usize, code: Code, out: &mut Vec<u8>);
    /// Takes what arrived, in pieces of any size.
    ///
    /// # Errors
    /// The other side broke the protocol or ended the conversation.
    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>, verdicts: &mut Vec<(usize, Verdict)>) -> Result<()>;
}

pub struct Connection<P> {
    stream: TcpStream,
    protocol: P,
    out: Vec<u8>,
    verdicts: Vec<(usize, Verdict)>,
}

impl<P: Protocol> Connection<P> {
    /// Connects, and waits at most `patience` for every step until codes may be sent.
    pub fn open(server: SocketAddr, mut protocol: P, patience: Duration) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&server, patience).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        let mut out = Vec::new();
        protocol.hello(&mut out);
        let mut connection = Self {
            stream,
            protocol,
            out,
            verdicts: Vec::new(),
        };
        connection.flush()?;
        while !connection.protocol.is_ready() {
            connection.read()?;
            connection.flush()?;
        }
        Ok(connection)
    }

    /// One code, waiting at most `patience` for each piece of the answer.
    ///
    /// # Errors
    /// There was no answer: the code may have been consumed or not, and the connection is of no more use.
    pub fn ask(&mut self, code: Code, patience: Duration) -> Result<Verdict> {
        self.stream.set_read_timeout(Some(patience))?;
        self.protocol.consume(0, code, &mut self.out);
        self.flush()?;
        loop {
            self.read()?;
            self.flush()?;
            if let Some((_, verdict)) = self.verdicts.pop() {
                return Ok(verdict);
            }
        }
    }

    fn read(&mut self) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer)? {
            0 => bail!("the server hung up"),
            length => self
                .protocol
                .receive(&buffer[..length], &mut self.out, &mut self.verdicts),
        }
    }

    /// Sends what there is to send; what a full send buffer does not take stays for the next time.
    fn flush(&mut self) -> Result<()> {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(length) => drop(self.out.drain(..length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("the server takes no more requests"),
            }
        }
        Ok(())
    }
}

/// Keeps `in_flight` codes in flight for `lasts`, spread over `connections`. What a protocol answers out of order
/// is fine; one that can carry a single request needs as many connections as there are codes in flight.
pub fn drive<P: Protocol>(
    connections: &mut [Connection<P>],
    in_flight: usize,
    lasts: Duration,
    next: impl FnMut() -> Code,
) -> Result<Outcome> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (at, connection) in connections.iter().enumerate() {
        connection.stream.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(at as u64);
        epoll::add(&poll, connection.stream.as_fd(), data, epoll::EventFlags::IN)?;
    }
    let mut driver = Driver {
        connections,
        poll,
        begun: vec![Instant::now(); in_flight],
        outstanding: 0,
        next,
        outcome: Outcome::default(),
    };
    driver.run(lasts)?;
    let mut outcome = driver.outcome;
    for connection in connections {
        connection.stream.set_nonblocking(false)?;
    }
    outcome.latencies.sort_unstable();
    Ok(outcome)
}

struct Driver<'a, P, F> {
    connections: &'a mut [Connection<P>],
    poll: rustix::fd::OwnedFd,
    /// When the request in each slot was sent. Slot `n` belongs to connection `n % connections`.
    begun: Vec<Instant>,
    outstanding: usize,
    next: F,
    outcome: Outcome,
}

impl<P: Protocol, F: FnMut() -> Code> Driver<'_, P, F> {
    fn run(&mut self, lasts: Duration) -> Result<()> {
        let begun = Instant::now();
        for slot in 0..self.begun.len() {
            self.send(slot);
        }
        self.flush_all()?;
        while begun.elapsed() < lasts {
            self.serve(true)?;
        }
        self.outcome.elapsed = begun.elapsed();
        let (counted, refused) = (self.outcome.accepted, self.outcome.refused);
        // What is in flight still counts as an answer or a loss, but not for the rate.
        let ended = Instant::now();
        while self.outstanding > 0 && ended.elapsed() < LOST_AFTER {
            self.serve(false)?;
        }
        self.outcome.lost += self.outstanding;
        self.outcome.latencies.truncate(counted);
        (self.outcome.accepted, self.outcome.refused) = (counted, refused);
        Ok(())
    }

    fn send(&mut self, slot: usize) {
        let at = slot % self.connections.len();
        let connection = &mut self.connections[at];
        self.begun[slot] = Instant::now();
        let code = (self.next)();
        connection.protocol.consume(slot, code, &mut connection.out);
        self.outstanding += 1;
    }

    fn flush_all(&mut self) -> Result<()> {
        self.connections.iter_mut().try_for_each(Connection::flush)
    }

    /// Waits for answers, counts them, and with `go_on` sends a new code for each.
    fn serve(&mut self, go_on: bool) -> Result<()> {
        let wait = Timespec::try_from(TICK).context("a short wait")?;
        let mut events = Vec::with_capacity(256);
        match epoll::wait(&self.poll, spare_capacity(&mut events), Some(&wait)) {
            Ok(0) => return self.flush_all(),
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error).context("epoll"),
        }
        for event in events {
            let at = event.data.u64() as usize;
            self.connections[at].read()?;
            for (slot, verdict) in std::mem::take(&mut self.connections[at].verdicts) {
                self.count(slot, verdict);
                if go_on {
                    self.send(slot);
                }
            }
            self.connections[at].flush()?;
        }
        Ok(())
    }

    fn count(&mut self, slot: usize, verdict: Verdict) {
        self.outstanding -= 1;
        match verdict {
            Verdict::Accepted => {
                self.outcome.accepted += 1;
                self.outcome.latencies.push(self.begun[slot].elapsed());
            }
            Verdict::Refused => self.outcome.refused += 1,
            Verdict::Failed => self.outcome.lost += 1,
        }
    }
}
