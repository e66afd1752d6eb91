//! Fernet, the envelope of `--format pi`: AES-128-CBC under HMAC-SHA-256, in base 64 for URLs.
//!
//! ```text
//! version 0x80 (1) ‖ time (8) ‖ IV (16) ‖ ciphertext ‖ HMAC (32) over everything before it
//! key: 16 bytes for HMAC ‖ 16 bytes for AES, as 44 characters of base 64
//! ```

use zeroize::Zeroizing;

use crate::{crypto, encoding, error::ImportError, model::Algorithm};

const VERSION: u8 = 0x80;
const HEAD: usize = 1 + 8 + crypto::BLOCK;
const MAC: usize = 32;

/// Opens an envelope with the content of a key file.
pub(crate) fn open(envelope: &[u8], key_file: &[u8]) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let key = std::str::from_utf8(key_file).ok().and_then(encoding::base64_url);
    let key = key.filter(|key| key.len() == 32).ok_or(ImportError::KeyForm(
        "privacyIDEA printed a key of 44 characters with the export",
    ))?;
    let (mac_key, text_key) = key.split_at(16);
    let text = std::str::from_utf8(envelope).ok().and_then(encoding::base64_url);
    let broken = || ImportError::document(1, "not a whole export of privacyIDEA");
    let envelope = text
        .filter(|envelope| envelope.first() == Some(&VERSION))
        .ok_or_else(broken)?;
    let (signed, mac) = envelope
        .split_at_checked(envelope.len().wrapping_sub(MAC))
        .ok_or_else(broken)?;
    if !crypto::is_hmac(Algorithm::Sha256, mac_key, signed, mac) {
        return Err(ImportError::WrongKey);
    }
    let (head, text) = signed.split_at_checked(HEAD).ok_or_else(broken)?;
    let padded = crypto::decrypt_cbc(text_key, &head[HEAD - crypto::BLOCK..], text).ok_or_else(broken)?;
    let plain = crypto::without_padding(&padded).ok_or_else(broken)?;
    Ok(Zeroizing::new(plain.to_vec()))
}

/// Whether a file begins like an envelope: version 0x80 and a time before the year 2242.
pub(crate) fn looks_like_one(input: &[u8]) -> bool {
    input.starts_with(b"gAAAAA")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and token of the specification.
    const KEY: &[u8] = b"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    const ENVELOPE: &[u8] =
        b"gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";

    #[test]
    fn the_vector_of_the_fernet_specification() {
        assert!(open(ENVELOPE, KEY).is_ok_and(|plain| *plain == b"hello"));
        assert!(looks_like_one(ENVELOPE));
    }

    #[test]
    fn another_key_and_an_altered_envelope_do_not_open() {
        let other = b"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e5=";
        assert!(open(ENVELOPE, other).is_err());
        let mut altered = ENVELOPE.to_vec();
        altered[40] ^= 1;
        assert!(matches!(open(&altered, KEY), Err(ImportError::WrongKey)));
        assert!(open(&ENVELOPE[..20], KEY).is_err());
        assert!(matches!(open(ENVELOPE, b"short"), Err(ImportError::KeyForm(_))));
    }
}
