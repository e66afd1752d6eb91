//! The batching proposer: from single commands to entries, here or at the leader.
//!
//! openraft writes one entry at a time and has no group commit, so commands are gathered while
//! the former entry is in flight and go as one. One loop does it on every node: it takes what
//! waits and either proposes it (this node leads) or sends it on as a whole to the leader, whose
//! own loop merges it with what others sent. A few batches may be in flight at once, so that the
//! leader's disk works on one while the followers receive another.
//!
//! What a caller is told follows one rule: *unknown* unless it is certain. It is certain that a
//! command was not proposed while it has never left this queue, when the leader said so, and when
//! the engine refused a batch that never reached the log.

mod queue;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use openraft::error::ClientWriteError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

pub use queue::{Group, GroupResult};

use self::queue::Queue;
use crate::errors::ProposeError;
use crate::fence::Fence;
use crate::ports::CallError;
use crate::status::Tally;
use crate::transport::peers::Peers;
use crate::transport::wire::{self, Declined, Request, Response};
use crate::types::{Batch, Engine};
use crate::{batch, limits};

/// Where batches go now.
#[derive(Clone)]
struct Route {
    leader: Option<u64>,
    term: u64,
    /// Nothing is sent while leadership is handed over.
    held: bool,
    /// Batches that may be in flight on this route. Renewed with the leader, so that batches
    /// hanging at a dead one do not hold up those for its successor.
    permits: Arc<Semaphore>,
}

/// Gathers commands and has them committed.
pub struct Proposer {
    id: u64,
    engine: Engine,
    peers: Arc<Peers>,
    fence: Arc<Fence>,
    tally: Arc<Tally>,
    pipeline: usize,
    queue: Queue,
    route: watch::Sender<Route>,
    in_flight: AtomicUsize,
    last_stamp_ms: AtomicU64,
}

impl Proposer {
    pub fn new(
        id: u64,
        engine: Engine,
        peers: Arc<Peers>,
        fence: Arc<Fence>,
        tally: Arc<Tally>,
        pipeline: usize,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(pipeline));
        let (route, _) = watch::channel(Route {
            leader: None,
            term: 0,
            held: false,
            permits,
        });
        Self {
            id,
            engine,
            peers,
            fence,
            tally,
            pipeline,
            queue: Queue::default(),
            route,
            in_flight: AtomicUsize::new(0),
            last_stamp_ms: AtomicU64::new(0),
        }
    }

    /// Has one command committed; see [`crate::Raft::propose`].
    pub async fn propose(&self, command: Bytes, deadline: Instant) -> Result<(u64, Bytes), ProposeError> {
        Tally::one(&self.tally.commands);
        if command.len() > limits::MAX_COMMAND_BYTES {
            return Err(ProposeError::TooLarge);
        }
        let result = self.propose_group(vec![command], deadline, false).await;
        match result {
            Ok((index, mut outcomes)) => {
                let outcome = outcomes.pop().ok_or(ProposeError::Unknown)?;
                Ok((index, outcome))
            }
            Err(error) => {
                match error {
                    ProposeError::Unknown => Tally::one(&self.tally.unknown),
                    ProposeError::NoLeader => Tally::one(&self.tally.no_leader),
                    ProposeError::Overloaded => Tally::one(&self.tally.overloaded),
                    ProposeError::TooLarge => {}
                }
                Err(error)
            }
        }
    }

    /// Has another node's batch committed in one entry. `NoLeader` tells that node to ask
    /// elsewhere.
    pub async fn propose_foreign(&self, commands: Vec<Bytes>, deadline: Instant) -> GroupResult {
        if self.is_held() {
            return Err(ProposeError::NoLeader);
        }
        self.propose_group(commands, deadline, true).await
    }

    async fn propose_group(&self, commands: Vec<Bytes>, deadline: Instant, foreign: bool) -> GroupResult {
        let (group, ticket, outcome) = Group::new(commands, deadline, foreign);
        if self.queue.push(group).is_err() {
            return Err(ProposeError::Overloaded);
        }
        match timeout_at(deadline, outcome).await {
            Ok(Ok(result)) => result,
            // The proposer was dropped with the group: nobody can tell.
            Ok(Err(_)) => Err(ProposeError::Unknown),
            Err(_) if ticket.withdraw() => Err(ProposeError::NoLeader),
            Err(_) => Err(ProposeError::Unknown),
        }
    }

    /// Tells where the leader is.
    pub fn follow(&self, leader: Option<u64>, term: u64) {
        self.route.send_if_modified(|route| {
            let changed = (route.leader, route.term) != (leader, term);
            if changed {
                let permits = Arc::new(Semaphore::new(self.pipeline));
                *route = Route {
                    leader,
                    term,
                    held: route.held,
                    permits,
                };
            }
            changed
        });
    }

    /// Stops or resumes sending. This node's commands keep waiting meanwhile, in its own queue;
    /// other nodes' go back to theirs.
    pub fn hold(&self, held: bool) {
        self.route.send_modify(|route| route.held = held);
        if held {
            self.queue.return_foreign();
        }
    }

    /// Whether sending is stopped.
    pub fn is_held(&self) -> bool {
        self.route.borrow().held
    }

    /// Commands waiting here.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Batches sent and not answered.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Answers everybody who waits; for the end.
    pub fn stop(&self) {
        self.queue.fail_all(ProposeError::NoLeader);
    }

    /// The loop. Never returns.
    pub async fn run(self: Arc<Self>) {
        let mut routes = self.route.subscribe();
        let mut not_before = Instant::now();
        loop {
            let route = routes.borrow_and_update().clone();
            let Some(leader) = route.leader.filter(|_| !route.held) else {
                if routes.changed().await.is_err() {
                    return;
                }
                continue;
            };
            // The permit first, then the batch: so it is as full as it can be.
            let next = async {
                let permit = route.permits.clone().acquire_owned().await;
                sleep_until(not_before).await;
                (permit, self.queue.take().await)
            };
            let (permit, groups) = tokio::select! {
                next = next => next,
                _ = routes.changed() => continue,
            };
            let permit = permit.expect("invariant: the semaphore is never closed");
            // An entry costs nearly the same whatever it carries. While many log in at once the next one gathers for a moment;
            // a lone command never waits.
            if groups.iter().map(|group| group.commands.len()).sum::<usize>() >= limits::GATHER_FROM_COMMANDS {
                not_before = Instant::now() + Duration::from_millis(limits::GATHER_MS);
            }
            let flight = Flight {
                groups,
                permit,
                term: route.term,
            };
            let proposer = self.clone();
            tokio::spawn(async move {
                proposer.in_flight.fetch_add(1, Ordering::Relaxed);
                if leader == proposer.id {
                    proposer.lead(flight).await
                } else {
                    proposer.forward(leader, flight).await
                }
                proposer.in_flight.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }

    /// Proposes a batch as the leader.
    async fn lead(&self, flight: Flight) {
        let commands = flight.groups.iter().flat_map(|group| &group.commands);
        let count = commands.clone().count() as u64;
        let (batch, appended) = Batch::proposed(batch::encode(self.stamp_ms(), commands));
        let Ok(answer) = self.engine.client_write_ff(batch).await else {
            return flight.fail(ProposeError::NoLeader);
        };
        let answer = tokio::select! {
            answer = timeout_at(flight.deadline(), answer) => answer.ok(),
            () = self.leaves(self.id, flight.term, limits::DEPOSED_GRACE_MS) => None,
        };
        let was_appended = appended.load(Ordering::Acquire);
        match answer {
            Some(Ok(Ok(written))) => {
                Tally::one(&self.tally.entries);
                self.tally.entry_commands.fetch_add(count, Ordering::Relaxed);
                flight.succeed(written.log_id.index, written.data.0);
            }
            Some(Ok(Err(ClientWriteError::ForwardToLeader(_)))) if !was_appended => self.again(flight).await,
            Some(Err(_)) if !was_appended => flight.fail(ProposeError::NoLeader),
            _ => flight.fail(ProposeError::Unknown),
        }
    }

    /// The leader's time for the next batch; never runs back on this node.
    fn stamp_ms(&self) -> u64 {
        let now_ms = self.fence.stamp_ms();
        self.last_stamp_ms.fetch_max(now_ms, Ordering::AcqRel).max(now_ms)
    }

    /// Sends a batch to the leader.
    async fn forward(&self, leader: u64, flight: Flight) {
        Tally::one(&self.tally.forwarded);
        let patience = flight.deadline().saturating_duration_since(Instant::now());
        let mut tail: Vec<Bytes> = flight
            .groups
            .iter()
            .flat_map(|group| group.commands.iter().cloned())
            .collect();
        let request = Request::Propose {
            patience_ms: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
            lengths: wire::lengths(tail.iter()),
        };
        let answer = tokio::select! {
            answer = self.peers.call(leader, &request, &mut tail, patience) => answer,
            // A dead leader never answers; once it has a successor there is no need to wait.
            () = self.leaves(leader, flight.term, 0) => Err(CallError::Lost("the leader changed".into())),
        };
        match answer {
            Ok((Response::Proposed { index, lengths }, tail)) => match wire::split(&tail, lengths.into_iter()) {
                Ok(outcomes) => flight.succeed(index, outcomes),
                Err(_) => flight.fail(ProposeError::Unknown),
            },
            Ok((Response::NotProposed(Declined::Overloaded), _)) => flight.fail(ProposeError::Overloaded),
            Ok((Response::NotProposed(Declined::NotLeader), _)) | Err(CallError::NotSent(_)) => {
                self.again(flight).await;
            }
            Ok(_) | Err(CallError::Lost(_)) => flight.fail(ProposeError::Unknown),
        }
    }

    /// Puts back what was certainly not proposed, after a breath: the leader is not known to
    /// everybody yet, and asking again at once would spin.
    async fn again(&self, flight: Flight) {
        sleep(Duration::from_millis(limits::REROUTE_MS)).await;
        self.queue.put_back(flight.groups);
    }

    /// Ends when `leader` no longer leads in `term`, and `grace_ms` later.
    async fn leaves(&self, leader: u64, term: u64, grace_ms: u64) {
        let mut routes = self.route.subscribe();
        let changed =
            routes.wait_for(|route| route.leader.is_some() && (route.leader != Some(leader) || route.term != term));
        let _ = changed.await;
        sleep(Duration::from_millis(grace_ms)).await;
    }
}

/// A batch under way.
struct Flight {
    groups: Vec<Group>,
    term: u64,
    permit: OwnedSemaphorePermit,
}

impl Flight {
    /// When the last of its proposers gives up.
    fn deadline(&self) -> Instant {
        self.groups
            .iter()
            .map(|group| group.deadline)
            .max()
            .unwrap_or_else(Instant::now)
    }

    fn succeed(self, index: u64, outcomes: Vec<Bytes>) {
        drop(self.permit);
        let mut outcomes = outcomes.into_iter();
        for group in self.groups {
            let own: Vec<Bytes> = outcomes.by_ref().take(group.commands.len()).collect();
            let complete = own.len() == group.commands.len();
            group.answer(if complete {
                Ok((index, own))
            } else {
                Err(ProposeError::Unknown)
            });
        }
    }

    fn fail(self, error: ProposeError) {
        drop(self.permit);
        for group in self.groups {
            group.answer(Err(error));
        }
    }
}
