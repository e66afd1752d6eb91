//! The fingerprint by which a retransmission is known on every node.

use sha2::{Digest, Sha256};

use crate::packet::Packet;

/// First half of SHA-256(domain ‖ client id ‖ packet). 128 bits: only senders who know the
/// client's secret get this far, and for them a collision replays their own answer.
pub type Fingerprint = [u8; 16];

/// The fingerprint of `packet` from the client with this id, padding after its Length not
/// included. Look it up only after Message-Authenticator was valid, where the client sends one.
pub fn fingerprint(client_id: u64, packet: &Packet<'_>) -> Fingerprint {
    let digest = Sha256::new()
        .chain_update(b"quorate/radius/1\0")
        .chain_update(client_id.to_be_bytes())
        .chain_update(packet.bytes())
        .finalize();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}
