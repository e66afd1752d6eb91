//! `quorate join`: from a token to a node's identity. Consensus starts with the `run` that follows, which makes it a learner first and a
//! voter once it has caught up.

use quorate_raft::join::{Token, join as call};
use quorate_seal::KeyRing;
use quorate_storage::DataDir;

use super::stack::require_room;
use super::system::SystemClock;
use super::{BootError, identity, keys, node_info};
use crate::config::Config;

/// What `join` brought home.
#[derive(Debug)]
pub struct Joined {
    /// Hex.
    pub cluster_id: String,
    pub node_id: u64,
    pub ca_pem: String,
    /// `host:port` of every member's cluster port.
    pub peers: Vec<String>,
}

/// Joins the cluster through the node at `host_port`.
///
/// # Errors
/// See [`BootError`]. The token is spent once the cluster has admitted the node, also when writing its files then fails.
pub async fn join(
    config: &Config,
    host_port: &str,
    token: &str,
    progress: &mut dyn FnMut(&str),
) -> Result<Joined, BootError> {
    let token = Token::parse(token)?;
    let info = node_info(config)?;
    refuse_used_directory(config)?;
    progress(&format!("Calling {host_port} and proving the token both ways"));
    let joined = call(host_port, &token, info, quorate_app::Clock::now_ms(&SystemClock)).await?;
    progress(&format!(
        "Admitted as node {}; writing its identity to {}",
        joined.identity.node_id,
        config.node.data_dir.display()
    ));
    let ring = std::str::from_utf8(&joined.secrets)
        .map_err(|_| BootError::Key("the cluster sent a key that is not text".to_owned()))
        .and_then(|text| {
            KeyRing::from_text(text)
                .map_err(|error| BootError::Key(format!("the cluster sent an unusable key: {error}")))
        })?;
    let who = &joined.identity;
    let data_dir = DataDir::create(
        &config.node.data_dir,
        quorate_storage::Identity {
            cluster_id: who.cluster_id,
            node_id: who.node_id,
        },
    )?;
    identity::store(&data_dir, who, &joined.peers)?;
    keys::keep(&config.key, data_dir.root(), &ring)?;
    Ok(Joined {
        cluster_id: data_encoding::HEXLOWER.encode(&who.cluster_id),
        node_id: who.node_id,
        ca_pem: identity::pem("CERTIFICATE", &who.ca_der),
        peers: joined.peers.values().map(|peer| peer.cluster.clone()).collect(),
    })
}

/// A token is spent by the call: a directory that could not take the identity must be found out before.
fn refuse_used_directory(config: &Config) -> Result<(), BootError> {
    let path = &config.node.data_dir;
    let used = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    if used {
        return Err(BootError::Refused(format!(
            "{} is not empty. A node joins with an empty data directory; move the old one away, or set node.data_dir",
            path.display()
        )));
    }
    std::fs::create_dir_all(path).map_err(BootError::file("create", path))?;
    require_room(config, path)?;
    let probe = path.join(".writable");
    std::fs::write(&probe, b"").map_err(BootError::file("write to", path))?;
    std::fs::remove_file(&probe).map_err(BootError::file("write to", path))
}
