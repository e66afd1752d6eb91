//! A steady load of passcode-only logins beside a test: so many a second, each with a fresh code, each sent as a
//! NAS sends it (again after a second, to the next server). It runs until it is told to stop.

use std::{
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
    crowd::{Crowd, Ended, Login},
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
    /// Logins with a right and fresh code that were rejected, or went unanswered to the last try.
    pub lost: Vec<String>,
}

/// A load that runs on a thread of its own.
pub struct Load {
    servers: Arc<Mutex<Vec<SocketAddr>>>,
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicU64>,
    account: Arc<Mutex<Account>>,
    thread: JoinHandle<Result<()>>,
}

struct Sender {
    crowd: Crowd<String>,
    people: Vec<Person>,
    servers: Arc<Mutex<Vec<SocketAddr>>>,
    accepted: Arc<AtomicU64>,
    account: Arc<Mutex<Account>>,
    sent: usize,
}

impl Load {
    /// Begins to send `per_second` logins, spread evenly over `people` and `servers`. There must be at least 30 people
    /// for each login a second, or their codes run out.
    pub fn start(servers: Vec<SocketAddr>, source: IpAddr, people: Vec<Person>, per_second: u32) -> Self {
        let (servers, stop) = (Arc::new(Mutex::new(servers)), Arc::new(AtomicBool::new(false)));
        let (accepted, account) = (Arc::new(AtomicU64::new(0)), Arc::default());
        let mut sender = Sender {
            crowd: Crowd::new(SECRET, source),
            people,
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
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the load's thread panicked")??;
        Ok(self.account.lock().expect("invariant: no holder panics").clone())
    }
}

impl Sender {
    fn run(&mut self, per_second: u32, stop: &AtomicBool) -> Result<()> {
        let between = Duration::from_secs(1) / per_second;
        let mut next = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            while next <= Instant::now() {
                self.send()?;
                next += between;
            }
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
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        let at = self.sent % self.people.len();
        let person = &mut self.people[at];
        let (_, code) = person
            .fresh_code()
            .with_context(|| format!("{} has no fresh code left", person.name))?;
        let request = Request::access(self.crowd.secret(), &person.name, code.as_bytes(), None);
        let mut servers = self.servers.lock().expect("invariant: no holder panics").clone();
        let first = self.sent % servers.len();
        servers.rotate_left(first);
        self.sent += 1;
        self.account.lock().expect("invariant: no holder panics").sent += 1;
        self.crowd
            .send(person.name.clone(), Login::with_retries(request, servers))
    }

    fn note(&mut self, ended: Vec<Ended<String>>) {
        let mut account = self.account.lock().expect("invariant: no holder panics");
        for login in ended {
            match login.reply {
                Some(reply) if reply.is_accept() => {
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    account.accepts.push(login.at);
                    account.latencies.push(login.took);
                }
                Some(reply) => account
                    .lost
                    .push(format!("{} was answered with code {}", login.tag, reply.code)),
                None => account
                    .lost
                    .push(format!("{} was not answered in {:?}", login.tag, login.took)),
            }
        }
    }
}
