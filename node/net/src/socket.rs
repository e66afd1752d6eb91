//! UDP sockets: bound so that nobody else has the port, read in batches, answered from the address
//! that was asked.
//!
//! A node may have several addresses, a floating one among them. A reply from another address than
//! the request went to is dropped by every NAS, so the kernel is asked for the destination of each
//! datagram (`IP_PKTINFO`), and the reply names it as its source.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use nix::sys::socket::{setsockopt, sockopt};
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::limits::{BATCH, DATAGRAM_BYTES};

/// Why an address cannot be served. Each is a sentence that says what to do.
#[derive(Debug, Error)]
pub enum BindError {
    #[error(
        "cannot serve RADIUS on {address}: another process has this port (`ss -ulpn` shows which); \
         stop it, or configure another port"
    )]
    InUse { address: SocketAddr },
    #[error("cannot serve RADIUS on {address}: not permitted; ports below 1024 need CAP_NET_BIND_SERVICE")]
    NotPermitted { address: SocketAddr },
    #[error("cannot serve RADIUS on {address}: this machine has no such address (`ip address` lists them)")]
    NoSuchAddress { address: SocketAddr },
    #[error("cannot serve RADIUS on {address}")]
    Other {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
}

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address },
            io::ErrorKind::PermissionDenied => Self::NotPermitted { address },
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress { address },
            _ => Self::Other { address, source },
        }
    }
}

/// One socket.
pub(crate) struct Door {
    socket: UdpSocket,
    calls: UdpSocketState,
}

/// Who sent a datagram, and where it arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// As the kernel says it: on a dual-stack socket an IPv4 address is a mapped one.
    raw: SocketAddr,
    /// Our address that was asked.
    local: Option<IpAddr>,
}

impl Peer {
    /// The sender; an IPv4 address is a plain one whatever socket it came through.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.raw.ip().to_canonical(), self.raw.port())
    }
}

/// Binds `count` sockets to one address. `[::]` also serves IPv4; where the machine has no IPv6 at
/// all, it is served as `0.0.0.0`.
///
/// # Errors
/// [`BindError`]; no socket is left open.
pub(crate) fn open(
    address: SocketAddr,
    count: usize,
    receive_buffer_bytes: usize,
) -> Result<Vec<Arc<Door>>, BindError> {
    let address = without_ipv6(address);
    let fail = |source| BindError::new(address, source);
    if address.port() != 0 {
        // Exclusively first: with SO_REUSEPORT the kernel would let a second process of the same
        // user in, and give it half of the packets.
        bound(address, false, None).map_err(fail)?;
    }
    let first = bound(address, count > 1, Some(receive_buffer_bytes)).map_err(fail)?;
    let chosen = first.local_addr().map_err(fail)?.as_socket().unwrap_or(address);
    let mut doors = vec![Door::new(first).map_err(fail)?];
    for _ in 1..count {
        let next = bound(chosen, true, Some(receive_buffer_bytes)).map_err(fail)?;
        doors.push(Door::new(next).map_err(fail)?);
    }
    Ok(doors.into_iter().map(Arc::new).collect())
}

fn without_ipv6(address: SocketAddr) -> SocketAddr {
    let unspecified_v6 = address.is_ipv6() && address.ip().is_unspecified();
    if unspecified_v6 && Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP)).is_err() {
        return SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
    }
    address
}

fn bound(address: SocketAddr, shared: bool, buffer_bytes: Option<usize>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
        setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    } else {
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
    }
    if let Some(bytes) = buffer_bytes {
        // Root may exceed net.core.rmem_max; whoever may not gets what the kernel allows.
        if setsockopt(&socket, sockopt::RcvBufForce, &bytes).is_err() {
            socket.set_recv_buffer_size(bytes)?;
        }
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

impl Door {
    fn new(socket: Socket) -> io::Result<Self> {
        // `UdpSocketState::new` would forbid fragmentation, which QUIC wants and a RADIUS reply of
        // 4,096 octets cannot have, and turn on segment coalescing. The state itself is tied to no
        // socket, so a scratch socket takes those options; ours has the one we need from `bound`.
        let scratch = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let calls = UdpSocketState::new((&scratch).into())?;
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            calls,
        })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// What the kernel granted, in the bytes that were asked for: it doubles them for its own
    /// bookkeeping and reports the double.
    pub(crate) fn receive_buffer_bytes(&self) -> io::Result<usize> {
        Ok(socket2::SockRef::from(&self.socket).recv_buffer_size()? / 2)
    }

    /// Waits for datagrams and takes as many as are there, up to a batch.
    pub(crate) async fn receive(&self, batch: &mut Batch) -> io::Result<()> {
        batch.filled = 0;
        loop {
            self.socket.readable().await?;
            match self
                .socket
                .try_io(Interest::READABLE, || batch.fill(&self.calls, &self.socket))
            {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    /// Sends if the kernel takes it at once. A full send buffer drops a datagram as the network
    /// would; the NAS asks again.
    pub(crate) fn send(&self, datagram: &[u8], peer: &Peer) -> io::Result<()> {
        let transmit = Transmit {
            destination: peer.raw,
            ecn: None,
            contents: datagram,
            segment_size: None,
            src_ip: peer.local,
        };
        self.socket.try_io(Interest::WRITABLE, || {
            self.calls.try_send((&self.socket).into(), &transmit)
        })
    }
}

/// Room for a batch of datagrams, used over and over.
pub(crate) struct Batch {
    room: Vec<u8>,
    about: [RecvMeta; BATCH],
    filled: usize,
}

impl Batch {
    pub(crate) fn new() -> Self {
        let room = vec![0; BATCH * DATAGRAM_BYTES];
        Self {
            room,
            about: [RecvMeta::default(); BATCH],
            filled: 0,
        }
    }

    fn fill(&mut self, calls: &UdpSocketState, socket: &UdpSocket) -> io::Result<()> {
        let mut slots = self.room.chunks_exact_mut(DATAGRAM_BYTES);
        let mut buffers: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(slots.next().expect("invariant: room for a whole batch")));
        self.filled = calls.recv(socket.into(), &mut buffers, &mut self.about)?;
        Ok(())
    }

    /// The datagrams of the last [`Door::receive`].
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = (&[u8], Peer)> {
        let slots = self.room.chunks_exact(DATAGRAM_BYTES);
        self.about[..self.filled].iter().zip(slots).map(|(about, slot)| {
            let peer = Peer {
                raw: about.addr,
                local: about.dst_ip,
            };
            (&slot[..about.len.min(slot.len())], peer)
        })
    }
}
