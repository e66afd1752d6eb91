//! How nodes talk: QUIC with mutual TLS 1.3 under the cluster's own authority.
//!
//! Each node has one UDP socket, on which it both accepts and makes connections. It keeps one
//! connection to every other member ([`peers`]) and answers on those that others make
//! ([`serve`]); an RPC is one stream ([`wire`]); a snapshot has a connection of its own, so that
//! gigabytes never queue in front of a heartbeat ([`quic`]). Who is at the other end is
//! decided by certificate: the name checked is the node id ([`tls`]).

pub mod network;
pub mod peers;
pub mod quic;
pub mod serve;
pub mod snapshot;
pub mod tls;
pub mod wire;
