//! What a login brings along, once its packet is known to be genuine.

use std::net::IpAddr;
use std::sync::Arc;

use quorate_core::{Attribute, Client, ClientId, Fingerprint};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use zeroize::Zeroizing;

/// One Access-Request whose Message-Authenticator and secret were right.
pub struct AccessRequest {
    /// The client it was signed by.
    pub client: Arc<Client>,
    /// User-Name as received, at most 253 bytes.
    pub user_name: Vec<u8>,
    /// User-Password in clear, its padding removed.
    pub password: Zeroizing<Vec<u8>>,
    /// The State attribute, in answer to a challenge.
    pub state: Option<Vec<u8>>,
    /// Where the packet came from.
    pub source: IpAddr,
    /// Calling-Station-Id, at most 253 bytes.
    pub calling_station_id: Option<Vec<u8>>,
    /// NAS-Identifier, at most 253 bytes.
    pub nas_identifier: Option<Vec<u8>>,
    /// Other attributes that rules may ask about, each once, sorted by their kinds.
    pub attributes: Vec<Attribute>,
    /// [`fingerprint`] of the datagram, or of everything that a browser has sent.
    pub fingerprint: Fingerprint,
    /// When it was received, for deadlines.
    pub received: Instant,
    /// When it was received, in ms since 1970, for the audit and the code's timestep.
    pub received_ms: u64,
    /// The browser that it comes from, if it comes from one and not through RADIUS.
    pub browser: Option<PresentedBrowser>,
}

/// A browser, as far as a login knows of it.
#[derive(Default)]
pub struct PresentedBrowser {
    /// What it was given when it was remembered as a device, if it shows something of that kind. Nobody has checked it.
    pub device: Option<Zeroizing<String>>,
}

/// Recognises a repeated packet at any node: the first half of SHA-256 over client and datagram. `datagram` ends at
/// the packet's Length; what follows is padding (RFC 2865 section 3).
#[must_use]
pub fn fingerprint(client: ClientId, datagram: &[u8]) -> Fingerprint {
    let full = Sha256::new()
        .chain_update(client.0.to_be_bytes())
        .chain_update(datagram)
        .finalize();
    let half = full.first_chunk().expect("invariant: SHA-256 gives more than 16 bytes");
    Fingerprint(*half)
}
