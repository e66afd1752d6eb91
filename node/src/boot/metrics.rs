//! Metrics of what has no shell of its own to count in: consensus, disk, state and process. RADIUS and HTTP count in their own crates.
//!
//! Names follow Prometheus' convention: a unit at the end, `_total` on what only grows. Gauges are brought up to date just before a scrape.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter, IntGauge, IntGaugeVec, Opts, Registry};
use quorate_app::{AuditArchive, HashFigures};
use quorate_core::State;
use quorate_raft::{Counters, RaftStatus, Role, Standing};
use quorate_replica::Archive;

use super::stack::Observers;

/// From 50 µs (a fast disk) to 3 s (a disk that is failing).
const SECONDS: [f64; 15] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0,
];

/// The registry of all parts, and the gauges of this one.
pub struct Metrics {
    pub registry: Registry,
    commit_seconds: Histogram,
    fsync_seconds: Histogram,
    raft: RaftGauges,
    state: StateGauges,
    process: ProcessGauges,
    hash_queue: IntGauge,
    hashed: Growing,
    hash_refused: Growing,
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> prometheus::Result<Metrics> {
        let registry = Registry::new();
        let metrics = Metrics {
            commit_seconds: histogram(
                &registry,
                "quorate_commit_duration_seconds",
                "From proposing a command to its outcome, through the quorum.",
            )?,
            fsync_seconds: histogram(
                &registry,
                "quorate_log_fsync_duration_seconds",
                "From appending entries to the log to their being durable.",
            )?,
            raft: RaftGauges::register(&registry)?,
            state: StateGauges::register(&registry)?,
            process: ProcessGauges::register(&registry)?,
            hash_queue: gauge(
                &registry,
                "quorate_hash_queue_length",
                "Passwords waiting to be hashed.",
            )?,
            hashed: growing(&registry, "quorate_password_hashes_total", "Passwords hashed.")?,
            hash_refused: growing(
                &registry,
                "quorate_hash_queue_refused_total",
                "Passwords not hashed because the queue was full.",
            )?,
            registry,
        };
        Ok(metrics)
    }

    /// What the log calls with each append, and the replica with each command.
    pub fn observers(&self) -> Observers {
        let (fsync, commit) = (self.fsync_seconds.clone(), self.commit_seconds.clone());
        Observers {
            on_fsync: Arc::new(move |took: Duration| fsync.observe(took.as_secs_f64())),
            on_commit: Arc::new(move |took: Duration| commit.observe(took.as_secs_f64())),
        }
    }

    /// Brings every gauge up to date.
    pub fn refresh(&self, raft: &RaftStatus, state: &State, archive: &Archive, hashing: &HashFigures) {
        self.raft.refresh(raft);
        self.state.refresh(state, archive);
        self.process.refresh();
        self.hash_queue.set(as_gauge(hashing.waiting as u64));
        self.hashed.to(hashing.computed_total);
        self.hash_refused
            .to(hashing.refused_lane_total + hashing.refused_overload_total);
    }
}

/// A metric and the counter it follows.
type Sum = (Growing, fn(&Counters) -> u64);

struct RaftGauges {
    term: IntGauge,
    leader: IntGauge,
    is_leader: IntGauge,
    voters: IntGauge,
    last_log: IntGauge,
    committed: IntGauge,
    applied: IntGauge,
    snapshot: IntGauge,
    lag: IntGaugeVec,
    peer_rtt: prometheus::GaugeVec,
    may_vote: IntGauge,
    diverged: IntGauge,
    clock_ahead: Gauge,
    clock_in_time: IntGauge,
    disk_free: IntGauge,
    disk_in_order: IntGauge,
    log_bytes: IntGauge,
    queued: IntGauge,
    in_flight: IntGauge,
    sums: [Sum; 11],
}

impl RaftGauges {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        Ok(RaftGauges {
            term: gauge(registry, "quorate_raft_term", "Current term.")?,
            leader: gauge(
                registry,
                "quorate_raft_leader",
                "Node id of the leader this node follows; 0 when it knows none.",
            )?,
            is_leader: gauge(registry, "quorate_raft_is_leader", "1 on the leader.")?,
            voters: gauge(registry, "quorate_raft_voters", "Nodes that vote.")?,
            last_log: gauge(
                registry,
                "quorate_raft_last_log_index",
                "Last entry in this node's log.",
            )?,
            committed: gauge(
                registry,
                "quorate_raft_committed_index",
                "Highest index known to be committed.",
            )?,
            applied: gauge(registry, "quorate_raft_applied_index", "Highest index applied here.")?,
            snapshot: gauge(
                registry,
                "quorate_raft_snapshot_index",
                "Last index in the newest snapshot.",
            )?,
            lag: labelled(
                registry,
                "quorate_raft_peer_lag_entries",
                "On the leader: entries a peer has not acknowledged.",
            )?,
            peer_rtt: {
                let family = prometheus::GaugeVec::new(
                    Opts::new(
                        "quorate_raft_peer_round_trip_seconds",
                        "Round trip of the last probe of a peer.",
                    ),
                    &["peer"],
                )?;
                registry.register(Box::new(family.clone()))?;
                family
            },
            may_vote: gauge(
                registry,
                "quorate_raft_may_vote",
                "1 while this node votes and campaigns without reservation.",
            )?,
            diverged: gauge(
                registry,
                "quorate_raft_diverged_nodes",
                "Nodes, this one among them, whose state was found to differ from a majority's; above 0 is an alarm.",
            )?,
            clock_ahead: {
                let ahead = Gauge::new(
                    "quorate_clock_ahead_seconds",
                    "How far this node's clock is ahead of the cluster's time.",
                )?;
                registry.register(Box::new(ahead.clone()))?;
                ahead
            },
            clock_in_time: gauge(
                registry,
                "quorate_clock_in_time",
                "1 while this node's clock is near enough to the cluster's time to judge time-based codes.",
            )?,
            disk_free: gauge(
                registry,
                "quorate_disk_free_bytes",
                "Bytes free on the disk of the data directory, beside the reserve.",
            )?,
            disk_in_order: gauge(
                registry,
                "quorate_disk_in_order",
                "1 while this node's disk has room and writes without stalling.",
            )?,
            log_bytes: gauge(registry, "quorate_raft_log_bytes", "Bytes of log on disk.")?,
            queued: gauge(
                registry,
                "quorate_proposals_queued",
                "Commands waiting for the next batch.",
            )?,
            in_flight: gauge(
                registry,
                "quorate_proposal_batches_in_flight",
                "Batches sent and not answered.",
            )?,
            sums: [
                (
                    growing(registry, "quorate_proposals_total", "Commands proposed by this node.")?,
                    |c| c.commands,
                ),
                (
                    growing(
                        registry,
                        "quorate_proposals_overloaded_total",
                        "Commands refused because the queue was full.",
                    )?,
                    |c| c.overloaded,
                ),
                (
                    growing(
                        registry,
                        "quorate_proposals_no_leader_total",
                        "Commands that found no leader.",
                    )?,
                    |c| c.no_leader,
                ),
                (
                    growing(
                        registry,
                        "quorate_proposals_unknown_total",
                        "Commands whose outcome stayed unknown.",
                    )?,
                    |c| c.unknown,
                ),
                (
                    growing(
                        registry,
                        "quorate_raft_entries_total",
                        "Entries this node proposed as leader.",
                    )?,
                    |c| c.entries,
                ),
                (
                    growing(
                        registry,
                        "quorate_raft_entry_commands_total",
                        "Commands in those entries.",
                    )?,
                    |c| c.entry_commands,
                ),
                (
                    growing(
                        registry,
                        "quorate_raft_elections_total",
                        "Elections this node has begun.",
                    )?,
                    |c| c.elections,
                ),
                (
                    growing(
                        registry,
                        "quorate_raft_snapshots_sent_total",
                        "Snapshots sent to peers.",
                    )?,
                    |c| c.snapshots_sent,
                ),
                (
                    growing(
                        registry,
                        "quorate_raft_snapshots_received_total",
                        "Snapshots received and installed.",
                    )?,
                    |c| c.snapshots_received,
                ),
                (
                    growing(
                        registry,
                        "quorate_raft_connections_refused_total",
                        "Peers refused: wrong CA, wrong id, removed.",
                    )?,
                    |c| c.refused_connections,
                ),
                (
                    growing(
                        registry,
                        "quorate_raft_votes_refused_total",
                        "Votes refused to a candidate that lost what it had acknowledged.",
                    )?,
                    |c| c.refused_votes,
                ),
            ],
        })
    }

    fn refresh(&self, status: &RaftStatus) {
        let index = |at: Option<quorate_raft::LogId>| as_gauge(at.map_or(0, |at| at.index));
        self.term.set(as_gauge(status.term));
        self.leader.set(as_gauge(status.leader.unwrap_or(0)));
        self.is_leader.set(i64::from(status.role == Role::Leader));
        self.voters.set(as_gauge(status.voters.len() as u64));
        self.last_log.set(index(status.last_log));
        self.committed.set(index(status.committed));
        self.applied.set(index(status.applied));
        self.snapshot.set(index(status.snapshot));
        self.lag.reset();
        for (peer, lag) in &status.lag {
            self.lag.with_label_values(&[&peer.to_string()]).set(as_gauge(*lag));
        }
        self.peer_rtt.reset();
        for (peer, rtt_us) in &status.peers_rtt_us {
            self.peer_rtt
                .with_label_values(&[&peer.to_string()])
                .set(*rtt_us as f64 / 1e6);
        }
        self.may_vote.set(i64::from(status.standing == Standing::Full));
        self.diverged.set(as_gauge(
            status.others_diverged.len() as u64 + u64::from(status.diverged),
        ));
        self.clock_ahead
            .set(status.clock.ahead_ms.unwrap_or(0) as f64 / 1_000.0);
        self.clock_in_time.set(i64::from(status.clock.in_time));
        self.disk_free.set(as_gauge(status.disk.free_bytes.unwrap_or(0)));
        self.disk_in_order.set(i64::from(status.disk.in_order()));
        self.log_bytes.set(as_gauge(status.log_bytes));
        self.queued.set(as_gauge(status.queued_commands as u64));
        self.in_flight.set(as_gauge(status.batches_in_flight as u64));
        for (counter, value) in &self.sums {
            counter.to(value(&status.counters));
        }
    }
}

struct StateGauges {
    users: IntGauge,
    tokens: IntGauge,
    fingerprints: IntGauge,
    audit_records: IntGauge,
    segments: IntGauge,
    segments_missing: IntGauge,
    segments_indexed: IntGauge,
}

impl StateGauges {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        Ok(StateGauges {
            users: gauge(registry, "quorate_users", "Users in the replicated state.")?,
            tokens: gauge(registry, "quorate_tokens", "Tokens in the replicated state.")?,
            fingerprints: gauge(
                registry,
                "quorate_remembered_verdicts",
                "Requests whose verdict is remembered.",
            )?,
            audit_records: gauge(
                registry,
                "quorate_audit_records",
                "Audit records written since the cluster was founded.",
            )?,
            segments: gauge(
                registry,
                "quorate_audit_segments",
                "Closed segments of the audit that are kept.",
            )?,
            segments_missing: gauge(
                registry,
                "quorate_audit_segments_missing",
                "Closed segments that are missing or damaged on this node and being fetched from others.",
            )?,
            segments_indexed: gauge(
                registry,
                "quorate_audit_segments_indexed",
                "Closed segments in this node's index; while fewer than are kept, it is being built.",
            )?,
        })
    }

    fn refresh(&self, state: &State, archive: &Archive) {
        self.users.set(as_gauge(state.user_count() as u64));
        self.tokens.set(as_gauge(state.token_count() as u64));
        self.fingerprints.set(as_gauge(state.fingerprint_count() as u64));
        self.audit_records.set(as_gauge(state.audit().next_seq()));
        let archive = archive.standing(state.audit());
        self.segments.set(as_gauge(archive.segments));
        self.segments_missing.set(as_gauge(archive.missing));
        self.segments_indexed.set(as_gauge(archive.indexed));
    }
}

/// The figures every Prometheus client library gives of its process, under their usual names.
struct ProcessGauges {
    cpu: Gauge,
    resident: IntGauge,
    open_files: IntGauge,
    started: Instant,
    uptime: Gauge,
}

impl ProcessGauges {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let float = |name: &str, help: &str| -> prometheus::Result<Gauge> {
            let gauge = Gauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        Ok(ProcessGauges {
            cpu: float("process_cpu_seconds_total", "Processor time used, user and system.")?,
            resident: gauge(registry, "process_resident_memory_bytes", "Memory resident.")?,
            open_files: gauge(registry, "process_open_fds", "Open file descriptors.")?,
            started: Instant::now(),
            uptime: float("quorate_uptime_seconds", "Time since this process started.")?,
        })
    }

    fn refresh(&self) {
        self.uptime.set(self.started.elapsed().as_secs_f64());
        if let Some(cpu) = cpu_seconds() {
            self.cpu.set(cpu);
        }
        if let Some(bytes) = resident_bytes() {
            self.resident.set(as_gauge(bytes));
        }
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            self.open_files.set(as_gauge(open.count() as u64));
        }
    }
}

/// Fields 14 and 15 of /proc/self/stat (proc(5)), in clock ticks.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may hold anything; counting starts behind it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Second field of /proc/self/statm (proc(5)), in pages.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// A counter whose value is kept elsewhere.
struct Growing(IntCounter);

impl Growing {
    fn to(&self, value: u64) {
        self.0.inc_by(value.saturating_sub(self.0.get()));
    }
}

fn growing(registry: &Registry, name: &str, help: &str) -> prometheus::Result<Growing> {
    let counter = IntCounter::new(name, help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(Growing(counter))
}

fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGauge> {
    let gauge = IntGauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn labelled(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGaugeVec> {
    let family = IntGaugeVec::new(Opts::new(name, help), &["peer"])?;
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}

fn histogram(registry: &Registry, name: &str, help: &str) -> prometheus::Result<Histogram> {
    let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(SECONDS.to_vec()))?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}

fn as_gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
