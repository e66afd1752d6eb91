//! The same work beside the others: consume a one-time code, once, durable on a quorum before the answer.
//!
//! One system at a time is up and loaded, the others are stopped; they take turns, so that an hour in which the host gives
//! less to this machine falls on all. A turn is: start, show that a code works once and not twice, warm up, a measurement for each
//! number of clients, some kills, stop. privacyIDEA comes last, on the Galera that was measured. What is printed is the median of
//! the turns, beside what the host took away (stolen) and what one fdatasync cost just then.
//!
//! Caveats: etcd and Galera do the conditional write alone, Quorate the whole login (`quorate`). Galera answers before the
//! write is on a second disk (`galera`).

mod daemon;
mod etcd;
mod galera;
mod gap;
mod http;
mod http2;
mod mysql;
mod peer;
mod privacyidea;
mod quorate;
mod report;
mod sample;
mod system;
mod txn;
mod wire;

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};

use self::{
    etcd::Etcd, galera::Galera, gap::Account, privacyidea::PrivacyIdea, quorate::Quorate, report::Report,
    sample::Sample, system::System, wire::Verdict,
};
use crate::{
    ceilings,
    usage::{Ticks, Watch},
};

/// Clients of the load that a freshly started system is warmed up with, and for how long.
const WARM_UP: (usize, Duration) = (64, Duration::from_secs(1));

/// Clients of privacyIDEA, which has four workers.
const WHOLE_LOGINS: [usize; 3] = [1, 4, 8];

/// privacyIDEA is measured this many times as long as the others: it does a thousandth.
const WHOLE_LOGINS_LONGER: u32 = 4;

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Who {
    Quorate,
    Etcd,
    Galera,
    Privacyidea,
}

#[derive(Args)]
pub struct Options {
    /// A look instead of a measurement: one turn, one second each, one kill each
    #[arg(long)]
    quick: bool,
    /// Who takes part
    #[arg(long, value_delimiter = ',', value_enum, default_values = ["quorate", "etcd", "galera", "privacyidea"])]
    only: Vec<Who>,
    /// Turns of each system
    #[arg(long, default_value_t = 3)]
    turns: usize,
    /// Seconds of each measurement, at most 20; 0 for no rates
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Clients, one measurement each
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256, 1024])]
    clients: Vec<usize>,
    /// Leaders of Quorate to kill
    #[arg(long, default_value_t = 200)]
    kills: usize,
    /// Leaders of etcd and primaries of Galera to kill, of each
    #[arg(long, default_value_t = 20)]
    peer_kills: usize,
    /// Logins per second while leaders are killed
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Users in each system
    #[arg(long, default_value_t = 100_000)]
    users: usize,
    /// Also write everything into this file, in Markdown
    #[arg(long)]
    report: Option<PathBuf>,
}

impl Options {
    pub fn needs_quorate(&self) -> bool {
        self.wants(Who::Quorate)
    }

    fn wants(&self, who: Who) -> bool {
        self.only.contains(&who)
    }

    fn turns(&self) -> usize {
        if self.quick { 1 } else { self.turns.max(1) }
    }

    fn lasts(&self) -> Duration {
        Duration::from_secs(if self.quick { self.seconds.min(1) } else { self.seconds })
    }

    /// Kills in turn `turn` of a system that is ours or not: all of them, spread evenly.
    fn kills_in(&self, turn: usize, ours: bool) -> usize {
        let kills = if ours { self.kills } else { self.peer_kills };
        let kills = if self.quick { kills.min(1) } else { kills };
        kills * (turn + 1) / self.turns() - kills * turn / self.turns()
    }
}

/// Everything that was measured of one system.
struct Measured {
    name: &'static str,
    samples: Vec<Sample>,
    killed: Account,
    /// While leaders were killed, turn by turn.
    stolen: Vec<f64>,
}

pub fn run(options: &Options) -> Result<()> {
    ensure!(
        options.seconds <= 20,
        "codes prepared for longer than 20 s would run out of time"
    );
    if options.wants(Who::Privacyidea) {
        privacyidea::installed()?;
    }
    let mut report = Report::default();
    let (ceilings, table) = ceilings::measure()?;
    report.ceilings(&table);

    let mut systems = make(options)?;
    let mut measured: Vec<Measured> = systems.iter().map(|system| Measured::of(system.name())).collect();
    for turn in 0..options.turns() {
        for (system, measured) in systems.iter_mut().zip(&mut measured) {
            let kills = options.kills_in(turn, system.name() == quorate::NAME);
            take_turn(&mut **system, options, kills, measured)?;
        }
    }
    drop(systems);
    report.rates(&measured, &options.clients);
    report.details(&measured, &options.clients);
    report.gaps(&measured);
    if options.wants(Who::Privacyidea) {
        let whole = whole_logins(options)?;
        report.whole_logins(&whole, &WHOLE_LOGINS);
        measured.push(whole);
    }
    report.targets(&measured, &ceilings);
    report.save(options.report.as_deref())
}

/// Who takes part, each with its users and stopped. Peers come first: what is not installed is noticed at once.
fn make(options: &Options) -> Result<Vec<Box<dyn System>>> {
    let mut systems: Vec<Box<dyn System>> = Vec::new();
    if options.wants(Who::Etcd) {
        systems.push(Box::new(Etcd::make(options.users)?));
    }
    if options.wants(Who::Galera) {
        systems.push(Box::new(Galera::make(options.users)?));
    }
    if options.wants(Who::Quorate) {
        systems.insert(0, Box::new(Quorate::make(options.users, options.rate)?));
    }
    Ok(systems)
}

fn take_turn(system: &mut dyn System, options: &Options, kills: usize, measured: &mut Measured) -> Result<()> {
    let lasts = options.lasts();
    if kills == 0 && lasts.is_zero() {
        return Ok(());
    }
    // What others wrote before is no part of what is measured now.
    rustix::fs::sync();
    system.start()?;
    works_once(system)?;
    if !lasts.is_zero() {
        let (clients, short) = WARM_UP;
        system.prepare(clients, short)?;
        system.drive(clients, short)?;
        for clients in &options.clients {
            let sample = measure(system, *clients, lasts)?;
            eprintln!("  … {}, {clients} clients: {}", system.name(), sample.said());
            measured.samples.push(sample);
        }
    }
    if kills > 0 {
        let before = Ticks::now()?;
        let killed = gap::kill_leaders(system, kills, options.rate)?;
        eprintln!("  … {}, {kills} kills: {:?}", system.name(), killed.gaps);
        measured.killed.add(killed);
        measured.stolen.push(Ticks::now()?.stolen_since(before));
    }
    system.stop()
}

fn measure(system: &mut dyn System, clients: usize, lasts: Duration) -> Result<Sample> {
    system.prepare(clients, lasts)?;
    let sync = ceilings::sync_now()?;
    let watch = Watch::start(system.pids()?)?;
    let outcome = system.drive(clients, lasts)?;
    Ok(Sample::of(clients, &outcome, &watch.stop()?, sync))
}

/// The work is the same only if a fresh code is accepted and a used one is refused, at another node.
fn works_once(system: &mut dyn System) -> Result<()> {
    let mut client = system.client()?;
    client.take_code()?;
    let first = client.ask(0, PATIENCE)?;
    client.reuse_code();
    let second = client.ask(1, PATIENCE)?;
    ensure!(
        (first, second) == (Verdict::Accepted, Verdict::Refused),
        "{}: a fresh code was {first:?}, the same again {second:?}",
        system.name()
    );
    Ok(())
}

/// privacyIDEA, on three Galera nodes of its own that nobody killed.
fn whole_logins(options: &Options) -> Result<Measured> {
    let mut galera = Galera::make(1)?;
    galera.start()?;
    let tokens = WHOLE_LOGINS.into_iter().max().unwrap_or(0);
    let mut privacyidea = PrivacyIdea::start(&galera, tokens)?;
    let mut measured = Measured::of("privacyIDEA");
    for _ in 0..options.turns() {
        for clients in WHOLE_LOGINS {
            let sync = ceilings::sync_now()?;
            let watch = Watch::start([galera.pids()?, privacyidea.pids()].concat())?;
            let outcome = privacyidea.drive(clients, options.lasts() * WHOLE_LOGINS_LONGER)?;
            let sample = Sample::of(clients, &outcome, &watch.stop()?, sync);
            eprintln!("  … privacyIDEA, {clients} clients: {}", sample.said());
            measured.samples.push(sample);
        }
    }
    privacyidea.stop()?;
    galera.stop()?;
    Ok(measured)
}

impl Measured {
    fn of(name: &'static str) -> Self {
        Self {
            name,
            samples: Vec::new(),
            killed: Account::default(),
            stolen: Vec::new(),
        }
    }
}
