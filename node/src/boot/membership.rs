//! What a running node does about its own place in the cluster, in the background: a joined node becomes learner and voter by itself, and a leader
//! completes removals.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quorate_app::Administrator;
use quorate_core::{NodeId, Replacement};
use quorate_raft::{Entering, NodeInfo, Raft};
use quorate_replica::Published;
use quorate_storage::DataDir;
use tokio::time::{Instant, sleep};

use super::identity;

/// One attempt to become a voter. Catching up may need a snapshot of a large state over a slow line.
const ENTER_WITHIN: Duration = Duration::from_secs(600);

/// Pause between attempts: the cluster may be without quorum just now.
const ENTER_AGAIN: Duration = Duration::from_secs(2);

/// How often a leader looks for removals that were not completed: long beside one, short beside what an operator waits for.
const REMOVALS_INTERVAL: Duration = Duration::from_secs(1);

/// How often the list of members is compared with the one on disk.
const KEEP_PEERS_INTERVAL: Duration = Duration::from_secs(1);

/// One removal: two membership changes, each an entry of the log.
const REMOVE_WITHIN: Duration = Duration::from_secs(10);

/// Makes this node a voter if it is none, however long that takes. Then nobody needs any more what damaged nodes left here, but for
/// the last.
pub async fn take_part(raft: Raft, peers: BTreeMap<u64, NodeInfo>, data_dir: Arc<DataDir>) {
    become_voter(raft, peers).await;
    if let Err(error) = data_dir.forget_damaged() {
        tracing::warn!(%error, "what damaged nodes left in the data directory was not deleted");
    }
}

async fn become_voter(raft: Raft, peers: BTreeMap<u64, NodeInfo>) {
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

/// While this node leads: fences off a damaged node whose successor votes in its place.
pub async fn complete_replacements(raft: Raft, administrator: Arc<Administrator>) {
    loop {
        sleep(REMOVALS_INTERVAL).await;
        let status = raft.status();
        let replacement = administrator.state().cluster().and_then(|cluster| cluster.replacement);
        let votes = |node: NodeId| status.voters.contains(&node.0);
        let is_due = |last: &Replacement| !last.completed && votes(last.successor) && !votes(last.damaged);
        let Some(last) = replacement.filter(is_due).filter(|_| status.leader == Some(status.id)) else {
            continue;
        };
        match administrator.complete_replacement(last.successor).await {
            Ok(()) => {
                tracing::info!(damaged = %last.damaged, successor = %last.successor, "a damaged node was replaced")
            }
            Err(error) => tracing::warn!(%error, "a replaced node could not be fenced off yet; trying again"),
        }
    }
}

/// Keeps the list of members on disk, outside the log, as it changes.
pub async fn keep_peers(raft: Raft, data_dir: Arc<DataDir>) {
    let mut kept = BTreeMap::new();
    loop {
        let nodes = raft.status().nodes;
        if !nodes.is_empty() && nodes != kept {
            match identity::keep_peers(data_dir.root(), &nodes) {
                Ok(()) => kept = nodes,
                Err(error) => tracing::warn!(%error, "the list of members was not kept; trying again"),
            }
        }
        sleep(KEEP_PEERS_INTERVAL).await;
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
