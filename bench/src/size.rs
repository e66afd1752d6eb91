//! Memory, disk and the time from start to ready, as users grow.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Args;
use cluster_tests::{Cluster, people, process::Usage};

use crate::table::{Table, megabytes, milliseconds, whole};

#[derive(Args)]
pub struct Options {
    /// Numbers of users, each with one token
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000])]
    users: Vec<usize>,
}

pub fn run(options: &Options) -> Result<()> {
    let mut table = Table::new(&[
        "users",
        "import/s",
        "MB after import",
        "MB after restart",
        "disk MB",
        "log",
        "snapshots",
        "segments",
        "clean stop ms",
        "clean start ms",
        "start after kill -9 ms",
    ]);
    for users in &options.users {
        table.row(measure(*users)?);
    }
    println!("One node; memory is resident, disk what the files hold:");
    table.print();
    Ok(())
}

/// For a million users.
const PATIENCE: Duration = Duration::from_secs(300);

fn measure(users: usize) -> Result<Vec<String>> {
    let mut cluster = Cluster::on_loopback(1)?;
    let begun = Instant::now();
    people::import(&cluster.api()?, "u", users)?;
    let per_second = users as f64 / begun.elapsed().as_secs_f64();
    let grown = resident(&cluster)?;
    let begun = Instant::now();
    cluster.nodes[0].stop_within(PATIENCE)?;
    let stopped = begun.elapsed();
    let data = cluster.nodes[0].data_dir();
    let parts = ["log", "snapshots", "segments"].map(|part| bytes_in(&data.join(part)));
    let whole_disk = bytes_in(&data);
    let clean = until_ready(&mut cluster)?;
    let restarted = resident(&cluster)?;
    cluster.nodes[0].kill()?;
    let crashed = until_ready(&mut cluster)?;
    let mut row = vec![
        whole(users as f64),
        whole(per_second),
        megabytes(grown),
        megabytes(restarted),
        megabytes(whole_disk),
    ];
    row.extend(parts.map(megabytes));
    row.extend([stopped, clean, crashed].map(milliseconds));
    Ok(row)
}

fn until_ready(cluster: &mut Cluster) -> Result<Duration> {
    let begun = Instant::now();
    cluster.nodes[0].start()?;
    cluster.nodes[0].ready_within(PATIENCE)?;
    Ok(begun.elapsed())
}

fn resident(cluster: &Cluster) -> Result<u64> {
    Ok(Usage::of(cluster.nodes[0].pid()?)?.resident_bytes)
}

fn bytes_in(path: &Path) -> u64 {
    let Ok(about) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !about.is_dir() {
        return about.len();
    }
    fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| bytes_in(&entry.path()))
        .sum()
}
