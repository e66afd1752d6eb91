//! privacyIDEA's encryption key file (`PI_ENCFILE`): three keys of 32 bytes, of which the first encrypts what the table `token` holds.
//!
//! `key_enc` is AES-256-CBC of the secret *as hexadecimal text*, with PKCS #7 padding. Versions before 3.0 wrote that text in
//! hexadecimal once more, then 01 02 and zeros. Nothing authenticates it: a wrong key shows by padding that is none, and by text
//! that is no hexadecimal.

use zeroize::Zeroizing;

use crate::{crypto, encoding, error::ImportError, report::Wrong};

const KEY: usize = 32;

/// The key of the table `token`.
pub(crate) struct EncFile {
    key: Zeroizing<Vec<u8>>,
}

impl EncFile {
    /// Reads a key file that is not itself encrypted with a password.
    pub(crate) fn parse(file: &[u8]) -> Result<Self, ImportError> {
        // privacyIDEA itself tells an encrypted file by its length: IV and text in hexadecimal.
        if file.len() > 100 {
            let hint = "it is encrypted with a password; decrypt it first (pi-manage setup decrypt_enckey)";
            return Err(ImportError::KeyForm(hint));
        }
        let key = file.get(..KEY).ok_or(ImportError::KeyForm(
            "privacyIDEA's encryption key file (PI_ENCFILE) has at least 32 bytes",
        ))?;
        Ok(Self {
            key: Zeroizing::new(key.to_vec()),
        })
    }

    /// A token's secret as privacyIDEA has it: hexadecimal text, mostly.
    pub(crate) fn open(&self, key_enc: &str, key_iv: &str) -> Result<Zeroizing<Vec<u8>>, Wrong> {
        let text = encoding::hex(key_enc).ok_or_else(|| Wrong::new("key_enc", "is not hexadecimal"))?;
        let iv = encoding::hex(key_iv)
            .filter(|iv| iv.len() == crypto::BLOCK)
            .ok_or_else(|| Wrong::new("key_iv", "is not 16 bytes in hexadecimal"))?;
        let padded = crypto::decrypt_cbc(&self.key, &iv, &text)
            .ok_or_else(|| Wrong::new("key_enc", "is not whole blocks of AES"))?;
        crypto::without_padding(&padded)
            .map(|plain| Zeroizing::new(plain.to_vec()))
            .or_else(|| without_old_padding(&padded))
            .ok_or_else(|| Wrong::new("key_enc", "does not open with this key"))
    }
}

/// Hexadecimal, 01 02, zeros.
fn without_old_padding(padded: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let end = padded.windows(2).rposition(|mark| mark == [1, 2])?;
    encoding::hex(std::str::from_utf8(&padded[..end]).ok()?)
}
