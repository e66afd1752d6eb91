//! Signs the audit's heads with the key of this node's certificate, and checks those of all nodes against the cluster's CA.

use quorate_app::HeadSigner;
use quorate_core::NodeId;
use quorate_core::audit::{Head, HeadSignature, head_statement};
use quorate_raft::Identity;
use quorate_raft::signing::{NodeSigner, signer_of};

use super::BootError;

/// This node's hand.
pub struct Heads {
    signer: NodeSigner,
    cluster_id: [u8; 16],
    ca_der: Vec<u8>,
}

impl Heads {
    /// Signs as this identity.
    ///
    /// # Errors
    /// Its key is not usable.
    pub fn new(identity: &Identity) -> Result<Heads, BootError> {
        Ok(Heads {
            signer: NodeSigner::new(identity).map_err(|error| BootError::Key(error.to_string()))?,
            cluster_id: identity.cluster_id,
            ca_der: identity.ca_der.clone(),
        })
    }
}

impl HeadSigner for Heads {
    fn sign(&self, records: u64, head: &Head) -> Option<HeadSignature> {
        let statement = head_statement(&self.cluster_id, records, head);
        Some(HeadSignature {
            signature: self.signer.sign(&statement)?.into(),
            certificate: self.signer.certificate_der().into(),
        })
    }

    fn signer(&self, records: u64, head: &Head, signature: &HeadSignature) -> Option<NodeId> {
        let statement = head_statement(&self.cluster_id, records, head);
        let HeadSignature { signature, certificate } = signature;
        signer_of(&self.cluster_id, &self.ca_der, certificate, &statement, signature).map(NodeId)
    }
}
