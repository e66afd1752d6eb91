//! Digests that tell one thing from another where its bytes are too many to keep.

use sha2::{Digest, Sha256};

/// Half of a SHA-256 over these parts, told apart from those of other purposes. Parts before the last have a fixed length.
pub(crate) fn digest_16(purpose: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(purpose);
    hash.update([0]);
    parts.iter().for_each(|part| hash.update(part));
    let digest: [u8; 32] = hash.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}
