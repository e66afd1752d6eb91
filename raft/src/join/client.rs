//! The joiner's side: connect, prove, check the proof, take the identity home.
//!
//! The joiner has no certificate and knows none but the authority's, by its fingerprint: a server
//! whose chain holds a certificate with that fingerprint, and was signed by it, is a node of the
//! cluster. Which node does not matter.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::{Connection, Endpoint};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::proof::{Answer, Binding, Hello, Petition, Prover};
use super::{JoinError, Joined, Token};
use crate::node::Identity;
use crate::pki::{NodeKey, fingerprint};
use crate::transport::{quic, tls, wire};
use crate::{NodeInfo, limits};

/// Joins through the node at `host_port` and returns the new identity. The caller stores it,
/// starts consensus with it and calls [`crate::Raft::enter`].
///
/// `now_ms` only serves to say early that a token has expired; the cluster decides.
///
/// # Errors
/// See [`JoinError`].
pub async fn join(host_port: &str, token: &Token, info: NodeInfo, now_ms: u64) -> Result<Joined, JoinError> {
    if token.expires_ms <= now_ms {
        return Err(JoinError::Expired);
    }
    let key = NodeKey::generate().map_err(|e| JoinError::Protocol(e.to_string()))?;
    let csr_der = key.csr_der().map_err(|e| JoinError::Protocol(e.to_string()))?;
    let connection = connect(host_port, token).await?;
    let petition = Petition {
        token_id: token.id,
        csr_der,
        node: info,
    };
    let patience = Duration::from_millis(limits::JOIN_PATIENCE_MS);
    let answer = match timeout(patience, talk(&connection, token, petition)).await {
        Ok(answer) => answer,
        Err(_) => Err(unreachable(host_port, "no answer in time")),
    };
    connection.close(0u32.into(), b"done");
    let mut grant = answer?;
    if fingerprint(&grant.ca_der) != token.ca_fingerprint {
        return Err(JoinError::WrongCluster {
            address: host_port.to_owned(),
        });
    }
    Ok(Joined {
        secrets: Zeroizing::new(std::mem::take(&mut grant.secrets)),
        peers: std::mem::take(&mut grant.peers),
        identity: Identity {
            cluster_id: grant.cluster_id,
            node_id: grant.node_id,
            certificate_der: std::mem::take(&mut grant.certificate_der),
            private_key_der: key.private_key_der(),
            ca_der: std::mem::take(&mut grant.ca_der),
        },
    })
}

async fn connect(host_port: &str, token: &Token) -> Result<Connection, JoinError> {
    let address = quic::resolve(host_port, None)
        .await
        .map_err(|problem| unreachable(host_port, &problem))?;
    let any: SocketAddr = if address.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let endpoint = Endpoint::client(any).map_err(|e| unreachable(host_port, &e.to_string()))?;
    let config = client_config(token.ca_fingerprint)?;
    let connecting = endpoint
        .connect_with(config, address, "join.quorate.internal")
        .map_err(|e| unreachable(host_port, &e.to_string()))?;
    match timeout(Duration::from_millis(limits::JOIN_CONNECT_MS), connecting).await {
        Ok(Ok(connection)) => Ok(connection),
        // The only TLS failure of ours: the pinned authority did not sign this server.
        Ok(Err(quinn::ConnectionError::TransportError(_))) => Err(JoinError::WrongCluster {
            address: host_port.to_owned(),
        }),
        Ok(Err(error)) => Err(unreachable(host_port, &error.to_string())),
        Err(_) => Err(unreachable(
            host_port,
            "no answer; is it a node's cluster address (UDP)?",
        )),
    }
}

async fn talk(connection: &Connection, token: &Token, petition: Petition) -> Result<super::proof::Grant, JoinError> {
    let broken = |error: &dyn std::fmt::Display| JoinError::Protocol(error.to_string());
    let binding = Binding::of(connection).ok_or_else(|| broken(&"the session exports no key"))?;
    let proof = binding.prove(&token.secret, Prover::Joiner, &petition);
    let hello = postcard::to_stdvec(&Hello { petition, proof }).map_err(|e| broken(&e))?;
    let (mut send, mut receive) = connection.open_bi().await.map_err(|e| broken(&e))?;
    send.write_all(&hello).await.map_err(|e| broken(&e))?;
    let _ = send.finish();
    let answer = receive
        .read_to_end(limits::MAX_FRAME_BYTES)
        .await
        .map_err(|e| broken(&e))?;
    let (answer, _): (Answer, _) = wire::decode(&Bytes::from(answer)).map_err(|e| broken(&e))?;
    match answer {
        Answer::Refused(reason) => Err(JoinError::Refused(reason)),
        Answer::Welcome { grant, proof } if binding.verify(&token.secret, Prover::Cluster, &grant, &proof) => Ok(grant),
        Answer::Welcome { .. } => Err(JoinError::WrongCluster {
            address: connection.remote_address().to_string(),
        }),
    }
}

fn unreachable(address: &str, problem: &str) -> JoinError {
    JoinError::Unreachable {
        address: address.to_owned(),
        problem: problem.to_owned(),
    }
}

fn client_config(ca_fingerprint: [u8; 32]) -> Result<quinn::ClientConfig, JoinError> {
    let internal = |error: &dyn std::fmt::Display| JoinError::Protocol(error.to_string());
    let provider = tls::provider();
    let mut config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| internal(&e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinnedAuthority {
            ca_fingerprint,
            provider,
        }))
        .with_no_client_auth();
    config.alpn_protocols = vec![tls::JOIN_ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    tls::quic_client(config).map_err(|e| internal(&e))
}

/// Trusts exactly one authority, known by its fingerprint.
#[derive(Debug)]
struct PinnedAuthority {
    ca_fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let pinned = intermediates
            .iter()
            .find(|certificate| fingerprint(certificate) == self.ca_fingerprint);
        let pinned = pinned.ok_or(CertificateError::UnknownIssuer)?;
        let mut roots = RootCertStore::empty();
        roots.add(pinned.clone().into_owned())?;
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
