//! The keyed digest of a challenge's answer.
//!
//! It recognises the same answer to the same challenge when a NAS repeats it under a new Identifier and
//! Authenticator. Keyed, because a six-digit code under a plain hash is no secret.

use hmac::Mac;

use crate::key_ring::KeyRing;

impl KeyRing {
    /// The first 128 bits of HMAC-SHA-256 over conversation, client and answer. Every node of the cluster computes
    /// the same one while the same key is current; across a rotation a repeated answer is judged anew.
    #[must_use]
    pub fn digest_proof(&self, conversation: &[u8; 16], client: u64, answer: &[u8]) -> [u8; 16] {
        let mut mac = self.current().proof.clone();
        mac.update(conversation);
        mac.update(&client.to_be_bytes());
        mac.update(answer);
        let full = mac.finalize().into_bytes();
        *full.first_chunk().expect("invariant: SHA-256 gives more than 16 bytes")
    }
}
