//! Codes that are written down and good as often as was said: the static code, the temporary one, and the one for a first token. The
//! secret is one verifier.
//!
//! A temporary code ends with its days or with its uses, whichever comes first; a static one with its token; a registration code with
//! its first use, or its days.

use super::{Method, Moment, Use, verifier};
use crate::{
    outcome::Reason,
    records::{Token, TokenKind, Used},
};

/// Digits of a static code.
pub const STATIC_DIGITS: usize = 6;

/// Digits of a temporary code: two more, for it lies about for days.
pub const TEMPORARY_DIGITS: usize = 8;

pub(super) struct Reusable;

impl Method for Reusable {
    fn lengths(&self, kind: TokenKind) -> &'static [usize] {
        match kind {
            TokenKind::Temporary { .. } | TokenKind::Registration => &[TEMPORARY_DIGITS],
            _ => &[STATIC_DIGITS],
        }
    }

    fn fits(&self, kind: TokenKind, typed: &[u8]) -> bool {
        self.lengths(kind).contains(&typed.len()) && typed.iter().all(u8::is_ascii_digit)
    }

    fn find(&self, token: &Token, secret: &[u8], typed: &[u8], _at: Moment) -> Option<Use> {
        let fits = self.fits(token.kind, typed);
        verifier::place(secret, typed).filter(|_| fits).map(|_| Use::Once)
    }

    fn refuse(&self, token: &Token, used: Use, _at: Moment) -> Option<Reason> {
        match (used, token.kind, token.used) {
            (Use::Once, TokenKind::Static, Used::Times { .. }) => None,
            (Use::Once, TokenKind::Temporary { uses, .. }, Used::Times { uses: used }) => {
                (used >= uses).then_some(Reason::CodeUsed)
            }
            (Use::Once, TokenKind::Registration, Used::Times { uses: used }) => (used > 0).then_some(Reason::CodeUsed),
            _ => Some(Reason::WrongCode),
        }
    }

    fn after(&self, token: &Token, _used: Use, _at: Moment) -> Used {
        once_more(token.used)
    }
}

/// One use more.
pub(super) fn once_more(used: Used) -> Used {
    match used {
        Used::Times { uses } => Used::Times {
            uses: uses.saturating_add(1),
        },
        other => other,
    }
}
