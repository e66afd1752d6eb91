//! `simulate --mutants`: whether, and how soon, the simulator finds bugs that were planted.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use quorate_mutants::Mutant;

use super::{Arguments, run_all};

/// A bug that is not caught within so many seeds is not caught.
const SEEDS: u64 = 200;
/// Runs begun at once; a bug that is caught in one of them needs no more of them.
const ROUND: u64 = 10;
/// After so many catches the mean is good enough.
const CATCHES: usize = 5;

/// Plants the bug of this name in this process.
pub fn plant(name: Option<&str>) -> Result<()> {
    if let Some(name) = name {
        quorate_mutants::plant(Mutant::named(name).with_context(|| format!("there is no mutant {name}"))?);
    }
    Ok(())
}

/// One line per bug, as a table in Markdown.
pub fn hunt(arguments: &Arguments) -> Result<()> {
    println!("| Planted bug | What is wrong | Seeds to the first catch | Mean seeds to a catch | Caught by |");
    println!("|---|---|---|---|---|");
    let mut escaped = Vec::new();
    for mutant in Mutant::ALL {
        let (seeds, catches) = hunt_one(mutant, arguments);
        let Some((first, _)) = catches.first() else {
            println!("| {} | {} | none in {seeds} | | |", mutant.name(), mutant.what());
            escaped.push(mutant.name());
            continue;
        };
        let mut by: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, found) in &catches {
            *by.entry(found).or_default() += 1;
        }
        let mut by: Vec<_> = by.into_iter().collect();
        by.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        let by: Vec<String> = by.iter().map(|(name, times)| format!("{name} ({times})")).collect();
        println!(
            "| {} | {} | {first} | {:.1} | {} |",
            mutant.name(),
            mutant.what(),
            seeds as f64 / catches.len() as f64,
            by.join(", ")
        );
    }
    if escaped.is_empty() {
        return Ok(());
    }
    bail!("not caught within {SEEDS} seeds: {}", escaped.join(", "))
}

/// Seeds run, and which of them caught it by what.
fn hunt_one(mutant: Mutant, arguments: &Arguments) -> (u64, Vec<(u64, String)>) {
    let mut catches = Vec::new();
    let mut seeds = 0;
    while seeds < SEEDS && catches.len() < CATCHES {
        let round = Arguments {
            seed: arguments.seed + seeds,
            seeds: ROUND,
            minutes: None,
            jobs: arguments.jobs,
            covered: false,
            one: None,
            trace: false,
            sites: false,
            mutant: Some(mutant.name()),
            mutants: false,
        };
        let reports = run_all(&round);
        seeds += ROUND;
        let caught = reports
            .into_iter()
            .filter_map(|report| Some((report.seed + 1 - arguments.seed, named(&report.violation?))));
        catches.extend(caught);
    }
    (seeds, catches)
}

/// The invariant, or what else was wrong, in short.
fn named(violation: &str) -> String {
    let name = violation.split([':', ';']).next().unwrap_or(violation);
    match name.strip_prefix("node ") {
        // `node 3 could not be started`
        Some(rest) => rest.split_once(' ').map_or(rest, |(_, what)| what).to_owned(),
        None => name.to_owned(),
    }
}
