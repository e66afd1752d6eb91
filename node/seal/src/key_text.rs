//! The key ring as text: what a key file holds and what a joining node is handed.
//!
//! ```text
//! # Quorate application keys. The first line is the current one.
//! qk1-00000002-<64 hex digits>-<8 hex digits of checksum>
//! qk1-00000001-…
//! ```
//!
//! The checksum catches a line that was cut or mistyped; it proves nothing about where the key came from.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::key_ring::{Key, KeyId, KeyRing};
use crate::limits::{KEY_LEN, MAX_KEYS};

const PREFIX: &str = "qk1";

/// What is wrong with a key file, by line (from 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    #[error("line {line}: not a key; a key line is qk1-<8 hex digits>-<64 hex digits>-<8 hex digits>")]
    NotAKey { line: usize },
    #[error("line {line}: the checksum does not match; the line was cut or mistyped, copy it again")]
    Checksum { line: usize },
    #[error("no key in it; it must hold between one and {MAX_KEYS} keys with different ids")]
    NoKeys,
}

impl KeyRing {
    /// All keys as text, the current one first. Secret: write it to a file that only the service can read.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(MAX_KEYS * 96));
        text.push_str("# Quorate application keys. The first line is the current one.\n");
        for key in self.keys() {
            push_line(&mut text, key);
        }
        text
    }

    /// Reads what [`to_text`](Self::to_text) wrote. Empty lines and lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// [`KeyTextError`] names the first line that is wrong.
    pub fn from_text(text: &str) -> Result<Self, KeyTextError> {
        let mut keys = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            keys.push(parse_line(line, number + 1)?);
        }
        Self::from_keys(keys).ok_or(KeyTextError::NoKeys)
    }
}

fn push_line(text: &mut String, key: &Key) {
    text.push_str(PREFIX);
    text.push('-');
    push_hex(text, &key.id.0.to_be_bytes());
    text.push('-');
    push_hex(text, &*key.bytes);
    text.push('-');
    push_hex(text, &checksum(key));
    text.push('\n');
}

fn parse_line(line: &str, number: usize) -> Result<Key, KeyTextError> {
    let not_a_key = KeyTextError::NotAKey { line: number };
    let parts: Vec<&str> = line.split('-').collect();
    let [PREFIX, id, bytes, sum] = parts[..] else {
        return Err(not_a_key);
    };
    let id = parse_hex::<4>(id).ok_or(not_a_key)?;
    let bytes = parse_hex::<KEY_LEN>(bytes).ok_or(not_a_key)?;
    let sum = parse_hex::<4>(sum).ok_or(not_a_key)?;
    let key = Key {
        id: KeyId(u32::from_be_bytes(*id)),
        bytes,
    };
    if checksum(&key) == *sum {
        Ok(key)
    } else {
        Err(KeyTextError::Checksum { line: number })
    }
}

fn checksum(key: &Key) -> [u8; 4] {
    let sum = Sha256::new()
        .chain_update(b"quorate key line")
        .chain_update(key.id.0.to_be_bytes())
        .chain_update(key.bytes.as_slice())
        .finalize();
    [sum[0], sum[1], sum[2], sum[3]]
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(nibble.into(), 16).expect("invariant: a nibble is below 16"));
        }
    }
}

fn parse_hex<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = Zeroizing::new([0; N]);
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(bytes)
}
