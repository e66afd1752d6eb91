//! The handle: start, propose, read, change the membership, stop.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::ServerState;
use openraft::error::{InitializeError, RaftError};
use parking_lot::Mutex;
use quorate_storage::SnapshotStore;
use tokio::runtime::{Handle, Runtime};
use tokio::time::{Instant, timeout_at};

use crate::errors::{BarrierError, ChangeError, ProposeError, StartError};
use crate::fence::ClockStanding;
use crate::membership;
use crate::node::Identity;
use crate::ports::{Log, Space};
use crate::shared::Shared;
use crate::start::{self, Ground};
use crate::status::{RaftStatus, Role};
use crate::transport::serve;
use crate::transport::wire::{Change, Request, Response};
use crate::types::stored_log_id;
use crate::{Admission, Config, Machine, NodeInfo, PeerService, WallClock, limits};

/// What consensus is built upon.
pub struct Deps {
    /// The durable log and vote.
    pub log: Arc<dyn Log>,
    /// Where snapshots live.
    pub snapshots: SnapshotStore,
    /// How much room there is for the log.
    pub space: Arc<dyn Space>,
    /// The replicated state machine.
    pub machine: Box<dyn Machine>,
    /// Wall clock, for the stamp of each batch.
    pub clock: Arc<dyn WallClock>,
    /// Who may join, and who was removed.
    pub admission: Arc<dyn Admission>,
    /// Answers the application's own questions from peers, if it has any.
    pub service: Option<Arc<dyn PeerService>>,
}

/// A command that is in the log, and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its entry's index.
    pub index: u64,
    /// What the machine answered.
    pub outcome: Bytes,
}

/// How far a new node has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entering {
    /// Asks to become a learner.
    Asked,
    /// A learner; has applied so many entries of so many.
    CatchingUp {
        /// Index applied here.
        applied: u64,
        /// Index committed in the cluster.
        of: u64,
    },
    /// Caught up; becoming a voter.
    Promoting,
    /// A voter.
    Voter,
}

/// A running consensus node. Cheap to clone, usable from any runtime.
///
/// When the last clone is dropped without [`Raft::shutdown`], everything stops at once, as if the
/// process had been killed.
#[derive(Clone)]
pub struct Raft {
    owner: Arc<Owner>,
}

struct Owner {
    shared: Arc<Shared>,
    handle: Handle,
    /// None once stopped; within, the runtime if it is ours.
    running: Mutex<Option<Option<Runtime>>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(Some(runtime)) = self.running.get_mut().take() {
            runtime.shutdown_background();
        }
    }
}

impl Raft {
    /// Starts consensus on threads of its own and begins to listen on `listen` (UDP).
    ///
    /// Blocks until the socket is bound, the newest snapshot is loaded and the log is replayed;
    /// not to be called on a busy executor.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(
        config: Config,
        listen: SocketAddr,
        identity: Identity,
        info: NodeInfo,
        deps: Deps,
    ) -> Result<Raft, StartError> {
        config.check()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.threads)
            .thread_name("quorate-raft")
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        // A thread of its own, because the caller may be inside another runtime.
        let starter = handle.clone();
        let starting = std::thread::Builder::new()
            .name("quorate-start".into())
            .spawn(move || starter.block_on(start::start(config, listen, identity, info, deps)))?;
        let started = starting
            .join()
            .unwrap_or_else(|_| Err(StartError::Storage("the machine panicked".into())));
        match started {
            Ok(shared) => {
                let owner = Owner {
                    shared,
                    handle,
                    running: Mutex::new(Some(Some(runtime))),
                };
                Ok(Raft { owner: Arc::new(owner) })
            }
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// The UDP address consensus listens on (with the port the system chose, when it was 0).
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.owner.shared.network.local_addr()
    }

    /// Starts consensus on the caller's runtime, on a network of the caller's: for simulations. `identity` needs only its ids.
    ///
    /// Requests that arrive from peers go to [`Raft::answer`]; nobody can join by token.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_on(
        ground: Ground,
        config: Config,
        identity: Identity,
        info: NodeInfo,
        deps: Deps,
    ) -> Result<Raft, StartError> {
        let owner = Owner {
            shared: start::start_on(ground, config, identity, info, deps).await?,
            handle: Handle::current(),
            running: Mutex::new(Some(None)),
        };
        Ok(Raft { owner: Arc::new(owner) })
    }

    /// Answers a frame that `peer` sent: see [`Raft::start_on`]. None when it is no frame of ours.
    pub async fn answer(&self, peer: u64, frame: &Bytes) -> Option<Vec<Bytes>> {
        serve::answer_frame(&self.owner.shared, peer, frame).await.ok()
    }

    /// Makes this node the single voter of a new cluster, and waits until it leads. Harmless when
    /// it was done before.
    ///
    /// # Errors
    /// [`ChangeError::Refused`] when the log cannot be written.
    pub async fn bootstrap(&self) -> Result<(), ChangeError> {
        self.on_own_threads(|shared| async move {
            let nodes = BTreeMap::from([(shared.id, shared.info.clone())]);
            match shared.engine.initialize(nodes).await {
                Ok(()) => {
                    let mut metrics = shared.engine.metrics();
                    let led = metrics.wait_for(|metrics| metrics.current_leader.is_some()).await;
                    led.map(|_| ())
                        .map_err(|_| ChangeError::Refused("consensus has stopped".into()))
                }
                Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
                Err(error) => Err(ChangeError::Refused(error.to_string())),
            }
        })
        .await
        .unwrap_or(Err(ChangeError::NoLeader))
    }

    /// Has `command` committed and applied, from any node, and returns what it did.
    ///
    /// # Errors
    /// See [`ProposeError`]; only [`ProposeError::Unknown`] leaves open what happened.
    pub async fn propose(&self, command: Bytes, deadline: Instant) -> Result<Committed, ProposeError> {
        let (index, outcome) = self.owner.shared.proposer.propose(command, deadline).await?;
        Ok(Committed { index, outcome })
    }

    /// Waits until this node has applied `index`; false when the deadline came first.
    pub async fn wait_applied(&self, index: u64, deadline: Instant) -> bool {
        let mut applied = self.owner.shared.machine.watch_applied();
        matches!(
            timeout_at(deadline, applied.wait_for(|applied| *applied >= index)).await,
            Ok(Ok(_))
        )
    }

    /// A linearizable read: returns an index that a quorum confirmed as committed no earlier than
    /// this call, after this node has applied it.
    ///
    /// # Errors
    /// See [`BarrierError`].
    pub async fn barrier(&self, deadline: Instant) -> Result<u64, BarrierError> {
        self.on_own_threads(move |shared| async move { membership::barrier(&shared, deadline).await })
            .await
            .unwrap_or(Err(BarrierError::NoQuorum))
    }

    /// Makes a node a learner, or changes its description. Any node may be asked.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn add_learner(&self, id: u64, info: NodeInfo, deadline: Instant) -> Result<(), ChangeError> {
        self.change(Change::AddLearner(id, info), deadline).await
    }

    /// Makes a learner a voter; waits while it lags.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn promote(&self, id: u64, deadline: Instant) -> Result<(), ChangeError> {
        self.change(Change::Promote(id), deadline).await
    }

    /// Takes a node out of the membership. A leader that is removed hands over first.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn remove(&self, id: u64, deadline: Instant) -> Result<(), ChangeError> {
        self.change(Change::Remove(id), deadline).await
    }

    async fn change(&self, change: Change, deadline: Instant) -> Result<(), ChangeError> {
        self.on_own_threads(move |shared| async move { membership::change(&shared, change, deadline).await })
            .await
            .unwrap_or(Err(ChangeError::NoLeader))
    }

    /// After [`crate::join()`] and [`Raft::start`]: becomes a learner, catches up, becomes a voter,
    /// telling `progress` of each step. May be repeated when it was interrupted.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn enter(
        &self,
        peers: BTreeMap<u64, NodeInfo>,
        deadline: Instant,
        progress: &mut (dyn FnMut(Entering) + Send),
    ) -> Result<(), ChangeError> {
        let (id, info) = (self.owner.shared.id, self.owner.shared.info.clone());
        let _ = self
            .on_own_threads(
                |shared| async move { peers.iter().for_each(|(id, info)| shared.peers.introduce(*id, info)) },
            )
            .await;
        progress(Entering::Asked);
        self.add_learner(id, info, deadline).await?;
        self.catch_up(deadline, progress).await?;
        progress(Entering::Promoting);
        self.promote(id, deadline).await?;
        progress(Entering::Voter);
        Ok(())
    }

    async fn catch_up(
        &self,
        deadline: Instant,
        progress: &mut (dyn FnMut(Entering) + Send),
    ) -> Result<(), ChangeError> {
        let shared = &self.owner.shared;
        let mut told = None;
        while Instant::now() < deadline {
            let committed = shared.peers.seen().values().filter_map(|seen| seen.committed).max();
            let applied = *shared.machine.watch_applied().borrow();
            if let Some(of) = committed.map(|at| at.index) {
                if applied > 0 && applied + limits::ENTER_LAG_ENTRIES >= of {
                    return Ok(());
                }
                let step = Entering::CatchingUp { applied, of };
                if told.replace(step) != Some(step) {
                    progress(step);
                }
            }
            tokio::time::sleep(Duration::from_millis(limits::ENTER_CHECK_MS)).await;
        }
        Err(ChangeError::Refused("the new node did not catch up in time".into()))
    }

    /// When this node leads: gives leadership to a caught-up voter. Returns who leads then.
    ///
    /// # Errors
    /// [`ChangeError::Refused`] when nobody could take over; this node then goes on leading.
    pub async fn hand_over(&self, deadline: Instant) -> Result<Option<u64>, ChangeError> {
        self.on_own_threads(move |shared| async move { membership::hand_over(&shared, deadline).await })
            .await
            .unwrap_or(Err(ChangeError::NoLeader))
    }

    /// Asks another node's application. None when it does not answer.
    pub async fn ask(&self, node: u64, request: Bytes, deadline: Instant) -> Option<Bytes> {
        let patience = deadline.saturating_duration_since(Instant::now());
        match self
            .owner
            .shared
            .peers
            .call(node, &Request::Ask, &mut [request], patience)
            .await
        {
            Ok((Response::Answer, tail)) => Some(tail),
            _ => None,
        }
    }

    /// Other voters that answer and whose clocks are right, the leader first.
    #[must_use]
    pub fn peers_in_time(&self) -> Vec<u64> {
        let shared = &self.owner.shared;
        let seen = shared.peers.seen_within(shared.config.reach());
        let voters: BTreeSet<u64> = shared.membership().voter_ids().collect();
        let fit = seen
            .iter()
            .filter(|(id, seen)| voters.contains(id) && shared.fence.is_in_time(seen.wall_now_ms()));
        let mut peers: Vec<u64> = fit.map(|(id, _)| *id).collect();
        let leader = shared.leader();
        peers.sort_by_key(|id| Some(*id) != leader);
        peers
    }

    /// Has a snapshot written now, in the background, and the log before it purged.
    pub async fn snapshot(&self) {
        let _ = self
            .on_own_threads(|shared| async move { shared.engine.trigger().snapshot().await })
            .await;
    }

    /// This node's view, now.
    #[must_use]
    pub fn status(&self) -> RaftStatus {
        let shared = &self.owner.shared;
        let metrics = shared.engine.metrics().borrow().clone();
        let membership = metrics.membership_config.membership();
        let last = metrics.last_log_index.unwrap_or(0);
        let replication = metrics.replication.unwrap_or_default();
        let lag = replication.into_iter().filter(|(id, _)| *id != shared.id);
        RaftStatus {
            id: shared.id,
            role: role_of(metrics.state),
            term: metrics.current_term,
            leader: shared.leader(),
            last_log: shared.log.last(),
            committed: *shared.log_gauges.committed.lock(),
            applied: metrics.last_applied.as_ref().map(stored_log_id),
            snapshot: metrics.snapshot.as_ref().map(stored_log_id),
            purged: metrics.purged.as_ref().map(stored_log_id),
            voters: membership.voter_ids().collect(),
            learners: membership.learner_ids().collect(),
            nodes: membership.nodes().map(|(id, info)| (*id, info.clone())).collect(),
            lag: lag
                .map(|(id, at)| (id, last.saturating_sub(at.map_or(0, |at| at.index))))
                .collect(),
            quorum_ack_age_ms: metrics.millis_since_quorum_ack,
            peers_rtt_us: round_trips(shared),
            standing: shared.gate.standing(),
            clock: shared.fence.standing(),
            disk: shared.disk.standing(),
            log_bytes: shared.log.bytes(),
            counters: shared
                .tally
                .counters(shared.log_gauges.elections.load(std::sync::atomic::Ordering::Relaxed)),
            queued_commands: shared.proposer.queued(),
            batches_in_flight: shared.proposer.in_flight(),
            diverged: shared.digests.diverged().is_some(),
            others_diverged: shared.digests.others_diverged().into_keys().collect(),
            fatal: match shared.digests.diverged() {
                Some(why) => Some(why.to_owned()),
                None => metrics.running_state.err().map(|fatal| fatal.to_string()),
            },
        }
    }

    /// This node's clock against the cluster's, now.
    #[must_use]
    pub fn clock(&self) -> ClockStanding {
        self.owner.shared.fence.standing()
    }

    /// Stops consensus in order: once this returns, nothing is voted, appended or committed here,
    /// the machine is closed and so is the log. Does nothing the second time.
    pub async fn shutdown(&self) {
        let Some(runtime) = self.owner.running.lock().take() else {
            return;
        };
        let shared = self.owner.shared.clone();
        let _ = self.owner.handle.spawn(async move { start::stop(&shared).await }).await;
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }

    /// Runs a future where the transport's timers and sockets live. None after the end.
    async fn on_own_threads<T, F>(&self, work: impl FnOnce(Arc<Shared>) -> F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.owner.handle.spawn(work(self.owner.shared.clone())).await.ok()
    }
}

fn role_of(state: ServerState) -> Role {
    match state {
        ServerState::Learner => Role::Learner,
        ServerState::Follower => Role::Follower,
        ServerState::Candidate => Role::Candidate,
        ServerState::Leader => Role::Leader,
        ServerState::Shutdown => Role::Shutdown,
    }
}

fn round_trips(shared: &Shared) -> BTreeMap<u64, u64> {
    let seen = shared.peers.seen_within(shared.config.reach()).into_iter();
    seen.map(|(id, seen)| (id, u64::try_from(seen.round_trip.as_micros()).unwrap_or(u64::MAX)))
        .collect()
}
