//! The cluster and its nodes.

use quorate_api::{ClusterStatus, NodeRole, NodeStatus, Nothing, ProblemKind};
use quorate_app::{Member, MemberKind};
use quorate_core::NodeId;
use tokio::time::Instant;

use super::{audit, gateways, pending};
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::limits;
use crate::site::Site;

pub(crate) async fn show(call: Call<Nothing>) -> Answer<ClusterStatus> {
    Ok(Reply::plain(status(&call.site).await))
}

pub(crate) async fn remove_node(call: Call<Nothing>) -> Answer<Nothing> {
    let node = node(&call.site, call.name())?;
    call.site.administrator.remove_node(call.actor, node).await?;
    Ok(Reply::plain(Nothing))
}

/// A node by number or name. A number needs no record: a removal that broke off between its two
/// halves can be repeated.
fn node(site: &Site, text: &str) -> Result<NodeId, Failure> {
    match text.parse() {
        Ok(number) if site.replica.status().members.iter().any(|member| member.id.0 == number) => Ok(NodeId(number)),
        _ => Ok(site.administrator.find_node(text)?.id),
    }
}

pub(crate) async fn hand_over(call: Call<Nothing>) -> Answer<ClusterStatus> {
    let handed = call.site.replica.hand_over(call.deadline).await;
    handed.map_err(|late| {
        Failure::new(ProblemKind::OutcomeUnknown)
            .detail("No other voter took over in time.")
            .because(late)
    })?;
    Ok(Reply::plain(status(&call.site).await))
}

async fn status(site: &Site) -> ClusterStatus {
    // Asked first, so that what is shown is at least as new as the answer.
    let quorum = site.replica.barrier(Instant::now() + limits::READY).await.is_ok();
    let seen = site.replica.status();
    ClusterStatus {
        cluster_id: data_encoding::HEXLOWER.encode(&seen.cluster),
        node: seen.node.0,
        leader: seen.leader.map(|leader| leader.0),
        term: seen.term,
        quorum,
        last_log_index: seen.last_log,
        committed_index: seen.committed,
        applied_index: seen.applied,
        snapshot_index: seen.snapshot,
        clock_in_time: seen.clock.in_time,
        clock_ahead_ms: seen.clock.ahead_ms,
        disk_short: seen.disk.short,
        disk_free_bytes: seen.disk.free_bytes,
        disk_waiting_ms: seen.disk.waiting_ms,
        audit: audit::extent(site),
        pending_changes: pending::waiting(&site.replica.state()),
        gateways: gateways::health(site),
        nodes: seen.members.iter().map(|member| shape(member, seen.leader)).collect(),
    }
}

fn shape(member: &Member, leader: Option<NodeId>) -> NodeStatus {
    NodeStatus {
        id: member.id.0,
        name: member.name.clone(),
        site: member.site.clone(),
        role: match member.kind {
            MemberKind::Voter if leader == Some(member.id) => NodeRole::Leader,
            MemberKind::Voter => NodeRole::Voter,
            MemberKind::Learner => NodeRole::Learner,
        },
        cluster: member.cluster.clone(),
        radius: member.radius.clone(),
        https: member.https.clone(),
        lag: member.lag,
    }
}
