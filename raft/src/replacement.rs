//! A node that is damaged, replacing itself: the same machine under a new id.
//!
//! Its log or its state cannot be trusted any more, so it must not vote under its id: what it had acknowledged, it may have forgotten. Its
//! certificate and key are all it needs to ask for a new id, with which it joins as a node that never acknowledged anything.
//!
//! ```text
//! damaged node, not running                         leader
//!   Succeed {CSR for a new key}, by certificate  →  a member? not answering? a quorum of the others well?
//!                                                   Admission::succeed: a new id, through the log; sign
//!   starts with an empty directory               ←  Successor {id, certificate}
//!   learner, catches up, Change::Promote         →  one joint change: the successor in, the damaged one out
//! ```
//!
//! Until that last step nothing of the cluster has changed, and of the damaged node's files nothing has been deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::errors::StartError;
use crate::join::{AdmissionError, Successor};
use crate::membership::{is_joint, not_leader};
use crate::node::Identity;
use crate::ports::{CallError, Network};
use crate::shared::Shared;
use crate::transport::quic::Quic;
use crate::transport::tls;
use crate::transport::wire::{self, ChangeDeclined, Request, Response};
use crate::{NodeInfo, limits};

/// Why there is no successor.
#[derive(Debug, thiserror::Error)]
pub enum ReplacementError {
    /// Asking again later may help.
    #[error("{0}")]
    NotNow(String),
    /// The cluster will not, in words.
    #[error("{0}")]
    Refused(String),
    /// This node cannot ask.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Asks the cluster for a successor of the node that `identity` proves, for the key that `csr_der` (PKCS #10) was made with. Asking
/// again with the same key gets the same answer. Sends from `listen`, where the node would listen if it ran.
///
/// # Errors
/// See [`ReplacementError`].
pub async fn ask(
    identity: &Identity,
    csr_der: &[u8],
    info: &NodeInfo,
    listen: SocketAddr,
    peers: &BTreeMap<u64, NodeInfo>,
) -> Result<Successor, ReplacementError> {
    let network = Quic::new(tls::client_endpoint(listen)?, identity.clone())?;
    let answer = ask_through(&network, identity.node_id, csr_der, info, peers).await;
    network.close().await;
    answer
}

async fn ask_through(
    network: &dyn Network,
    damaged: u64,
    csr_der: &[u8],
    info: &NodeInfo,
    peers: &BTreeMap<u64, NodeInfo>,
) -> Result<Successor, ReplacementError> {
    let others = peers.iter().filter(|(id, _)| **id != damaged);
    let mut to_ask: Vec<(u64, String)> = others.map(|(id, peer)| (*id, peer.cluster.clone())).collect();
    let mut asked = BTreeSet::new();
    let mut why = "this node knows no other member".to_owned();
    while let Some((id, address)) = to_ask.pop() {
        if !asked.insert((id, address.clone())) {
            continue;
        }
        let request = Request::Succeed {
            csr_der: csr_der.to_vec(),
            node: info.clone(),
        };
        match ask_one(network, id, &address, &request).await {
            Ok(Ok(successor)) => return Ok(successor),
            Ok(Err(ChangeDeclined::Refused(reason))) => return Err(ReplacementError::Refused(reason)),
            Ok(Err(ChangeDeclined::Busy(reason))) => return Err(ReplacementError::NotNow(reason)),
            Ok(Err(ChangeDeclined::NotLeader(hint))) => {
                why = format!("node {id} does not lead, and no other node was found to");
                to_ask.extend(hint.map(|(id, leader)| (id, leader.cluster)));
            }
            Err(problem) => why = format!("node {id} at {address}: {problem}"),
        }
    }
    Err(ReplacementError::NotNow(why))
}

async fn ask_one(
    network: &dyn Network,
    id: u64,
    address: &str,
    request: &Request,
) -> Result<Result<Successor, ChangeDeclined>, String> {
    let link = network.connect(id, address).await?;
    let patience = Duration::from_millis(limits::CHANGE_PATIENCE_MS);
    let answer = timeout(patience, link.exchange(vec![wire::encode_head(request)])).await;
    let answer = answer.unwrap_or_else(|_| Err(CallError::Lost("no answer in time".into())));
    match wire::decode(&answer.map_err(|e| e.to_string())?) {
        Ok((Response::Successor(answer), _)) => Ok(answer),
        Ok(_) | Err(_) => Err("it broke the protocol".into()),
    }
}

/// At the leader: gives a damaged member a successor, if that is safe.
///
/// # Errors
/// See [`ChangeDeclined`].
pub(crate) async fn grant(
    shared: &Arc<Shared>,
    damaged: u64,
    csr_der: &[u8],
    node: &NodeInfo,
) -> Result<Successor, ChangeDeclined> {
    if !shared.leads() {
        return Err(not_leader(shared));
    }
    if let Some(objection) = objection(shared, damaged) {
        return Err(objection);
    }
    let admitted = shared.admission.succeed(damaged, csr_der, node).await;
    if let Ok(successor) = &admitted {
        tracing::warn!(damaged, successor = successor.node_id, "a damaged node replaces itself");
    }
    admitted.map_err(|error| match error {
        AdmissionError::Unavailable(_) => ChangeDeclined::Busy(error.to_string()),
        AdmissionError::Spent | AdmissionError::Expired | AdmissionError::Refused(_) => {
            ChangeDeclined::Refused(error.to_string())
        }
    })
}

/// What speaks against giving this node a successor now.
fn objection(shared: &Shared, damaged: u64) -> Option<ChangeDeclined> {
    let membership = shared.membership();
    if membership.membership().get_node(&damaged).is_none() {
        return Some(ChangeDeclined::Refused(format!(
            "node {damaged} is not a member of this cluster any more"
        )));
    }
    if is_joint(&membership) {
        return Some(ChangeDeclined::Busy(
            "another change of the membership is under way".into(),
        ));
    }
    let seen = shared.peers.seen_within(shared.config.reach());
    if seen.contains_key(&damaged) {
        return Some(ChangeDeclined::Busy(format!(
            "node {damaged} answers the cluster's probes: if it was just stopped, wait; else this is a second copy of it"
        )));
    }
    let voters: BTreeSet<u64> = membership.voter_ids().collect();
    let is_well = |id: &u64| {
        let answers_well = seen.get(id).is_some_and(|seen| shared.is_well(seen));
        *id != damaged && (*id == shared.id || answers_well)
    };
    let well = voters.iter().filter(|id| is_well(id)).count();
    if well * 2 <= voters.len() {
        return Some(ChangeDeclined::Busy(format!(
            "only {well} of {} voters are well, which is no quorum without node {damaged}",
            voters.len()
        )));
    }
    None
}
