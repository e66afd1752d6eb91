//! The world: nodes, network, clients and time, in steps of a millisecond, all on one thread.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use quorate_app::HashQueue;
use quorate_raft::{Config, LogId, Role};
use quorate_replica::View;
use tokio::time::Instant;

use crate::clients::{Population, USERS};
use crate::clock::NodeEntropy;
use crate::dice::Dice;
use crate::founding;
use crate::history::Book;
use crate::host::{Host, Parts, info};
use crate::network::Net;

/// A real node that ends is started again by the system after this long. In ms.
const RESTARTED_AFTER_MS: u64 = 400;

/// Everything that is simulated.
pub struct World {
    pub hosts: Vec<Host>,
    pub net: Net,
    pub book: Book,
    /// What should never have happened, as soon as it did.
    pub trouble: Option<String>,
    /// Nodes that consensus had stopped (a full disk), and that were started again.
    pub ended_by_itself: u64,
    /// Crashes that lost something unsynced.
    pub lost_writes: u64,
    /// Crashes that left a part of a write.
    pub torn_writes: u64,
    restart: Vec<(u64, u64)>,
}

impl World {
    /// Nodes with nothing on them, with small logs, so that snapshots, purges and snapshot transfers happen all the time.
    pub fn new(nodes: u64, folder: &Path, dice: Dice) -> Result<Self> {
        let config = Config {
            snapshot_log_bytes: 24 << 10,
            keep_entries: 20,
            digest_every: 32,
            ..Config::default()
        };
        Self::with_times(nodes, folder, dice, &config)
    }

    /// Nodes with nothing on them.
    pub fn with_times(nodes: u64, folder: &Path, mut dice: Dice, config: &Config) -> Result<Self> {
        let net = Net::new(dice.fork(1));
        let hashes = Arc::new(HashQueue::in_place());
        let mut hosts = Vec::new();
        for id in 1..=nodes {
            let home = folder.join(id.to_string());
            std::fs::create_dir_all(&home)?;
            let host = Host::new(
                id,
                net.clone(),
                home,
                hashes.clone(),
                config.clone(),
                dice.fork(10 + id),
            );
            hosts.push(host);
        }
        Ok(Self {
            hosts,
            net,
            book: Book::default(),
            trouble: None,
            ended_by_itself: 0,
            lost_writes: 0,
            torn_writes: 0,
            restart: Vec::new(),
        })
    }

    /// The true time, in ms from the beginning.
    pub fn now_ms(&self) -> u64 {
        self.book.now_ms()
    }

    /// One millisecond of everything.
    pub fn tick(&mut self) {
        let now_ms = self.now_ms() + 1;
        self.book.set_now(now_ms);
        self.net.advance(now_ms);
        for host in &mut self.hosts {
            host.tick(now_ms);
        }
        if now_ms.is_multiple_of(50) {
            self.restart_those_that_ended(now_ms);
        }
    }

    fn restart_those_that_ended(&mut self, now_ms: u64) {
        for index in 0..self.hosts.len() {
            if self.hosts[index].halted() {
                self.trouble
                    .get_or_insert(format!("node {} halted", self.hosts[index].id));
            }
            if self.hosts[index].diverged() {
                let id = self.hosts[index].id;
                self.trouble
                    .get_or_insert(format!("node {id} found its state to be another"));
            }
            if self.hosts[index].fatal().is_some() {
                self.ended_by_itself += 1;
                self.crash(index);
                self.restart.push((now_ms + RESTARTED_AFTER_MS, self.hosts[index].id));
            }
        }
        let (due, rest) = std::mem::take(&mut self.restart)
            .into_iter()
            .partition(|(at_ms, _)| *at_ms <= now_ms);
        self.restart = rest;
        for (_, id) in due {
            self.start_id(id);
        }
    }

    pub fn crash(&mut self, index: usize) {
        let lost = self.hosts[index].crash();
        self.lost_writes += u64::from(lost.writes);
        self.torn_writes += u64::from(lost.torn);
    }

    /// Starts a node that is down.
    pub fn start(&mut self, index: usize) {
        let now_ms = self.now_ms();
        let host = &mut self.hosts[index];
        if host.is_up() {
            return;
        }
        if let Err(error) = host.start() {
            if host.disk.is_full() {
                // As it should; the system tries again.
                host.disk.crash();
                self.restart.push((now_ms + RESTARTED_AFTER_MS, host.id));
            } else {
                self.trouble
                    .get_or_insert(format!("node {} could not be started: {error:#}", host.id));
            }
        }
    }

    pub fn start_id(&mut self, id: u64) {
        if let Some(index) = self.hosts.iter().position(|host| host.id == id) {
            self.start(index);
        }
    }

    /// Starts a node that was told to stop, whether it is done with that or not.
    pub fn restart_id(&mut self, id: u64) {
        if let Some(index) = self.hosts.iter().position(|host| host.id == id) {
            self.crash(index);
            self.start(index);
        }
    }

    pub fn host(&mut self, id: u64, change: impl FnOnce(&mut Host)) {
        if let Some(host) = self.hosts.iter_mut().find(|host| host.id == id) {
            change(host);
        }
    }

    /// Begins a task on a node, if it is up.
    pub fn spawn<F>(&self, host: u64, task: impl FnOnce(Parts) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let host = self.hosts.iter().find(|candidate| candidate.id == host);
        if let Some(host) = host
            && let Some(parts) = host.parts()
        {
            host.spawn(task(parts.clone()));
        }
    }

    /// Does something on a node and lets time pass until it is done.
    fn finish<T, F>(&mut self, host: u64, task: impl FnOnce(Parts) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let result: Arc<Mutex<Option<Result<T>>>> = Arc::default();
        let slot = result.clone();
        self.spawn(host, |parts| {
            let work = task(parts);
            async move { *slot.lock() = Some(work.await) }
        });
        for _ in 0..60_000 {
            self.tick();
            if let Some(result) = result.lock().take() {
                return result;
            }
        }
        bail!("not done within a minute")
    }

    /// Founds the cluster, lets every node in, and creates what the clients need.
    pub fn found(&mut self, dice: &mut Dice) -> Result<Population> {
        self.found_with(dice, USERS)
    }

    /// The same with so many users.
    pub fn found_with(&mut self, dice: &mut Dice, users: usize) -> Result<Population> {
        self.start(0);
        let entropy = NodeEntropy::new(dice.fork(3));
        self.finish(1, |parts| async move { founding::found(&parts, &entropy).await })
            .context("founding")?;
        for index in 1..self.hosts.len() {
            self.start(index);
            let id = self.hosts[index].id;
            self.finish(id, |parts| async move { founding::enter(&parts).await })
                .with_context(|| format!("node {id} enters"))?;
        }
        self.finish(1, move |parts| async move { founding::populate(&parts, users).await })
            .context("creating users")
    }

    /// The leader, if there is one that leads, gives its part away.
    pub fn hand_over(&mut self) {
        let leader = self.hosts.iter().find(|host| {
            host.parts()
                .is_some_and(|parts| parts.raft.status().role == Role::Leader)
        });
        if let Some(id) = leader.map(|host| host.id) {
            self.spawn(id, |parts| async move {
                let _ = parts.raft.hand_over(Instant::now() + Duration::from_secs(2)).await;
            });
        }
    }

    /// A node writes a snapshot and purges its log.
    pub fn snapshot(&mut self, index: usize) {
        let id = self.hosts[index].id;
        self.spawn(id, |parts| async move { parts.raft.snapshot().await });
    }

    /// The last node leaves, or comes in again.
    pub fn change_membership(&mut self) {
        let last = self.hosts.len() as u64;
        if self.voters().contains(&last) {
            self.spawn(1, move |parts| async move {
                let _ = parts.raft.remove(last, Instant::now() + Duration::from_secs(3)).await;
            });
        } else {
            self.let_in_again();
        }
    }

    /// The last node enters, if it had left.
    pub fn let_in_again(&mut self) {
        let last = self.hosts.len() as u64;
        if !self.voters().contains(&last) {
            self.spawn(last, |parts| async move {
                let known = [(1, info(1))].into();
                let _ = parts
                    .raft
                    .enter(known, Instant::now() + Duration::from_secs(3), &mut |_| {})
                    .await;
            });
        }
    }

    /// What each running node has applied, and up to where.
    pub fn applied(&self) -> impl Iterator<Item = (&Host, View, LogId)> {
        self.hosts.iter().filter_map(|host| {
            let view = host.parts()?.published.view();
            let at = view.applied?;
            Some((host, view, at))
        })
    }

    /// The voters, as the node that has applied most sees them.
    pub fn voters(&self) -> Vec<u64> {
        let running = self.hosts.iter().filter_map(|host| host.parts());
        let status = running
            .map(|parts| parts.raft.status())
            .max_by_key(|status| status.applied);
        status.map(|status| status.voters).unwrap_or_default()
    }
}
