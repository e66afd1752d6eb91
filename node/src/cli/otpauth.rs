//! A TOTP token as apps exchange it: an `otpauth://` URI or a bare base32 seed.
//!
//! The URI's format was never standardised; this reads what Google Authenticator's key URI format
//! describes and ignores parameters it does not know, as apps do.

use data_encoding::{BASE32_NOPAD, Encoding};
use quorate_core::{OtpAlgorithm, otp};
use zeroize::Zeroizing;

/// A token from which codes can be made.
pub struct Totp {
    seed: Zeroizing<Vec<u8>>,
    algorithm: OtpAlgorithm,
    digits: u8,
    period_s: u32,
}

/// A code and how long it lasts.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub struct Code {
    pub code: String,
    pub timestep: u64,
    /// Milliseconds until the next code.
    pub remaining_ms: u64,
}

impl Totp {
    /// Reads an `otpauth://totp/…` URI or a base32 seed (spaces and lower case allowed).
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Totp, String> {
        match text.trim().strip_prefix("otpauth://") {
            None => Totp::with_seed(seed(text)?),
            Some(rest) => Totp::from_uri(rest),
        }
    }

    fn with_seed(seed: Zeroizing<Vec<u8>>) -> Result<Totp, String> {
        match seed.is_empty() {
            true => Err("the seed is empty".to_owned()),
            false => Ok(Totp {
                seed,
                algorithm: OtpAlgorithm::Sha1,
                digits: 6,
                period_s: 30,
            }),
        }
    }

    fn from_uri(rest: &str) -> Result<Totp, String> {
        let rest = rest
            .strip_prefix("totp/")
            .ok_or("only otpauth://totp/… is understood: the code of another kind depends on a counter")?;
        let parameters = rest.split_once('?').map_or("", |(_, parameters)| parameters);
        let find = |wanted: &str| {
            parameters
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value)
        };
        let mut totp = Totp::with_seed(seed(find("secret").ok_or("the URI has no secret=…")?)?)?;
        if let Some(algorithm) = find("algorithm") {
            totp.algorithm = match algorithm.to_ascii_uppercase().as_str() {
                "SHA1" => OtpAlgorithm::Sha1,
                "SHA256" => OtpAlgorithm::Sha256,
                "SHA512" => OtpAlgorithm::Sha512,
                _ => return Err(format!("algorithm={algorithm} is none of SHA1, SHA256, SHA512")),
            };
        }
        if let Some(digits) = find("digits") {
            totp.digits = match digits.parse() {
                Ok(n @ 6..=8) => n,
                _ => return Err(format!("digits={digits} is none of 6, 7, 8")),
            };
        }
        if let Some(period) = find("period") {
            totp.period_s = match period.parse() {
                Ok(n @ 1..=86_400) => n,
                _ => return Err(format!("period={period} is not a number of seconds")),
            };
        }
        Ok(totp)
    }

    /// The code at a time, in milliseconds since 1970.
    pub fn code_at(&self, now_ms: u64) -> Code {
        let period_ms = u64::from(self.period_s) * 1000;
        let timestep = now_ms / period_ms;
        Code {
            code: otp::code_text(
                otp::hotp(self.algorithm, &self.seed, timestep, self.digits),
                self.digits,
            ),
            timestep,
            remaining_ms: period_ms - now_ms % period_ms,
        }
    }
}

/// The URI that authenticator apps scan, for a 6-digit, 30-second SHA-1 token.
pub fn uri(user: &str, seed_base32: &str) -> String {
    format!("otpauth://totp/Quorate:{user}?secret={seed_base32}&issuer=Quorate&algorithm=SHA1&digits=6&period=30")
}

fn seed(text: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let plain: Zeroizing<String> = Zeroizing::new(
        text.chars()
            .filter(|c| !c.is_whitespace() && *c != '-' && *c != '=')
            .map(|c| c.to_ascii_uppercase())
            .collect(),
    );
    lenient_base32()
        .decode(plain.trim_end_matches("%3D").as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| "the seed is not base32 (letters A to Z and digits 2 to 7)".to_owned())
}

/// Base32 whose last character may carry bits that are not used: some tools cut seeds so.
fn lenient_base32() -> Encoding {
    let mut specification = BASE32_NOPAD.specification();
    specification.check_trailing_bits = false;
    specification
        .encoding()
        .expect("invariant: the specification of base32 is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B: the ASCII seeds "12345678901234567890…" of 20, 32 and 64 bytes.
    #[test]
    fn the_vectors_of_rfc_6238() {
        let of = |algorithm: &str, bytes: usize| {
            let seed: Vec<u8> = b"1234567890".iter().copied().cycle().take(bytes).collect();
            let uri = format!(
                "otpauth://totp/x?secret={}&algorithm={algorithm}&digits=8",
                BASE32_NOPAD.encode(&seed)
            );
            Totp::parse(&uri).expect("valid")
        };
        assert_eq!(of("SHA1", 20).code_at(59_000).code, "94287082");
        assert_eq!(of("SHA256", 32).code_at(1_111_111_109_000).code, "68084774");
        assert_eq!(of("SHA512", 64).code_at(20_000_000_000_000).code, "47863826");
    }

    #[test]
    fn a_seed_may_be_written_as_people_write_it() {
        let strict = Totp::parse("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
            .expect("valid")
            .code_at(59_000);
        let loose = Totp::parse(" gezd gnbv gy3t qojq-gezd gnbv gy3t qojq==")
            .expect("valid")
            .code_at(59_000);
        assert_eq!(strict, loose);
        assert_eq!((strict.code.as_str(), strict.remaining_ms), ("287082", 1000));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let problem = |text: &str| Totp::parse(text).err().expect("invalid");
        assert!(problem("1890!").contains("base32"));
        assert!(problem("otpauth://hotp/x?secret=GEZDGNBV").contains("counter"));
        assert!(problem("otpauth://totp/x?digits=6").contains("secret"));
        assert!(problem("otpauth://totp/x?secret=GEZDGNBV&digits=5").contains("digits=5"));
        assert!(problem("otpauth://totp/x?secret=GEZDGNBV&period=0").contains("period=0"));
    }
}
