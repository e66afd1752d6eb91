//! Codes from the time (RFC 6238). The secret is the seed.
//!
//! A token's clock may drift: the window lies around the time that the token shows. Two accepts in a row on the same side
//! of its middle move it by one timestep, up to [`limits::DRIFT_MAX`], so that a slow typist moves nothing for long.

use super::{Method, Moment, Use};
use crate::{
    limits,
    otp::{self, TotpWindow},
    outcome::Reason,
    records::{Token, TokenKind, Used},
};

pub(super) struct Totp;

impl Method for Totp {
    fn lengths(&self, kind: TokenKind) -> &'static [usize] {
        otp::lengths(kind)
    }

    fn fits(&self, _kind: TokenKind, typed: &[u8]) -> bool {
        otp::is_code(typed)
    }

    fn find(&self, token: &Token, secret: &[u8], typed: &[u8], at: Moment) -> Option<Use> {
        let TokenKind::Totp {
            algorithm,
            digits,
            period_s,
        } = token.kind
        else {
            return None;
        };
        let window = TotpWindow {
            algorithm,
            digits,
            middle: middle(token.used, at.now_ms, period_s),
            window: at.totp_window,
            last: token.used.last(),
        };
        window.matching_timestep(secret, typed).map(Use::Counter)
    }

    fn refuse(&self, token: &Token, used: Use, at: Moment) -> Option<Reason> {
        let (Use::Counter(timestep), TokenKind::Totp { period_s, .. }) = (used, token.kind) else {
            return Some(Reason::WrongCode);
        };
        if timestep.abs_diff(middle(token.used, at.now_ms, period_s)) > u64::from(at.totp_window) {
            Some(Reason::CodeExpired)
        } else {
            super::hotp::used_before(token, timestep)
        }
    }

    fn after(&self, token: &Token, used: Use, at: Moment) -> Used {
        let (Use::Counter(timestep), TokenKind::Totp { period_s, .. }, Used::Time { drift, lean, .. }) =
            (used, token.kind, token.used)
        else {
            return token.used;
        };
        let side: i8 = match timestep.cmp(&middle(token.used, at.now_ms, period_s)) {
            std::cmp::Ordering::Less => -1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => 1,
        };
        let moves = side != 0 && side == lean;
        let moved = drift.saturating_add(side).clamp(-limits::DRIFT_MAX, limits::DRIFT_MAX);
        Used::Time {
            last: Some(timestep),
            drift: if moves { moved } else { drift },
            lean: if moves { 0 } else { side },
        }
    }
}

/// The timestep that the token shows at this time, as far as its drift is known.
fn middle(used: Used, now_ms: u64, period_s: u32) -> u64 {
    let drift = match used {
        Used::Time { drift, .. } => drift,
        Used::Counter { .. } | Used::Slots { .. } | Used::Times { .. } => 0,
    };
    otp::timestep(now_ms, period_s).saturating_add_signed(i64::from(drift))
}

/// What a token has used that just showed the code of this timestep: a drift within bounds, or none.
pub fn in_step(timestep: u64, now_ms: u64, period_s: u32) -> Option<Used> {
    let current = otp::timestep(now_ms, period_s);
    let drift = i64::try_from(timestep)
        .ok()?
        .checked_sub(i64::try_from(current).ok()?)?;
    let drift = i8::try_from(drift)
        .ok()
        .filter(|drift| drift.abs() <= limits::DRIFT_MAX)?;
    Some(Used::Time {
        last: Some(timestep),
        drift,
        lean: 0,
    })
}
