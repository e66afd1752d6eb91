//! The alphabets that secrets are written in.
//!
//! What is decoded goes straight into memory that is wiped. A decoder takes what people and products write (either case, spaces
//! and dashes between groups, with or without padding) and nothing else.

use data_encoding::{BASE32_NOPAD, BASE64, BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER};
use zeroize::Zeroizing;

use crate::limits::SECRET_BYTES_MAX;

const MODHEX: &[u8; 16] = b"cbdefghijklnrtuv";

/// Hexadecimal in either case, of any length.
pub(crate) fn hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    decode(&HEXLOWER, Zeroizing::new(text.trim().to_ascii_lowercase()))
}

/// Base 32 (RFC 4648 section 6), grouped by spaces or dashes, in either case. Bits that fill the last symbol are not looked at:
/// generators that draw symbols instead of bytes leave them as they fall, and every authenticator ignores them.
pub(crate) fn base32(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 5 / 8));
    let (mut bits, mut held) = (0u32, 0);
    for symbol in text.trim().trim_end_matches('=').bytes() {
        let value = match symbol.to_ascii_uppercase() {
            b' ' | b'-' => continue,
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5 | u32::from(value)) & 0xfff;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    (held < 5).then_some(bytes)
}

/// Base 64 (RFC 4648 section 4), with line breaks as XML has them.
pub(crate) fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    decode(&BASE64_NOPAD, unpadded(text))
}

/// Base 64 with the alphabet of RFC 4648 section 5.
pub(crate) fn base64_url(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    decode(&BASE64URL_NOPAD, unpadded(text))
}

/// The alphabet of crypt(3) with SHA-2 and yescrypt: the lowest bits of the bytes come first.
pub(crate) fn crypt64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    const SYMBOLS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    sextets(
        text,
        SYMBOLS,
        |held, bits, value| held | value << bits,
        |held, _| (held & 0xff, held >> 8),
    )
}

/// The alphabet of bcrypt: the highest bits come first, as in base 64.
pub(crate) fn bcrypt64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    const SYMBOLS: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    sextets(
        text,
        SYMBOLS,
        |held, _, value| held << 6 | value,
        |held, left| (held >> left, held & ((1 << left) - 1)),
    )
}

/// Bytes from symbols of six bits. Bits that fill the last symbol are not looked at: not every product leaves them empty.
fn sextets(
    text: &str,
    symbols: &[u8; 64],
    add: fn(u32, u32, u32) -> u32,
    take: fn(u32, u32) -> (u32, u32),
) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 3 / 4));
    let (mut held, mut bits) = (0, 0);
    for symbol in text.bytes() {
        let value = symbols.iter().position(|known| *known == symbol)?;
        held = add(held, bits, value as u32);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            let (byte, rest) = take(held, bits);
            bytes.push(byte as u8);
            held = rest;
        }
    }
    (bits < 6).then_some(bytes)
}

/// Yubico's alphabet, which is the same on every keyboard.
pub(crate) fn modhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut digits = Zeroizing::new(String::with_capacity(text.len()));
    for symbol in text.trim().bytes() {
        let value = MODHEX.iter().position(|known| *known == symbol.to_ascii_lowercase())?;
        digits.push(char::from_digit(value as u32, 16)?);
    }
    decode(&HEXLOWER, digits)
}

pub(crate) fn to_modhex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(MODHEX[usize::from(nibble)])).collect()
}

pub(crate) fn to_base32(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(BASE32_NOPAD.encode(bytes))
}

pub(crate) fn to_base64(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(BASE64.encode(bytes))
}

/// In which alphabet a secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretAlphabet {
    /// Told from the text, see [`secret`].
    Guessed,
    Hex,
    Base32,
    Base64,
}

impl SecretAlphabet {
    /// For a sentence: "is not …".
    pub(crate) fn name(self) -> &'static str {
        match self {
            SecretAlphabet::Guessed => "hexadecimal, base 32 or base 64",
            SecretAlphabet::Hex => "hexadecimal",
            SecretAlphabet::Base32 => "base 32",
            SecretAlphabet::Base64 => "base 64",
        }
    }
}

/// A token's secret. Guessing takes hexadecimal before base 32 before base 64: a random secret of 16 bytes reads as an earlier
/// alphabet than its own less than once in a billion files. Base 32 in mixed case is taken for base 64, which it nearly always is.
pub(crate) fn secret(alphabet: SecretAlphabet, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() > 4 * SECRET_BYTES_MAX {
        return None;
    }
    match alphabet {
        SecretAlphabet::Hex => hex(text),
        SecretAlphabet::Base32 => base32(text),
        SecretAlphabet::Base64 => base64(text),
        SecretAlphabet::Guessed => guessed(text),
    }
}

fn guessed(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mixed =
        text.bytes().any(|byte| byte.is_ascii_lowercase()) && text.bytes().any(|byte| byte.is_ascii_uppercase());
    hex(text)
        .or_else(|| if mixed { None } else { base32(text) })
        .or_else(|| base64(text))
}

fn unpadded(text: &str) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    plain.extend(text.chars().filter(|symbol| !symbol.is_ascii_whitespace()));
    let end = plain.trim_end_matches('=').len();
    plain.truncate(end);
    plain
}

fn decode(encoding: &Encoding, text: Zeroizing<String>) -> Option<Zeroizing<Vec<u8>>> {
    let len = encoding.decode_len(text.len()).ok()?;
    let mut bytes = Zeroizing::new(vec![0; len]);
    let used = encoding.decode_mut(text.as_bytes(), &mut bytes).ok()?;
    bytes.truncate(used);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_secret_in_every_spelling() {
        let right = b"12345678901234567890";
        for text in [
            "3132333435363738393031323334353637383930",
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "gezdgnbvgy3tqojqgezdgnbvgy3tqojq",
            "GEZD GNBV GY3T QOJQ GEZD-GNBV-GY3T-QOJQ",
            "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=",
            "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA",
        ] {
            assert!(
                secret(SecretAlphabet::Guessed, text).is_some_and(|bytes| *bytes == right),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_secret_is_none() {
        for text in ["1", "M", "!!!!", "GEZD=GNBV", "ä", "313"] {
            assert!(secret(SecretAlphabet::Hex, text).is_none(), "{text}");
            assert!(secret(SecretAlphabet::Base32, text).is_none(), "{text}");
        }
        assert!(secret(SecretAlphabet::Guessed, &"A".repeat(2_000)).is_none());
        assert!(modhex("cbdefghijklnrtuvx").is_none());
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(&*modhex(&to_modhex(&bytes)).unwrap(), &bytes);
            prop_assert_eq!(&*base32(&to_base32(&bytes)).unwrap(), &bytes);
            prop_assert_eq!(&*base64(&to_base64(&bytes)).unwrap(), &bytes);
        }
    }
}
