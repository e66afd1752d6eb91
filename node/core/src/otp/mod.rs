//! One-time codes: HOTP (RFC 4226), TOTP (RFC 6238), and the URI that carries a seed to a phone.

mod uri;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeLess};

pub(crate) use self::uri::base32;
pub use self::uri::otpauth_uri;
use crate::{
    limits,
    records::{OtpAlgorithm, TokenKind},
};

/// The code for a counter, of 6 to 8 digits (RFC 4226, section 5.3; other hashes by RFC 6238, section 1.2).
/// Other numbers of digits are brought into these bounds.
pub fn hotp(algorithm: OtpAlgorithm, seed: &[u8], counter: u64, digits: u8) -> u32 {
    let mac = mac(algorithm, seed, counter);
    let offset = usize::from(mac.last().copied().unwrap_or(0) & 0xf);
    let word = mac
        .get(offset..offset + 4)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u32::from_be_bytes);
    (word & 0x7fff_ffff) % 10u32.pow(u32::from(clamp_digits(digits)))
}

/// The timestep of a time (RFC 6238, section 4.2): whole periods since 1970.
pub fn timestep(now_ms: u64, period_s: u32) -> u64 {
    now_ms / 1_000 / u64::from(period_s.max(1))
}

/// A code as people see it, with leading zeros.
pub fn code_text(code: u32, digits: u8) -> String {
    format!("{code:0width$}", width = usize::from(clamp_digits(digits)))
}

/// The length of a token's codes.
pub(crate) fn lengths(kind: TokenKind) -> &'static [usize] {
    match kind {
        TokenKind::Totp { digits: 7, .. } | TokenKind::Hotp { digits: 7, .. } => &[7],
        TokenKind::Totp { digits: 8, .. } | TokenKind::Hotp { digits: 8, .. } => &[8],
        _ => &[6],
    }
}

/// Whether these bytes look like a code: 6 to 8 ASCII digits.
pub fn is_code(bytes: &[u8]) -> bool {
    u8::try_from(bytes.len()).is_ok_and(|len| limits::CODE_DIGITS.contains(&len))
        && bytes.iter().all(u8::is_ascii_digit)
}

/// What a typed code is compared with.
#[derive(Debug, Clone, Copy)]
pub struct TotpWindow {
    /// The hash.
    pub algorithm: OtpAlgorithm,
    /// Digits of a code.
    pub digits: u8,
    /// The timestep that the token shows.
    pub middle: u64,
    /// Timesteps on either side that are right too.
    pub window: u8,
    /// The last timestep that was accepted.
    pub last: Option<u64>,
}

impl TotpWindow {
    /// The timestep whose code this is: the latest one that was not used, else the latest. Every timestep of the window
    /// is computed and compared, in constant time, whichever matches.
    pub fn matching_timestep(&self, seed: &[u8], code: &[u8]) -> Option<u64> {
        let window = u64::from(self.window.min(limits::TOTP_WINDOW_MAX));
        let first_unused = self.last.map_or(0, |last| last.saturating_add(1));
        let (mut found, mut step, mut fresh) = (Choice::from(0), 0u64, Choice::from(0));
        for candidate in self.middle.saturating_sub(window)..=self.middle.saturating_add(window) {
            let right = hotp(self.algorithm, seed, candidate, self.digits);
            let equal = code_text(right, self.digits).as_bytes().ct_eq(code);
            let unused = !candidate.ct_lt(&first_unused);
            // A used step never hides an unused one: two codes of a window are equal once in a while.
            let take = equal & (unused | !fresh);
            step.conditional_assign(&candidate, take);
            fresh |= take & unused;
            found |= equal;
        }
        bool::from(found).then_some(step)
    }
}

fn clamp_digits(digits: u8) -> u8 {
    digits.clamp(*limits::CODE_DIGITS.start(), *limits::CODE_DIGITS.end())
}

fn mac(algorithm: OtpAlgorithm, seed: &[u8], counter: u64) -> Vec<u8> {
    match algorithm {
        OtpAlgorithm::Sha1 => hmac::<Hmac<Sha1>>(seed, counter),
        OtpAlgorithm::Sha256 => hmac::<Hmac<Sha256>>(seed, counter),
        OtpAlgorithm::Sha512 => hmac::<Hmac<Sha512>>(seed, counter),
    }
}

fn hmac<M: Mac + KeyInit>(seed: &[u8], counter: u64) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(seed).expect("invariant: HMAC takes a key of any length");
    mac.update(&counter.to_be_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4226_appendix_d() {
        let right = [
            755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489,
        ];
        for (counter, code) in right.into_iter().enumerate() {
            assert_eq!(
                hotp(OtpAlgorithm::Sha1, b"12345678901234567890", counter as u64, 6),
                code
            );
        }
    }

    #[test]
    fn rfc_6238_appendix_b() {
        let vectors = [
            (59, [94287082, 46119246, 90693936]),
            (1111111109, [7081804, 68084774, 25091201]),
            (1111111111, [14050471, 67062674, 99943326]),
            (1234567890, [89005924, 91819424, 93441116]),
            (2000000000, [69279037, 90698825, 38618901]),
            (20000000000u64, [65353130, 77737706, 47863826]),
        ];
        let digits = b"1234567890".repeat(7);
        let hashes = [
            (OtpAlgorithm::Sha1, 20),
            (OtpAlgorithm::Sha256, 32),
            (OtpAlgorithm::Sha512, 64),
        ];
        for (seconds, codes) in vectors {
            for ((algorithm, seed), code) in hashes.into_iter().zip(codes) {
                assert_eq!(
                    hotp(algorithm, &digits[..seed], timestep(seconds * 1_000, 30), 8),
                    code,
                    "at {seconds}"
                );
            }
        }
    }

    fn window(middle: u64, last: Option<u64>) -> TotpWindow {
        TotpWindow {
            algorithm: OtpAlgorithm::Sha1,
            digits: 6,
            middle,
            window: 1,
            last,
        }
    }

    #[test]
    fn a_code_is_right_one_step_around_and_no_further() {
        let code = code_text(hotp(OtpAlgorithm::Sha1, b"seed", 100, 6), 6);
        for (step, found) in [
            (98, None),
            (99, Some(100)),
            (100, Some(100)),
            (101, Some(100)),
            (102, None),
        ] {
            assert_eq!(
                window(step, None).matching_timestep(b"seed", code.as_bytes()),
                found,
                "at {step}"
            );
        }
    }

    #[test]
    fn a_used_code_is_found_so_that_it_can_be_told_from_a_wrong_one() {
        let code = code_text(hotp(OtpAlgorithm::Sha1, b"seed", 100, 6), 6);
        assert_eq!(
            window(100, Some(100)).matching_timestep(b"seed", code.as_bytes()),
            Some(100)
        );
        assert_eq!(window(100, Some(100)).matching_timestep(b"seed", b"x"), None);
        assert_eq!(window(100, Some(u64::MAX)).matching_timestep(b"", b""), None);
    }

    #[test]
    fn codes_have_six_to_eight_digits() {
        assert!(is_code(b"123456") && is_code(b"12345678"));
        assert!(!is_code(b"12345") && !is_code(b"123456789") && !is_code(b"12345a") && !is_code(b""));
        assert_eq!(code_text(42, 6), "000042");
    }
}
