use std::fmt::Write;

use crate::records::{OtpAlgorithm, TokenKind};

/// The `otpauth://` URI of a token, as authenticator applications read it (Google Authenticator's Key Uri Format).
/// `issuer` names the service and `account` the user; the seed is in clear, so treat the URI as the secret it is. None for a
/// kind that no such application knows.
pub fn otpauth_uri(issuer: &str, account: &str, kind: TokenKind, seed: &[u8]) -> Option<String> {
    let (scheme, algorithm, digits, moving) = match kind {
        TokenKind::Totp {
            algorithm,
            digits,
            period_s,
        } => ("totp", algorithm, digits, format!("period={period_s}")),
        TokenKind::Hotp { algorithm, digits } => ("hotp", algorithm, digits, "counter=0".to_owned()),
        TokenKind::Yubikey { .. }
        | TokenKind::Recovery { .. }
        | TokenKind::Static
        | TokenKind::Temporary { .. }
        | TokenKind::Registration
        | TokenKind::Sent { .. } => return None,
    };
    let algorithm = match algorithm {
        OtpAlgorithm::Sha1 => "SHA1",
        OtpAlgorithm::Sha256 => "SHA256",
        OtpAlgorithm::Sha512 => "SHA512",
    };
    let (issuer, account, secret) = (escape(issuer), escape(account), base32(seed));
    Some(format!(
        "otpauth://{scheme}/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm={algorithm}&digits={digits}&{moving}"
    ))
}

/// Percent-encoding of everything that RFC 3986 does not call unreserved.
fn escape(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("invariant: writing to memory does not fail"),
        }
        out
    })
}

/// Base 32 without padding (RFC 4648, section 6): padding confuses some applications.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    bytes.chunks(5).fold(String::new(), |mut out, chunk| {
        let bits = chunk
            .iter()
            .enumerate()
            .fold(0u64, |bits, (place, byte)| bits | u64::from(*byte) << (32 - 8 * place));
        let symbols = (chunk.len() * 8).div_ceil(5);
        out.extend((0..symbols).map(|place| char::from(ALPHABET[(bits >> (35 - 5 * place) & 31) as usize])));
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4648_section_10_without_padding() {
        let vectors = [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ];
        vectors
            .into_iter()
            .for_each(|(plain, encoded)| assert_eq!(base32(plain.as_bytes()), encoded));
    }

    #[test]
    fn the_uri_is_what_authenticators_read() {
        assert_eq!(
            otpauth_uri("Example & Co", "alice@example.org", TokenKind::DEFAULT, b"foobar").unwrap(),
            "otpauth://totp/Example%20%26%20Co:alice%40example.org?secret=MZXW6YTBOI&issuer=Example%20%26%20Co\
             &algorithm=SHA1&digits=6&period=30"
        );
    }
}
