//! What the cluster is asked while it is recorded, and what it must know afterwards.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use parking_lot::Mutex;
use quorate_app::{AccessRequest, Clock, Decision, Replica, fingerprint};
use quorate_core::audit::{AuditRecord, ChangeKind, Entry, Object};
use quorate_core::{ClientId, Fingerprint, Verdict};
use quorate_raft::Role;
use quorate_simulator::clients::{Population, ROOT, code_of, timestep_at};
use quorate_simulator::clock::NodeEntropy;
use quorate_simulator::dice::Dice;
use quorate_simulator::founding;
use quorate_simulator::host::Parts;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::cluster::{Cluster, Durable, Witness};
use super::tape::{self, Op};

/// Users who log in once each, and those who have not yet.
const USERS: usize = 120;
const LATE_USERS: usize = 8;
/// Logins under way at once.
const AT_ONCE: usize = 6;
/// How long a cluster may take to be one again: far longer than it needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Something that somebody was told.
#[derive(Debug, Clone)]
pub enum Told {
    Accept {
        user: usize,
        packet: [u8; 16],
        timestep: u64,
        at_ms: u64,
    },
    /// A user was disabled (and enabled again, later).
    Act {
        user: usize,
        kind: ChangeKind,
    },
    Durable(Durable),
}

/// A cluster's work for a while.
pub struct Recording {
    pub ops: Vec<Op>,
    pub notes: Vec<Told>,
    pub population: Population,
    /// How many operations it took to found it.
    pub founded_at: usize,
}

impl Recording {
    /// About when the last of these was told, in ms of the clock.
    pub fn at_ms(&self, told: &[&Told]) -> u64 {
        let times = told.iter().filter_map(|told| match told {
            Told::Accept { at_ms, .. } => Some(*at_ms),
            _ => None,
        });
        times.max().unwrap_or(0) + 10
    }
}

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<Told>>>);

impl Notes {
    /// On the tape at the moment it is told, not later.
    fn tell(&self, told: Told) {
        let number = {
            let mut notes = self.0.lock();
            notes.push(told);
            notes.len() - 1
        };
        tape::told(number);
    }
}

/// Founds a cluster, has it work, and records both.
pub fn record(seed: u64) -> Result<Recording> {
    let root = tempfile::tempdir()?;
    let mut dice = Dice::new(seed);
    let notes = Notes::default();
    tape::begin(root.path());
    let witness: Witness = {
        let notes = notes.clone();
        Arc::new(move |durable| notes.tell(Told::Durable(durable)))
    };
    let cluster = Cluster::start(root.path(), 1, &mut dice, &witness)?;
    let (population, founded_at) = cluster.run(async {
        let first = &cluster.nodes[0];
        founding::found(first, &NodeEntropy::new(dice.fork(9))).await?;
        for other in &cluster.nodes[1..] {
            founding::enter(other).await?;
        }
        let population = founding::populate(first, USERS + LATE_USERS).await?;
        // Everything before this note is there in every cut.
        let founded_at = notes.0.lock().len();
        notes.tell(Told::Act {
            user: USERS,
            kind: ChangeKind::CreateUser,
        });
        work(&cluster, &population, &notes, &mut dice).await?;
        anyhow::Ok((population, founded_at))
    })?;
    drop(cluster);
    let ops = tape::end();
    let founded_at = ops
        .iter()
        .position(|op| matches!(op, Op::Told(note) if *note == founded_at));
    let notes = notes.0.lock().clone();
    Ok(Recording {
        ops,
        notes,
        population,
        founded_at: founded_at.context("the founding is on the tape")?,
    })
}

async fn work(cluster: &Cluster, population: &Population, notes: &Notes, dice: &mut Dice) -> Result<()> {
    for begin in (0..USERS).step_by(AT_ONCE) {
        let mut logins = tokio::task::JoinSet::new();
        for user in begin..(begin + AT_ONCE).min(USERS) {
            let parts = dice.pick(&cluster.nodes).clone();
            let (notes, gateway) = (notes.clone(), population.gateway);
            logins.spawn(async move {
                let timestep = timestep_at(now_ms(&parts));
                let packet = packet_of(gateway, user as u64);
                if log_in(&parts, gateway, user, timestep, packet).await? == Decision::Accept {
                    notes.tell(Told::Accept {
                        user,
                        packet: packet.0,
                        timestep,
                        at_ms: now_ms(&parts),
                    });
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = logins.join_next().await {
            done??;
        }
        let node = dice.pick(&cluster.nodes).clone();
        if dice.once_in(4) {
            let id = population.users[begin];
            node.admin.disable_user(ROOT, id, None).await?;
            notes.tell(Told::Act {
                user: begin,
                kind: ChangeKind::DisableUser,
            });
            node.admin.enable_user(ROOT, id, None).await?;
            notes.tell(Told::Act {
                user: begin,
                kind: ChangeKind::EnableUser,
            });
        }
        if dice.once_in(5) {
            node.raft.snapshot().await;
        }
        if dice.once_in(8) {
            for parts in &cluster.nodes {
                if parts.raft.status().role == Role::Leader {
                    let _ = parts.raft.hand_over(Instant::now() + PATIENCE).await;
                    break;
                }
            }
        }
    }
    Ok(())
}

fn now_ms(parts: &Parts) -> u64 {
    parts.clock.now_ms() - quorate_simulator::clock::BEGIN_MS
}

fn packet_of(client: ClientId, number: u64) -> Fingerprint {
    fingerprint(client, &number.to_be_bytes())
}

/// Asks until there is an answer.
async fn log_in(parts: &Parts, client: ClientId, user: usize, timestep: u64, packet: Fingerprint) -> Result<Decision> {
    let patience = Instant::now() + PATIENCE;
    loop {
        let state = parts.published.state();
        if let Some(client) = state.client(client) {
            let access = AccessRequest {
                client: client.clone(),
                user_name: format!("u{user}").into_bytes(),
                password: Zeroizing::new(code_of(user, timestep).into_bytes()),
                state: None,
                source: [192, 0, 2, 1].into(),
                calling_station_id: None,
                nas_identifier: None,
                attributes: Vec::new(),
                fingerprint: packet,
                received: Instant::now(),
                received_ms: parts.clock.now_ms(),
                browser: None,
            };
            let decision = parts.logins.authenticate(access).await.decision;
            if !matches!(decision, Decision::Silent(_)) {
                return Ok(decision);
            }
            ensure!(Instant::now() < patience, "nobody answered: {decision:?}");
        }
        ensure!(Instant::now() < patience, "the state did not come back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether the cluster, left to itself, is one again, and knows everything that anybody was told.
pub async fn check(cluster: &Cluster, recording: &Recording, told: &[&Told], dice: &mut Dice) -> Result<()> {
    let mut audits = Vec::new();
    for parts in &cluster.nodes {
        parts
            .replica
            .barrier(Instant::now() + PATIENCE)
            .await
            .map_err(|error| anyhow::anyhow!("a node reads nothing: {error}; {:?}", parts.raft.status()))?;
        audits.push(audit_of(parts)?);
    }
    let (mut accepts, mut acts) = (BTreeSet::new(), BTreeSet::new());
    for record in &audits[0] {
        match &record.entry {
            Entry::Login(login) if login.verdict == Verdict::Accept => drop(accepts.insert(login.fingerprint.0)),
            Entry::Changed(change) => {
                if let Object::User(user) = change.object {
                    acts.insert((user, change.kind.label()));
                }
            }
            _ => {}
        }
    }
    for told in told {
        let known = match told {
            Told::Accept { packet, .. } => accepts.contains(packet),
            Told::Act { user, kind } => acts.contains(&(recording.population.users[*user], kind.label())),
            Told::Durable(_) => true,
        };
        ensure!(known, "{told:?} is gone");
    }
    let gateway = recording.population.gateway;
    let used: Vec<_> = told
        .iter()
        .filter_map(|told| match told {
            Told::Accept { user, timestep, .. } => Some((*user, *timestep)),
            _ => None,
        })
        .collect();
    for replay in 0..used.len().min(3) as u64 {
        let (user, timestep) = *dice.pick(&used);
        let again = log_in(
            dice.pick(&cluster.nodes),
            gateway,
            user,
            timestep,
            packet_of(gateway, 10_000 + replay),
        )
        .await?;
        ensure!(
            again != Decision::Accept,
            "user {user}'s used code of timestep {timestep} got {again:?}"
        );
    }
    let fresh = USERS + dice.of(0..LATE_USERS as u64) as usize;
    let parts = dice.pick(&cluster.nodes);
    let decision = log_in(
        parts,
        gateway,
        fresh,
        timestep_at(now_ms(parts)),
        packet_of(gateway, 20_000),
    )
    .await?;
    if decision != Decision::Accept {
        bail!("a user with a fresh code got {decision:?}");
    }
    Ok(())
}

fn audit_of(parts: &Parts) -> Result<Vec<AuditRecord>> {
    let state = parts.published.state();
    let records = state
        .audit()
        .open_records()
        .map(|(_, bytes)| AuditRecord::from_bytes(bytes));
    Ok(records.collect::<Result<_, _>>()?)
}
