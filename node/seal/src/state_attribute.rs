//! The sealed State attribute: how a challenge begun on one node is finished on another with nothing stored.
//!
//! What is inside is the login conversation's business (`quorate_core::login`); here it is only sealed. The client
//! and the User-Name are associated data rather than content: the next packet must come from the same client with
//! the same name, or the State does not open at all.

use zeroize::Zeroizing;

use crate::field::{SealError, open_with, seal_with};
use crate::key_ring::KeyRing;
use crate::limits::{MAX_STATE_ATTRIBUTE_LEN, NONCE_LEN, SEAL_OVERHEAD};

/// What a State attribute is bound to.
#[derive(Debug, Clone, Copy)]
pub struct StateBinding<'a> {
    pub cluster: [u8; 16],
    /// The RADIUS client's id.
    pub client: u64,
    /// The User-Name exactly as received.
    pub user_name: &'a [u8],
}

impl StateBinding<'_> {
    fn bytes(&self) -> Vec<u8> {
        [
            b"state".as_slice(),
            &self.cluster,
            &self.client.to_be_bytes(),
            self.user_name,
        ]
        .concat()
    }
}

impl KeyRing {
    /// Seals a conversation into the value of a State attribute (RFC 2865 section 5.24).
    ///
    /// # Errors
    /// [`SealError::TooLong`] when it would not fit into one attribute.
    pub fn seal_state(
        &self,
        nonce: [u8; NONCE_LEN],
        binding: &StateBinding<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let (len, max) = (plain.len() + SEAL_OVERHEAD, MAX_STATE_ATTRIBUTE_LEN);
        if len > max {
            return Err(SealError::TooLong { len, max });
        }
        let current = self.current();
        Ok(seal_with(current, &current.state, nonce, &binding.bytes(), plain))
    }

    /// Opens a State attribute.
    ///
    /// # Errors
    /// [`SealError`] when it is not one that this cluster sealed for this client and User-Name.
    pub fn open_state(&self, binding: &StateBinding<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open_with(self, |key| &key.state, &binding.bytes(), sealed)
    }
}
