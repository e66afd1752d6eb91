//! A key ring under a passphrase: for machines whose operator would rather type or pass a phrase than keep a key file.
//!
//! ```text
//! salt (16) ‖ key id (4) ‖ nonce (24) ‖ sealed text of the ring ‖ tag (16)
//! ```
//!
//! The phrase only opens this file; what seals the records is the random ring inside. Both can therefore change without the other.

use argon2::Params;
use zeroize::Zeroizing;

use crate::field::{Aad, Field, SealError};
use crate::key_ring::{KeyId, KeyRing};
use crate::limits::{MAX_ARGON2_MEMORY_KIB, PASSPHRASE_PASSES, PASSWORD_HASH_LEN, SALT_LEN};
use crate::password::{HashMemory, hash};

/// A key derived from a passphrase by Argon2id, with more memory than a login's: it is done once per start.
pub struct PassphraseKey {
    salt: [u8; SALT_LEN],
    ring: KeyRing,
}

/// Why a wrapped key ring does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// Shorter than its own header.
    #[error("the file is cut off")]
    TooShort,
    /// The phrase is another, or the file was altered; nothing tells which.
    #[error("wrong passphrase, or the file was altered")]
    Wrong,
}

const WRAPPED: Aad = Aad {
    field: Field::KeyRing,
    record: 0,
};

impl PassphraseKey {
    /// Derives the key. `salt` must be fresh randomness when something new is wrapped.
    #[must_use]
    pub fn derive(passphrase: &[u8], salt: [u8; SALT_LEN], memory: &mut HashMemory) -> Self {
        let params = Params::new(MAX_ARGON2_MEMORY_KIB, PASSPHRASE_PASSES, 1, Some(PASSWORD_HASH_LEN))
            .expect("invariant: the constants are within RFC 9106's bounds");
        PassphraseKey {
            salt,
            ring: KeyRing::new(KeyId(0), hash(&params, passphrase, &salt, memory)),
        }
    }

    /// Wraps a ring. `nonce` must be fresh randomness.
    #[must_use]
    pub fn wrap(&self, nonce: [u8; 24], ring: &KeyRing) -> Vec<u8> {
        let mut wrapped = self.salt.to_vec();
        wrapped.extend(self.ring.seal(nonce, WRAPPED, ring.to_text().as_bytes()));
        wrapped
    }

    /// Opens what [`wrap`](Self::wrap) wrote.
    ///
    /// # Errors
    /// [`PassphraseError`]
    pub fn unwrap(passphrase: &[u8], wrapped: &[u8], memory: &mut HashMemory) -> Result<KeyRing, PassphraseError> {
        let (salt, sealed) = wrapped
            .split_first_chunk::<SALT_LEN>()
            .ok_or(PassphraseError::TooShort)?;
        let key = Self::derive(passphrase, *salt, memory);
        let text = key.ring.open(WRAPPED, sealed).map_err(|error| match error {
            SealError::TooShort => PassphraseError::TooShort,
            _ => PassphraseError::Wrong,
        })?;
        let text: Zeroizing<String> = Zeroizing::new(
            std::str::from_utf8(&text)
                .map_err(|_| PassphraseError::Wrong)?
                .to_owned(),
        );
        KeyRing::from_text(&text).map_err(|_| PassphraseError::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_phrase_opens_an_unaltered_file() {
        let mut memory = HashMemory::new();
        let ring = KeyRing::new(KeyId(7), Zeroizing::new([9; 32]));
        let wrapped = PassphraseKey::derive(b"correct horse battery", [1; SALT_LEN], &mut memory).wrap([2; 24], &ring);
        let opened =
            PassphraseKey::unwrap(b"correct horse battery", &wrapped, &mut memory).expect("the phrase is right");
        assert_eq!(*opened.to_text(), *ring.to_text());
        let wrong = PassphraseKey::unwrap(b"correct horse batterz", &wrapped, &mut memory);
        assert_eq!(wrong.err(), Some(PassphraseError::Wrong));
        let mut altered = wrapped.clone();
        *altered.last_mut().expect("not empty") ^= 1;
        assert_eq!(
            PassphraseKey::unwrap(b"correct horse battery", &altered, &mut memory).err(),
            Some(PassphraseError::Wrong)
        );
        assert_eq!(
            PassphraseKey::unwrap(b"correct horse battery", &wrapped[..8], &mut memory).err(),
            Some(PassphraseError::TooShort)
        );
    }
}
