//! A steady load of passcode-only logins beside a test: so many a second, each with a fresh code, each sent as a
//! NAS sends it (again after a second, to the next server). It runs until it is told to stop.
//!
//! A [`Load::contested`] load also does what a thief would: of every fourth code a second login is begun at another server at the same
//! time, and of every fourth, once it is accepted, it or its predecessor is tried again a little later. What came of all of them is
//! for the oracle ([`crate::codes`]) to judge.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    cluster::SECRET,
    codes::{History, Outcome, Use},
    crowd::{Crowd, Ended, Login},
    otp,
    people::Person,
    wire::Request,
};

/// What became of the logins.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub sent: u64,
    /// When each accept arrived.
    pub accepts: Vec<Instant>,
    /// From the first datagram to the accept, the retries of the client included.
    pub latencies: Vec<Duration>,
    /// Logins with a right and fresh code, and no rival, that were rejected, or went unanswered to the last try.
    pub lost: Vec<String>,
}

/// How long after its accept a code is tried again: before and after whatever the test does at that moment.
const TRIED_AGAIN_AFTER: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(200),
    Duration::from_millis(1000),
    Duration::from_millis(3000),
];

/// A load that runs on a thread of its own.
pub struct Load {
    servers: Arc<Mutex<Vec<SocketAddr>>>,
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicU64>,
    account: Arc<Mutex<Account>>,
    thread: JoinHandle<Result<History>>,
}

/// One request: whose code, of which timestep, and what it is there for.
struct Tag {
    person: usize,
    timestep: u64,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The only login with this code.
    Sole,
    /// The only one, until it is accepted: then the code is tried again.
    First,
    /// One of two at the same time.
    Rival,
    /// Of a code that was accepted before, or of its predecessor.
    Again,
}

/// A code to be tried again.
struct Again {
    due: Instant,
    person: usize,
    timestep: u64,
}

struct Sender {
    crowd: Crowd<Tag>,
    people: Vec<Person>,
    contested: bool,
    again: VecDeque<Again>,
    history: History,
    servers: Arc<Mutex<Vec<SocketAddr>>>,
    accepted: Arc<AtomicU64>,
    account: Arc<Mutex<Account>>,
    sent: usize,
}

impl Load {
    /// Begins to send `per_second` logins, spread evenly over `people` and `servers`. There must be at least 30 people
    /// for each login a second, or their codes run out.
    pub fn start(servers: Vec<SocketAddr>, source: IpAddr, people: Vec<Person>, per_second: u32) -> Self {
        Self::begin(servers, source, people, per_second, false)
    }

    /// The same, and codes are tried more than once.
    pub fn contested(servers: Vec<SocketAddr>, source: IpAddr, people: Vec<Person>, per_second: u32) -> Self {
        Self::begin(servers, source, people, per_second, true)
    }

    fn begin(servers: Vec<SocketAddr>, source: IpAddr, people: Vec<Person>, per_second: u32, contested: bool) -> Self {
        let (servers, stop) = (Arc::new(Mutex::new(servers)), Arc::new(AtomicBool::new(false)));
        let (accepted, account) = (Arc::new(AtomicU64::new(0)), Arc::default());
        let sender = Sender {
            crowd: Crowd::new(SECRET, source),
            people,
            contested,
            again: VecDeque::new(),
            history: History::default(),
            servers: Arc::clone(&servers),
            accepted: Arc::clone(&accepted),
            account: Arc::clone(&account),
            sent: 0,
        };
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || sender.run(per_second, &told));
        Self {
            servers,
            stop,
            accepted,
            account,
            thread,
        }
    }

    /// Changes the list of servers of logins that are sent from now on.
    pub fn send_to(&self, servers: Vec<SocketAddr>) {
        *self.servers.lock().expect("invariant: no holder panics") = servers;
    }

    /// Logins accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// The account up to now.
    pub fn so_far(&self) -> Account {
        self.account.lock().expect("invariant: no holder panics").clone()
    }

    /// Sends nothing more, waits for what is in flight, and gives the account.
    pub fn stop(self) -> Result<Account> {
        Ok(self.stop_with_history()?.0)
    }

    /// The same, with what every use of a code came to.
    pub fn stop_with_history(self) -> Result<(Account, History)> {
        self.stop.store(true, Ordering::Relaxed);
        let history = self.thread.join().ok().context("the load's thread panicked")??;
        let account = self.account.lock().expect("invariant: no holder panics").clone();
        Ok((account, history))
    }
}

impl Sender {
    fn run(mut self, per_second: u32, stop: &AtomicBool) -> Result<History> {
        let between = Duration::from_secs(1) / per_second;
        let mut next = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            while next <= Instant::now() {
                self.send()?;
                next += between;
            }
            self.try_again()?;
            let patience = next.saturating_duration_since(Instant::now());
            let ended = self.crowd.ended(patience)?;
            self.note(ended);
            if self.crowd.in_flight() == 0 {
                // Nothing to wait for on the sockets; the next one is due in a few milliseconds.
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        }
        let ended = self.crowd.all_ended()?;
        self.note(ended);
        Ok(self.history)
    }

    /// The next login with a fresh code, and its rival if it is to have one.
    fn send(&mut self) -> Result<()> {
        let (turn, person) = (self.sent, self.sent % self.people.len());
        self.sent += 1;
        let someone = &mut self.people[person];
        let (timestep, code) = someone
            .fresh_code()
            .with_context(|| format!("{} has no fresh code left", someone.name))?;
        self.account.lock().expect("invariant: no holder panics").sent += 1;
        let part = match turn % 4 {
            1 if self.contested => Part::Rival,
            3 if self.contested => Part::First,
            _ => Part::Sole,
        };
        self.begin(&code, turn, Tag { person, timestep, part })?;
        if part == Part::Rival {
            self.begin(&code, turn + 1, Tag { person, timestep, part })?;
        }
        Ok(())
    }

    fn try_again(&mut self) -> Result<()> {
        let now = Instant::now();
        while self.again.front().is_some_and(|again| again.due <= now) {
            let Some(Again { person, timestep, .. }) = self.again.pop_front() else {
                break;
            };
            let code = otp::code(&self.people[person].seed, timestep);
            let part = Part::Again;
            self.begin(&code, person, Tag { person, timestep, part })?;
        }
        Ok(())
    }

    fn begin(&mut self, code: &str, first_server: usize, tag: Tag) -> Result<()> {
        let name = &self.people[tag.person].name;
        let request = Request::access(self.crowd.secret(), name, code.as_bytes(), None);
        let mut servers = self.servers.lock().expect("invariant: no holder panics").clone();
        let first = first_server % servers.len();
        servers.rotate_left(first);
        self.crowd.send(tag, Login::with_retries(request, servers))
    }

    fn note(&mut self, ended: Vec<Ended<Tag>>) {
        for login in ended {
            if self.contested {
                self.remember(&login);
            }
            self.count(login);
        }
    }

    fn count(&mut self, login: Ended<Tag>) {
        let mut account = self.account.lock().expect("invariant: no holder panics");
        match &login.reply {
            Some(reply) if reply.is_accept() => {
                self.accepted.fetch_add(1, Ordering::Relaxed);
                account.accepts.push(login.at);
                account.latencies.push(login.took);
            }
            // Of two rivals one has to lose.
            _ if matches!(login.tag.part, Part::Rival | Part::Again) => {}
            Some(reply) => {
                let name = &self.people[login.tag.person].name;
                account
                    .lost
                    .push(format!("{name} was answered with code {}", reply.code));
            }
            None => {
                let name = &self.people[login.tag.person].name;
                account
                    .lost
                    .push(format!("{name} was not answered in {:?}", login.took));
            }
        }
    }

    /// For the oracle; and sees to it that an accepted code is tried again.
    fn remember(&mut self, login: &Ended<Tag>) {
        let Tag { person, timestep, part } = login.tag;
        let accepted = login.reply.as_ref().map(|reply| reply.is_accept());
        let outcome = match accepted {
            Some(true) => Outcome::Accepted(login.at),
            Some(false) => Outcome::Rejected(login.at),
            None => Outcome::Unknown,
        };
        let begun = login.at - login.took;
        let one = Use {
            timestep,
            begun,
            outcome,
        };
        self.history.note(&self.people[person].name, one);
        if accepted == Some(true) && part == Part::First {
            let turn = self.sent;
            let again = Again {
                due: Instant::now() + TRIED_AGAIN_AFTER[turn % TRIED_AGAIN_AFTER.len()],
                person,
                timestep: timestep - u64::from(turn.is_multiple_of(2)),
            };
            let place = self.again.partition_point(|other| other.due <= again.due);
            self.again.insert(place, again);
        }
    }
}
