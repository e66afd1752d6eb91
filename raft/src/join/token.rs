//! The join token: what an operator carries from a node to a new machine.
//!
//! ```text
//! qj1- ‖ base64url(id u64 ‖ secret 32 ‖ CA fingerprint 32 ‖ expires_ms u64 ‖ check 4)   big-endian
//! ```
//!
//! The check is the beginning of a SHA-256, so that a cut or mistyped token is told apart from a
//! wrong one before anything is sent.

use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

const PREFIX: &str = "qj1-";
const CHECK_BYTES: usize = 4;
const BODY_BYTES: usize = 8 + 32 + 32 + 8;

/// A join token. One line of text, `qj1-…`.
#[derive(Clone)]
pub struct Token {
    /// Which token.
    pub id: u64,
    /// Its secret, proven both ways and never sent.
    pub secret: Zeroizing<[u8; 32]>,
    /// SHA-256 of the cluster's CA certificate.
    pub ca_fingerprint: [u8; 32],
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: u64,
}

/// Why a token's text is not a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not begin with `qj1-`.
    #[error("a join token begins with qj1-")]
    Prefix,
    /// It was cut or mistyped.
    #[error("the join token is incomplete or mistyped; copy the whole line")]
    Damaged,
}

impl Token {
    /// The token as one line of text.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(BODY_BYTES + CHECK_BYTES));
        bytes.extend_from_slice(&self.id.to_be_bytes());
        bytes.extend_from_slice(self.secret.as_slice());
        bytes.extend_from_slice(&self.ca_fingerprint);
        bytes.extend_from_slice(&self.expires_ms.to_be_bytes());
        let check = digest(&SHA256, &bytes);
        bytes.extend_from_slice(&check.as_ref()[..CHECK_BYTES]);
        Zeroizing::new(format!("{PREFIX}{}", data_encoding::BASE64URL_NOPAD.encode(&bytes)))
    }

    /// Reads a token's text; white space around it does not matter.
    ///
    /// # Errors
    /// What is wrong with it, for the one who pasted it.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(TokenError::Prefix)?;
        let bytes = data_encoding::BASE64URL_NOPAD.decode(encoded.as_bytes());
        let bytes = Zeroizing::new(bytes.map_err(|_| TokenError::Damaged)?);
        if bytes.len() != BODY_BYTES + CHECK_BYTES {
            return Err(TokenError::Damaged);
        }
        let (body, check) = bytes.split_at(BODY_BYTES);
        if digest(&SHA256, body).as_ref()[..CHECK_BYTES] != *check {
            return Err(TokenError::Damaged);
        }
        Ok(Self {
            id: u64::from_be_bytes(array(&body[..8])),
            secret: Zeroizing::new(array(&body[8..40])),
            ca_fingerprint: array(&body[40..72]),
            expires_ms: u64::from_be_bytes(array(&body[72..])),
        })
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("invariant: the length was checked")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token {
            id: 7,
            secret: Zeroizing::new([1; 32]),
            ca_fingerprint: [2; 32],
            expires_ms: 1_700_000_000_000,
        }
    }

    #[test]
    fn a_token_survives_its_text() {
        let parsed = Token::parse(&format!("  {}\n", *token().to_text())).unwrap();
        assert_eq!((parsed.id, *parsed.secret), (7, [1; 32]));
        assert_eq!((parsed.ca_fingerprint, parsed.expires_ms), ([2; 32], 1_700_000_000_000));
    }

    #[test]
    fn every_cut_and_every_changed_character_is_noticed() {
        let text = token().to_text();
        for length in PREFIX.len()..text.len() {
            assert!(Token::parse(&text[..length]).is_err(), "cut at {length}");
        }
        for at in PREFIX.len()..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(
                Token::parse(std::str::from_utf8(&changed).unwrap()).is_err(),
                "changed at {at}"
            );
        }
        assert!(matches!(Token::parse("hello"), Err(TokenError::Prefix)));
    }
}
