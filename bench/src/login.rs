//! Logins per second, one and three nodes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use cluster_tests::{Cluster, Person, figures::percentile, people};

use crate::{
    armed::Armed,
    ceilings::{self, Ceilings},
    generator::{Outcome, Pace},
    passwords,
    table::{Table, milliseconds, whole},
    usage::{self, Used, Watch},
};

/// Logins signed for the first measurement, one in flight, as a rate.
const FIRST_GUESS_PER_S: f64 = 10_000.0;

#[derive(Args)]
pub struct Options {
    /// Users in each cluster; each gives two logins per run, and one more with each half minute
    #[arg(long, default_value_t = 200_000)]
    users: usize,
    /// Seconds of each measurement, at most 20: codes have to last
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Sizes of the clusters
    #[arg(long, value_delimiter = ',', default_values_t = [1, 3])]
    nodes: Vec<usize>,
    /// Logins in flight, one measurement each
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256, 1024])]
    in_flight: Vec<usize>,
}

pub fn run(options: &Options) -> Result<()> {
    ensure!(
        options.seconds <= 20,
        "codes prepared for longer than 20 s would run out of time"
    );
    let ceilings = ceilings::run()?;
    for size in &options.nodes {
        measure(*size, options, &ceilings)?;
    }
    Ok(())
}

fn measure(size: usize, options: &Options, ceilings: &Ceilings) -> Result<()> {
    let cluster = Cluster::on_loopback(size)?;
    let begun = Instant::now();
    let people = people::import(&cluster.api()?, "u", options.users)?;
    let took = begun.elapsed().as_secs_f64();
    println!(
        "{size} node(s), {} users (imported at {}/s):",
        whole(options.users as f64),
        whole(options.users as f64 / took)
    );
    cluster.converged()?;

    let (mut armed, lasts) = (Armed::new(cluster, people), Duration::from_secs(options.seconds));
    let mut table = Table::new(&[
        "passcode-only",
        "logins/s",
        "p50 ms",
        "p99 ms",
        "refused",
        "lost",
        "CPU % a node",
        "bench",
        "µs CPU/login",
        "MB a node",
    ]);
    let mut best: f64 = 0.0;
    for in_flight in &options.in_flight {
        let pace = Pace::Closed { in_flight: *in_flight };
        let guess = if best == 0.0 { FIRST_GUESS_PER_S } else { best * 2.5 };
        let (outcome, used) = fire(&mut armed, pace, guess, lasts)?;
        best = best.max(outcome.per_second());
        table.row(row(&format!("{in_flight} in flight"), &outcome, &used));
        eprintln!("  … {in_flight} in flight: {}/s", whole(outcome.per_second()));
    }
    let half = Pace::Open { per_second: best / 2.0 };
    let (outcome, used) = fire(&mut armed, half, best, lasts)?;
    table.row(row("half of the best, open", &outcome, &used));
    table.print();

    // A code for everybody, since it cannot be known beforehand who gets as far as being asked for one.
    armed.wait_for_codes(armed.people.len());
    armed.people.sort_by_key(Person::last_given);
    let watch = Watch::start(usage::pids(&armed.cluster)?)?;
    let outcome = passwords::drive(&armed.cluster, &mut armed.people, lasts)?;
    let used = watch.stop()?;
    let mut table = Table::new(&[
        "password, then code",
        "logins/s",
        "p50 ms",
        "p99 ms",
        "refused",
        "lost",
        "CPU % a node",
        "bench",
        "µs CPU/login",
        "MB a node",
    ]);
    table.row(row("8 in flight", &outcome, &used));
    table.print();
    println!(
        "  beside: {:.0} % of the {:.1} Argon2id/s; best passcode-only rate {:.1} % of the echo's; one fdatasync {} ms\n",
        outcome.per_second() / ceilings.hashes_per_s * 100.0,
        ceilings.hashes_per_s,
        best / ceilings.echoes_per_s * 100.0,
        milliseconds(ceilings.sync),
    );
    Ok(())
}

/// One measurement, with enough signed logins for `per_second`.
fn fire(armed: &mut Armed, pace: Pace, per_second: f64, lasts: Duration) -> Result<(Outcome, Used)> {
    armed.load(per_second, lasts);
    let watch = Watch::start(usage::pids(&armed.cluster)?)?;
    let outcome = armed.fire(pace, lasts)?;
    Ok((outcome, watch.stop()?))
}

fn row(name: &str, outcome: &Outcome, used: &Used) -> Vec<String> {
    let per_login = used.nodes_total.as_secs_f64() * 1e6 / (outcome.accepted.max(1) as f64);
    vec![
        name.to_owned(),
        whole(outcome.per_second()),
        milliseconds(percentile(&outcome.latencies, 0.5)),
        milliseconds(percentile(&outcome.latencies, 0.99)),
        outcome.refused.to_string(),
        outcome.lost.to_string(),
        used.processors(),
        format!("{:.0}", used.own_processors * 100.0),
        whole(per_login),
        used.megabytes(),
    ]
}
