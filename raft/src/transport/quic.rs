//! The network of a node: QUIC connections, one stream per exchange.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::{ClientConfig, Connection, Endpoint};
use quorate_storage::SnapshotFile;
use rustls_pki_types::CertificateDer;
use tokio::time::timeout;

use super::tls;
use crate::errors::StartError;
use crate::node::Identity;
use crate::ports::{CallError, Link, Network};
use crate::{limits, pki};

/// Connects from the node's one socket.
pub struct Quic {
    endpoint: Endpoint,
    local_addr: SocketAddr,
    client: ClientConfig,
    identity: Identity,
}

impl Quic {
    /// # Errors
    /// When the identity is unusable, or the socket has no address.
    pub fn new(endpoint: Endpoint, identity: Identity) -> Result<Self, StartError> {
        Ok(Self {
            local_addr: endpoint.local_addr()?,
            endpoint,
            client: tls::client_config(&identity)?,
            identity,
        })
    }
}

#[async_trait::async_trait]
impl Network for Quic {
    async fn connect(&self, node: u64, address: &str) -> Result<Arc<dyn Link>, String> {
        let address = resolve(address, Some(self.local_addr)).await?;
        let name = tls::server_name(&self.identity, node);
        let connecting = self
            .endpoint
            .connect_with(self.client.clone(), address, &name)
            .map_err(|e| e.to_string())?;
        let connection = match timeout(Duration::from_millis(limits::CONNECT_TIMEOUT_MS), connecting).await {
            Ok(connection) => connection.map_err(|e| e.to_string())?,
            Err(_) => return Err("no answer".into()),
        };
        // TLS has checked that one of the certificate's names is this node's. Ours says that it is the one name of a node in it.
        if shown_id(&connection, &self.identity.cluster_id) != Some(node) {
            connection.close(1u32.into(), b"another node was expected");
            return Err("another node answers there".into());
        }
        Ok(Arc::new(QuicLink(connection)))
    }

    fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    async fn close(&self) {
        self.endpoint.close(0u32.into(), b"stopping");
        let patience = Duration::from_millis(limits::CLOSE_PATIENCE_MS);
        let _ = timeout(patience, self.endpoint.wait_idle()).await;
    }
}

/// The node id in the certificate that the other side has shown and TLS has verified.
pub fn shown_id(connection: &Connection, cluster_id: &[u8; 16]) -> Option<u64> {
    let chain = connection
        .peer_identity()?
        .downcast::<Vec<CertificateDer<'static>>>()
        .ok()?;
    pki::node_id_of(cluster_id, chain.first()?)
}

struct QuicLink(Connection);

#[async_trait::async_trait]
impl Link for QuicLink {
    async fn exchange(&self, mut request: Vec<Bytes>) -> Result<Bytes, CallError> {
        let not_sent = |error: quinn::ConnectionError| CallError::NotSent(error.to_string());
        let (mut send, mut receive) = self.0.open_bi().await.map_err(not_sent)?;
        let lost = |error: &dyn std::fmt::Display| CallError::Lost(error.to_string());
        send.write_all_chunks(&mut request).await.map_err(|e| lost(&e))?;
        let _ = send.finish();
        let answer = receive.read_to_end(limits::MAX_FRAME_BYTES).await;
        answer.map(Bytes::from).map_err(|e| lost(&e))
    }

    async fn exchange_with_file(&self, request: Bytes, file: &SnapshotFile) -> Result<Bytes, String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        let (mut send, mut receive) = self.0.open_bi().await.map_err(|e| words(&e))?;
        // Below everything else, should the two connections ever share a queue.
        let _ = send.set_priority(-1);
        send.write_chunk(request).await.map_err(|e| words(&e))?;
        let mut file = file.open_raw().map_err(|e| words(&e))?;
        loop {
            let chunk = tokio::task::block_in_place(|| read_chunk(&mut file)).map_err(|e| words(&e))?;
            if chunk.is_empty() {
                break;
            }
            send.write_chunk(chunk).await.map_err(|e| words(&e))?;
        }
        let _ = send.finish();
        let patience = Duration::from_millis(limits::SNAPSHOT_ANSWER_MS);
        match timeout(patience, receive.read_to_end(limits::MAX_FRAME_BYTES)).await {
            Ok(answer) => answer.map(Bytes::from).map_err(|e| words(&e)),
            Err(_) => Err("the snapshot was sent and never answered".to_owned()),
        }
    }

    async fn closed(&self) -> String {
        self.0.closed().await.to_string()
    }

    fn close(&self) {
        self.0.close(0u32.into(), b"no longer needed");
    }
}

fn read_chunk(file: &mut std::fs::File) -> std::io::Result<Bytes> {
    let mut chunk = Vec::with_capacity(limits::SNAPSHOT_CHUNK_BYTES);
    file.take(limits::SNAPSHOT_CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
    Ok(Bytes::from(chunk))
}

/// The first address of `host:port` that our socket can reach.
///
/// # Errors
/// In words, when the name has none.
pub async fn resolve(host_port: &str, local: Option<SocketAddr>) -> Result<SocketAddr, String> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(host_port)
        .await
        .map_err(|e| format!("{host_port}: {e}"))?
        .collect();
    let same_family = addresses
        .iter()
        .find(|a| local.is_none_or(|local| a.is_ipv4() == local.is_ipv4()));
    same_family
        .or(addresses.first())
        .copied()
        .ok_or_else(|| format!("{host_port} has no address"))
}
