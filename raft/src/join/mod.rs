//! Joining: how a machine that holds nothing but a token becomes a node.
//!
//! ```text
//! joiner                                            any node of the cluster
//!   TLS 1.3, ALPN quorate-join/1; the server's chain must lead to the pinned authority
//!   petition {token id, CSR, description}, proof  →  token known? proof right?
//!                                                    Admission::admit: spend the token through
//!                                                    the log, choose an id, sign the CSR
//!   proof right?                                  ←  grant {id, certificate, secrets, peers}, proof
//! ```
//!
//! The private key never leaves the joiner. The application's secrets are sent only after the
//! joiner's proof, inside the session that the proof is bound to. What follows (learner, catching
//! up, voter) is ordinary consensus: [`crate::Raft::enter`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

mod client;
mod proof;
pub(crate) mod server;
mod token;

pub use client::join;
pub use token::{Token, TokenError};

use crate::node::Identity;

use crate::NodeInfo;

/// What the serving node's application decides about joins and removals.
#[async_trait::async_trait]
pub trait Admission: Send + Sync + 'static {
    /// The secret of a token that is known, unspent and not expired.
    async fn token_secret(&self, token_id: u64) -> Option<Zeroizing<[u8; 32]>>;

    /// Spends the token through the log, picks the node id and signs the CSR (PKCS #10, DER, its
    /// self-signature already verified). Called only after the mutual proof.
    ///
    /// # Errors
    /// Why the joiner is turned away, in words it is shown.
    async fn admit(&self, token_id: u64, csr_der: &[u8], node: &NodeInfo) -> Result<Admitted, AdmissionError>;

    /// Gives a damaged member, which has shown its certificate, a new id for the key in the CSR, and signs that. Called at the leader
    /// only, and only while a quorum of the other voters is well.
    ///
    /// # Errors
    /// As for [`Admission::admit`].
    async fn succeed(&self, damaged: u64, csr_der: &[u8], node: &NodeInfo) -> Result<Successor, AdmissionError>;

    /// Whose place a node takes, as long as it has not taken it: see [`crate::replacement`]. Must not block.
    fn takes_place_of(&self, node_id: u64) -> Option<u64>;

    /// Whether this id was removed for ever. Asked on each connection; must not block.
    fn is_removed(&self, node_id: u64) -> bool;
}

/// What a joiner is given.
#[derive(Clone)]
pub struct Admitted {
    /// Its new id.
    pub node_id: u64,
    /// Its certificate (DER).
    pub certificate_der: Vec<u8>,
    /// The CA's certificate (DER).
    pub ca_der: Vec<u8>,
    /// The cluster.
    pub cluster_id: [u8; 16],
    /// The application's secrets for the new node (the key ring), opaque here.
    pub secrets: Zeroizing<Vec<u8>>,
}

/// What a damaged node becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Successor {
    /// Its new id.
    pub node_id: u64,
    /// Its new certificate (DER).
    pub certificate_der: Vec<u8>,
}

/// Why a joiner was turned away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// The token was used by another.
    #[error("the token was already used")]
    Spent,
    /// The token expired or was never issued.
    #[error("the token has expired or does not exist")]
    Expired,
    /// The cluster could not decide now.
    #[error("the cluster cannot admit a node now: {0}")]
    Unavailable(String),
    /// Anything else, in words.
    #[error("{0}")]
    Refused(String),
}

/// What a successful join brings home.
pub struct Joined {
    /// The new node's identity, key included.
    pub identity: Identity,
    /// The application's secrets.
    pub secrets: Zeroizing<Vec<u8>>,
    /// The cluster's members, for the first contact.
    pub peers: BTreeMap<u64, NodeInfo>,
}

/// Why a join did not happen.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Nobody answers there.
    #[error("cannot reach {address}: {problem}")]
    Unreachable {
        /// The address tried.
        address: String,
        /// What happened.
        problem: String,
    },
    /// The node there does not belong to the cluster that issued the token.
    #[error("the node at {address} is not of the cluster that issued this token; somebody may be in between")]
    WrongCluster {
        /// The address tried.
        address: String,
    },
    /// The token's time is over.
    #[error("the token has expired; create a new one with `quorate join-token create`")]
    Expired,
    /// The cluster turned us away.
    #[error("the cluster refused: {0}")]
    Refused(String),
    /// The answer made no sense.
    #[error("the other side broke the protocol: {0}")]
    Protocol(String),
}
