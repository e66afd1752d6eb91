//! A node whose log or state is damaged becomes another: the same machine under a new number, with an empty directory. How, and
//! when the cluster lets it, is told in [`quorate_raft::replacement`]; here is what the damaged node does for its part.

use std::collections::BTreeMap;

use quorate_raft::pki::NodeKey;
use quorate_raft::replacement::{ReplacementError, ask};
use quorate_raft::{Identity, NodeInfo, Successor};
use quorate_storage::DataDir;

use super::{BootError, identity, keys, node_info};
use crate::config::Config;

/// What came of asking for a successor.
pub enum Asked {
    /// The data directory is the successor's. Nothing of the damaged node was deleted.
    Replaced,
    /// The cluster does not grant it now, and nothing was changed. Why, in words.
    NotNow(String),
}

/// Asks the cluster for a successor of the damaged node, and makes the data directory the successor's.
///
/// # Errors
/// [`BootError::Refused`] when the cluster will never grant it; see [`BootError`] for the rest.
pub async fn replace(config: &Config) -> Result<Asked, BootError> {
    let data_dir = DataDir::open(&config.node.data_dir)?;
    let (damaged, peers) = identity::load(&data_dir)?;
    let info = node_info(config)?;
    // Kept before the first call: if its answer is lost, the next must be for the same key.
    let key = identity::successor_key(&data_dir)?;
    let csr_der = key.csr_der().map_err(|error| BootError::Key(error.to_string()))?;
    let successor = match ask(&damaged, &csr_der, &info, config.cluster.listen, &peers).await {
        Ok(successor) => successor,
        Err(ReplacementError::NotNow(why)) => return Ok(Asked::NotNow(why)),
        Err(ReplacementError::Refused(why)) => return Err(BootError::Refused(why)),
        Err(ReplacementError::Start(error)) => return Err(error.into()),
    };
    tracing::warn!(
        damaged = damaged.node_id,
        successor = successor.node_id,
        "this node goes on under a new number; what was left of the old one is kept beside it"
    );
    become_successor(config, data_dir, damaged, &peers, &key, successor)?;
    Ok(Asked::Replaced)
}

fn become_successor(
    config: &Config,
    data_dir: DataDir,
    damaged: Identity,
    peers: &BTreeMap<u64, NodeInfo>,
    key: &NodeKey,
    successor: Successor,
) -> Result<(), BootError> {
    let ring = keys::load(&config.key, data_dir.root())?;
    let identity = Identity {
        node_id: successor.node_id,
        certificate_der: successor.certificate_der,
        private_key_der: key.private_key_der(),
        ..damaged
    };
    let directory = data_dir.begin_successor(quorate_storage::Identity {
        cluster_id: identity.cluster_id,
        node_id: identity.node_id,
    })?;
    identity::store(&directory, &identity, peers)?;
    keys::keep(&config.key, directory.root(), &ring)?;
    Ok(data_dir.give_way_to(directory)?)
}
