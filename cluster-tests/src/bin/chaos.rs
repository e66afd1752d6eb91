//! `chaos`: real processes under all faults at once, for as long as one likes. See [`cluster_tests::chaos`].

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Parser;
use cluster_tests::chaos::{self, Options};

/// Drive a real cluster through random, overlapping faults
///
/// Needs root, for network namespaces and FUSE. Exit code 0 means that nothing was found wrong.
#[derive(Parser)]
#[command(name = "chaos")]
struct Arguments {
    /// How long
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// How many nodes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(3..=9))]
    nodes: u8,
    /// Decides which faults come, and where
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the report to this file, too
    #[arg(long)]
    report: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let report = chaos::run(Options {
        duration: Duration::from_secs_f64(arguments.minutes * 60.0),
        nodes: usize::from(arguments.nodes),
        seed: arguments.seed,
    })?;
    print!("{report}");
    if let Some(file) = arguments.report {
        std::fs::write(&file, report.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if report.verdict.is_err() {
        bail!("something was found wrong");
    }
    Ok(())
}
