//! A protected connection to a controller: its addresses (`resolver.rs`), TCP, StartTLS if it is wanted, TLS and whose certificates are
//! believed (`trust.rs`). Each step can be taken alone, for who examines a directory.

mod resolver;
mod starttls;
mod trust;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;

pub use self::trust::{CertificateRefused, Leaf};
pub(crate) use self::{
    resolver::Resolver,
    trust::{authorities, server_name},
};
use crate::{
    failure::Failure,
    settings::{Controller, Security, Trust},
};

/// Bytes to and from a controller.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection over which LDAP can be spoken.
pub(crate) struct Opened {
    pub(crate) stream: Box<dyn Stream>,
    /// What the controller showed; nothing on a plain connection.
    pub(crate) leaf: Option<Leaf>,
}

/// What all connections of a directory share: whose certificates are believed, and TLS sessions that can be resumed.
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
}

impl Tls {
    /// # Errors
    /// No authority can be read, in words.
    pub(crate) fn new(trust: &Trust) -> Result<Self, String> {
        let config = Arc::new(trust::client(trust)?);
        Ok(Self { config })
    }
}

/// All of it: resolve, connect, protect.
pub(crate) async fn open(
    controller: &Controller,
    resolver: &Arc<Resolver>,
    tls: &Tls,
    until: Instant,
) -> Result<Opened, Failure> {
    let addresses = resolver.addresses(until).await?;
    let stream = connect(&addresses, until).await?;
    protect(stream, controller, tls, until).await
}

/// The first of these addresses that takes a connection. Each gets its share of the time.
pub(crate) async fn connect(addresses: &[SocketAddr], until: Instant) -> Result<TcpStream, Failure> {
    let begun = Instant::now();
    let mut failure = Failure::TimedOut(Duration::ZERO);
    for (at, address) in addresses.iter().enumerate() {
        let now = Instant::now();
        let left = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        let share = now + until.saturating_duration_since(now) / left;
        match timeout_at(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small requests, each of which is waited for. That it could not be set is no reason to give up.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(source)) => {
                failure = Failure::Connect {
                    source: Arc::new(source),
                }
            }
            Err(_) => failure = Failure::TimedOut(begun.elapsed()),
        }
    }
    Err(failure)
}

/// TLS over a connection, at once or after asking for it; or none.
pub(crate) async fn protect(
    mut stream: TcpStream,
    controller: &Controller,
    tls: &Tls,
    until: Instant,
) -> Result<Opened, Failure> {
    let begun = Instant::now();
    let protected = async {
        match controller.security {
            Security::Plain => {
                return Ok(Opened {
                    stream: Box::new(stream),
                    leaf: None,
                });
            }
            Security::StartTls => starttls::ask(&mut stream).await?,
            Security::Ldaps => {}
        }
        shake_hands(stream, &controller.host, tls).await
    };
    match timeout_at(until, protected).await {
        Ok(done) => done,
        Err(_) => Err(Failure::TimedOut(begun.elapsed())),
    }
}

async fn shake_hands(stream: TcpStream, host: &str, tls: &Tls) -> Result<Opened, Failure> {
    let name: ServerName<'static> = server_name(host).ok_or_else(|| Failure::Tls {
        source: Arc::new(io::Error::other("the host is neither a name nor an address")),
    })?;
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    let stream = connector.connect(name, stream).await.map_err(trust::failure)?;
    let leaf = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .map(Leaf::of);
    Ok(Opened {
        stream: Box::new(stream),
        leaf,
    })
}
