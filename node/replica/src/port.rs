//! The replica as the use cases see it: core's commands and state over consensus' bytes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use quorate_app::{
    ClockStanding, ClusterStatus, DiskStanding, Late, Member, MemberKind, ProposalCounts, ProposeError, Proposed,
    Replica, Role,
};
use quorate_core::{Command, NodeId, Outcome, State};
use quorate_raft::{BarrierError, ChangeError, Raft, RaftStatus};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Published;

/// Told how long each command took from being proposed to its outcome.
pub type CommitObserver = Arc<dyn Fn(Duration) + Send + Sync>;

/// Proposes through consensus and reads what this node has applied. Cheap to share.
pub struct ClusterReplica {
    raft: Raft,
    published: Arc<Published>,
    on_commit: CommitObserver,
}

impl ClusterReplica {
    /// Binds a running consensus node to the state it publishes.
    pub fn new(raft: Raft, published: Arc<Published>, on_commit: CommitObserver) -> Arc<Self> {
        Arc::new(ClusterReplica {
            raft,
            published,
            on_commit,
        })
    }
}

#[async_trait]
impl Replica for ClusterReplica {
    fn state(&self) -> Arc<State> {
        self.published.state()
    }

    async fn propose(&self, command: &Command, deadline: Instant) -> Result<Proposed, ProposeError> {
        let proposed = Instant::now();
        let committed = self
            .raft
            .propose(Bytes::from(command.to_bytes()), deadline)
            .await
            .map_err(proposal_failed)?;
        (self.on_commit)(proposed.elapsed());
        match Outcome::from_bytes(&committed.outcome) {
            Ok(outcome) => Ok(Proposed {
                index: committed.index,
                outcome,
            }),
            // Only a leader of another release could answer so; the command itself is committed.
            Err(error) => {
                tracing::error!(%error, index = committed.index, "the leader's answer does not decode");
                Err(ProposeError::Unknown)
            }
        }
    }

    async fn wait_applied(&self, index: u64, deadline: Instant) -> Result<(), Late> {
        match self.raft.wait_applied(index, deadline).await {
            true => Ok(()),
            false => Err(Late),
        }
    }

    async fn barrier(&self, deadline: Instant) -> Result<u64, ProposeError> {
        self.raft.barrier(deadline).await.map_err(|error| match error {
            BarrierError::NoQuorum => ProposeError::NoLeader,
            BarrierError::Behind { .. } => ProposeError::Unknown,
        })
    }

    fn status(&self) -> ClusterStatus {
        let cluster = self
            .published
            .state()
            .cluster()
            .map(|cluster| cluster.id)
            .unwrap_or_default();
        seen_by_use_cases(self.raft.status(), cluster)
    }

    fn clock(&self) -> ClockStanding {
        clock_of(self.raft.clock())
    }

    fn applied(&self) -> watch::Receiver<u64> {
        self.published.applied()
    }

    async fn remove_member(&self, node: NodeId, deadline: Instant) -> Result<(), ProposeError> {
        self.raft.remove(node.0, deadline).await.map_err(|error| match error {
            ChangeError::NoLeader => ProposeError::NoLeader,
            ChangeError::Unknown => ProposeError::Unknown,
            ChangeError::Refused(why) => {
                tracing::warn!(
                    node = node.0,
                    why,
                    "the leader did not take the node out of the membership"
                );
                ProposeError::Overloaded
            }
        })
    }

    async fn hand_over(&self, deadline: Instant) -> Result<(), Late> {
        self.raft.hand_over(deadline).await.map(|_| ()).map_err(|_| Late)
    }
}

fn proposal_failed(error: quorate_raft::ProposeError) -> ProposeError {
    match error {
        quorate_raft::ProposeError::Unknown => ProposeError::Unknown,
        quorate_raft::ProposeError::NoLeader => ProposeError::NoLeader,
        // Commands are bounded where they are made, below what an entry holds.
        quorate_raft::ProposeError::Overloaded | quorate_raft::ProposeError::TooLarge => ProposeError::Overloaded,
    }
}

fn seen_by_use_cases(status: RaftStatus, cluster: [u8; 16]) -> ClusterStatus {
    let members = status.nodes.iter().map(|(id, info)| Member {
        id: NodeId(*id),
        name: info.name.clone(),
        site: info.site.clone(),
        kind: if status.voters.contains(id) {
            MemberKind::Voter
        } else {
            MemberKind::Learner
        },
        cluster: info.cluster.clone(),
        radius: info.radius.clone(),
        https: info.https.clone(),
        lag: status.lag.get(id).copied(),
    });
    ClusterStatus {
        cluster,
        node: NodeId(status.id),
        role: match status.role {
            quorate_raft::Role::Leader => Role::Leader,
            quorate_raft::Role::Follower => Role::Follower,
            quorate_raft::Role::Candidate => Role::Candidate,
            quorate_raft::Role::Learner => Role::Learner,
            quorate_raft::Role::Shutdown => Role::Aside,
        },
        term: status.term,
        leader: status.leader.map(NodeId),
        last_log: status.last_log.map_or(0, |at| at.index),
        committed: status.committed.map_or(0, |at| at.index),
        applied: status.applied.map_or(0, |at| at.index),
        snapshot: status.snapshot.map(|at| at.index),
        members: members.collect(),
        quorum_ack_age_ms: status.quorum_ack_age_ms,
        proposals: ProposalCounts {
            queued: status.queued_commands as u64,
            in_flight: status.batches_in_flight as u64,
        },
        clock: clock_of(status.clock),
        disk: disk_of(status.disk),
    }
}

fn clock_of(standing: quorate_raft::ClockStanding) -> ClockStanding {
    let quorate_raft::ClockStanding { in_time, ahead_ms } = standing;
    ClockStanding { in_time, ahead_ms }
}

fn disk_of(standing: quorate_raft::DiskStanding) -> DiskStanding {
    let quorate_raft::DiskStanding {
        short,
        free_bytes,
        stalled,
        waiting_ms,
    } = standing;
    DiskStanding {
        short,
        free_bytes,
        stalled,
        waiting_ms,
    }
}
