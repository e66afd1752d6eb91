//! AES-CBC and HMAC as the formats use them. Plain text lives in memory that is wiped.

use aes::{Aes128, Aes192, Aes256};
use cbc::{
    Decryptor, Encryptor,
    cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding},
};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::model::Algorithm;

/// Bytes of an AES block and so of an initialisation vector.
pub(crate) const BLOCK: usize = 16;

/// Decrypts whole blocks; the padding stays. `None` when the key is none of AES's or the text no whole blocks.
pub(crate) fn decrypt_cbc(key: &[u8], iv: &[u8], text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if text.is_empty() || !text.len().is_multiple_of(BLOCK) {
        return None;
    }
    let mut plain = Zeroizing::new(text.to_vec());
    match key.len() {
        16 => decrypt::<Decryptor<Aes128>>(key, iv, &mut plain)?,
        24 => decrypt::<Decryptor<Aes192>>(key, iv, &mut plain)?,
        32 => decrypt::<Decryptor<Aes256>>(key, iv, &mut plain)?,
        _ => return None,
    }
    Some(plain)
}

/// Encrypts whole blocks, padded already. `None` as above.
pub(crate) fn encrypt_cbc(key: &[u8], iv: &[u8], padded: &[u8]) -> Option<Vec<u8>> {
    let mut text = padded.to_vec();
    match key.len() {
        16 => encrypt::<Encryptor<Aes128>>(key, iv, &mut text)?,
        24 => encrypt::<Encryptor<Aes192>>(key, iv, &mut text)?,
        32 => encrypt::<Encryptor<Aes256>>(key, iv, &mut text)?,
        _ => return None,
    }
    Some(text)
}

fn decrypt<C: KeyIvInit + BlockModeDecrypt>(key: &[u8], iv: &[u8], text: &mut [u8]) -> Option<()> {
    let cipher = C::new_from_slices(key, iv).ok()?;
    cipher.decrypt_padded::<NoPadding>(text).ok().map(|_| ())
}

fn encrypt<C: KeyIvInit + BlockModeEncrypt>(key: &[u8], iv: &[u8], text: &mut [u8]) -> Option<()> {
    let cipher = C::new_from_slices(key, iv).ok()?;
    let len = text.len();
    cipher.encrypt_padded::<NoPadding>(text, len).ok().map(|_| ())
}

/// Without PKCS #7 padding, all of whose bytes say its length. `None` when it is none: with a wrong key, mostly.
pub(crate) fn without_padding(plain: &[u8]) -> Option<&[u8]> {
    let len = usize::from(*plain.last()?);
    let text = plain.len().checked_sub(len).filter(|_| (1..=BLOCK).contains(&len))?;
    plain[text..]
        .iter()
        .all(|byte| usize::from(*byte) == len)
        .then_some(&plain[..text])
}

/// Without the padding of XML Encryption (section 5.2), of which only the last byte says something.
pub(crate) fn without_xml_padding(plain: &[u8]) -> Option<&[u8]> {
    let len = usize::from(*plain.last()?);
    let text = plain.len().checked_sub(len).filter(|_| (1..=BLOCK).contains(&len))?;
    Some(&plain[..text])
}

/// With PKCS #7 padding.
pub(crate) fn padded(plain: &[u8]) -> Zeroizing<Vec<u8>> {
    let len = BLOCK - plain.len() % BLOCK;
    let mut padded = Zeroizing::new(Vec::with_capacity(plain.len() + len));
    padded.extend_from_slice(plain);
    padded.resize(plain.len() + len, len as u8);
    padded
}

/// The authenticator of a message.
pub(crate) fn hmac(algorithm: Algorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).expect("invariant: HMAC takes a key of any length");
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    }
    match algorithm {
        Algorithm::Sha1 => mac::<Hmac<Sha1>>(key, message),
        Algorithm::Sha256 => mac::<Hmac<Sha256>>(key, message),
        Algorithm::Sha512 => mac::<Hmac<Sha512>>(key, message),
    }
}

/// Whether an authenticator is the right one, in constant time.
pub(crate) fn is_hmac(algorithm: Algorithm, key: &[u8], message: &[u8], mac: &[u8]) -> bool {
    hmac(algorithm, key, message).ct_eq(mac).into()
}

/// A key from a password (RFC 8018 section 5.2).
pub(crate) fn pbkdf2(
    algorithm: Algorithm,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
    len: usize,
) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(vec![0; len]);
    match algorithm {
        Algorithm::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, rounds, &mut key),
        Algorithm::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut key),
        Algorithm::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut key),
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::hex;

    /// NIST SP 800-38A, appendix F.2: the first block of each key length.
    #[test]
    fn cbc_of_every_key_length() {
        let iv = hex("000102030405060708090a0b0c0d0e0f").unwrap();
        let plain = hex("6bc1bee22e409f96e93d7e117393172a").unwrap();
        for (key, text) in [
            ("2b7e151628aed2a6abf7158809cf4f3c", "7649abac8119b246cee98e9b12e9197d"),
            (
                "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
                "4f021db243bc633d7178183a9fa071e8",
            ),
            (
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                "f58c4c04d6e5f1ba779eabfb5f7bfbd6",
            ),
        ] {
            let (key, text) = (hex(key).unwrap(), hex(text).unwrap());
            assert_eq!(encrypt_cbc(&key, &iv, &plain), Some(text.to_vec()));
            assert!(decrypt_cbc(&key, &iv, &text).is_some_and(|found| *found == *plain));
        }
        assert!(decrypt_cbc(&[0; 15], &iv, &plain).is_none());
        assert!(decrypt_cbc(&[0; 16], &iv, &plain[..15]).is_none());
        assert!(decrypt_cbc(&[0; 16], &[0; 15], &plain).is_none());
    }

    #[test]
    fn paddings() {
        assert_eq!(padded(&[7; 16]).len(), 32);
        assert_eq!(without_padding(&padded(b"abc")), Some(&b"abc"[..]));
        assert_eq!(without_padding(&[1, 2, 3]), None);
        assert_eq!(without_padding(&[]), None);
        assert_eq!(without_padding(&[0; 16]), None);
        assert_eq!(without_xml_padding(&[9, 9, 8, 3]), Some(&[9][..]));
        assert_eq!(without_xml_padding(&[17; 16]), None);
    }

    /// RFC 6070, vectors 2 and 3 of PBKDF2 with HMAC-SHA-1.
    #[test]
    fn keys_from_passwords() {
        for (rounds, key) in [
            (2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
            (4096, "4b007901b765489abead49d926f721d065a429c1"),
        ] {
            let found = pbkdf2(Algorithm::Sha1, b"password", b"salt", rounds, 20);
            assert!(*found == *hex(key).unwrap());
        }
    }
}
