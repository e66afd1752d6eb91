use minicbor::{Decode, Encode};

use crate::ids::{NodeId, Sealed};

/// The cluster's identity and certificate authority.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Cluster {
    /// Random, chosen by `init`.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// The CA certificate, DER.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub ca_cert: Box<[u8]>,
    /// The sealed CA key, so that every full node can sign a joiner's certificate.
    #[n(2)]
    pub ca_key: Sealed,
    /// The number the next joiner gets.
    #[n(3)]
    pub next_node_id: NodeId,
    /// Nodes that were removed, ascending; a removed node's number is never used again.
    #[n(4)]
    pub removed: Box<[NodeId]>,
    /// The last node that was damaged and given a successor.
    #[n(5)]
    pub replacement: Option<Replacement>,
}

impl Cluster {
    /// The removed nodes with one more among them.
    pub(crate) fn with_removed(&self, node: NodeId) -> Box<[NodeId]> {
        let mut removed = self.removed.to_vec();
        if let Err(place) = removed.binary_search(&node) {
            removed.insert(place, node);
        }
        removed.into()
    }
}

/// A damaged node and the one that takes its place: the same machine under a new number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Replacement {
    /// The number that is given up.
    #[n(0)]
    pub damaged: NodeId,
    /// The new one.
    #[n(1)]
    pub successor: NodeId,
    /// When the successor was admitted, in ms since 1970.
    #[n(2)]
    pub admitted_ms: u64,
    /// The successor votes, and the damaged node is fenced off.
    #[n(3)]
    pub completed: bool,
}

/// A node that was admitted. Its addresses live with the membership, not here.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Node {
    /// Its number.
    #[n(0)]
    pub id: NodeId,
    /// What the operator calls it.
    #[n(1)]
    pub name: Box<str>,
    /// The site it stands at; may be empty.
    #[n(2)]
    pub site: Box<str>,
    /// When it was admitted, in ms since 1970.
    #[n(3)]
    pub admitted_ms: u64,
    /// SHA-256 of the public key it was admitted with: the same joiner asking again gets the same number.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub key_digest: [u8; 32],
}
