//! How long nobody gets in when the leader is killed, measured alike for all.
//!
//! Twelve clients, four at home on each node, log in so many times a second. Whoever gets no verdict within a quarter of a
//! second, or finds nobody listening, asks the next node with the same code, until one accepts it or refuses it as used.
//! The gap is the longest time without an accept between the kill and one whole second of service.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use cluster_tests::{figures::longest_gap, wait};

use super::{
    system::{Client, NODES, System},
    wire::Verdict,
};

const CLIENTS: usize = 12;

/// Before a client asks the next node.
const PATIENCE: Duration = Duration::from_millis(250);

/// Before a client gives the login up: NAS and user wait no longer.
const GIVE_UP: Duration = Duration::from_secs(30);

/// Between two rounds in which every node refused the connection.
const PAUSE: Duration = Duration::from_millis(5);

/// Service has to come back within this time.
const RECOVERY: Duration = Duration::from_secs(120);

/// What became of the logins while leaders were killed.
#[derive(Debug, Default)]
pub struct Account {
    pub gaps: Vec<Duration>,
    pub accepted: usize,
    /// Refused although the code was fresh: an attempt that was never answered had used it.
    pub refused: usize,
    pub given_up: usize,
}

impl Account {
    pub fn add(&mut self, other: Account) {
        self.gaps.extend(other.gaps);
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.given_up += other.given_up;
    }
}

#[derive(Default)]
struct Board {
    stop: AtomicBool,
    accepts: Mutex<Vec<Instant>>,
    others: Mutex<Account>,
}

/// Kills the leader `kills` times under `per_second` logins a second.
pub fn kill_leaders(system: &mut dyn System, kills: usize, per_second: u32) -> Result<Account> {
    let clients = (0..CLIENTS).map(|_| system.client()).collect::<Result<Vec<_>>>()?;
    let board = Board::default();
    let between = Duration::from_secs(CLIENTS as u64) / per_second;
    let mut gaps = Vec::new();
    std::thread::scope(|scope| {
        for (number, client) in clients.into_iter().enumerate() {
            let (board, first) = (&board, Instant::now() + between * number as u32 / CLIENTS as u32);
            scope.spawn(move || log_in(client, number % NODES, first, between, board));
        }
        let killed: Result<()> = (0..kills).try_for_each(|_| {
            served_since(&board, Instant::now(), per_second)?;
            gaps.push(kill_leader(system, &board, per_second)?);
            Ok(())
        });
        board.stop.store(true, Ordering::Relaxed);
        killed
    })?;
    let mut account = board.others.into_inner().expect("invariant: no holder panics");
    account.accepted = board.accepts.into_inner().expect("invariant: no holder panics").len();
    account.gaps = gaps;
    ensure!(account.accepted > 0, "nobody was let in");
    Ok(account)
}

fn kill_leader(system: &mut dyn System, board: &Board, per_second: u32) -> Result<Duration> {
    let leader = system.leader()?;
    let killed = Instant::now();
    system.kill(leader)?;
    served_since(board, killed, per_second)?;
    let accepts = board.accepts.lock().expect("invariant: no holder panics").clone();
    let gap = longest_gap(&accepts, killed, killed.elapsed());
    system.revive(leader)?;
    Ok(gap)
}

/// Waits for one whole second after `from` in which half of the load was accepted.
fn served_since(board: &Board, from: Instant, per_second: u32) -> Result<()> {
    wait::until("service to go on", RECOVERY, || {
        let second = Instant::now()
            .checked_sub(Duration::from_secs(1))
            .filter(|second| *second > from)?;
        let accepts = board.accepts.lock().expect("invariant: no holder panics");
        let served = accepts.iter().rev().take_while(|at| **at >= second).count();
        (served >= per_second as usize / 2).then_some(())
    })
}

fn log_in(mut client: Box<dyn Client>, home: usize, first: Instant, between: Duration, board: &Board) {
    let mut due = first;
    while !board.stop.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        // A login that was due during a stall is not made up for: a burst after it would be another load.
        due = (due + between).max(Instant::now());
        let verdict = client.take_code().map(|()| roam(&mut *client, home, board));
        let count = |add: fn(&mut Account)| add(&mut board.others.lock().expect("invariant: no holder panics"));
        match verdict {
            Ok(Some(Verdict::Accepted)) => {
                board
                    .accepts
                    .lock()
                    .expect("invariant: no holder panics")
                    .push(Instant::now());
            }
            Ok(Some(_)) => count(|account| account.refused += 1),
            Ok(None) | Err(_) => count(|account| account.given_up += 1),
        }
    }
}

/// From node to node until there is a verdict.
fn roam(client: &mut dyn Client, home: usize, board: &Board) -> Option<Verdict> {
    let begun = Instant::now();
    for attempt in 0.. {
        match client.ask((home + attempt) % NODES, PATIENCE) {
            Ok(Verdict::Failed) | Err(_) => {}
            Ok(verdict) => return Some(verdict),
        }
        if begun.elapsed() > GIVE_UP || board.stop.load(Ordering::Relaxed) {
            break;
        }
        if attempt % NODES == NODES - 1 {
            std::thread::sleep(PAUSE);
        }
    }
    None
}
