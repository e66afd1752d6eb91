//! The TLS listener.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::admit::{Admission, Place};
use super::{ListenError, Stop, connection, stopped};
use crate::Web;
use crate::limits;
use crate::peer::Peer;

/// TLS 1.2 and 1.3 with this certificate chain (own first) and its key.
///
/// # Errors
/// If the key does not fit the certificate, or is of a kind that is not understood.
pub fn tls_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, ListenError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ListenError::Certificate)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(ListenError::Certificate)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Opens the port. `[::]` takes IPv4 as well, as mapped addresses.
///
/// # Errors
/// [`ListenError`], a sentence that says what to do.
pub async fn bind_tls(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| ListenError::new(address, error))
}

pub(crate) async fn serve(web: &Web, listener: TcpListener, config: Arc<ServerConfig>, mut stop: Stop) {
    let acceptor = TlsAcceptor::from(config);
    let admission = Admission::new(limits::CONNECTIONS, limits::CONNECTIONS_PER_ADDRESS);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                    match admission.admit(address.ip()) {
                        Ok(place) => {
                            connections.spawn(one(stream, address, place, acceptor.clone(), web.clone(), stop.clone()));
                        }
                        Err(full) => refused(web, full.label()),
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept HTTPS connections");
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(limits::FAREWELL, connections.join_all()).await;
}

async fn one(stream: TcpStream, address: SocketAddr, place: Place, acceptor: TlsAcceptor, web: Web, stop: Stop) {
    // Answers are single writes; waiting to fill a segment only adds delay.
    let _ = stream.set_nodelay(true);
    match tokio::time::timeout(limits::HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => connection::serve(stream, Peer::Tls(address), web.router(), stop).await,
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "TLS handshake failed");
            refused(&web, "handshake");
        }
        Err(_) => refused(&web, "handshake_timeout"),
    }
    drop(place);
}

fn refused(web: &Web, reason: &str) {
    web.site
        .counts
        .refused_connections
        .with_label_values(&["tls", reason])
        .inc();
}
