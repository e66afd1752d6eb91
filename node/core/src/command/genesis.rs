//! Founds the cluster: the first command of every log. Issued by `init` alone.

use minicbor::{Decode, Encode};

use crate::{
    decide::Decided,
    event::Event,
    ids::{NodeId, Sealed},
    limits, names,
    outcome::{Field, Refusal},
    records::{Cluster, Node},
    state::State,
};

/// The cluster's identity and its first node.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Genesis {
    /// Random.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub cluster_id: [u8; 16],
    /// The CA certificate, DER.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub ca_cert: Box<[u8]>,
    /// The sealed CA key.
    #[n(2)]
    pub ca_key: Sealed,
    /// The number of the first node; 1, unless a cluster is founded again from a backup.
    #[n(3)]
    pub node: NodeId,
    /// What the operator calls it.
    #[n(4)]
    pub node_name: Box<str>,
    /// Its site; may be empty.
    #[n(5)]
    pub site: Box<str>,
    /// SHA-256 of its public key.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub key_digest: [u8; 32],
}

impl Genesis {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        if let Some(cluster) = state.cluster() {
            let same = cluster.id == self.cluster_id;
            return if same {
                Ok(Decided::done(state.revision(), Vec::new()))
            } else {
                Err(Refusal::AlreadyFounded)
            };
        }
        self.check()?;
        let cluster = Cluster {
            id: self.cluster_id,
            ca_cert: self.ca_cert.clone(),
            ca_key: self.ca_key.clone(),
            next_node_id: NodeId(self.node.0.saturating_add(1)),
            removed: Box::default(),
            replacement: None,
        };
        let node = Node {
            id: self.node,
            name: self.node_name.clone(),
            site: self.site.clone(),
            admitted_ms: now_ms,
            key_digest: self.key_digest,
        };
        Ok(Decided::done(
            state.revision(),
            vec![Event::ClusterFounded { cluster, node }],
        ))
    }

    fn check(&self) -> Result<(), Refusal> {
        let ca_key = &self.ca_key.0;
        let rules = [
            (names::is_name(&self.node_name), Field::Name),
            (names::is_label(&self.site), Field::Site),
            (
                !self.ca_cert.is_empty() && self.ca_cert.len() <= limits::CERTIFICATE_BYTES,
                Field::Certificate,
            ),
            (!ca_key.is_empty() && ca_key.len() <= limits::SEALED_BYTES, Field::CaKey),
        ];
        rules
            .into_iter()
            .find(|(holds, _)| !holds)
            .map_or(Ok(()), |(_, field)| Err(Refusal::Invalid(field)))
    }
}
