//! What the conversation asks of a factor: a password, or a code of any of several kinds. What a kind of code is, its
//! method knows ([`crate::method`]).
//!
//! Where the account is none, nobody has the name, and everything looks as it does for a user who has a six-digit token and
//! gets it wrong.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    command::{CodeProof, Failure},
    login::{CheckPassword, MatchCode, Step, attempt::Account, machine::Machine, sending},
    method, otp,
    records::{CodeKinds, Factor, Token, TokenKind},
};

/// What was right. A challenge carries it to the next packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Proof {
    /// The password.
    #[n(0)]
    Password,
    /// A code.
    #[n(1)]
    Code(#[n(0)] CodeProof),
    /// The password, by what was remembered of it at this time, for the directory was down.
    #[n(2)]
    Recalled(#[n(0)] u64),
}

impl Proof {
    /// Whether it is the password.
    pub(super) fn is_password(&self) -> bool {
        matches!(self, Proof::Password | Proof::Recalled(_))
    }

    /// When the password had been remembered, if it was judged by that.
    pub(super) fn recalled_ms(&self) -> Option<u64> {
        match self {
            Proof::Recalled(at_ms) => Some(*at_ms),
            Proof::Password | Proof::Code(_) => None,
        }
    }

    /// The code, if it is one.
    pub(super) fn code(&self) -> Option<&CodeProof> {
        match self {
            Proof::Password | Proof::Recalled(_) => None,
            Proof::Code(code) => Some(code),
        }
    }
}

/// How long it may be in a field that holds other factors too, longest first. A password has no length of its own: it takes what codes leave.
pub(super) fn lengths(factor: Factor, account: Option<&Account>) -> Vec<usize> {
    let Some(kinds) = factor.code_kinds() else {
        return Vec::new();
    };
    let tokens = account.map_or_else(Vec::new, |account| tokens_of(account, kinds));
    let mut lengths: Vec<usize> = tokens
        .iter()
        .flat_map(|token| method::of_token(token).lengths(token.kind))
        .copied()
        .collect();
    if lengths.is_empty() {
        lengths.extend(otp::lengths(TokenKind::DEFAULT));
    }
    let before = account.map_or(0, pin_digits);
    lengths.iter_mut().for_each(|length| *length += before);
    lengths.extend(sending::keyword_lengths(kinds));
    lengths.sort_unstable();
    lengths.dedup();
    lengths.reverse();
    lengths
}

/// Whether it may be this in a field that holds other factors too: a code, or the word that has one sent. The word
/// is read as such for everybody, whatever tokens there are, for nobody must tell by it who exists.
pub(super) fn may_be_joined(factor: Factor, account: Option<&Account>, typed: &[u8]) -> bool {
    fits(factor, account, typed) || sending::keyword(factor, typed).is_some()
}

/// Whether it could be this, for anybody who knows no secrets.
pub(super) fn fits(factor: Factor, account: Option<&Account>, typed: &[u8]) -> bool {
    let Some(kinds) = factor.code_kinds() else {
        return true;
    };
    let tokens = account.map_or_else(Vec::new, |account| tokens_of(account, kinds));
    let Some((pin, typed)) = typed.split_at_checked(account.map_or(0, pin_digits)) else {
        return false;
    };
    if !pin.iter().all(u8::is_ascii_digit) {
        return false;
    }
    match tokens.is_empty() {
        true => otp::is_code(typed),
        false => tokens
            .iter()
            .any(|token| method::of_token(token).fits(token.kind, typed)),
    }
}

/// The step that finds out whether what was typed is right.
pub(super) fn ask(factor: Factor, machine: Machine) -> Step {
    match factor {
        // A directory counts wrong passwords too, and locks: who has to wait here is not passed on to it.
        Factor::Password if machine.attempt.directory.is_some() && machine.attempt.password_delayed => {
            machine.attempt.fail(Failure::PasswordDelayed)
        }
        // Without a judge there is nobody to ask, and a stand-in would only say no.
        Factor::Password if machine.attempt.is_barred_by_directory() => {
            machine.attempt.fail(Failure::DisabledInDirectory)
        }
        Factor::Password => Step::CheckPassword(CheckPassword::new(machine)),
        Factor::Code(_) => match sending::chosen(&machine) {
            Some(token) => machine.send(factor, token),
            None => Step::MatchCode(MatchCode::new(machine)),
        },
    }
}

/// What it means that it is not. Only what could have been a code counts as a guess at one.
pub(super) fn failure(factor: Factor, account: Option<&Account>, typed: &[u8]) -> Failure {
    if factor == Factor::Password {
        return Failure::WrongPassword;
    }
    match account.and_then(|account| missing(factor, account)) {
        Some(failure) => failure,
        None if fits(factor, account, typed) => Failure::WrongCode,
        None => Failure::MalformedCode,
    }
}

/// Why the user could not prove it, whatever was typed. A user without a password fails like one who typed it wrong: the
/// check runs against a stand-in.
pub(super) fn missing(factor: Factor, account: &Account) -> Option<Failure> {
    let kinds = factor.code_kinds()?;
    tokens_of(account, kinds).is_empty().then_some(Failure::NoToken)
}

/// How many digits stand before the user's codes.
pub(super) fn pin_digits(account: &Account) -> usize {
    account.pin.as_ref().map_or(0, |pin| usize::from(pin.digits))
}

/// The user's tokens that make codes of these kinds.
pub(super) fn tokens_of(account: &Account, kinds: CodeKinds) -> Vec<Arc<Token>> {
    let takes = |token: &&Arc<Token>| kinds.contains(token.kind.code_kind());
    account.tokens.iter().filter(takes).cloned().collect()
}
