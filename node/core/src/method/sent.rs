//! Codes that are sent, each when it is asked for. The secret is the address; what a typed code is compared with is the verifier of
//! the one code that was sent last and is unused ([`SentCode`](crate::SentCode)).
//!
//! So there is never more than one right code of a token: queueing the next replaces it, accepting it removes it, and its time
//! ends it, all of them in the log.

use super::{Method, Moment, Use, verifier};
use crate::{
    limits,
    outcome::Reason,
    records::{Token, TokenKind, Used},
};

pub(super) struct Sent;

impl Method for Sent {
    fn lengths(&self, _kind: TokenKind) -> &'static [usize] {
        &[limits::SENT_CODE_DIGITS]
    }

    fn fits(&self, _kind: TokenKind, typed: &[u8]) -> bool {
        typed.len() == limits::SENT_CODE_DIGITS && typed.iter().all(u8::is_ascii_digit)
    }

    fn find(&self, token: &Token, secret: &[u8], typed: &[u8], at: Moment) -> Option<Use> {
        let (id, _) = at.sent?;
        let fits = self.fits(token.kind, typed);
        verifier::place(secret, typed)
            .filter(|_| fits)
            .map(|_| Use::Pending(id))
    }

    fn refuse(&self, _token: &Token, used: Use, at: Moment) -> Option<Reason> {
        match (used, at.sent) {
            (Use::Pending(id), Some((newest, expires_ms))) if id == newest => {
                (expires_ms <= at.now_ms).then_some(Reason::CodeExpired)
            }
            (Use::Pending(_), Some(_)) => Some(Reason::CodeReplaced),
            (Use::Pending(_), None) => Some(Reason::CodeUsed),
            (Use::Counter(_) | Use::Slot(_) | Use::Once, _) => Some(Reason::WrongCode),
        }
    }

    /// That the code is gone is the state's to see to; here accepts are only counted.
    fn after(&self, token: &Token, _used: Use, _at: Moment) -> Used {
        super::reusable::once_more(token.used)
    }
}
