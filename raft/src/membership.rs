//! Changes of the membership, reads through the quorum, and handing over leadership: what only
//! the leader can do, asked of any node.
//!
//! Every change is idempotent, so that a lost answer is resolved by asking again. openraft makes
//! a change in two steps (joint, then uniform); a leader that dies in between leaves the cluster
//! in the joint one, which the next change, or the same again, completes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openraft::error::{ClientWriteError, RaftError};
use openraft::{ChangeMembers, StoredMembership};
use tokio::time::{Instant, sleep, timeout};

use crate::errors::{BarrierError, ChangeError};
use crate::ports::CallError;
use crate::shared::Shared;
use crate::transport::wire::{Change, ChangeDeclined, Request, Response};
use crate::{NodeInfo, limits};

type Changes = ChangeMembers<u64, NodeInfo>;

/// Has the leader make a change, wherever it is.
///
/// # Errors
/// See [`ChangeError`].
pub async fn change(shared: &Arc<Shared>, change: Change, deadline: Instant) -> Result<(), ChangeError> {
    let mut at_deadline = ChangeError::NoLeader;
    let mut turn = 0;
    while Instant::now() < deadline {
        match change_once(shared, &change, ask_whom(shared, turn), deadline).await {
            Ok(()) => return Ok(()),
            Err(Declined::Refused(reason)) => return Err(ChangeError::Refused(reason)),
            Err(Declined::Busy(reason)) => at_deadline = ChangeError::Refused(reason),
            Err(Declined::Lost) => at_deadline = ChangeError::Unknown,
            Err(Declined::NotThere) => {}
        }
        turn += 1;
        sleep(Duration::from_millis(limits::CHANGE_RETRY_MS)).await;
    }
    Err(at_deadline)
}

enum Declined {
    Refused(String),
    Busy(String),
    Lost,
    NotThere,
}

/// The leader if it is known, else one peer after the other: a joiner knows no leader yet, but
/// peers that were probed have named one.
fn ask_whom(shared: &Shared, turn: usize) -> Option<u64> {
    let peers = shared.peers.known();
    let named = || {
        shared
            .peers
            .seen()
            .values()
            .find_map(|seen| seen.leader.filter(|id| peers.contains(id)))
    };
    let hint = shared.leader().or_else(|| named().filter(|_| turn.is_multiple_of(2)));
    hint.or_else(|| peers.get(turn % peers.len().max(1)).copied())
}

async fn change_once(
    shared: &Arc<Shared>,
    change: &Change,
    whom: Option<u64>,
    deadline: Instant,
) -> Result<(), Declined> {
    let Some(whom) = whom else {
        return Err(Declined::NotThere);
    };
    let declined = if whom == shared.id {
        change_here(shared, change.clone()).await
    } else {
        let patience = deadline.saturating_duration_since(Instant::now());
        let patience = patience.min(Duration::from_millis(limits::CHANGE_PATIENCE_MS));
        match shared
            .peers
            .call(whom, &Request::Change(change.clone()), &mut [], patience)
            .await
        {
            Ok((Response::Changed(result), _)) => result,
            Ok(_) | Err(CallError::Lost(_)) => return Err(Declined::Lost),
            Err(CallError::NotSent(_)) => return Err(Declined::NotThere),
        }
    };
    match declined {
        Ok(()) => Ok(()),
        Err(ChangeDeclined::Refused(reason)) => Err(Declined::Refused(reason)),
        Err(ChangeDeclined::Busy(reason)) => Err(Declined::Busy(reason)),
        Err(ChangeDeclined::NotLeader(hint)) => {
            if let Some((id, info)) = hint {
                shared.peers.introduce(id, &info);
            }
            Err(Declined::NotThere)
        }
    }
}

/// Makes a change as the leader.
///
/// # Errors
/// See [`ChangeDeclined`].
pub async fn change_here(shared: &Arc<Shared>, change: Change) -> Result<(), ChangeDeclined> {
    if !shared.leads() {
        return Err(not_leader(shared));
    }
    match change {
        Change::AddLearner(id, info) => add_learner(shared, id, info).await,
        Change::Promote(id) => promote(shared, id).await,
        Change::Remove(id) => remove(shared, id).await,
    }
}

/// The answer of a node that does not lead.
pub fn not_leader(shared: &Shared) -> ChangeDeclined {
    let hint = shared.leader().filter(|leader| *leader != shared.id);
    let hint = hint.and_then(|leader| Some((leader, shared.membership().membership().get_node(&leader)?.clone())));
    ChangeDeclined::NotLeader(hint)
}

async fn add_learner(shared: &Shared, id: u64, info: NodeInfo) -> Result<(), ChangeDeclined> {
    if shared.admission.is_removed(id) {
        return Err(ChangeDeclined::Refused(format!(
            "node {id} was removed from this cluster"
        )));
    }
    let membership = shared.membership();
    let nodes = BTreeMap::from([(id, info.clone())]);
    match membership.membership().get_node(&id) {
        Some(known) if *known == info => Ok(()),
        // Only where the node is reached changes, not who votes; its certificate still proves who
        // it is, so a wrong address cannot split the cluster.
        Some(_) => submit(shared, Changes::SetNodes(nodes)).await,
        None => submit(shared, Changes::AddNodes(nodes)).await,
    }
}

async fn promote(shared: &Shared, id: u64) -> Result<(), ChangeDeclined> {
    let membership = shared.membership();
    if membership.membership().get_node(&id).is_none() {
        return Err(ChangeDeclined::Refused(format!("node {id} is not a member")));
    }
    let settled = !is_joint(&membership);
    if settled && membership.voter_ids().any(|voter| voter == id) {
        return Ok(());
    }
    if let Some(lag) = lag_of(shared, id).filter(|lag| *lag > limits::PROMOTE_LAG_ENTRIES) {
        return Err(ChangeDeclined::Busy(format!("node {id} is still {lag} entries behind")));
    }
    // Two changes, one after the other, would leave the cluster with a voter too many in between, of which one is known to be gone.
    let damaged = shared.admission.takes_place_of(id);
    let mut voters: BTreeSet<u64> = membership.voter_ids().collect();
    match damaged.filter(|damaged| voters.remove(damaged)) {
        Some(_) => {
            voters.insert(id);
            submit(shared, Changes::ReplaceAllVoters(voters)).await
        }
        None => submit(shared, Changes::AddVoterIds(BTreeSet::from([id]))).await,
    }
}

/// Entries a peer has not acknowledged; everything if it has acknowledged nothing.
fn lag_of(shared: &Shared, id: u64) -> Option<u64> {
    let metrics = shared.engine.metrics().borrow().clone();
    let last = metrics.last_log_index.unwrap_or(0);
    let matched = metrics
        .replication
        .as_ref()?
        .get(&id)?
        .as_ref()
        .map_or(0, |at| at.index);
    Some(last.saturating_sub(matched))
}

async fn remove(shared: &Arc<Shared>, id: u64) -> Result<(), ChangeDeclined> {
    let membership = shared.membership();
    let voters: BTreeSet<u64> = membership.voter_ids().collect();
    if voters == BTreeSet::from([id]) {
        return Err(ChangeDeclined::Refused("the last voter cannot be removed".into()));
    }
    if id == shared.id {
        // Rather lead on than depart in the middle: the successor makes the change.
        let deadline = Instant::now() + Duration::from_millis(limits::HAND_OVER_MS);
        let _ = hand_over(shared, deadline).await;
        return Err(not_leader(shared));
    }
    if voters.contains(&id) || is_joint(&membership) {
        submit(shared, Changes::RemoveVoters(BTreeSet::from([id]))).await?;
    }
    if shared.membership().membership().get_node(&id).is_some() {
        submit(shared, Changes::RemoveNodes(BTreeSet::from([id]))).await?;
    }
    Ok(())
}

/// Commits one change. A deposed leader may never hear of it again, hence the limit.
async fn submit(shared: &Shared, changes: Changes) -> Result<(), ChangeDeclined> {
    let limit = Duration::from_millis(limits::CHANGE_PATIENCE_MS);
    match timeout(limit, shared.engine.change_membership(changes, false)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_)))) => Err(not_leader(shared)),
        Ok(Err(error)) => Err(ChangeDeclined::Busy(error.to_string())),
        Err(_) => Err(ChangeDeclined::Busy("the change was not committed in time".into())),
    }
}

/// At the leader: asks a quorum whether it still leads. Returns the index a read must wait for.
pub async fn confirm_leadership(shared: &Shared) -> Option<u64> {
    // The heartbeats of this would keep the lease alive that a hand-over waits to end.
    if shared.proposer.is_held() {
        return None;
    }
    #[cfg(feature = "mutants")]
    if quorate_mutants::is_planted(quorate_mutants::Mutant::StaleLeaderServes) {
        return Some(*shared.machine.watch_applied().borrow());
    }
    let (read_at, _) = shared.engine.get_read_log_id().await.ok()?;
    Some(read_at.map_or(0, |at| at.index))
}

/// A linearizable read from any node; see [`crate::Raft::barrier`].
///
/// # Errors
/// See [`BarrierError`].
pub async fn barrier(shared: &Arc<Shared>, deadline: Instant) -> Result<u64, BarrierError> {
    let index = loop {
        if let Some(index) = barrier_index(shared, deadline).await {
            break index;
        }
        if Instant::now() >= deadline {
            return Err(BarrierError::NoQuorum);
        }
        sleep(Duration::from_millis(limits::REROUTE_MS)).await;
    };
    let mut applied = shared.machine.watch_applied();
    match tokio::time::timeout_at(deadline, applied.wait_for(|applied| *applied >= index)).await {
        Ok(Ok(_)) => Ok(index),
        _ => Err(BarrierError::Behind {
            applied: *shared.machine.watch_applied().borrow(),
            wanted: index,
        }),
    }
}

async fn barrier_index(shared: &Arc<Shared>, deadline: Instant) -> Option<u64> {
    let leader = shared.leader()?;
    let patience = deadline.saturating_duration_since(Instant::now());
    if leader == shared.id {
        return timeout(patience, confirm_leadership(shared)).await.ok()?;
    }
    let patience = patience.min(Duration::from_millis(limits::BARRIER_PATIENCE_MS));
    match shared.peers.call(leader, &Request::Barrier, &mut [], patience).await {
        Ok((Response::Barrier(index), _)) => index,
        _ => None,
    }
}

/// Gives leadership to a caught-up voter; see [`crate::Raft::hand_over`].
///
/// openraft has no leader transfer. So: hold proposals, pause heartbeats until the followers'
/// lease on this leader has run out, and have a caught-up voter campaign at that moment. Commands
/// wait in their queues for about one lease; none is lost.
///
/// # Errors
/// When no voter is caught up, or none took over before the deadline.
pub async fn hand_over(shared: &Arc<Shared>, deadline: Instant) -> Result<Option<u64>, ChangeError> {
    if !shared.leads() {
        return Ok(shared.leader());
    }
    shared.proposer.hold(true);
    let result = hand_over_held(shared, deadline).await;
    shared.engine.runtime_config().heartbeat(true);
    shared.proposer.hold(false);
    result
}

async fn hand_over_held(shared: &Arc<Shared>, deadline: Instant) -> Result<Option<u64>, ChangeError> {
    let successor = loop {
        if let Some(successor) = caught_up_voter(shared) {
            break successor;
        }
        if Instant::now() >= deadline {
            return Err(ChangeError::Refused(
                "no other voter is reachable, caught up, in time and with its disk in order".into(),
            ));
        }
        sleep(Duration::from_millis(limits::REROUTE_MS)).await;
    };
    shared.engine.runtime_config().heartbeat(false);
    sleep(Duration::from_millis(shared.config.election_max_ms)).await;
    while shared.leads() {
        if Instant::now() >= deadline {
            return Err(ChangeError::Refused("no other voter took over in time".into()));
        }
        let patience = Duration::from_millis(shared.config.heartbeat_ms);
        let _ = shared
            .peers
            .call(successor, &Request::Campaign, &mut [], patience)
            .await;
        let mut metrics = shared.engine.metrics();
        let grace = Duration::from_millis(shared.config.election_min_ms);
        let led = metrics.wait_for(|metrics| metrics.current_leader != Some(shared.id));
        if let Ok(Err(_)) = timeout(grace, led).await {
            // What the engine said last stays true for ever: nothing more will come.
            return Err(ChangeError::Refused("consensus has stopped".into()));
        }
    }
    let mut metrics = shared.engine.metrics();
    let led = tokio::time::timeout_at(deadline, metrics.wait_for(|metrics| metrics.current_leader.is_some())).await;
    Ok(led.ok().and_then(|led| led.ok()?.current_leader))
}

fn caught_up_voter(shared: &Shared) -> Option<u64> {
    if shared.proposer.in_flight() > 0 {
        return None;
    }
    let seen = shared.peers.seen_within(shared.config.reach());
    let membership = shared.membership();
    let mut others = membership.voter_ids().filter(|voter| *voter != shared.id);
    others.find(|voter| seen.get(voter).is_some_and(|seen| shared.is_well(seen)) && lag_of(shared, *voter) == Some(0))
}

/// Whether a change is half made.
pub fn is_joint(membership: &StoredMembership<u64, NodeInfo>) -> bool {
    membership.membership().get_joint_config().len() > 1
}
