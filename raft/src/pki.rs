//! The cluster's own certificate authority, and the node keys it signs.
//!
//! Certificates carry the node id as a DNS name under a suffix of the cluster, so that ordinary
//! TLS name checking is the identity check. They do not expire: a node with a wrong clock must
//! still reach its peers, and what ends a node's rights is its removal, which every peer checks
//! on each connection.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer};
use zeroize::Zeroizing;

/// Why a key, request or certificate is unusable.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PkiError(String);

impl PkiError {
    pub(crate) fn because(why: String) -> Self {
        Self(why)
    }
}

impl From<rcgen::Error> for PkiError {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

/// A cluster's certificate authority: certificate and signing key.
pub struct ClusterCa {
    cluster_id: [u8; 16],
    certificate_der: Vec<u8>,
    key: KeyPair,
}

impl ClusterCa {
    /// Makes a new authority (ECDSA P-256) for a new cluster.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate(cluster_id: [u8; 16]) -> Result<Self, PkiError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = named(&format!("Quorate cluster {}", hex(&cluster_id)));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate_der = params.self_signed(&key)?.der().to_vec();
        Ok(Self {
            cluster_id,
            certificate_der,
            key,
        })
    }

    /// Loads an authority from its certificate and PKCS #8 key, both DER.
    ///
    /// # Errors
    /// When either does not parse.
    pub fn load(cluster_id: [u8; 16], certificate_der: &[u8], key_der: &[u8]) -> Result<Self, PkiError> {
        let key = KeyPair::try_from(key_der)?;
        Issuer::from_ca_cert_der(&CertificateDer::from(certificate_der), &key)?;
        Ok(Self {
            cluster_id,
            certificate_der: certificate_der.to_vec(),
            key,
        })
    }

    /// The certificate, DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// The signing key, PKCS #8 DER.
    #[must_use]
    pub fn key_der(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.key.serialize_der())
    }

    /// SHA-256 of the certificate: what a join token pins.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        fingerprint(&self.certificate_der)
    }

    /// Signs a node's request. Only the public key is taken from it; name, usage and the
    /// alternative names (`names`: host names or addresses for HTTPS) are ours.
    ///
    /// # Errors
    /// When the request does not parse or its self-signature is wrong.
    pub fn issue(&self, node_id: u64, csr_der: &[u8], names: &[String]) -> Result<Vec<u8>, PkiError> {
        let mut request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr_der))?;
        request.params = self.node_params(node_id, names)?;
        let certificate = CertificateDer::from(self.certificate_der.as_slice());
        let issuer = Issuer::from_ca_cert_der(&certificate, &self.key)?;
        Ok(request.signed_by(&issuer)?.der().to_vec())
    }

    fn node_params(&self, node_id: u64, names: &[String]) -> Result<CertificateParams, PkiError> {
        let id_name = node_name(&self.cluster_id, node_id);
        let mut params = CertificateParams::new(vec![id_name.clone()])?;
        params.distinguished_name = named(&id_name);
        for name in names {
            if impersonates(name) {
                return Err(PkiError(format!("{name} is no name that a node may ask for")));
            }
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            });
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }
}

/// Whether a name that a joiner asks for could pass for a node's own: those end alike, and a wildcard could cover them.
fn impersonates(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.contains('*') || name.ends_with(".quorate.internal")
}

/// SHA-256 of the public key (SubjectPublicKeyInfo, DER) that a request was made with: the same for each request with that key.
///
/// # Errors
/// When the request does not parse or its self-signature is wrong.
pub fn key_digest_of(csr_der: &[u8]) -> Result<[u8; 32], PkiError> {
    let request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr_der))?;
    Ok(fingerprint(&request.public_key.subject_public_key_info()))
}

/// A node's private key, made where it will be used and never sent.
pub struct NodeKey(KeyPair);

impl NodeKey {
    /// Makes a new key (ECDSA P-256).
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, PkiError> {
        Ok(Self(KeyPair::generate()?))
    }

    /// The key in a file that [`NodeKey::private_key_der`] went to.
    ///
    /// # Errors
    /// When it does not parse.
    pub fn load(private_key_der: &[u8]) -> Result<Self, PkiError> {
        Ok(Self(KeyPair::try_from(private_key_der)?))
    }

    /// SHA-256 of the public key: see [`key_digest_of`].
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        fingerprint(&self.0.subject_public_key_info())
    }

    /// The signing request for it (PKCS #10, DER).
    ///
    /// # Errors
    /// When signing fails.
    pub fn csr_der(&self) -> Result<Vec<u8>, PkiError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = named("Quorate node");
        Ok(params.serialize_request(&self.0)?.der().to_vec())
    }

    /// The private key, PKCS #8 DER.
    #[must_use]
    pub fn private_key_der(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.serialize_der())
    }
}

/// SHA-256 of a certificate's DER.
#[must_use]
pub fn fingerprint(certificate_der: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate_der);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

/// The DNS name under which a node's certificate carries its id.
pub(crate) fn node_name(cluster_id: &[u8; 16], node_id: u64) -> String {
    format!("n-{node_id:016x}.{}.quorate.internal", hex(cluster_id))
}

/// The node id in a verified certificate, if it carries one of this cluster.
pub(crate) fn node_id_of(cluster_id: &[u8; 16], certificate_der: &[u8]) -> Option<u64> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate_der).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let suffix = format!(".{}.quorate.internal", hex(cluster_id));
    names.value.general_names.iter().find_map(|name| match name {
        x509_parser::extensions::GeneralName::DNSName(dns) => {
            u64::from_str_radix(dns.strip_suffix(suffix.as_str())?.strip_prefix("n-")?, 16).ok()
        }
        _ => None,
    })
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_a_certificate_with_another_nodes_name() {
        let ca = ClusterCa::generate([7; 16]).unwrap();
        let csr = NodeKey::generate().unwrap().csr_der().unwrap();
        let issue = |name: &str| ca.issue(2, &csr, &[name.to_owned()]);
        let another = node_name(&[7; 16], 1);
        for name in [
            another.clone(),
            format!("{another}."),
            another.to_uppercase(),
            "*.quorate.internal".to_owned(),
            "*.example.org".to_owned(),
            "*".to_owned(),
        ] {
            assert!(issue(&name).is_err(), "{name}");
        }
        let certificate = issue("mfa.example.org").unwrap();
        assert_eq!(node_id_of(&[7; 16], &certificate), Some(2));
        assert_eq!(node_id_of(&[8; 16], &certificate), None);
    }
}
