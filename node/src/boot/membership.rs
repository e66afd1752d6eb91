//! What a running node does about its own place in the cluster, in the background: a joined node becomes learner and voter by itself, and a leader
//! completes removals.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quorate_raft::{Entering, NodeInfo, Raft};
use quorate_replica::Published;
use tokio::time::{Instant, sleep};

/// One attempt to become a voter. Catching up may need a snapshot of a large state over a slow line.
const ENTER_WITHIN: Duration = Duration::from_secs(600);

/// Pause between attempts: the cluster may be without quorum just now.
const ENTER_AGAIN: Duration = Duration::from_secs(2);

/// How often a leader looks for removals that were not completed: long beside one, short beside what an operator waits for.
const REMOVALS_INTERVAL: Duration = Duration::from_secs(1);

/// One removal: two membership changes, each an entry of the log.
const REMOVE_WITHIN: Duration = Duration::from_secs(10);

/// Makes this node a voter if it is none, however long that takes.
pub async fn take_part(raft: Raft, peers: BTreeMap<u64, NodeInfo>) {
    loop {
        let status = raft.status();
        if status.voters.contains(&status.id) {
            return;
        }
        let mut progress = |step: Entering| match step {
            Entering::Asked => tracing::info!("asked the cluster to become a learner"),
            Entering::CatchingUp { applied, of } => tracing::info!(applied, of, "catching up"),
            Entering::Promoting => tracing::info!("caught up; becoming a voter"),
            Entering::Voter => tracing::info!("this node is a voter"),
        };
        match raft
            .enter(peers.clone(), Instant::now() + ENTER_WITHIN, &mut progress)
            .await
        {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "not a voter yet; trying again"),
        }
        sleep(ENTER_AGAIN).await;
    }
}

/// While this node leads: takes nodes that the state has fenced off out of the membership. Whoever removed them may have
/// been cut off half way, and a node that leaves is heard by nobody once it is fenced.
pub async fn complete_removals(raft: Raft, published: Arc<Published>) {
    loop {
        sleep(REMOVALS_INTERVAL).await;
        let status = raft.status();
        let state = published.state();
        let Some(cluster) = state.cluster().filter(|_| status.leader == Some(status.id)) else {
            continue;
        };
        for node in cluster
            .removed
            .iter()
            .filter(|node| node.0 != status.id && status.nodes.contains_key(&node.0))
        {
            match raft.remove(node.0, Instant::now() + REMOVE_WITHIN).await {
                Ok(()) => tracing::info!(node = node.0, "a node that was removed is no member any more"),
                Err(error) => tracing::warn!(node = node.0, %error, "a removed node is still a member; trying again"),
            }
        }
    }
}
