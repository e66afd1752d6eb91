//! Joins the transport's question "may this one in?" to the use cases: tokens are spent through the log, certificates are signed with the
//! CA key that every full node can unseal.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use quorate_app::{AdminError, Administrator};
use quorate_core::{JoinTokenId, NodeId};
use quorate_raft::pki::{self, ClusterCa, PkiError};
use quorate_raft::{Admission, AdmissionError, Admitted, NodeInfo, Successor};
use quorate_replica::Published;
use quorate_seal::KeyRing;
use zeroize::Zeroizing;

/// Admits nodes on behalf of the cluster.
///
/// Consensus wants it before there is anything to administer with, so the administrator is put in afterwards; until then every joiner is
/// told to try again. Whether a node was removed is answered from the start.
pub struct Admissions {
    published: Arc<Published>,
    keys: Arc<KeyRing>,
    administrator: OnceLock<Arc<Administrator>>,
}

impl Admissions {
    pub fn new(published: Arc<Published>, keys: Arc<KeyRing>) -> Arc<Self> {
        Arc::new(Admissions {
            published,
            keys,
            administrator: OnceLock::new(),
        })
    }

    /// From here on tokens can be spent.
    pub fn serve_with(&self, administrator: Arc<Administrator>) {
        // A second call would be the same administrator.
        let _ = self.administrator.set(administrator);
    }

    fn administrator(&self) -> Result<&Arc<Administrator>, AdmissionError> {
        self.administrator
            .get()
            .ok_or_else(|| AdmissionError::Unavailable("this node is still starting".to_owned()))
    }

    fn authority(&self, administrator: &Administrator) -> Result<ClusterCa, AdmissionError> {
        let unavailable = |why: String| AdmissionError::Unavailable(why);
        let state = administrator.state();
        let cluster = state
            .cluster()
            .ok_or_else(|| unavailable("the cluster is not founded yet".to_owned()))?;
        let key = administrator.ca_key().map_err(|error| unavailable(error.to_string()))?;
        ClusterCa::load(cluster.id, &cluster.ca_cert, &key).map_err(|error| unavailable(error.to_string()))
    }
}

#[async_trait]
impl Admission for Admissions {
    async fn token_secret(&self, token_id: u64) -> Option<Zeroizing<[u8; 32]>> {
        self.administrator.get()?.join_token_secret(JoinTokenId(token_id))
    }

    async fn admit(&self, token_id: u64, csr_der: &[u8], node: &NodeInfo) -> Result<Admitted, AdmissionError> {
        let administrator = self.administrator()?;
        let authority = self.authority(administrator)?;
        let key_digest = pki::key_digest_of(csr_der).map_err(unusable)?;
        let id = administrator
            .admit_node(JoinTokenId(token_id), &node.name, &node.site, key_digest)
            .await
            .map_err(turned_away)?;
        Ok(Admitted {
            node_id: id.0,
            certificate_der: certify(&authority, id, csr_der, node)?,
            ca_der: authority.certificate_der().to_vec(),
            cluster_id: administrator
                .state()
                .cluster()
                .map(|cluster| cluster.id)
                .unwrap_or_default(),
            secrets: Zeroizing::new(self.keys.to_text().as_bytes().to_vec()),
        })
    }

    async fn succeed(&self, damaged: u64, csr_der: &[u8], node: &NodeInfo) -> Result<Successor, AdmissionError> {
        let administrator = self.administrator()?;
        let authority = self.authority(administrator)?;
        let key_digest = pki::key_digest_of(csr_der).map_err(unusable)?;
        let id = administrator
            .admit_successor(NodeId(damaged), key_digest)
            .await
            .map_err(turned_away)?;
        Ok(Successor {
            node_id: id.0,
            certificate_der: certify(&authority, id, csr_der, node)?,
        })
    }

    fn takes_place_of(&self, node_id: u64) -> Option<u64> {
        let state = self.published.state();
        let last = state.cluster()?.replacement?;
        (last.successor.0 == node_id && !last.completed).then_some(last.damaged.0)
    }

    fn is_removed(&self, node_id: u64) -> bool {
        self.published
            .state()
            .cluster()
            .is_some_and(|cluster| cluster.removed.contains(&NodeId(node_id)))
    }
}

fn certify(authority: &ClusterCa, id: NodeId, csr_der: &[u8], node: &NodeInfo) -> Result<Vec<u8>, AdmissionError> {
    authority
        .issue(id.0, csr_der, &certificate_names(node))
        .map_err(unusable)
}

fn unusable(error: PkiError) -> AdmissionError {
    AdmissionError::Refused(format!("the certificate request is not usable: {error}"))
}

/// The names an HTTPS client may reach the node by.
pub fn certificate_names(node: &NodeInfo) -> Vec<String> {
    let mut names: Vec<String> = [&node.https, &node.cluster]
        .into_iter()
        .filter_map(|address| address.rsplit_once(':'))
        .map(|(host, _)| host.trim_matches(['[', ']']).to_owned())
        .filter(|host| !host.is_empty())
        .chain(["localhost".to_owned()])
        .collect();
    names.sort();
    names.dedup();
    names
}

fn turned_away(error: AdminError) -> AdmissionError {
    use quorate_core::Refusal;
    match error {
        AdminError::Refused(Refusal::Expired | Refusal::NotFound) => AdmissionError::Expired,
        AdminError::Refused(Refusal::Spent) => AdmissionError::Spent,
        AdminError::Refused(Refusal::NotYet) => AdmissionError::Unavailable(Refusal::NotYet.to_string()),
        AdminError::Refused(other) => AdmissionError::Refused(other.to_string()),
        other => AdmissionError::Unavailable(other.to_string()),
    }
}
