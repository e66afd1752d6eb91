//! Who a node is: its public description in the membership, and its private identity.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What every node knows of every other: part of the replicated membership.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// The operator's name for it, unique by convention only.
    pub name: String,
    /// The site it stands at; nodes of one site may fail together.
    pub site: String,
    /// `host:port` (UDP) where peers reach its consensus transport.
    pub cluster: String,
    /// `host:port` (UDP) where it answers RADIUS.
    pub radius: String,
    /// `host:port` (TCP) where it answers HTTPS.
    pub https: String,
}

/// What proves to peers that this node is who it says.
#[derive(Clone)]
pub struct Identity {
    /// The cluster the node belongs to.
    pub cluster_id: [u8; 16],
    /// The node's id, also in its certificate.
    pub node_id: u64,
    /// X.509 certificate (DER) issued by the cluster's CA.
    pub certificate_der: Vec<u8>,
    /// PKCS #8 private key (DER) of that certificate.
    pub private_key_der: Zeroizing<Vec<u8>>,
    /// The cluster's CA certificate (DER).
    pub ca_der: Vec<u8>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("node_id", &self.node_id)
            .finish_non_exhaustive()
    }
}
