//! `quorate init`: founds a cluster on this node, and stops. Either everything is there afterwards, or nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quorate_app::{Entropy, FoundingNode, ProposeError, Replica, found_cluster};
use quorate_core::{Command, NodeId, Outcome};
use quorate_raft::pki::{self, ClusterCa, NodeKey};
use quorate_raft::{Identity, NodeInfo};
use quorate_storage::DataDir;
use tokio::time::Instant;

use super::admission::certificate_names;
use super::stack::{Observers, Stack, require_room};
use super::system::SystemEntropy;
use super::{BootError, identity, keys, node_info};
use crate::config::Config;

/// The first node's number.
const FIRST: u64 = 1;

/// A single node on its own disk founds the cluster within this; anything longer is a disk that does not answer.
const FOUNDING: Duration = Duration::from_secs(30);

/// What `init` made.
#[derive(Debug)]
pub struct Initialised {
    /// Hex.
    pub cluster_id: String,
    pub node_id: u64,
    pub ca_pem: String,
    /// SHA-256 of the CA certificate, hex.
    pub ca_fingerprint: String,
}

/// Founds a cluster in the configured data directory.
///
/// # Errors
/// See [`BootError`]; what was begun is taken back.
pub async fn init(config: &Config) -> Result<Initialised, BootError> {
    let mut cluster_id = [0; 16];
    SystemEntropy.fill(&mut cluster_id);
    let data_dir = DataDir::create(
        &config.node.data_dir,
        quorate_storage::Identity {
            cluster_id,
            node_id: FIRST,
        },
    )?;
    let root = data_dir.root().to_owned();
    let mut key_file = None;
    let founded = found(config, data_dir, cluster_id, &mut key_file).await;
    if founded.is_err() {
        take_back(&root, key_file.as_deref());
    }
    founded
}

async fn found(
    config: &Config,
    data_dir: DataDir,
    cluster_id: [u8; 16],
    key_file: &mut Option<std::path::PathBuf>,
) -> Result<Initialised, BootError> {
    require_room(config, data_dir.root())?;
    let info = node_info(config)?;
    let authority = ClusterCa::generate(cluster_id).map_err(|error| BootError::Key(error.to_string()))?;
    let (who, key_digest) = first_identity(&authority, cluster_id, &info)?;
    identity::store(&data_dir, &who, &BTreeMap::from([(FIRST, info.clone())]))?;
    let (ring, made) = keys::create(&config.key, data_dir.root())?;
    *key_file = made;
    let founding = FoundingNode {
        cluster_id,
        ca_certificate_der: authority.certificate_der(),
        ca_key_der: &authority.key_der(),
        node: NodeId(FIRST),
        name: &info.name,
        site: &info.site,
        key_digest,
    };
    let genesis = found_cluster(&ring, &SystemEntropy, &founding);
    // Nobody may call yet: consensus of one needs no peer, so it listens where no other machine reaches it.
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let stack = Stack::start(config, data_dir, nowhere, info, &Arc::new(ring), Observers::none())?;
    stack.raft.bootstrap().await?;
    let founded = propose(&stack, &genesis).await;
    stack.stop().await;
    founded?;
    Ok(Initialised {
        cluster_id: hex(&cluster_id),
        node_id: FIRST,
        ca_pem: identity::pem("CERTIFICATE", authority.certificate_der()),
        ca_fingerprint: hex(&authority.fingerprint()),
    })
}

fn first_identity(
    authority: &ClusterCa,
    cluster_id: [u8; 16],
    info: &NodeInfo,
) -> Result<(Identity, [u8; 32]), BootError> {
    let unusable = |error: pki::PkiError| BootError::Key(error.to_string());
    let key = NodeKey::generate().map_err(unusable)?;
    let csr_der = key.csr_der().map_err(unusable)?;
    let certificate_der = authority
        .issue(FIRST, &csr_der, &certificate_names(info))
        .map_err(unusable)?;
    let identity = Identity {
        cluster_id,
        node_id: FIRST,
        certificate_der,
        private_key_der: key.private_key_der(),
        ca_der: authority.certificate_der().to_vec(),
    };
    Ok((identity, key.digest()))
}

async fn propose(stack: &Stack, genesis: &Command) -> Result<(), BootError> {
    let deadline = Instant::now() + FOUNDING;
    loop {
        match stack.replica.propose(genesis, deadline).await {
            Ok(proposed) => match proposed.outcome {
                Outcome::Done { .. } => return Ok(()),
                other => {
                    return Err(BootError::State(format!(
                        "founding the cluster was answered with {other:?}"
                    )));
                }
            },
            // A single node elects itself within an election timeout; until then there is no leader.
            Err(ProposeError::NoLeader | ProposeError::Unknown) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => {
                return Err(BootError::Unavailable(format!(
                    "the cluster could not be founded: {error}"
                )));
            }
        }
    }
}

/// Removes what a failed founding left. The directory was ours: `DataDir::create` takes only a new or an empty one.
fn take_back(root: &Path, key_file: Option<&Path>) {
    if let Some(key_file) = key_file {
        let _ = std::fs::remove_file(key_file);
    }
    if let Ok(entries) = std::fs::read_dir(root) {
        for entry in entries.flatten() {
            let path = entry.path();
            let _ = if path.is_dir() {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
