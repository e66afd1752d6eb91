//! Where a token is, told by two codes in a row: what it has used from then on.

use subtle::ConstantTimeEq;

use super::totp;
use crate::{
    limits, otp,
    records::{OtpAlgorithm, Token, TokenKind, Used},
};

/// What a token has used that showed these codes, the older one first. None if they are not found near to where it is
/// thought to be, or if its kind has no place that could be lost.
pub fn in_step_by(token: &Token, secret: &[u8], codes: [&[u8]; 2], now_ms: u64) -> Option<Used> {
    match token.kind {
        TokenKind::Totp {
            algorithm,
            digits,
            period_s,
        } => {
            let current = otp::timestep(now_ms, period_s);
            let around = u64::from(limits::DRIFT_MAX.unsigned_abs());
            let seconds = current.saturating_sub(around)..=current.saturating_add(around);
            let second = find(seconds, algorithm, digits, secret, codes)?;
            totp::in_step(second, now_ms, period_s)
        }
        TokenKind::Hotp { algorithm, digits } => {
            let next = token.used.next();
            let seconds = next.saturating_add(1)..=next.saturating_add(limits::RESYNC_COUNTERS);
            let last = find(seconds, algorithm, digits, secret, codes)?;
            Some(Used::Counter { last: Some(last) })
        }
        TokenKind::Yubikey { .. }
        | TokenKind::Recovery { .. }
        | TokenKind::Static
        | TokenKind::Temporary { .. }
        | TokenKind::Registration
        | TokenKind::Sent { .. } => None,
    }
}

/// The first of these counters whose code is the second, while that of the one before is the first.
fn find(
    mut seconds: impl Iterator<Item = u64>,
    algorithm: OtpAlgorithm,
    digits: u8,
    secret: &[u8],
    codes: [&[u8]; 2],
) -> Option<u64> {
    let right = |counter, typed: &[u8]| {
        let code = otp::code_text(otp::hotp(algorithm, secret, counter, digits), digits);
        code.as_bytes().ct_eq(typed)
    };
    seconds.find(|second| bool::from(right(second.saturating_sub(1), codes[0]) & right(*second, codes[1])))
}
