//! Secrets between their shape on the wire and the use cases.

use data_encoding::BASE32_NOPAD;
use quorate_api::Confidential;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// A secret as the use cases take it.
pub(crate) fn clear(secret: &Confidential) -> Zeroizing<String> {
    Zeroizing::new(secret.expose().to_owned())
}

/// A secret as it is shown, once.
pub(crate) fn shown(secret: &Zeroizing<String>) -> Confidential {
    Confidential::new(secret.as_str())
}

/// A seed that somebody typed or exported: base32 (RFC 4648 section 6) in either case, with or
/// without padding, perhaps in groups.
///
/// # Errors
/// `invalid`, naming `field`.
pub(crate) fn seed(field: &str, text: &Confidential) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut plain = Zeroizing::new(text.expose().to_ascii_uppercase());
    plain.retain(|c| !matches!(c, ' ' | '-' | '='));
    match BASE32_NOPAD.decode(plain.as_bytes()) {
        Ok(seed) => Ok(Zeroizing::new(seed)),
        Err(_) => Err(Failure::field(
            field,
            "is not base32",
            "the letters A to Z and the digits 2 to 7",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_read_as_people_write_it() {
        for text in ["MZXW6YTBOI", "mzxw 6ytb oi", "MZXW-6YTB-OI======"] {
            assert_eq!(seed("seed", &text.into()).expect("a seed").as_slice(), b"foobar");
        }
        let failure = seed("token.secret_base32", &"MZXW6YT8".into()).expect_err("8 is no base32 digit");
        assert_eq!(failure.problem.errors[0].field, "token.secret_base32");
        assert!(!format!("{failure:?}").contains("MZXW6"), "the seed is not repeated");
    }
}
