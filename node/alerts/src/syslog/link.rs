//! One connection to one server, until it ends.
//!
//! A syslog server says nothing, so that whatever can be read is the end: a closed stream, or a refusal. It is listened for all the time,
//! or the first message after a server's restart would be written into a connection that is no more.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::{sleep, timeout};

use super::{ServerSettings, Transport};
use crate::limits;
use crate::tls::{self, TlsError};

/// Why there is no connection, or no longer.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("cannot find the address of {0}: {1}")]
    Name(String, #[source] io::Error),
    #[error("cannot connect to {0}: {1}")]
    Connect(String, #[source] io::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{0} took too long to answer")]
    Slow(String),
    #[error("the server closed the connection")]
    Closed,
    #[error("the server takes nothing any more")]
    Stuck,
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection.
pub(super) struct Link {
    reading: Reading,
    writing: Writing,
}

pub(super) enum Reading {
    Datagrams(Arc<UdpSocket>),
    Stream(ReadHalf<Box<dyn Stream>>),
}

pub(super) enum Writing {
    Datagrams(Arc<UdpSocket>),
    Stream(WriteHalf<Box<dyn Stream>>),
}

impl Link {
    /// Connects within [`limits::CONNECT`].
    pub async fn open(settings: &ServerSettings) -> Result<Link, LinkError> {
        let slow = |_| LinkError::Slow(settings.address.clone());
        timeout(limits::CONNECT, open(settings)).await.map_err(slow)?
    }

    /// The two directions, to be used at once.
    pub fn split(self) -> (Reading, Writing) {
        (self.reading, self.writing)
    }
}

async fn open(settings: &ServerSettings) -> Result<Link, LinkError> {
    if settings.transport == Transport::Udp {
        let socket = Arc::new(connect_udp(settings).await?);
        return Ok(Link {
            reading: Reading::Datagrams(socket.clone()),
            writing: Writing::Datagrams(socket),
        });
    }
    let stream = connect_tcp(settings).await?;
    let stream: Box<dyn Stream> = match (settings.transport, &settings.ca) {
        (Transport::Tls, Some(ca)) => {
            let files = tls::Files {
                ca,
                identity: settings.certificate.as_deref().zip(settings.key.as_deref()),
            };
            Box::new(tls::connect(stream, &files, settings.certified_name()).await?)
        }
        _ => Box::new(stream),
    };
    let (reading, writing) = tokio::io::split(stream);
    Ok(Link {
        reading: Reading::Stream(reading),
        writing: Writing::Stream(writing),
    })
}

async fn addresses(settings: &ServerSettings) -> Result<Vec<SocketAddr>, LinkError> {
    let unknown = |error| LinkError::Name(settings.address.clone(), error);
    let target = settings
        .host_and_port()
        .ok_or_else(|| unknown(io::Error::from(io::ErrorKind::InvalidInput)))?;
    let found: Vec<SocketAddr> = lookup_host(target).await.map_err(unknown)?.collect();
    match found.is_empty() {
        true => Err(unknown(io::Error::from(io::ErrorKind::NotFound))),
        false => Ok(found),
    }
}

async fn connect_tcp(settings: &ServerSettings) -> Result<TcpStream, LinkError> {
    let refused = |error| LinkError::Connect(settings.address.clone(), error);
    let stream = TcpStream::connect(&*addresses(settings).await?)
        .await
        .map_err(refused)?;
    // What is said of repeating holds only with these two.
    let socket = SockRef::from(&stream);
    socket
        .set_tcp_user_timeout(Some(limits::UNCONFIRMED))
        .map_err(refused)?;
    socket
        .set_send_buffer_size(limits::SEND_BUFFER_BYTES)
        .map_err(refused)?;
    socket.set_keepalive(true).map_err(refused)?;
    Ok(stream)
}

async fn connect_udp(settings: &ServerSettings) -> Result<UdpSocket, LinkError> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses(settings).await? {
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => ([0; 4], 0).into(),
            SocketAddr::V6(_) => ([0u16; 8], 0).into(),
        };
        let connected = async {
            let socket = UdpSocket::bind(any).await?;
            socket.connect(address).await?;
            io::Result::Ok(socket)
        };
        match connected.await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(LinkError::Connect(settings.address.clone(), last))
}

impl Reading {
    /// Waits for the end of the connection. May be dropped and called again.
    pub async fn ended(&mut self) -> LinkError {
        let mut heard = [0; 512];
        loop {
            let read = match self {
                Reading::Datagrams(socket) => socket.recv(&mut heard).await.map(|_| 1),
                Reading::Stream(stream) => stream.read(&mut heard).await,
            };
            match read {
                Ok(0) => return LinkError::Closed,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return LinkError::Closed,
                Err(error) => return error.into(),
            }
        }
    }
}

impl Writing {
    /// Hands all frames to the kernel.
    pub async fn write(&mut self, frames: &[Arc<[u8]>]) -> Result<(), LinkError> {
        match self {
            Writing::Datagrams(socket) => {
                for burst in frames.chunks(limits::DATAGRAM_BURST) {
                    for frame in burst {
                        socket.send(frame).await?;
                    }
                    sleep(limits::DATAGRAM_PAUSE).await;
                }
                Ok(())
            }
            Writing::Stream(stream) => {
                stream.write_all(&frames.concat()).await?;
                Ok(stream.flush().await?)
            }
        }
    }

    /// Says that nothing more will come.
    pub async fn close(&mut self) -> io::Result<()> {
        match self {
            Writing::Datagrams(_) => Ok(()),
            Writing::Stream(stream) => stream.shutdown().await,
        }
    }

    pub fn is_stream(&self) -> bool {
        matches!(self, Writing::Stream(_))
    }
}
