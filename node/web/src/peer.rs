//! Who is at the other end of a connection.

use std::net::SocketAddr;

/// The other end of a connection, known before its first byte. Each listener puts it into every
/// request; nothing a client sends can change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Came in over TLS: anybody.
    Tls(SocketAddr),
    /// Came in over the Unix socket, which has checked this user id (SO_PEERCRED).
    Unix { uid: u32 },
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tls(address) => write!(f, "{address}"),
            Self::Unix { uid } => write!(f, "uid {uid}"),
        }
    }
}
