use std::net::IpAddr;

use zeroize::Zeroizing;

use crate::{
    ids::{ClientId, Fingerprint, NodeId, ProofDigest},
    records::{Attribute, Browser, UserName},
};

/// One Access-Request, as far as judging it needs. It holds what the user typed, so it has no `Debug`.
#[derive(Clone)]
pub struct Request {
    /// The client, by which its Message-Authenticator was verified.
    pub client: ClientId,
    /// The canonical name; none if the received one cannot be made canonical, so that nobody has it.
    pub user: Option<UserName>,
    /// User-Name as received, up to 253 bytes.
    pub user_name: Box<[u8]>,
    /// What was typed: the revealed User-Password.
    pub field: Zeroizing<Vec<u8>>,
    /// Digest of client and datagram.
    pub fingerprint: Fingerprint,
    /// Keyed digest of `field`.
    pub proof: ProofDigest,
    /// When it was received, by this node's clock, in ms since 1970.
    pub received_ms: u64,
    /// This node.
    pub node: NodeId,
    /// Where it came from.
    pub source: IpAddr,
    /// Calling-Station-Id, up to 253 bytes.
    pub calling_station_id: Option<Box<[u8]>>,
    /// NAS-Identifier, up to 253 bytes.
    pub nas_identifier: Option<Box<[u8]>>,
    /// Other attributes that rules may ask about, each once, sorted by their kinds.
    pub attributes: Box<[Attribute]>,
    /// The browser that it comes from, if it comes from one.
    pub browser: Option<Browser>,
}
