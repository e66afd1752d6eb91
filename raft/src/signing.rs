//! A node's signature under a statement, with the key of its certificate, and who gave one: checked with the cluster's CA certificate
//! alone, so that an auditor who has nothing else can do it.
//!
//! What is signed begins with words of its own, so that no signature of TLS (RFC 8446 section 4.4.3) could pass for one.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey};
use x509_parser::certificate::X509Certificate;

use crate::Identity;
use crate::pki::{PkiError, node_id_of};

/// Signs in the name of one node.
pub struct NodeSigner {
    key: EcdsaKeyPair,
    certificate_der: Vec<u8>,
}

impl NodeSigner {
    /// Signs with the key of this identity.
    ///
    /// # Errors
    /// The key is not one that this cluster's nodes have.
    pub fn new(identity: &Identity) -> Result<NodeSigner, PkiError> {
        let key = &identity.private_key_der;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key, &SystemRandom::new())
            .map_err(|error| PkiError::because(format!("the node's private key is not usable: {error}")))?;
        Ok(NodeSigner {
            key,
            certificate_der: identity.certificate_der.clone(),
        })
    }

    /// The certificate that goes with the signatures, DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// ECDSA P-256 with SHA-256, DER; none when the system gives no randomness.
    #[must_use]
    pub fn sign(&self, statement: &[u8]) -> Option<Vec<u8>> {
        let signature = self.key.sign(&SystemRandom::new(), statement).ok()?;
        Some(signature.as_ref().to_vec())
    }
}

/// The node of this cluster whose signature this is: its certificate is signed by the CA, and the statement by its key.
#[must_use]
pub fn signer_of(
    cluster_id: &[u8; 16],
    ca_der: &[u8],
    certificate_der: &[u8],
    statement: &[u8],
    signature: &[u8],
) -> Option<u64> {
    let ca = parse(ca_der)?;
    let certificate = parse(certificate_der)?;
    let issued = certificate.tbs_certificate.as_ref();
    is_signed(&ca, issued, &certificate.signature_value.data)
        .then(|| is_signed(&certificate, statement, signature))
        .filter(|signed| *signed)
        .and_then(|_| node_id_of(cluster_id, certificate_der))
}

fn is_signed(by: &X509Certificate<'_>, message: &[u8], signature: &[u8]) -> bool {
    let key = &by.public_key().subject_public_key.data;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key)
        .verify(message, signature)
        .is_ok()
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    rest.is_empty().then_some(certificate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{ClusterCa, NodeKey};

    const CLUSTER: [u8; 16] = [7; 16];

    fn identity(ca: &ClusterCa, node_id: u64) -> Identity {
        let key = NodeKey::generate().unwrap();
        Identity {
            cluster_id: CLUSTER,
            node_id,
            certificate_der: ca.issue(node_id, &key.csr_der().unwrap(), &[]).unwrap(),
            private_key_der: key.private_key_der(),
            ca_der: ca.certificate_der().to_vec(),
        }
    }

    #[test]
    fn a_signature_is_its_nodes_and_nothing_else_passes_for_one() {
        let ca = ClusterCa::generate(CLUSTER).unwrap();
        let (two, three) = (identity(&ca, 2), identity(&ca, 3));
        let signer = NodeSigner::new(&two).unwrap();
        let signature = signer.sign(b"what happened").unwrap();
        let who = |cluster: &[u8; 16], ca: &[u8], certificate: &[u8], statement: &[u8], signature: &[u8]| {
            signer_of(cluster, ca, certificate, statement, signature)
        };
        let (authority, own) = (ca.certificate_der(), signer.certificate_der());
        assert_eq!(who(&CLUSTER, authority, own, b"what happened", &signature), Some(2));

        assert_eq!(who(&CLUSTER, authority, own, b"what else happened", &signature), None);
        assert_eq!(who(&CLUSTER, authority, own, b"what happened", &signature[1..]), None);
        assert_eq!(
            who(
                &CLUSTER,
                authority,
                &three.certificate_der,
                b"what happened",
                &signature
            ),
            None
        );
        assert_eq!(who(&[8; 16], authority, own, b"what happened", &signature), None);
        assert_eq!(who(&CLUSTER, own, own, b"what happened", &signature), None);
        assert_eq!(
            who(&CLUSTER, authority, b"no certificate", b"what happened", &signature),
            None
        );
        let another = ClusterCa::generate(CLUSTER).unwrap();
        assert_eq!(
            who(&CLUSTER, another.certificate_der(), own, b"what happened", &signature),
            None
        );
        let forged = identity(&another, 2);
        let forger = NodeSigner::new(&forged).unwrap();
        let signature = forger.sign(b"what happened").unwrap();
        assert_eq!(
            who(
                &CLUSTER,
                authority,
                forger.certificate_der(),
                b"what happened",
                &signature
            ),
            None
        );
        // The authority's own certificate is no node's.
        assert_eq!(who(&CLUSTER, authority, authority, b"what happened", &signature), None);
    }
}
