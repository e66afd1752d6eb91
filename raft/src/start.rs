//! Putting a node together, and taking it apart in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::{Config as EngineConfig, SnapshotPolicy};
use quorate_storage::Vote;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, interval, timeout};

use crate::digest::Digests;
use crate::disk::{self, Disk};
use crate::errors::StartError;
use crate::fence::Fence;
use crate::ledger::Ledger;
use crate::node::Identity;
use crate::ports::{Log, Network, Waiting};
use crate::proposer::Proposer;
use crate::raft::Deps;
use crate::shared::Shared;
use crate::standing::{self, Gate};
use crate::status::Tally;
use crate::store::{FixedIndexes, LogStore, MachineThread, StateStore, leave_snapshot};
use crate::transport::network::Lines;
use crate::transport::peers::Peers;
use crate::transport::quic::Quic;
use crate::transport::wire::Change;
use crate::transport::{serve, tls};
use crate::types::Engine;
use crate::{Config, NodeInfo, campaign, limits, membership};

/// Starts on QUIC and threads: binds the socket, builds every part, and answers from then on. Runs on the node's own runtime.
///
/// # Errors
/// See [`StartError`].
pub async fn start(
    config: Config,
    listen: SocketAddr,
    identity: Identity,
    info: NodeInfo,
    deps: Deps,
) -> Result<Arc<Shared>, StartError> {
    let endpoint = tls::endpoint(listen, &identity)?;
    let ground = Ground {
        network: Arc::new(Quic::new(endpoint.clone(), identity.clone())?),
        waiting: Waiting::OnThreads,
    };
    let shared = start_on(ground, config, identity, info, deps).await?;
    tokio::spawn(serve::accept(endpoint, shared.clone()));
    Ok(shared)
}

/// What differs between a node and a simulated one.
pub struct Ground {
    pub network: Arc<dyn Network>,
    pub waiting: Waiting,
}

/// Builds every part, starts the engine, then the tasks. Whoever calls answers requests.
///
/// # Errors
/// See [`StartError`].
pub async fn start_on(
    ground: Ground,
    config: Config,
    identity: Identity,
    info: NodeInfo,
    deps: Deps,
) -> Result<Arc<Shared>, StartError> {
    let Ground { network, waiting } = ground;
    let id = identity.node_id;
    let peers = Arc::new(Peers::new(id, network.clone()));
    let fence = Arc::new(Fence::new(deps.clock, config.clock_tolerance_ms));
    let (ledger, tally) = (Arc::new(Ledger::default()), Arc::new(Tally::default()));
    let gate = Arc::new(Gate::new(deps.log.clone()));

    let digests = Arc::new(Digests::default());
    let at_fixed_indexes = FixedIndexes {
        every: config.digest_every,
        see: {
            let (digests, runtime) = (digests.clone(), Handle::current());
            Box::new(move |at, frozen| digests.take(id, at, frozen, waiting, &runtime))
        },
    };
    let machine = MachineThread::start(deps.machine, at_fixed_indexes, waiting)?;
    let snapshots = Arc::new(deps.snapshots);
    let state_store = StateStore::open(machine.clone(), snapshots.clone(), waiting)
        .await
        .map_err(storage)?;
    refuse_a_gap(&*deps.log, &machine).await?;
    let disk = Arc::new(Disk::default());
    let log_store = LogStore::new(deps.log.clone(), waiting, disk.clone(), id).stepping_down();
    let log_gauges = log_store.gauges();

    let lines = Lines {
        peers: peers.clone(),
        ledger: ledger.clone(),
        gate: gate.clone(),
        tally: tally.clone(),
    };
    let engine_config = Arc::new(engine_config(&config)?);
    let engine = Engine::new(id, engine_config, lines, log_store, state_store)
        .await
        .map_err(storage)?;
    has_begun(&engine, deps.log.vote()).await;
    let proposer = Proposer::new(
        id,
        engine.clone(),
        peers.clone(),
        fence.clone(),
        tally.clone(),
        config.pipeline,
    );
    let shared = Arc::new(Shared {
        id,
        identity,
        info,
        config,
        engine,
        network,
        waiting,
        peers,
        ledger,
        gate,
        fence,
        disk,
        digests,
        tally,
        proposer: Arc::new(proposer),
        machine,
        log: deps.log,
        log_gauges,
        snapshots,
        admission: deps.admission,
        service: deps.service,
        joiners: Semaphore::new(limits::MAX_JOINERS),
    });
    spawn_tasks(&shared);
    let (disk, engine) = (shared.disk.clone(), shared.engine.clone());
    tokio::spawn(disk::watch(disk, deps.space, waiting, engine));
    Ok(shared)
}

/// A log that begins after what the machine has applied cannot be replayed: the snapshot that
/// should bridge the gap is gone or damaged. Nothing here can heal that, so nothing is touched.
async fn refuse_a_gap(log: &dyn Log, machine: &MachineThread) -> Result<(), StartError> {
    let (applied, _) = machine.applied().await.map_err(storage)?;
    let (applied, purged) = (applied.map(|at| at.index), log.purged().map(|at| at.index));
    if applied < purged {
        return Err(StartError::Gap {
            begins_after: purged.unwrap_or(0),
            ends_at: applied,
        });
    }
    Ok(())
}

/// Waits until the engine speaks for this node: until its first round it says term 0 and no members, whatever the log holds.
async fn has_begun(engine: &Engine, vote: Option<Vote>) {
    let term = vote.map_or(0, |vote| vote.term);
    // An error means that it has ended, which its status tells.
    let _ = engine
        .metrics()
        .wait_for(|metrics| metrics.vote.leader_id.term >= term)
        .await;
}

fn storage(error: impl std::fmt::Display) -> StartError {
    StartError::Storage(error.to_string())
}

fn engine_config(config: &Config) -> Result<EngineConfig, StartError> {
    let engine = EngineConfig {
        cluster_name: "quorate".into(),
        heartbeat_interval: config.heartbeat_ms,
        election_timeout_min: config.election_min_ms,
        election_timeout_max: config.election_max_ms,
        // Triggered by bytes, in `snapshot_when_grown`.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: config.keep_entries,
        purge_batch_size: limits::PURGE_BATCH_ENTRIES,
        // A peer gets a snapshot only when the entries it needs are gone.
        replication_lag_threshold: u64::MAX,
        // `campaign` says when.
        enable_elect: false,
        ..EngineConfig::default()
    };
    engine.validate().map_err(|e| StartError::Config(e.to_string()))
}

fn spawn_tasks(shared: &Arc<Shared>) {
    tokio::spawn(shared.proposer.clone().run());
    tokio::spawn(follow_the_leader(shared.clone()));
    tokio::spawn(snapshot_when_grown(shared.clone()));
    tokio::spawn(announce(shared.clone()));
    tokio::spawn(step_aside(shared.clone()));
    tokio::spawn(campaign::run(shared.clone()));
    tokio::spawn(compare_states(shared.clone()));
    let (gate, engine, peers) = (&shared.gate, &shared.engine, &shared.peers);
    tokio::spawn(standing::watch(
        gate.clone(),
        shared.fence.clone(),
        engine.clone(),
        peers.clone(),
        shared.id,
        shared.config.clone(),
    ));
    tokio::spawn(standing::ask(gate.clone(), engine.clone(), peers.clone(), shared.id));
}

/// Tells the proposer where the leader is.
async fn follow_the_leader(shared: Arc<Shared>) {
    let mut metrics = shared.engine.server_metrics();
    let look = Duration::from_millis(limits::STANDING_CHECK_MS);
    loop {
        let term = metrics.borrow_and_update().vote.leader_id().term;
        shared.proposer.follow(shared.leader(), term);
        // That a leader is not heard any more nobody tells.
        if let Ok(Err(_)) = timeout(look, metrics.changed()).await {
            return;
        }
    }
}

/// A leader whose clock or disk is wrong gives leadership to a node where both are right. One that finds nobody, and has no room,
/// proposes nothing more until there is.
async fn step_aside(shared: Arc<Shared>) {
    let mut ticks = interval(Duration::from_millis(limits::STANDING_CHECK_MS));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut holds = false;
    loop {
        ticks.tick().await;
        let (clock, disk) = (shared.fence.standing(), shared.disk.standing());
        if holds && !(disk.short && shared.leads()) {
            holds = false;
            shared.proposer.hold(false);
        }
        if (clock.in_time && disk.in_order()) || !shared.leads() {
            continue;
        }
        tracing::warn!(
            ahead_ms = clock.ahead_ms,
            ?disk,
            "this leader's clock or disk is out of order; handing over"
        );
        let deadline = Instant::now() + Duration::from_millis(limits::STEP_ASIDE_MS);
        if let Err(error) = membership::hand_over(&shared, deadline).await {
            tracing::warn!(%error, "leadership could not be handed over");
            if disk.short {
                holds = true;
                shared.proposer.hold(true);
            }
        }
    }
}

/// Compares this node's state with the others', and ends its part when it is the odd one out.
async fn compare_states(shared: Arc<Shared>) {
    let mut ticks = interval(Duration::from_millis(limits::DIGEST_CHECK_MS));
    loop {
        ticks.tick().await;
        for (peer, seen) in shared.peers.seen() {
            if let Some(digest) = seen.digest {
                shared.digests.note(peer, digest);
            }
        }
        let voters: Vec<u64> = shared.membership().voter_ids().collect();
        shared.digests.compare(shared.id, &voters);
        if let Some(why) = shared.digests.diverged() {
            tracing::error!(why, "this node stops taking part");
            shared.proposer.hold(true);
            let _ = shared.engine.shutdown().await;
            return;
        }
    }
}

/// Has a snapshot built each time the log has grown by the configured bytes.
async fn snapshot_when_grown(shared: Arc<Shared>) {
    let mut ticks = interval(Duration::from_millis(limits::SNAPSHOT_CHECK_MS));
    loop {
        ticks.tick().await;
        let grown = &shared.log_gauges.grown_bytes;
        if grown.load(Ordering::Relaxed) >= shared.config.snapshot_log_bytes {
            grown.store(0, Ordering::Relaxed);
            if shared.engine.trigger().snapshot().await.is_err() {
                return;
            }
        }
    }
}

/// Corrects this node's entry in the membership when it was restarted with other addresses.
async fn announce(shared: Arc<Shared>) {
    let mut ticks = interval(Duration::from_millis(limits::ANNOUNCE_CHECK_MS));
    loop {
        ticks.tick().await;
        let outdated = shared
            .nodes()
            .get(&shared.id)
            .is_some_and(|known| *known != shared.info);
        if outdated && shared.leader().is_some() {
            let change = Change::AddLearner(shared.id, shared.info.clone());
            let deadline = Instant::now() + Duration::from_millis(limits::CHANGE_PATIENCE_MS);
            if let Err(error) = membership::change(&shared, change, deadline).await {
                tracing::warn!(%error, "this node's new addresses could not be announced yet");
            }
        }
    }
}

/// Stops everything in order.
pub async fn stop(shared: &Arc<Shared>) {
    shared.proposer.hold(true);
    let _ = shared.engine.shutdown().await;
    shared.proposer.stop();
    let keep = shared.config.keep_entries / limits::STOP_SNAPSHOT_SHARE;
    if let Err(error) = leave_snapshot(&shared.machine, &shared.snapshots, shared.waiting, keep).await {
        tracing::warn!(%error, "no snapshot was left; the next start replays the log");
    }
    shared.machine.close().await;
    let log = shared.log.clone();
    if let Err(error) = shared.waiting.run(move || log.close()).await {
        tracing::error!(%error, "the log was not closed in order");
    }
    shared.peers.clear();
    shared.network.close().await;
}
