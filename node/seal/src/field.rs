//! Sealing one field of one record.

use chacha20poly1305::{AeadInOut, Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::key_ring::{DerivedKey, KeyId, KeyRing};
use crate::limits::{KEY_ID_LEN, NONCE_LEN, SEAL_OVERHEAD, TAG_LEN};

/// Which field of which kind of record a value is. The numbers are part of what is stored: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Field {
    /// A user's password verifier.
    UserPassword = 1,
    /// A token's seed.
    TokenSecret = 2,
    /// A RADIUS client's shared secret.
    ClientSecret = 3,
    /// The digest of an API token.
    ApiTokenVerifier = 4,
    /// The secret half of a join token.
    JoinTokenSecret = 5,
    /// The private key of the cluster's certificate authority.
    ClusterCaKey = 6,
    /// The key ring itself, under a passphrase.
    KeyRing = 7,
    /// Where and how a directory is asked.
    DirectorySettings = 8,
    /// The verifier of a user's PIN.
    UserPin = 9,
    /// The verifier of a password that a user's directory said was right.
    RememberedPassword = 42,
    /// The verifier of a code that was sent.
    SentCode = 40,
    /// The settings of a gateway.
    GatewaySettings = 41,
}

/// What a sealed field is bound to: it opens only as this field of this record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aad {
    pub field: Field,
    /// The record's id (the number inside `UserId`, `TokenId`, …).
    pub record: u64,
}

impl Aad {
    fn bytes(self) -> [u8; 9] {
        let mut bytes = [0; 9];
        bytes[0] = self.field as u8;
        bytes[1..].copy_from_slice(&self.record.to_be_bytes());
        bytes
    }
}

/// Why a sealed value does not open. None of them says what was inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Shorter than any sealed value.
    #[error("the sealed value is too short")]
    TooShort,
    /// Sealed under a key that this ring does not hold.
    #[error("sealed under application key {}, which this node does not have", .0.0)]
    UnknownKey(KeyId),
    /// Altered, moved to another record, or sealed under another cluster's key of the same id.
    #[error("the sealed value does not open: altered, or bound to another record")]
    NotAuthentic,
    /// The sealed text would not fit where it has to go.
    #[error("the sealed value would be {len} bytes, longer than the {max} that fit")]
    TooLong { len: usize, max: usize },
}

impl KeyRing {
    /// Seals a field under the current key. `nonce` must be fresh randomness.
    #[must_use]
    pub fn seal(&self, nonce: [u8; NONCE_LEN], aad: Aad, plain: &[u8]) -> Vec<u8> {
        let current = self.current();
        seal_with(current, &current.field, nonce, &aad.bytes(), plain)
    }

    /// Opens a field.
    ///
    /// # Errors
    /// [`SealError`] when the value is not what was sealed for this field of this record.
    pub fn open(&self, aad: Aad, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open_with(self, |key| &key.field, &aad.bytes(), sealed)
    }

    /// The key a value is sealed under, without opening it: what a re-encryption looks for.
    #[must_use]
    pub fn key_of(sealed: &[u8]) -> Option<KeyId> {
        let id = sealed.first_chunk::<KEY_ID_LEN>()?;
        Some(KeyId(u32::from_be_bytes(*id)))
    }
}

pub(crate) fn seal_with(
    key: &DerivedKey,
    cipher: &XChaCha20Poly1305,
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    plain: &[u8],
) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(plain.len() + SEAL_OVERHEAD);
    sealed.extend_from_slice(&key.key.id.0.to_be_bytes());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let text = &mut sealed[KEY_ID_LEN + NONCE_LEN..];
    let tag = cipher
        .encrypt_inout_detached(&XNonce::from(nonce), aad, text.into())
        .expect("invariant: a field is far below the 256 GiB that ChaCha20 can encrypt");
    sealed.extend_from_slice(&tag);
    sealed
}

pub(crate) fn open_with(
    ring: &KeyRing,
    cipher: impl Fn(&DerivedKey) -> &XChaCha20Poly1305,
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (id, rest) = sealed.split_first_chunk::<KEY_ID_LEN>().ok_or(SealError::TooShort)?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::TooShort)?;
    let (text, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(SealError::TooShort)?;
    let id = KeyId(u32::from_be_bytes(*id));
    let key = ring.by_id(id).ok_or(SealError::UnknownKey(id))?;
    let mut plain = Zeroizing::new(text.to_vec());
    cipher(key)
        .decrypt_inout_detached(
            &XNonce::from(*nonce),
            aad,
            plain.as_mut_slice().into(),
            &Tag::from(*tag),
        )
        .map_err(|_| SealError::NotAuthentic)?;
    Ok(plain)
}
