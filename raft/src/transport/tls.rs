//! TLS and QUIC settings, in one place.
//!
//! The server must take two kinds of clients on one port: nodes, who show a certificate, and
//! joiners, who have none yet. TLS therefore asks for a certificate without requiring one, and
//! [`super::serve`] requires it for every protocol but `quorate-join/1`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt};
use rustls::RootCertStore;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::errors::StartError;
use crate::node::Identity;
use crate::{limits, pki};

/// The protocol between nodes. A new number is a new wire format.
pub const PEER_ALPN: &[u8] = b"quorate/1";
/// The protocol of a joiner.
pub const JOIN_ALPN: &[u8] = b"quorate-join/1";

/// The one crypto provider of this program.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Opens the node's socket, ready to accept.
///
/// # Errors
/// When the identity is unusable or the address cannot be bound.
pub fn endpoint(listen: SocketAddr, identity: &Identity) -> Result<Endpoint, StartError> {
    let socket = std::net::UdpSocket::bind(listen).map_err(|source| StartError::Listen {
        address: listen,
        source,
    })?;
    let mut config = EndpointConfig::new(Arc::new(reset_key(identity)));
    config.grease_quic_bit(false);
    let runtime = quinn::default_runtime().ok_or_else(|| StartError::Config("no tokio runtime".into()))?;
    let server = server_config(identity)?;
    Endpoint::new(config, Some(server), socket, runtime).map_err(|source| StartError::Listen {
        address: listen,
        source,
    })
}

/// Opens the node's socket for connections to others only.
///
/// # Errors
/// When the address cannot be bound.
pub fn client_endpoint(listen: SocketAddr) -> Result<Endpoint, StartError> {
    Endpoint::client(listen).map_err(|source| StartError::Listen {
        address: listen,
        source,
    })
}

/// The key that lets a restarted node tell its peers at once that their old connections are dead.
/// Derived, so that it is the same after a restart and need not be stored.
fn reset_key(identity: &Identity) -> ring::hmac::Key {
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &identity.private_key_der);
    let derived = ring::hmac::sign(&secret, b"quorate stateless reset");
    ring::hmac::Key::new(ring::hmac::HMAC_SHA256, derived.as_ref())
}

fn server_config(identity: &Identity) -> Result<ServerConfig, StartError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(identity)?), provider())
        .allow_unauthenticated()
        .build()
        .map_err(unusable)?;
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain(identity), key(identity))
        .map_err(unusable)?;
    tls.alpn_protocols = vec![PEER_ALPN.to_vec(), JOIN_ALPN.to_vec()];
    tls.send_tls13_tickets = 0;
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).map_err(unusable)?));
    config.transport_config(transport());
    config.migration(false);
    config.max_incoming(limits::MAX_PENDING_CONNECTIONS);
    Ok(config)
}

/// Settings for connections to other nodes, with this node's certificate.
///
/// # Errors
/// When the identity is unusable.
pub fn client_config(identity: &Identity) -> Result<ClientConfig, StartError> {
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_root_certificates(roots(identity)?)
        .with_client_auth_cert(chain(identity), key(identity))
        .map_err(unusable)?;
    tls.alpn_protocols = vec![PEER_ALPN.to_vec()];
    tls.resumption = Resumption::disabled();
    quic_client(tls)
}

/// Wraps a TLS client for QUIC, with our transport settings.
///
/// # Errors
/// When TLS lacks the cipher QUIC begins with.
pub fn quic_client(tls: rustls::ClientConfig) -> Result<ClientConfig, StartError> {
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).map_err(unusable)?));
    config.transport_config(transport());
    Ok(config)
}

/// The name a node must prove to be called `node_id`.
pub fn server_name(identity: &Identity, node_id: u64) -> String {
    pki::node_name(&identity.cluster_id, node_id)
}

fn transport() -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    let idle = IdleTimeout::try_from(Duration::from_millis(limits::IDLE_TIMEOUT_MS));
    let mut congestion = quinn::congestion::CubicConfig::default();
    congestion.initial_window(limits::INITIAL_WINDOW_BYTES);
    config
        .max_idle_timeout(Some(idle.expect("invariant: the idle timeout is small")))
        .keep_alive_interval(Some(Duration::from_millis(limits::KEEP_ALIVE_MS)))
        .initial_rtt(Duration::from_millis(limits::INITIAL_RTT_MS))
        .max_concurrent_bidi_streams(VarInt::from_u32(limits::MAX_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(limits::STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(limits::CONNECTION_WINDOW_BYTES))
        .datagram_receive_buffer_size(None)
        .congestion_controller_factory(Arc::new(congestion));
    Arc::new(config)
}

fn roots(identity: &Identity) -> Result<RootCertStore, StartError> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(identity.ca_der.clone()))
        .map_err(unusable)?;
    Ok(roots)
}

/// The node's certificate and the authority's: a joiner finds the latter by its fingerprint.
fn chain(identity: &Identity) -> Vec<CertificateDer<'static>> {
    vec![
        CertificateDer::from(identity.certificate_der.clone()),
        CertificateDer::from(identity.ca_der.clone()),
    ]
}

fn key(identity: &Identity) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.private_key_der.to_vec()))
}

fn unusable(error: impl std::fmt::Display) -> StartError {
    StartError::Identity(error.to_string())
}
