//! `power-loss`: what is left after the power went, at any moment, of one node or of all.
//!
//! A cluster of three real nodes works for a moment, on real files, while everything that its processes write, sync and name is recorded
//! (`tape.rs`). Then, again and again: the recording is cut at a random moment, each disk becomes what a power cut there could have left of
//! it (`image.rs`), three nodes are started on that, and must by themselves become a cluster again that has everything anybody was told.

mod cluster;
mod image;
mod load;
mod tape;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use parking_lot::Mutex;
use quorate_simulator::dice::Dice;
use quorate_storage::{DurableLog, LogOptions};

use self::cluster::{Cluster, Durable, NODES, Witness, folder};
use self::image::Loss;
use self::load::{Recording, Told};
use self::tape::Op;

/// Cut a cluster's power at random moments and look whether anything is missing
#[derive(Parser)]
#[command(name = "power-loss")]
struct Arguments {
    /// How many moments
    #[arg(long, default_value_t = 200)]
    cuts: u64,
    /// Decides the moments and what is left of the disks
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this one of the moments
    #[arg(long)]
    only: Option<u64>,
    /// Cuts looked at side by side
    #[arg(long, default_value_t = 2)]
    jobs: u64,
    /// Plant this bug while the cluster is recorded: it must be found
    #[cfg(feature = "mutants")]
    #[arg(long)]
    mutant: Option<String>,
}

/// How many of what.
type Counts = Mutex<BTreeMap<&'static str, u64>>;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    #[cfg(feature = "mutants")]
    if let Some(name) = &arguments.mutant {
        quorate_mutants::plant(quorate_mutants::Mutant::named(name).context("there is no such mutant")?);
    }
    let begun = Instant::now();
    let recording = load::record(arguments.seed).context("the recording")?;
    let count = |wanted: fn(&Op) -> bool| recording.ops.iter().filter(|op| wanted(op)).count();
    println!(
        "recorded {} operations ({} writes, {} syncs, {} names): {} accepts and {} acts acknowledged",
        recording.ops.len(),
        count(|op| matches!(op, Op::Write(..))),
        count(|op| matches!(op, Op::Synced(_))),
        count(|op| matches!(op, Op::Create(..) | Op::Rename(..) | Op::Remove(_))),
        recording
            .notes
            .iter()
            .filter(|told| matches!(told, Told::Accept { .. }))
            .count(),
        recording
            .notes
            .iter()
            .filter(|told| matches!(told, Told::Act { .. }))
            .count(),
    );
    let (next, found, counts) = (AtomicU64::new(0), Mutex::new(Vec::new()), Counts::default());
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs {
            scope.spawn(|| {
                loop {
                    let cut = next.fetch_add(1, Ordering::Relaxed);
                    if cut >= arguments.cuts {
                        return;
                    }
                    if arguments.only.is_some_and(|only| only != cut) {
                        continue;
                    }
                    if let Err(error) = cut_once(&recording, arguments.seed, cut, &counts) {
                        eprintln!("cut {cut}: {error:#}");
                        found.lock().push(cut);
                    }
                }
            });
        }
    });
    let named: Vec<String> = counts
        .lock()
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    println!(
        "{} cuts in {:.0} s: {}",
        arguments.cuts,
        begun.elapsed().as_secs_f64(),
        named.join(", ")
    );
    let found = found.into_inner();
    match found.first() {
        None => Ok(()),
        Some(first) => bail!(
            "{} of {} cuts went wrong; again: power-loss --seed {} --only {first}",
            found.len(),
            arguments.cuts,
            arguments.seed
        ),
    }
}

/// One moment: the disks as they may be then, and what becomes of them.
fn cut_once(recording: &Recording, seed: u64, cut: u64, counts: &Counts) -> Result<()> {
    let mut dice = Dice::new(seed ^ cut.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let at = dice.of(recording.founded_at as u64..recording.ops.len() as u64 + 1) as usize;
    let ops = &recording.ops[..at];
    let root = tempfile::tempdir()?;
    if dice.once_in(8) {
        *counts.lock().entry("all three disks had lied").or_default() += 1;
        return nothing_is_thrown_away(ops, root.path(), &mut dice);
    }
    let all = dice.once_in(2);
    let one = dice.of(NODES);
    for node in NODES {
        let loss = match (all || node == one, dice.once_in(2)) {
            (false, _) => Loss::Nothing,
            (true, true) => Loss::Prefix,
            (true, false) => Loss::Sectors,
        };
        image::restore(ops, &folder(node), &root.path().join(folder(node)), loss, &mut dice)?;
        *counts
            .lock()
            .entry(match loss {
                Loss::Nothing => "disks of killed processes",
                Loss::Prefix => "disks cut in the middle of a write",
                Loss::Sectors | Loss::Lies(_) => "disks with any of the dirty sectors",
            })
            .or_default() += 1;
    }
    *counts
        .lock()
        .entry(if all { "all lost power" } else { "one lost power" })
        .or_default() += 1;
    let told: Vec<&Told> = ops
        .iter()
        .filter_map(|op| match op {
            Op::Told(note) => recording.notes.get(*note),
            _ => None,
        })
        .collect();
    promises_are_kept(root.path(), &told)?;
    let now_ms = recording.at_ms(&told);
    let nobody: Witness = Arc::new(|_| {});
    let cluster = Cluster::start(root.path(), now_ms, &mut dice, &nobody)?;
    cluster.run(load::check(&cluster, recording, &told, &mut dice))
}

/// All three disks lost what they had said was on them. Nobody can tell what is missing, so nobody may make it worse: a log whose end
/// contradicts its watermark is refused, and not a byte of it changed.
fn nothing_is_thrown_away(ops: &[Op], root: &Path, dice: &mut Dice) -> Result<()> {
    for node in NODES {
        let home = root.join(folder(node));
        let loss = Loss::Lies(dice.of(1..40) as usize);
        image::restore(ops, &folder(node), &home, loss, dice)?;
        let (log, before) = (home.join("log"), tempfile::tempdir()?);
        copy_all(&log, before.path())?;
        match DurableLog::open(&log, LogOptions::default()) {
            Ok(opened) => opened.close()?,
            Err(refused) if refused.is_quarantine() => {
                let same = Command::new("diff").arg("-r").args([before.path(), &log]).status()?;
                ensure!(same.success(), "node {node}'s log was refused and yet changed");
            }
            Err(error) => return Err(error).context("a log that is neither whole nor in quarantine"),
        }
    }
    Ok(())
}

/// What a node has voted for it must still know, and the log may end no earlier than what it had confirmed, unless a later leader cut it.
fn promises_are_kept(root: &Path, told: &[&Told]) -> Result<()> {
    for node in NODES {
        let log = root.join(folder(node)).join("log");
        // Opened and closed on a copy: opening may cut a torn write, which the node shall do itself.
        let copy = tempfile::tempdir()?;
        copy_all(&log, copy.path())?;
        let opened =
            DurableLog::open(copy.path(), LogOptions::default()).with_context(|| format!("node {node}'s log"))?;
        let durable = told.iter().filter_map(|told| match told {
            Told::Durable(durable) => Some(durable),
            _ => None,
        });
        let (mut vote, mut last) = (None, None);
        for durable in durable {
            match durable {
                Durable::Vote(of, given) if *of == node => vote = vote.max(Some(*given)),
                Durable::Entries(of, upto) if *of == node => last = last.max(Some(*upto)),
                _ => {}
            }
        }
        if opened.vote() < vote {
            bail!(
                "node {node} gave its vote to {vote:?} and knows only of {:?}",
                opened.vote()
            );
        }
        // A later leader may have cut off what was never committed.
        let is_led_anew = opened.vote().map(|vote| vote.term) > last.map(|last| last.term);
        if opened.last() < last && !is_led_anew {
            bail!(
                "node {node} confirmed entries up to {last:?} and has only {:?}",
                opened.last()
            );
        }
        opened.close()?;
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
