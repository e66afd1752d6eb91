//! The key ring: application keys by id, one of them current, each with its sub-keys derived once.

use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::limits::{KEY_LEN, MAX_KEYS};

/// Which application key sealed a value. Travels in clear in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u32);

/// One application key: 32 random bytes and the id they are known by.
pub struct Key {
    pub id: KeyId,
    pub bytes: Zeroizing<[u8; KEY_LEN]>,
}

/// All application keys of a cluster. Values are sealed under the current key and opened under whichever key their
/// id names, so a key can be rotated while logins go on.
///
/// Has no `Debug`; every key is wiped when the ring is dropped.
pub struct KeyRing {
    /// The current key first.
    keys: Vec<DerivedKey>,
}

impl KeyRing {
    /// A ring of one key, which is current. `bytes` come from the operating system's entropy.
    #[must_use]
    pub fn new(id: KeyId, bytes: Zeroizing<[u8; KEY_LEN]>) -> Self {
        Self {
            keys: vec![DerivedKey::derive(Key { id, bytes })],
        }
    }

    /// A ring of several keys, the current one first. `None` when there is no key, more than [`MAX_KEYS`], or two
    /// with the same id.
    #[must_use]
    pub fn from_keys(keys: Vec<Key>) -> Option<Self> {
        let ids: std::collections::BTreeSet<KeyId> = keys.iter().map(|key| key.id).collect();
        let sound = !keys.is_empty() && keys.len() <= MAX_KEYS && ids.len() == keys.len();
        sound.then(|| Self {
            keys: keys.into_iter().map(DerivedKey::derive).collect(),
        })
    }

    /// The id that new values are sealed under.
    #[must_use]
    pub fn current_id(&self) -> KeyId {
        self.current().key.id
    }

    /// All keys, the current one first: for [`to_text`](Self::to_text) and for nothing else.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().map(|derived| &derived.key)
    }

    pub(crate) fn current(&self) -> &DerivedKey {
        &self.keys[0]
    }

    pub(crate) fn by_id(&self, id: KeyId) -> Option<&DerivedKey> {
        self.keys.iter().find(|derived| derived.key.id == id)
    }
}

/// A key with its sub-keys. One purpose, one sub-key: what one of them leaks tells nothing about another.
pub(crate) struct DerivedKey {
    pub(crate) key: Key,
    pub(crate) field: XChaCha20Poly1305,
    pub(crate) state: XChaCha20Poly1305,
    pub(crate) proof: Hmac<Sha256>,
}

impl DerivedKey {
    fn derive(key: Key) -> Self {
        let cipher = |purpose| XChaCha20Poly1305::new((&*sub_key(&key, purpose)).into());
        Self {
            field: cipher("field"),
            state: cipher("state"),
            proof: keyed(&*sub_key(&key, "proof")),
            key,
        }
    }
}

/// The expand step of HKDF (RFC 5869 section 2.3) for one block. Extraction is left out: the key is uniform already.
fn sub_key(key: &Key, purpose: &str) -> Zeroizing<[u8; KEY_LEN]> {
    let mut mac = keyed(&*key.bytes);
    mac.update(b"quorate/1/");
    mac.update(purpose.as_bytes());
    mac.update(&[1]);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("invariant: HMAC takes a key of any length")
}
