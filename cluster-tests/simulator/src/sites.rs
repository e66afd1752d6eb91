//! Beyond one machine: what round trips between sites cost a login, and a failover.
//!
//! The same world without faults, with delays between sites; logins of users whose codes are fresh, then the leader is killed again and
//! again. What is simulated is the protocol: round trips, flushes of 0 to 8 ms, timers. Processors and lines have no limit here.

use std::path::Path;

use anyhow::{Context, Result};
use quorate_app::Decision;
use quorate_raft::{Config, Role};

use crate::clients::{Clients, timestep_at};
use crate::dice::Dice;
use crate::network::Weather;
use crate::world::World;

/// Logins measured per place.
const LOGINS: usize = 150;
/// Leaders killed per place.
const KILLS: usize = 20;

/// Where nodes stand, and how far apart.
#[derive(Debug, Clone)]
pub struct Place {
    pub name: &'static str,
    /// The site of each node.
    pub sites: &'static [u64],
    pub round_trip_ms: u64,
}

/// The places that are simulated.
pub fn places() -> Vec<Place> {
    let named: [(&str, &[u64]); 3] = [
        ("one site, 3 nodes", &[1, 1, 1]),
        ("2 sites and a third for the casting vote, 3 nodes", &[1, 2, 3]),
        ("3 sites, 5 nodes", &[1, 1, 2, 2, 3]),
    ];
    let mut places = Vec::new();
    for (name, sites) in named {
        let trips: &[u64] = if sites.iter().all(|site| *site == 1) {
            &[0]
        } else {
            &[5, 20, 80]
        };
        places.extend(trips.iter().map(|round_trip_ms| Place {
            name,
            sites,
            round_trip_ms: *round_trip_ms,
        }));
    }
    places
}

impl Place {
    /// Times that fit the distance: a heartbeat exceeds a round trip and a flush, a lease several heartbeats.
    pub fn times(&self) -> Config {
        let heartbeat_ms = 60.max(2 * self.round_trip_ms);
        Config {
            heartbeat_ms,
            election_min_ms: 5 * heartbeat_ms / 2,
            election_max_ms: 5 * heartbeat_ms,
            ..Config::default()
        }
    }
}

/// What a place costs. All in ms.
#[derive(Debug, Clone)]
pub struct Cost {
    /// A login at a node of the leader's site: median and 99th percentile.
    pub near: [u64; 2],
    /// A login at a node of another site.
    pub far: [u64; 2],
    /// From a leader's death to the next accept at another node: median and longest.
    pub gap: [u64; 2],
}

/// Simulates one place.
///
/// # Errors
/// When it cannot be simulated.
pub fn cost_of(place: &Place, folder: &Path) -> Result<Cost> {
    let mut dice = Dice::new(place.round_trip_ms + place.sites.len() as u64);
    let nodes = place.sites.len() as u64;
    let mut world = World::with_times(nodes, folder, dice.fork(1), &place.times())?;
    for from in 1..=nodes {
        for to in 1..=nodes {
            world.net.set_weather(from, to, between(place, from, to));
        }
    }
    let population = world.found_with(&mut dice, LOGINS + KILLS)?;
    let mut clients = Clients::new(dice.fork(3), population);
    pass(&mut world, 2_000);

    let (mut near, mut far) = (Vec::new(), Vec::new());
    for user in 0..LOGINS {
        let leader = leader_of(&mut world).context("nobody leads")?;
        let host = world.hosts[user % world.hosts.len()].id;
        let took_ms = log_in(&mut world, &mut clients, host, user).context("a login without faults got no accept")?;
        match place.sites[host as usize - 1] == place.sites[leader as usize - 1] {
            true => near.push(took_ms),
            false => far.push(took_ms),
        }
    }
    let mut gaps = Vec::new();
    for kill in 0..KILLS {
        gaps.push(gap(&mut world, &mut clients, LOGINS + kill)?);
        pass(&mut world, 20 * place.times().heartbeat_ms + 3_000);
    }
    Ok(Cost {
        near: quantiles(near, 0.99),
        far: quantiles(far, 0.99),
        gap: quantiles(gaps, 1.0),
    })
}

fn between(place: &Place, from: u64, to: u64) -> Weather {
    let same = place.sites[from as usize - 1] == place.sites[to as usize - 1];
    let least = if same { 0 } else { place.round_trip_ms / 2 };
    Weather {
        delay_ms: least..least + 2,
        ..Weather::default()
    }
}

fn pass(world: &mut World, ms: u64) {
    for _ in 0..ms {
        world.tick();
    }
}

fn leader_of(world: &mut World) -> Option<u64> {
    for _ in 0..20_000 {
        let leads = world.hosts.iter().find(|host| {
            host.parts()
                .is_some_and(|parts| parts.raft.status().role == Role::Leader)
        });
        if let Some(host) = leads {
            return Some(host.id);
        }
        world.tick();
    }
    None
}

/// How long a login with a fresh code takes at this node.
fn log_in(world: &mut World, clients: &mut Clients, host: u64, user: usize) -> Option<u64> {
    let begun_ms = world.now_ms();
    let login = clients.login(world, user, timestep_at(begun_ms));
    clients.send_to(world, host, login);
    (0..10_000).find_map(|_| {
        world.tick();
        accepted_at(world, login).map(|at_ms| at_ms - begun_ms)
    })
}

fn accepted_at(world: &World, login: usize) -> Option<u64> {
    let history = world.book.history.lock();
    let mut answers = history.answers.iter().rev();
    let accept = answers.find(|answer| answer.login == login && answer.decision == Decision::Accept)?;
    Some(accept.at_ms)
}

/// Kills the leader and has a user ask one of the others every few milliseconds, with the same packet, until one answers.
fn gap(world: &mut World, clients: &mut Clients, user: usize) -> Result<u64> {
    let leader = leader_of(world).context("nobody leads")?;
    let index = world
        .hosts
        .iter()
        .position(|host| host.id == leader)
        .context("it is a host")?;
    world.crash(index);
    let died_ms = world.now_ms();
    let login = clients.login(world, user, timestep_at(died_ms));
    let mut others = world
        .hosts
        .iter()
        .map(|host| host.id)
        .filter(|id| *id != leader)
        .collect::<Vec<_>>()
        .into_iter()
        .cycle();
    for waited_ms in 0..60_000 {
        if waited_ms % 25 == 0
            && let Some(other) = others.next()
        {
            clients.send_to(world, other, login);
        }
        world.tick();
        if let Some(at_ms) = accepted_at(world, login) {
            world.start(index);
            return Ok(at_ms - died_ms);
        }
    }
    anyhow::bail!("nobody accepted within a minute of the leader's death")
}

fn quantiles(mut of: Vec<u64>, high: f64) -> [u64; 2] {
    of.sort_unstable();
    let at = |share: f64| of.get(((of.len() as f64 * share) as usize).min(of.len().saturating_sub(1)));
    [0.5, high].map(|share| at(share).copied().unwrap_or(0))
}
