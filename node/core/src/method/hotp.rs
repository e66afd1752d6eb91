//! Codes from a counter (RFC 4226). The secret is the seed.
//!
//! The server looks ahead (section 7.4), for buttons are pressed in pockets too; nothing behind the last accepted
//! counter is ever right again.

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::{Method, Moment, Use};
use crate::{
    otp,
    outcome::Reason,
    records::{Token, TokenKind, Used},
};

pub(super) struct Hotp;

impl Method for Hotp {
    fn lengths(&self, kind: TokenKind) -> &'static [usize] {
        otp::lengths(kind)
    }

    fn fits(&self, _kind: TokenKind, typed: &[u8]) -> bool {
        otp::is_code(typed)
    }

    /// The last used counter is looked at as well, so that the code that was used can be told from a wrong one.
    fn find(&self, token: &Token, secret: &[u8], typed: &[u8], at: Moment) -> Option<Use> {
        let TokenKind::Hotp { algorithm, digits } = token.kind else {
            return None;
        };
        let is_right = |counter| {
            let right = otp::code_text(otp::hotp(algorithm, secret, counter, digits), digits);
            right.as_bytes().ct_eq(typed)
        };
        let (mut found, mut counter) = (Choice::from(0), 0u64);
        let next = token.used.next();
        let ahead = next..=next.saturating_add(u64::from(at.hotp_look_ahead));
        for candidate in ahead.chain([next.saturating_sub(1)]) {
            let take = is_right(candidate) & !found;
            counter.conditional_assign(&candidate, take);
            found |= take;
        }
        bool::from(found).then_some(Use::Counter(counter))
    }

    fn refuse(&self, token: &Token, used: Use, at: Moment) -> Option<Reason> {
        let Use::Counter(counter) = used else {
            return Some(Reason::WrongCode);
        };
        match counter > token.used.next().saturating_add(u64::from(at.hotp_look_ahead)) {
            true => Some(Reason::WrongCode),
            false => used_before(token, counter),
        }
    }

    fn after(&self, token: &Token, used: Use, _at: Moment) -> Used {
        counted(token, used)
    }
}

/// Whether a timestep or counter is used up.
pub(super) fn used_before(token: &Token, counter: u64) -> Option<Reason> {
    let used = token.used.last().is_some_and(|last| counter <= last);
    used.then_some(Reason::CodeUsed)
}

/// What is used up once this counter was accepted.
pub(super) fn counted(token: &Token, used: Use) -> Used {
    match used {
        Use::Counter(counter) => Used::Counter { last: Some(counter) },
        Use::Slot(_) | Use::Once | Use::Pending(_) => token.used,
    }
}
