//! A relay for the datagrams between nodes, so that each directed link can be slow, uneven, lossy, doubled, shuffled or dead.
//!
//! Each node advertises an address of the relay, its *front*, and is dialled there. What comes from node A to the front of B leaves
//! towards B from a socket of that pair, so B answers to that socket, and the answer leaves for A from the front that A dialled. So
//! every datagram is known by the link it travels, and no node sees anything but one steady address of each other.
//! Who is no member (a node that joins speaks from a port of its own) passes untouched.
//!
//! One thread, one event loop. Chance comes from a seed; what it meets is up to the kernel's scheduler, so a run is not repeated exactly.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::dice::Dice;

/// Longest sleep of the loop: it has to notice that it should stop.
const NAP: Duration = Duration::from_millis(50);

/// How long a datagram that is to be overtaken waits: several datagrams of a busy link, and less than a heartbeat.
const OVERTAKEN: Duration = Duration::from_millis(8);

/// Larger than any datagram.
const DATAGRAM_BYTES: usize = 65_536;

/// What a link does to datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    pub delay: Duration,
    /// Up to this much more, evenly.
    pub jitter: Duration,
    /// In a hundred.
    pub loss_percent: u8,
    pub duplicate_percent: u8,
    /// How many are overtaken by those behind them.
    pub reorder_percent: u8,
}

impl Weather {
    /// Nothing passes.
    pub const DEAD: Self = Self {
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        loss_percent: 100,
        duplicate_percent: 0,
        reorder_percent: 0,
    };
}

/// What happened to datagrams between members.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub passed: u64,
    pub lost: u64,
    pub delayed: u64,
    pub duplicated: u64,
    pub reordered: u64,
}

/// A running relay; it ends when this is dropped.
pub struct Relay {
    fronts: Vec<SocketAddr>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    map: Mutex<Map>,
    stop: AtomicBool,
}

#[derive(Default)]
struct Map {
    /// Where the members really listen.
    members: Vec<Option<SocketAddr>>,
    /// Links whose weather is not fine, from → to.
    links: BTreeMap<(usize, usize), Weather>,
    counts: Counts,
}

impl Relay {
    /// A relay for `count` members, all its sockets on `ip`, in the network namespace of the calling thread.
    pub fn start(count: usize, ip: IpAddr, seed: u64) -> Result<Self> {
        let sockets = (0..count).map(|_| open(ip)).collect::<Result<Vec<UdpSocket>>>()?;
        let fronts = sockets.iter().map(UdpSocket::local_addr).collect::<Result<_, _>>()?;
        let shared = Arc::new(Shared::default());
        shared.map().members = vec![None; count];
        let mut post = Post {
            ip,
            lines: Vec::new(),
            shared: Arc::clone(&shared),
            dice: Dice::new(seed),
            later: BinaryHeap::new(),
            sequence: 0,
        };
        post.lines
            .extend(sockets.into_iter().enumerate().map(|(at, socket)| Line {
                socket,
                role: Role::Front(at),
            }));
        let thread = std::thread::spawn(move || post.run());
        Ok(Self {
            fronts,
            shared,
            thread: Some(thread),
        })
    }

    /// Where member `at` is to be dialled; it really listens at `address`.
    pub fn front(&self, at: usize, address: SocketAddr) -> SocketAddr {
        self.shared.map().members[at] = Some(address);
        self.fronts[at]
    }

    /// The weather from one member to another.
    pub fn set(&self, from: usize, to: usize, weather: Weather) {
        self.shared.map().links.insert((from, to), weather);
    }

    /// The weather on every link.
    pub fn set_all(&self, weather: Weather) {
        let mut map = self.shared.map();
        let members = 0..map.members.len();
        map.links = members
            .clone()
            .flat_map(|from| members.clone().map(move |to| ((from, to), weather)))
            .collect();
    }

    /// Fine weather everywhere.
    pub fn clear(&self) {
        self.shared.map().links.clear();
    }

    pub fn counts(&self) -> Counts {
        self.shared.map().counts
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn map(&self) -> MutexGuard<'_, Map> {
        self.map.lock().expect("invariant: no holder panics")
    }
}

impl Map {
    fn member(&self, address: SocketAddr) -> Option<usize> {
        self.members.iter().position(|member| *member == Some(address))
    }
}

/// A socket of the relay.
struct Line {
    socket: UdpSocket,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// What member `.0` advertises.
    Front(usize),
    /// Speaks to member `to` for whoever is at `from`.
    Pair { from: SocketAddr, to: usize },
}

/// A datagram on its way: due, a number that keeps the order, the line it leaves from, where to, and its bytes.
type Parcel = (Instant, u64, usize, SocketAddr, Vec<u8>);

/// The event loop.
struct Post {
    ip: IpAddr,
    lines: Vec<Line>,
    shared: Arc<Shared>,
    dice: Dice,
    later: BinaryHeap<Reverse<Parcel>>,
    sequence: u64,
}

impl Post {
    fn run(&mut self) {
        let mut buffer = vec![0; DATAGRAM_BYTES];
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.wait();
            for line in 0..self.lines.len() {
                while let Ok((length, from)) = self.lines[line].socket.recv_from(&mut buffer) {
                    self.forward(line, from, &buffer[..length]);
                }
            }
            self.deliver_what_is_due();
        }
    }

    fn wait(&self) {
        let now = Instant::now();
        let next = self
            .later
            .peek()
            .map(|Reverse(parcel)| parcel.0.saturating_duration_since(now));
        let longest = next.unwrap_or(NAP).min(NAP);
        let longest = Timespec::try_from(longest).expect("invariant: a nap is short");
        let mut readable: Vec<PollFd<'_>> = self
            .lines
            .iter()
            .map(|line| PollFd::new(&line.socket, PollFlags::IN))
            .collect();
        // Woken too early, or by a signal: the loop looks again.
        let _ = poll(&mut readable, Some(&longest));
    }

    /// Finds out which link a datagram travels, and where it leaves.
    fn forward(&mut self, line: usize, from: SocketAddr, bytes: &[u8]) {
        let shared = Arc::clone(&self.shared);
        let map = shared.map();
        let (link, leaves, address) = match self.lines[line].role {
            Role::Front(to) => {
                let Some(address) = map.members[to] else { return };
                let link = map.member(from).map(|from| (from, to));
                (link, self.line_for(Role::Pair { from, to }), address)
            }
            Role::Pair { from: asker, to } => {
                // Only the member answers here.
                if map.members[to] != Some(from) {
                    return;
                }
                let link = map.member(asker).map(|asker| (to, asker));
                (link, Some(to), asker)
            }
        };
        let Some(leaves) = leaves else { return };
        let weather = link.and_then(|link| map.links.get(&link)).copied();
        drop(map);
        self.send(weather.unwrap_or_default(), link.is_some(), leaves, address, bytes);
    }

    fn send(&mut self, weather: Weather, counted: bool, leaves: usize, address: SocketAddr, bytes: &[u8]) {
        let mut counts = Counts::default();
        if self.chance(weather.loss_percent) {
            counts.lost = 1;
        } else {
            counts.passed = 1;
            let copies = 1 + u64::from(self.chance(weather.duplicate_percent));
            counts.duplicated = copies - 1;
            for _ in 0..copies {
                let mut late = weather.delay + self.up_to(weather.jitter);
                if self.chance(weather.reorder_percent) {
                    counts.reordered += 1;
                    late += OVERTAKEN;
                }
                counts.delayed += u64::from(!late.is_zero());
                self.dispatch(late, leaves, address, bytes);
            }
        }
        if counted {
            self.shared.map().counts.add(counts);
        }
    }

    fn dispatch(&mut self, late: Duration, leaves: usize, address: SocketAddr, bytes: &[u8]) {
        if late.is_zero() {
            // A datagram that cannot be sent is lost, as datagrams are.
            let _ = self.lines[leaves].socket.send_to(bytes, address);
            return;
        }
        self.sequence += 1;
        let parcel = (Instant::now() + late, self.sequence, leaves, address, bytes.to_vec());
        self.later.push(Reverse(parcel));
    }

    fn deliver_what_is_due(&mut self) {
        let now = Instant::now();
        while self.later.peek().is_some_and(|Reverse(parcel)| parcel.0 <= now) {
            if let Some(Reverse((_, _, leaves, address, bytes))) = self.later.pop() {
                let _ = self.lines[leaves].socket.send_to(&bytes, address);
            }
        }
    }

    /// The line of this pair, opened at its first datagram.
    fn line_for(&mut self, role: Role) -> Option<usize> {
        if let Some(there) = self.lines.iter().position(|line| line.role == role) {
            return Some(there);
        }
        let socket = open(self.ip).ok()?;
        self.lines.push(Line { socket, role });
        Some(self.lines.len() - 1)
    }

    fn chance(&mut self, percent: u8) -> bool {
        percent > 0 && self.dice.of(0..100) < u64::from(percent)
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        let most_us = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.dice.of(0..most_us.saturating_add(1)))
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.lost += other.lost;
        self.delayed += other.delayed;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
    }
}

fn open(ip: IpAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(SocketAddr::new(ip, 0)).with_context(|| format!("no socket on {ip}"))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::wait;

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn received(socket: &UdpSocket) -> Option<(Vec<u8>, SocketAddr)> {
        let mut buffer = [0; 64];
        let (length, from) = socket.recv_from(&mut buffer).ok()?;
        Some((buffer[..length].to_vec(), from))
    }

    fn next(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
        wait::until("a datagram", Duration::from_secs(5), || received(socket)).unwrap()
    }

    #[test]
    fn one_direction_can_die_while_the_other_lives() {
        let relay = Relay::start(2, LOCALHOST, 1).unwrap();
        let (a, b) = (open(LOCALHOST).unwrap(), open(LOCALHOST).unwrap());
        relay.front(0, a.local_addr().unwrap());
        let front = relay.front(1, b.local_addr().unwrap());
        a.send_to(b"ask", front).unwrap();
        let (asked, pair) = next(&b);
        assert_eq!(asked, b"ask");
        b.send_to(b"answer", pair).unwrap();
        assert_eq!(next(&a), (b"answer".to_vec(), front));

        relay.set(1, 0, Weather::DEAD);
        b.send_to(b"lost", pair).unwrap();
        wait::until("the loss", Duration::from_secs(5), || {
            (relay.counts().lost == 1).then_some(())
        })
        .unwrap();
        a.send_to(b"heard", front).unwrap();
        assert_eq!(next(&b), (b"heard".to_vec(), pair));
        assert_eq!(received(&a), None);
        relay.clear();
        b.send_to(b"again", pair).unwrap();
        assert_eq!(next(&a).0, b"again");
    }

    #[test]
    fn datagrams_are_doubled_and_overtaken() {
        let relay = Relay::start(2, LOCALHOST, 1).unwrap();
        let (a, b) = (open(LOCALHOST).unwrap(), open(LOCALHOST).unwrap());
        relay.front(0, a.local_addr().unwrap());
        let front = relay.front(1, b.local_addr().unwrap());
        relay.set(
            0,
            1,
            Weather {
                duplicate_percent: 50,
                reorder_percent: 50,
                ..Weather::default()
            },
        );
        let sent: Vec<u8> = (0..100).collect();
        for byte in &sent {
            a.send_to(&[*byte], front).unwrap();
        }
        let mut seen = Vec::new();
        wait::until("everything, and some of it twice", Duration::from_secs(5), || {
            seen.extend(received(&b).map(|(bytes, _)| bytes[0]));
            (seen.len() as u64 >= 100 + relay.counts().duplicated && relay.counts().passed == 100).then_some(())
        })
        .unwrap();
        assert!(!seen.is_sorted());
        seen.sort_unstable();
        assert!(seen.len() > sent.len());
        seen.dedup();
        assert_eq!(seen, sent);
    }
}
