//! From a host name to a stream: addresses, connection, proxy, TLS. Nothing here knows what is spoken on it, and nothing of a message has
//! been sent while one of these fails.

mod proxy;
mod tls;

use std::{io, sync::Arc, time::Duration};

use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use zeroize::Zeroizing;

pub(crate) use tls::{client_config, handshake};

use crate::{
    attempt::{Halt, StepName, Trace},
    http::Url,
    limits::ADDRESSES,
    mask,
    problem::Checker,
    settings::{Proxy, Trust},
};

/// What can be read from and written to.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream of whatever kind.
pub(crate) type BoxStream = Box<dyn Stream>;

/// How an HTTP server is reached.
pub(crate) struct Connector {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    proxy: Option<Proxy>,
    connect: Duration,
}

impl Connector {
    pub(crate) fn new(url: &Url, tls: Option<Arc<ClientConfig>>, proxy: Option<Proxy>, connect: Duration) -> Self {
        Self {
            host: url.host.clone(),
            port: url.port,
            tls,
            proxy,
            connect,
        }
    }

    /// The settings of TLS, if the URL wants it; nothing if they are wrong.
    #[allow(clippy::option_option)]
    pub(crate) fn tls(url: &Url, trust: &Trust, checker: &mut Checker) -> Option<Option<Arc<ClientConfig>>> {
        if !url.secure {
            return Some(None);
        }
        let config = client_config(trust, checker)?;
        let mut config = (*config).clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Some(Some(Arc::new(config)))
    }

    /// `host:port`, as it stands in attempts.
    pub(crate) fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The proxy that reads the request itself: without TLS there is no tunnel.
    pub(crate) fn reading_proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|_| self.tls.is_none())
    }

    /// The proxy's password, in every spelling in which it is sent.
    pub(crate) fn secrets(&self) -> Vec<Zeroizing<String>> {
        let Some(proxy) = &self.proxy else { return Vec::new() };
        let mut all = mask::spellings(proxy.password.expose());
        all.push(mask::basic(&proxy.user, proxy.password.expose()));
        all
    }

    /// A stream on which HTTP can be spoken.
    pub(crate) async fn open(&self, trace: &mut Trace) -> Result<BoxStream, Halt> {
        let Some(proxy) = &self.proxy else {
            let stream = tcp(&self.host, self.port, self.connect, trace).await?;
            return self.secured(stream, trace).await;
        };
        let mut stream = tcp(&proxy.host, proxy.port, self.connect, trace).await?;
        if self.tls.is_some() {
            proxy::tunnel(&mut stream, &self.host, self.port, proxy, trace).await?;
        }
        self.secured(stream, trace).await
    }

    async fn secured(&self, stream: TcpStream, trace: &mut Trace) -> Result<BoxStream, Halt> {
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some(config) => Ok(Box::new(handshake(stream, &self.host, config, trace).await?)),
        }
    }
}

/// A connection to the first address of `host` that answers within `connect`.
pub(crate) async fn tcp(host: &str, port: u16, connect: Duration, trace: &mut Trace) -> Result<TcpStream, Halt> {
    trace.begin(StepName::Connect, &format!("{host}:{port}"));
    let addresses: Vec<_> = match timeout(connect, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => addresses.take(ADDRESSES).collect(),
        Ok(Err(error)) => return Err(Halt::Broken(format!("the name {host} has no address: {error}"))),
        Err(_) => {
            return Err(Halt::Broken(format!(
                "no answer about the address of {host} within {connect:?}"
            )));
        }
    };
    let mut failures = Vec::new();
    for address in addresses {
        match timeout(connect, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                trace.done(&address.to_string());
                return Ok(stream);
            }
            Ok(Err(error)) => failures.push(format!("{address}: {}", plain(&error))),
            Err(_) => failures.push(format!("{address}: no answer within {connect:?}")),
        }
    }
    Err(Halt::Broken(failures.join("; ")))
}

/// Without `(os error 111)`.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
