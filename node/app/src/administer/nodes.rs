//! Nodes: founding the cluster, join tokens, admission, removal, and the CA key that signs certificates.

use std::sync::Arc;
use std::time::Duration;

use quorate_core::command::{AdmitSuccessor, CompleteReplacement, Genesis, IssueJoinToken, RemoveNode, SpendJoinToken};
use quorate_core::{Actor, Command, JoinTokenId, Node, NodeId, Outcome, Sealed};
use quorate_seal::{Aad, Field, KeyRing, NONCE_LEN};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::submit::unexpected;
use super::{AdminError, Administrator};
use crate::fields::FieldErrors;
use crate::limits;
use crate::ports::{Entropy, random};

/// A permission to join, to be handed to one machine. The secret cannot be had again.
pub struct IssuedJoinToken {
    pub id: JoinTokenId,
    pub secret: Zeroizing<[u8; limits::JOIN_TOKEN_SECRET_BYTES]>,
    /// Not valid from this time on, in ms since 1970.
    pub expires_ms: u64,
    /// SHA-256 of the CA certificate (DER): what the joiner holds the cluster to.
    pub ca_fingerprint: [u8; 32],
}

/// The first node of a new cluster, as the first command of its log names it.
pub struct FoundingNode<'a> {
    pub cluster_id: [u8; 16],
    pub ca_certificate_der: &'a [u8],
    pub ca_key_der: &'a [u8],
    pub node: NodeId,
    pub name: &'a str,
    pub site: &'a str,
    /// SHA-256 of the node's public key.
    pub key_digest: [u8; 32],
}

/// The command that founds a cluster, its CA key sealed.
#[must_use]
pub fn found_cluster(keys: &KeyRing, entropy: &dyn Entropy, founding: &FoundingNode<'_>) -> Command {
    let nonce: [u8; NONCE_LEN] = random(entropy);
    let ca_key = keys.seal(nonce, ca_key_aad(&founding.cluster_id), founding.ca_key_der);
    Command::Genesis(Genesis {
        cluster_id: founding.cluster_id,
        ca_cert: founding.ca_certificate_der.into(),
        ca_key: Sealed::from(ca_key),
        node: founding.node,
        node_name: founding.name.into(),
        site: founding.site.into(),
        key_digest: founding.key_digest,
    })
}

impl Administrator {
    /// Permits one node to join, within `lifetime`.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn issue_join_token(&self, actor: Actor, lifetime: Duration) -> Result<IssuedJoinToken, AdminError> {
        let mut errors = FieldErrors::default();
        errors.require(
            !lifetime.is_zero() && lifetime <= limits::JOIN_TOKEN_LIFETIME_MAX,
            "lifetime",
            "is out of its bounds",
            "more than nothing, at most seven days",
        );
        errors.finish()?;
        let ca_fingerprint = self.ca_fingerprint()?;
        let id = JoinTokenId(self.random_id());
        let secret = Zeroizing::new(self.random());
        let lifetime_ms = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        let expires_ms = self.clock.now_ms().saturating_add(lifetime_ms);
        let command = Command::IssueJoinToken(IssueJoinToken {
            request: self.request(),
            actor,
            node: self.node,
            id,
            secret: self.seal(Field::JoinTokenSecret, id.0, &*secret),
            expires_ms,
        });
        self.submit(&command, limits::ADMINISTRATION_DEADLINE).await?;
        Ok(IssuedJoinToken {
            id,
            secret,
            expires_ms,
            ca_fingerprint,
        })
    }

    /// The secret of a join token that is neither spent nor expired: what a joiner has to prove.
    #[must_use]
    pub fn join_token_secret(&self, id: JoinTokenId) -> Option<Zeroizing<[u8; limits::JOIN_TOKEN_SECRET_BYTES]>> {
        let state = self.state();
        let token = state
            .join_token(id)
            .filter(|token| self.clock.now_ms() < token.expires_ms)?;
        let aad = Aad {
            field: Field::JoinTokenSecret,
            record: id.0,
        };
        let secret = self.keys.open(aad, token.secret.as_bytes()).ok()?;
        Some(Zeroizing::new(secret.as_slice().try_into().ok()?))
    }

    /// Spends a join token for the holder of a key, who has proven it. The same key asking again gets the same number.
    ///
    /// # Errors
    /// [`AdminError`]; an expired or spent token is [`AdminError::Refused`].
    pub async fn admit_node(
        &self,
        token: JoinTokenId,
        name: &str,
        site: &str,
        key_digest: [u8; 32],
    ) -> Result<NodeId, AdminError> {
        let mut errors = FieldErrors::default();
        errors.check_label("name", name, false);
        errors.check_label("site", site, true);
        errors.finish()?;
        let command = Command::SpendJoinToken(SpendJoinToken {
            token,
            by: self.node,
            name: name.into(),
            site: site.into(),
            key_digest,
        });
        match self.submit(&command, limits::ADMINISTRATION_DEADLINE).await? {
            Outcome::Node(node) => Ok(node),
            other => Err(unexpected(other)),
        }
    }

    /// Gives a damaged node, which has proven who it is, a new number for a new key. The same key asking again gets the same
    /// number.
    ///
    /// # Errors
    /// [`AdminError`]; [`AdminError::Refused`] says whether asking later may help.
    pub async fn admit_successor(&self, damaged: NodeId, key_digest: [u8; 32]) -> Result<NodeId, AdminError> {
        let command = Command::AdmitSuccessor(AdmitSuccessor {
            damaged,
            by: self.node,
            key_digest,
        });
        match self.submit(&command, limits::ADMINISTRATION_DEADLINE).await? {
            Outcome::Node(node) => Ok(node),
            other => Err(unexpected(other)),
        }
    }

    /// Fences off the damaged node whose place this one has taken.
    ///
    /// # Errors
    /// [`AdminError`]. It may be repeated.
    pub async fn complete_replacement(&self, successor: NodeId) -> Result<(), AdminError> {
        let command = Command::CompleteReplacement(CompleteReplacement {
            successor,
            by: self.node,
        });
        match self.submit(&command, limits::ADMINISTRATION_DEADLINE).await? {
            Outcome::Node(_) => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Fences a node off for ever, then takes it out of the membership. In this order: a node that is fenced and
    /// still a member cannot come back; one that is out and not fenced could.
    ///
    /// # Errors
    /// [`AdminError`]. After [`AdminError::Unknown`] it may be repeated.
    pub async fn remove_node(&self, actor: Actor, node: NodeId) -> Result<(), AdminError> {
        let command = Command::RemoveNode(RemoveNode {
            request: self.request(),
            actor,
            node: self.node,
            removed: node,
        });
        let fenced = self.is_removed(node);
        if !fenced {
            self.submit(&command, limits::ADMINISTRATION_DEADLINE).await?;
        }
        if node == self.node {
            // Fenced now, so nobody listens to this node any more: the leader takes it out of the membership by itself.
            return Ok(());
        }
        let deadline = Instant::now() + limits::ADMINISTRATION_DEADLINE;
        Ok(self.replica.remove_member(node, deadline).await?)
    }

    /// The private key of the cluster's CA, DER, to sign a joiner's certificate with.
    ///
    /// # Errors
    /// [`AdminError::Seal`] when this node has another application key; [`AdminError::NotFound`] before the founding.
    pub fn ca_key(&self) -> Result<Zeroizing<Vec<u8>>, AdminError> {
        let state = self.state();
        let cluster = state.cluster().ok_or(AdminError::NotFound { what: "cluster" })?;
        Ok(self.keys.open(ca_key_aad(&cluster.id), cluster.ca_key.as_bytes())?)
    }

    /// A node by number or name.
    ///
    /// # Errors
    /// [`AdminError::NotFound`].
    pub fn find_node(&self, text: &str) -> Result<Arc<Node>, AdminError> {
        let state = self.state();
        let number = text.parse().ok().map(NodeId);
        let mut nodes = state.nodes();
        nodes
            .find(|node| Some(node.id) == number || *node.name == *text)
            .cloned()
            .ok_or(AdminError::NotFound { what: "node" })
    }

    fn is_removed(&self, node: NodeId) -> bool {
        let state = self.state();
        state.cluster().is_some_and(|cluster| cluster.removed.contains(&node))
    }

    fn ca_fingerprint(&self) -> Result<[u8; 32], AdminError> {
        let state = self.state();
        let cluster = state.cluster().ok_or(AdminError::NotFound { what: "cluster" })?;
        Ok(Sha256::digest(&cluster.ca_cert).into())
    }
}

/// The CA key has no id of its own; the first half of the cluster's stands in.
fn ca_key_aad(cluster_id: &[u8; 16]) -> Aad {
    let (half, _) = cluster_id
        .split_first_chunk()
        .expect("invariant: sixteen bytes have a first half");
    Aad {
        field: Field::ClusterCaKey,
        record: u64::from_be_bytes(*half),
    }
}
