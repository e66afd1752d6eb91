//! `simulate`: runs seeds, one process each, and says what was found.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use quorate_simulator::faults::Kind;
use quorate_simulator::run::{self, Report};
use quorate_simulator::sites::{self, Cost};

mod entropy;
#[cfg(feature = "mutants")]
mod mutants;

/// Simulate a whole cluster under faults
///
/// Each seed is one run: about half a minute of a cluster's life in which networks, disks, clocks and processes fail, then a while without
/// faults in which everything must be well again.
#[derive(Parser)]
#[command(name = "simulate")]
struct Arguments {
    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Rather go on until this many minutes have passed
    #[arg(long)]
    minutes: Option<u64>,
    /// Runs at the same time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Fail, too, when some kind of fault did not occur
    #[arg(long)]
    covered: bool,
    /// Run this one seed in this process and print its report as JSON
    #[arg(long)]
    one: Option<u64>,
    /// With --one: tell on standard error what happens
    #[arg(long)]
    trace: bool,
    /// Rather simulate distances between sites, and print what they cost
    #[arg(long)]
    sites: bool,
    /// Plant this bug in every run
    #[cfg(feature = "mutants")]
    #[arg(long)]
    mutant: Option<String>,
    /// Plant each bug in turn and report after how many seeds it is caught
    #[cfg(feature = "mutants")]
    #[arg(long)]
    mutants: bool,
}

impl Arguments {
    /// What a run in a process of its own is told beside its seed.
    fn for_each_run(&self) -> Vec<String> {
        #[cfg(feature = "mutants")]
        if let Some(mutant) = &self.mutant {
            return vec!["--mutant".to_owned(), mutant.clone()];
        }
        Vec::new()
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    #[cfg(feature = "mutants")]
    if arguments.mutants {
        return mutants::hunt(&arguments);
    }
    #[cfg(feature = "mutants")]
    mutants::plant(arguments.mutant.as_deref())?;
    if let Some(seed) = arguments.one {
        entropy::begin(seed);
        let folder = tempfile::tempdir()?;
        let report = run::run(seed, folder.path(), arguments.trace)?;
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    if arguments.sites {
        return distances();
    }
    let begun = Instant::now();
    let reports = run_all(&arguments);
    summary(&reports, begun.elapsed());
    let wrong: Vec<&Report> = reports.iter().filter(|report| report.violation.is_some()).collect();
    for report in wrong.iter().take(10) {
        println!(
            "seed {}: {}",
            report.seed,
            report.violation.as_deref().unwrap_or_default()
        );
    }
    if let Some(report) = wrong.first() {
        bail!(
            "{} of {} runs went wrong; again: simulate --one {} --trace",
            wrong.len(),
            reports.len(),
            report.seed
        );
    }
    if arguments.covered {
        covered(&reports)?;
    }
    Ok(())
}

/// A table in Markdown.
fn distances() -> Result<()> {
    println!(
        "| Place | Round trip | Heartbeat, election | Login near the leader p50/p99 | Login elsewhere p50/p99 | Gap p50/longest |"
    );
    println!("|---|---|---|---|---|---|");
    for place in sites::places() {
        entropy::begin(1);
        let folder = tempfile::tempdir()?;
        let Cost { near, far, gap } = sites::cost_of(&place, folder.path())?;
        let times = place.times();
        let pair = |[middle, high]: [u64; 2]| format!("{middle}/{high} ms");
        println!(
            "| {} | {} ms | {}, {}–{} ms | {} | {} | {} |",
            place.name,
            place.round_trip_ms,
            times.heartbeat_ms,
            times.election_min_ms,
            times.election_max_ms,
            pair(near),
            pair(far),
            pair(gap)
        );
    }
    Ok(())
}

fn run_all(arguments: &Arguments) -> Vec<Report> {
    let next = AtomicU64::new(arguments.seed);
    let end = arguments.minutes.map_or(arguments.seed + arguments.seeds, |_| u64::MAX);
    let until = arguments
        .minutes
        .map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let (sender, reports) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while until.is_none_or(|until| Instant::now() < until) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let report = run_one(seed, &arguments.for_each_run()).unwrap_or_else(|error| Report {
                        seed,
                        violation: Some(format!("the run broke off: {error:#}")),
                        ..Report::default()
                    });
                    if sender.send(report).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut all: Vec<Report> = Vec::new();
        for report in reports {
            if let Some(found) = &report.violation {
                eprintln!("seed {}: {found}", report.seed);
            }
            all.push(report);
            if all.len().is_multiple_of(100) {
                eprintln!("{} runs", all.len());
                let _ = std::io::stderr().flush();
            }
        }
        all.sort_by_key(|report| report.seed);
        all
    })
}

/// A run takes a second or two. One that hangs has found something, too; one that merely does not get a processor has not.
const PROCESSOR_PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(1_200);

/// What all threads of a process have had of a processor: the first field of `schedstat` (proc(5)), in ns.
fn processor_time(pid: u32) -> Option<Duration> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let of_thread = |thread: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    Some(threads.filter_map(of_thread).map(Duration::from_nanos).sum())
}

/// In a process of its own, so that nothing is left from another seed.
fn run_one(seed: u64, told: &[String]) -> Result<Report> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--one", &seed.to_string()])
        .args(told)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > PATIENCE || processor_time(child.id()) > Some(PROCESSOR_PATIENCE) {
            child.kill()?;
            child.wait()?;
            bail!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).take(4).collect();
        bail!("{}: {}", output.status, lines.join(" | "));
    }
    serde_json::from_slice(&output.stdout).context("its report")
}

fn summary(reports: &[Report], took: Duration) {
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    println!(
        "{} runs in {:.0} s: {:.1} simulated hours, {} nodes, {} logins, {} answers, {} challenges, {} accepts ({} after a challenge), {} repeated verdicts, {} entries, {} administrative acts",
        reports.len(),
        took.as_secs_f64(),
        sum(|report| report.simulated_ms) as f64 / 3_600_000.0,
        sum(|report| report.nodes),
        sum(|report| report.logins),
        sum(|report| report.answers),
        sum(|report| report.challenges),
        sum(|report| report.accepts),
        sum(|report| report.two_step),
        sum(|report| report.replays),
        sum(|report| report.committed),
        sum(|report| report.acts),
    );
    let faults = faults_of(reports);
    let named: Vec<String> = faults.iter().map(|(name, count)| format!("{name} {count}")).collect();
    println!("faults: {}", named.join(", "));
    println!(
        "frames: {} sent, {} lost, {} blocked, {} doubled, {} overtaken; crashes that lost writes {}, that tore one {}, nodes that ended by themselves {}",
        sum(|report| report.frames),
        sum(|report| report.frames_lost),
        sum(|report| report.frames_blocked),
        sum(|report| report.frames_doubled),
        sum(|report| report.frames_overtaken),
        sum(|report| report.lost_writes),
        sum(|report| report.torn_writes),
        sum(|report| report.ended_by_itself),
    );
}

fn faults_of(reports: &[Report]) -> BTreeMap<String, u64> {
    let mut faults: BTreeMap<String, u64> = BTreeMap::new();
    for (name, count) in reports.iter().flat_map(|report| &report.faults) {
        *faults.entry(name.clone()).or_default() += count;
    }
    faults
}

/// A run that covered too little proves too little.
fn covered(reports: &[Report]) -> Result<()> {
    let faults = faults_of(reports);
    let runs = reports.len() as u64;
    for kind in Kind::ALL {
        let count = faults.get(&kind.name()).copied().unwrap_or(0);
        if count * 4 < runs {
            bail!("only {count} faults of the kind {kind:?} in {runs} runs");
        }
    }
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    for (what, count) in [
        ("frames lost", sum(|report| report.frames_lost)),
        ("frames doubled", sum(|report| report.frames_doubled)),
        ("frames overtaken", sum(|report| report.frames_overtaken)),
        ("crashes that lost writes", 4 * sum(|report| report.lost_writes)),
        ("repeated verdicts", sum(|report| report.replays)),
        ("accepts", sum(|report| report.accepts)),
        ("accepts after a challenge", sum(|report| report.two_step)),
    ] {
        if count < runs {
            bail!("only {count} {what} in {runs} runs");
        }
    }
    Ok(())
}
