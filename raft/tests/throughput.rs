//! Not a test but a measurement: `cargo test -p quorate-raft --release --test throughput -- --ignored --nocapture`.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Book, cluster, leader_of, soon};
use quorate_raft::Config;

const COMMAND_BYTES: usize = 250;
const CLIENTS_PER_NODE: usize = 256;
const SECONDS: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn commands_per_second_over_three_nodes() {
    for pipeline in [1, 2, 3, 4] {
        measure(pipeline).await;
    }
}

async fn measure(pipeline: usize) {
    let book = Book::new();
    let nodes = cluster(
        &book,
        3,
        Config {
            pipeline,
            ..Config::default()
        },
    )
    .await;
    let done = Arc::new(AtomicU64::new(0));
    let micros = Arc::new(AtomicU64::new(0));
    let before = cpu_seconds();
    let end = Instant::now() + Duration::from_secs(SECONDS);
    let mut clients = tokio::task::JoinSet::new();
    for node in &nodes {
        for _ in 0..CLIENTS_PER_NODE {
            let (raft, done, micros) = (node.raft.clone(), done.clone(), micros.clone());
            clients.spawn(async move {
                while Instant::now() < end {
                    let asked = Instant::now();
                    if raft.propose(Bytes::from(vec![1; COMMAND_BYTES]), soon()).await.is_ok() {
                        done.fetch_add(1, Ordering::Relaxed);
                        micros.fetch_add(asked.elapsed().as_micros() as u64, Ordering::Relaxed);
                    }
                }
            });
        }
    }
    while clients.join_next().await.is_some() {}
    let done = done.load(Ordering::Relaxed);
    let leader = nodes[leader_of(&nodes).await].status();
    println!(
        "pipeline {pipeline}: {}/s, mean {} ms, {} entries/s, {} commands per entry, cpu {:.1} cores, elections {}",
        done / SECONDS,
        micros.load(Ordering::Relaxed) / done.max(1) / 1000,
        leader.counters.entries / SECONDS,
        leader.counters.entry_commands / leader.counters.entries.max(1),
        (cpu_seconds() - before) / SECONDS as f64,
        nodes.iter().map(|node| node.status().counters.elections).sum::<u64>(),
    );
}

/// User and system time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
