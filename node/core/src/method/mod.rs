//! Methods: what each kind of code is, one file and one line of the registry each.
//!
//! A method knows two sides of its codes. The judging node, which alone sees secrets, asks what a typed code *uses*
//! ([`Method::find`]). The log, which sees no secrets, decides whether that may still be used and what is used up by it
//! ([`Method::refuse`], [`Method::after`]): there are only four kinds of [`Use`], so that a code is single-use in one
//! way for all methods of its kind.
//!
//! ┌─────────────────────────────────────────────────────────────────────────────────────────────────────┐
//! │ To add a method                                                                                     │
//! │  1. its `TokenKind`, its `CodeKind` with the next bit, and what a new token has `Used`              │
//! │  2. its file here, and its line in [`of`]                                                           │
//! │  3. a golden script beside `tests/golden/methods_*.txt`, and a row of the race at three nodes       │
//! └─────────────────────────────────────────────────────────────────────────────────────────────────────┘
//!
//! Caveat: `find` does the same work whichever place of a window or sheet matches, but not the same for each kind.

mod hotp;
mod recovery;
mod resync;
mod reusable;
mod sent;
mod totp;
pub(crate) mod verifier;
mod yubikey;

use std::sync::Arc;

use minicbor::{Decode, Encode};

pub use self::{
    recovery::recovery_sheet,
    resync::in_step_by,
    reusable::{STATIC_DIGITS, TEMPORARY_DIGITS},
    totp::in_step,
    verifier::{SALT_BYTES, verifiers},
    yubikey::{is_code as is_yubikey_code, modhex, of_modhex},
};
use crate::{
    ids::CodeId,
    outcome::Reason,
    records::{CodeKind, Policy, SentCode, Token, TokenKind, Used},
};

/// What a code uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Use {
    /// A timestep or a counter; it and all before are used up.
    #[n(0)]
    Counter(#[n(0)] u64),
    /// A place of the sheet, from 0.
    #[n(1)]
    Slot(#[n(0)] u8),
    /// One of the times that the code may be used.
    #[n(2)]
    Once,
    /// The code that was sent last.
    #[n(3)]
    Pending(#[n(0)] CodeId),
}

/// When a code is judged, by which policy, and what was sent before.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// In ms since 1970.
    pub now_ms: u64,
    /// Timesteps on either side that are right too.
    pub totp_window: u8,
    /// Counters ahead of the next one that are right too.
    pub hotp_look_ahead: u8,
    /// The token's code that was sent last and is unused: which, and until when it is right, in ms since 1970.
    pub sent: Option<(CodeId, u64)>,
}

impl Moment {
    /// This time, under this policy.
    pub fn new(now_ms: u64, policy: &Policy) -> Self {
        Moment {
            now_ms,
            totp_window: policy.totp_window,
            hotp_look_ahead: policy.hotp_look_ahead,
            sent: None,
        }
    }

    /// With what was sent to the token last.
    pub fn after(self, sent: Option<&SentCode>) -> Self {
        Moment {
            sent: sent.map(|sent| (sent.id, sent.expires_ms)),
            ..self
        }
    }
}

/// What there is to know about one kind of code.
pub trait Method: Sync {
    /// How long its codes are, for a field that holds a password before the code.
    fn lengths(&self, kind: TokenKind) -> &'static [usize];

    /// Whether this could be a code of the token, for anybody who does not know the secret. Only such guesses count.
    fn fits(&self, kind: TokenKind, typed: &[u8]) -> bool;

    /// What was typed uses of the token, if it is one of its codes: something unused, where there is a choice. `secret` is
    /// the opened secret, or the opened verifier of the code that was sent last.
    fn find(&self, token: &Token, secret: &[u8], typed: &[u8], at: Moment) -> Option<Use>;

    /// Why this may not be used, if so. A use of another kind of method may never be.
    fn refuse(&self, token: &Token, used: Use, at: Moment) -> Option<Reason>;

    /// What is used up once this was accepted.
    fn after(&self, token: &Token, used: Use, at: Moment) -> Used;
}

/// The registry.
pub fn of(kind: CodeKind) -> &'static dyn Method {
    match kind {
        CodeKind::Totp => &totp::Totp,
        CodeKind::Hotp => &hotp::Hotp,
        CodeKind::Yubikey => &yubikey::Yubikey,
        CodeKind::Recovery => &recovery::Recovery,
        CodeKind::Static | CodeKind::Temporary | CodeKind::Registration => &reusable::Reusable,
        CodeKind::Sms | CodeKind::Email | CodeKind::Voice => &sent::Sent,
    }
}

/// The method of a token's codes.
pub fn of_token(token: &Token) -> &'static dyn Method {
    of(token.kind.code_kind())
}

/// Those of a user's tokens that match anything now: the active ones, or, while a temporary code stands in for a device
/// that was left at home, that code and the recovery codes alone.
pub fn usable<'a>(tokens: impl Iterator<Item = &'a Arc<Token>>, now_ms: u64) -> Vec<&'a Arc<Token>> {
    let mut active: Vec<_> = tokens.filter(|token| token.active_at(now_ms)).collect();
    if active.iter().any(|token| suspends(token)) {
        active.retain(|token| suspends(token) || token.kind.code_kind() == CodeKind::Recovery);
    }
    active
}

fn suspends(token: &Token) -> bool {
    match (token.kind, token.used) {
        (TokenKind::Temporary { suspends, uses }, Used::Times { uses: used }) => suspends && used < uses,
        _ => false,
    }
}
