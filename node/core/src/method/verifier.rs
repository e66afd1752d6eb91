//! Verifiers of codes that were made once and written down: a salt, then one digest for each.
//!
//! A code of six or eight digits falls to a guesser who has its digest, whatever the hash: it is the application key, under which
//! the verifiers are sealed, that keeps them. So one SHA-256 is enough, and a login costs no more than that.

use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// Bytes of the salt.
pub const SALT_BYTES: usize = 16;

const DIGEST_BYTES: usize = 32;

/// What to seal for these codes: they are told apart by their place.
pub fn verifiers<'a>(salt: [u8; SALT_BYTES], codes: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = salt.to_vec();
    codes.into_iter().for_each(|code| bytes.extend(digest(&salt, code)));
    bytes
}

/// The place of a code, from 0. All are compared.
pub(crate) fn place(verifiers: &[u8], code: &[u8]) -> Option<u8> {
    let (salt, digests) = verifiers.split_at_checked(SALT_BYTES)?;
    let typed = digest(salt, code);
    let (digests, _) = digests.as_chunks::<DIGEST_BYTES>();
    let mut place = u8::MAX;
    for (at, right) in (0u8..).zip(digests) {
        place.conditional_assign(&at, right.ct_eq(&typed));
    }
    (place != u8::MAX).then_some(place)
}

fn digest(salt: &[u8], code: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut hash = Sha256::new();
    hash.update(salt);
    hash.update(code);
    hash.finalize().into()
}
