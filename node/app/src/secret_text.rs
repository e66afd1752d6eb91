//! Secrets that programs keep: a prefix that says what for, an id to find the record by, and 32 random bytes.
//!
//! ```text
//! qat1-<16 hex digits of the id>-<52 characters of base 32: 32 random bytes>
//! ```

use zeroize::Zeroizing;

use crate::base32::{base32, parse_base32};

/// Bytes of the secret half.
pub(crate) const SECRET_BYTES: usize = 32;

/// The whole text.
pub(crate) fn text(prefix: &str, id: u64, secret: &[u8; SECRET_BYTES]) -> Zeroizing<String> {
    Zeroizing::new(format!("{prefix}-{id:016x}-{}", &*base32(secret)))
}

/// The id and the secret half. `None` for anything that [`text`] has not written with this prefix.
pub(crate) fn parse(prefix: &str, text: &str) -> Option<(u64, Zeroizing<Vec<u8>>)> {
    let mut parts = text.splitn(3, '-');
    let (found, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let well_formed = found == prefix && id.len() == 16 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    let id = well_formed.then(|| u64::from_str_radix(id, 16).ok()).flatten()?;
    let secret = parse_base32(secret)?;
    (secret.len() == SECRET_BYTES).then_some((id, secret))
}
