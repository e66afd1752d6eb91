//! One run: found a cluster, let clients and faults at it, then heal, and look whether everything is right.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use quorate_app::Decision;
use quorate_core::UserId;
use serde::{Deserialize, Serialize};

use crate::clients::{Clients, USERS, timestep_at};
use crate::dice::Dice;
use crate::faults::Faults;
use crate::history::{Act, Carries};
use crate::invariants::{self, Evidence, Watch};
use crate::network::Counts;
use crate::trace::{self, Trace};
use crate::world::World;

/// How long, in simulated ms, everything may go wrong.
const STORM_MS: u64 = 12_000;
/// How long the cluster may take to be right again.
const HEAL_MS: u64 = 15_000;
/// Between two faults, on average, in ms.
const FAULT_PAUSE_MS: u64 = 350;

/// What became of a seed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    pub seed: u64,
    /// The first thing that was not right.
    pub violation: Option<String>,
    pub nodes: u64,
    pub simulated_ms: u64,
    pub logins: u64,
    pub answers: u64,
    pub accepts: u64,
    pub challenges: u64,
    /// Accepts in answer to a challenge.
    pub two_step: u64,
    pub replays: u64,
    pub committed: u64,
    pub acts: u64,
    pub faults: BTreeMap<String, u64>,
    pub frames: u64,
    pub frames_lost: u64,
    pub frames_blocked: u64,
    pub frames_doubled: u64,
    pub frames_overtaken: u64,
    pub lost_writes: u64,
    pub torn_writes: u64,
    pub ended_by_itself: u64,
    /// Of everything committed and answered: equal for equal seeds.
    pub trace: u64,
}

/// Runs one seed with its files in `folder`; with `traced`, tells on standard error what happens.
///
/// # Errors
/// When the simulation itself cannot go on; what it finds stands in the report.
pub fn run(seed: u64, folder: &Path, traced: bool) -> Result<Report> {
    let mut dice = Dice::new(seed);
    let nodes = if dice.once_in(4) { 5 } else { 3 };
    let mut run = Run {
        trace: Trace::new(traced),
        world: World::new(nodes, folder, dice.fork(1))?,
        watch: Watch::default(),
    };
    let population = run.world.found(&mut dice)?;
    let users = population.users.clone();
    let mut faults = Faults::new(dice.fork(2), traced);
    let mut clients = Clients::new(dice.fork(3), population);
    let found = run.storm(&mut faults, &mut clients);
    let found = found.and_then(|()| run.heal(&mut faults, &mut clients, &users));
    Ok(run.report(seed, nodes, &faults, found.err()))
}

struct Run {
    trace: Trace,
    world: World,
    watch: Watch,
}

impl Run {
    fn tick(&mut self) -> Result<(), String> {
        self.world.tick();
        if let Some(trouble) = self.world.trouble.take() {
            return Err(trouble);
        }
        self.trace.look(&self.world);
        self.watch.look(&self.world)
    }

    fn storm(&mut self, faults: &mut Faults, clients: &mut Clients) -> Result<(), String> {
        let end_ms = self.world.now_ms() + STORM_MS;
        while self.world.now_ms() < end_ms {
            faults.tick(&mut self.world, FAULT_PAUSE_MS);
            clients.tick(&self.world);
            self.tick()?;
        }
        Ok(())
    }

    /// Without faults everything must be well again by itself: all nodes as far as each other, and every one lets users in.
    fn heal(&mut self, faults: &mut Faults, clients: &mut Clients, users: &[UserId]) -> Result<(), String> {
        faults.heal(&mut self.world);
        let end_ms = self.world.now_ms() + HEAL_MS;
        let mut served = vec![false; self.world.hosts.len()];
        let mut enabled = false;
        let mut user = 0;
        while self.world.now_ms() < end_ms && !(served.iter().all(|served| *served) && self.level()) {
            let now_ms = self.world.now_ms();
            if now_ms.is_multiple_of(2_000) {
                self.world.let_in_again();
            }
            if now_ms.is_multiple_of(1_000) {
                // Users who were disabled or locked in the storm may log in again.
                for user in 0..USERS {
                    let host = self.world.hosts[(now_ms / 1_000) as usize % self.world.hosts.len()].id;
                    clients.act(&self.world, host, user, Act::Enable);
                    clients.act(&self.world, host, user, Act::Unlock);
                }
                enabled = true;
            }
            if enabled && now_ms.is_multiple_of(500) {
                self.try_each(clients, &mut user);
            }
            clients.tick_retries(&self.world);
            self.tick()?;
            self.note_served(&mut served, end_ms - HEAL_MS);
        }
        if !served.iter().all(|served| *served) {
            return Err(format!(
                "not healed: which nodes let users in: {served:?}; {}",
                self.describe()
            ));
        }
        if !self.level() {
            return Err(format!("not healed: nodes are not level; {}", self.describe()));
        }
        let audit = self.watch.at_rest(&self.world)?;
        let history = self.world.book.history.lock();
        invariants::check_all(&Evidence {
            history: &history,
            audit: &audit,
            users,
        })
    }

    /// A login at each node, of a user and code that may still be fresh.
    fn try_each(&mut self, clients: &mut Clients, user: &mut usize) {
        for index in 0..self.world.hosts.len() {
            let timestep = timestep_at(self.world.now_ms()) + u64::from((*user / USERS).is_multiple_of(2));
            let login = clients.login(&self.world, *user % USERS, timestep);
            clients.send_to(&self.world, self.world.hosts[index].id, login);
            *user += 1;
        }
    }

    fn note_served(&self, served: &mut [bool], since_ms: u64) {
        let history = self.world.book.history.lock();
        let recent = history
            .answers
            .iter()
            .rev()
            .take_while(|answer| answer.at_ms >= since_ms);
        for answer in recent.filter(|answer| answer.asked_ms >= since_ms) {
            // A used code is refused by judging it, too: then the node serves as well.
            let judged = matches!(answer.decision, Decision::Accept | Decision::Reject(_));
            let index = self.world.hosts.iter().position(|host| host.id == answer.host);
            if let Some(index) = index.filter(|_| judged) {
                served[index] = true;
            }
        }
    }

    /// Whether every member has applied as much as the others.
    fn level(&self) -> bool {
        let mut applied = self
            .world
            .hosts
            .iter()
            .map(|host| host.parts().and_then(|parts| parts.published.view().applied));
        let first = applied.next().flatten();
        first.is_some() && applied.all(|other| other == first)
    }

    fn describe(&self) -> String {
        self.world.hosts.iter().map(trace::line).collect::<Vec<_>>().join("; ")
    }

    fn report(&self, seed: u64, nodes: u64, faults: &Faults, violation: Option<String>) -> Report {
        let history = self.world.book.history.lock();
        let Counts {
            sent,
            lost,
            blocked,
            doubled,
            overtaken,
        } = self.world.net.counts();
        let accepts = history
            .answers
            .iter()
            .filter(|answer| answer.decision == Decision::Accept);
        let trace = history.answers.iter().fold(self.watch.trace(), |sum, answer| {
            sum.rotate_left(7) ^ answer.at_ms ^ answer.host << 40
        });
        Report {
            seed,
            violation,
            nodes,
            simulated_ms: self.world.now_ms(),
            logins: history.logins.len() as u64,
            answers: history.answers.len() as u64,
            accepts: accepts.clone().count() as u64,
            challenges: history
                .answers
                .iter()
                .filter(|answer| matches!(answer.decision, Decision::Challenge { .. }))
                .count() as u64,
            two_step: accepts
                .filter(|answer| matches!(history.logins[answer.login].carries, Carries::Answer { .. }))
                .count() as u64,
            replays: history.answers.iter().filter(|answer| answer.replayed).count() as u64,
            committed: self.watch.committed() as u64,
            acts: history.acts.len() as u64,
            faults: faults.counts().clone(),
            frames: sent,
            frames_lost: lost,
            frames_blocked: blocked,
            frames_doubled: doubled,
            frames_overtaken: overtaken,
            lost_writes: self.world.lost_writes,
            torn_writes: self.world.torn_writes,
            ended_by_itself: self.world.ended_by_itself,
            trace,
        }
    }
}
