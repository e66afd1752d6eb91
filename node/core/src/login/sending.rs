//! Codes that are sent, as the conversation sees them: which of a user's addresses there are to choose from, which is the obvious
//! one, what may be typed to choose, and how a challenge asks.
//!
//! Addresses are numbered from 1 in the order of the user's tokens, so that a number means the same in each challenge of a
//! conversation.

use std::{fmt::Write, sync::Arc};

use crate::{
    limits,
    login::{Proof, attempt::Attempt, factor, machine::Machine},
    records::{Channel, CodeKind, CodeKinds, Factor, Token},
};

/// The channel whose word this is, if the factor takes its codes.
pub(super) fn keyword(factor: Factor, typed: &[u8]) -> Option<Channel> {
    let kinds = factor.code_kinds()?;
    Channel::of_keyword(typed).filter(|channel| kinds.contains(channel.code_kind()))
}

/// How long the words are that have such codes sent.
pub(super) fn keyword_lengths(kinds: CodeKinds) -> impl Iterator<Item = usize> {
    channels(kinds).map(|channel| channel.keyword().len())
}

fn channels(kinds: CodeKinds) -> impl Iterator<Item = Channel> {
    Channel::ALL
        .into_iter()
        .filter(move |channel| kinds.contains(channel.code_kind()))
}

/// The token that the user has a code sent to by what was typed in the code's place. A number means one only where nothing else
/// was typed, for a password may end with it.
pub(super) fn chosen(machine: &Machine) -> Option<Arc<Token>> {
    let (factor, typed) = (machine.part()?.factor, machine.typed());
    let addresses = addresses(&machine.attempt, factor, &machine.proofs);
    if let Some(channel) = keyword(factor, typed) {
        return addresses
            .into_iter()
            .find(|token| token.kind.channel() == Some(channel));
    }
    let number: usize = std::str::from_utf8(typed)
        .ok()
        .filter(|_| machine.is_whole_field() && typed.len() <= 2 && typed.iter().all(u8::is_ascii_digit))?
        .parse()
        .ok()?;
    addresses.into_iter().nth(number.checked_sub(1)?)
}

/// The token that a code is sent to unasked: the one that the user chose last, or the only way there is to prove the factor. Recovery
/// codes are no way, but a way out.
pub(super) fn obvious(attempt: &Attempt, factor: Factor, proofs: &[Proof]) -> Option<Arc<Token>> {
    let addresses = addresses(attempt, factor, proofs);
    let preferred = attempt.account.as_ref()?.user.preferred;
    if let Some(token) = addresses.iter().find(|token| Some(token.id) == preferred) {
        return Some(token.clone());
    }
    match &addresses[..] {
        [only] if !others(attempt, factor, proofs) => Some(only.clone()),
        _ => None,
    }
}

/// Whether the user carries something else that proves the factor.
pub(super) fn others(attempt: &Attempt, factor: Factor, proofs: &[Proof]) -> bool {
    let is_other = |token: &Arc<Token>| token.kind.channel().is_none() && token.kind.code_kind() != CodeKind::Recovery;
    unproven(attempt, factor, proofs).iter().any(is_other)
}

/// What a user is asked for in a challenge, a code having been sent to this token or to none. At most
/// [`limits::PROMPT_BYTES`]: what does not fit of a long list can be chosen all the same.
pub(super) fn prompt(attempt: &Attempt, asked: Factor, proofs: &[Proof], sent: Option<&Token>) -> Box<str> {
    if asked == Factor::Password {
        return "Enter your password".into();
    }
    if asked == Factor::Code(CodeKinds::REGISTRATION) {
        return "Enter your registration code".into();
    }
    let what = match attempt.account.as_ref().is_some_and(|account| account.pin.is_some()) {
        true => "your PIN and, right after it, the code",
        false => "the code",
    };
    let addresses = addresses(attempt, asked, proofs);
    let others = others(attempt, asked, proofs);
    let alternatives = addresses.len() > 1 || others;
    let (mut text, first) = match sent {
        Some(token) => (
            format!("Enter {what} that was sent to {}", address(token)),
            ", or type ",
        ),
        None if addresses.is_empty() && what == "the code" => return "Enter your one-time code".into(),
        None if addresses.is_empty() => return format!("Enter {what}").into(),
        None if others && what == "the code" => ("Enter your code".into(), ", or type "),
        None if others => (format!("Enter {what}"), ", or type "),
        None => (String::new(), "Type "),
    };
    let choices = addresses.iter().zip(1..).filter(|_| sent.is_none() || alternatives);
    for (place, (token, number)) in choices.enumerate() {
        let mut choice = String::from(if place == 0 { first } else { ", " });
        let channel = token.kind.channel().map_or("", channel_name);
        let _ = write!(choice, "{number} for {channel} to {}", address(token));
        if text.len() + choice.len() > limits::PROMPT_BYTES {
            break;
        }
        text.push_str(&choice);
    }
    text.into()
}

fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "SMS",
        Channel::Email => "e-mail",
        Channel::Voice => "a call",
    }
}

fn address(token: &Token) -> &str {
    match token.hint.is_empty() {
        true => "you",
        false => &token.hint,
    }
}

/// The user's tokens whose codes are sent and prove this factor, in their order.
fn addresses(attempt: &Attempt, factor: Factor, proofs: &[Proof]) -> Vec<Arc<Token>> {
    let mut tokens = unproven(attempt, factor, proofs);
    tokens.retain(|token| token.kind.channel().is_some());
    tokens
}

/// The user's tokens that prove this factor and none before it.
pub(super) fn unproven(attempt: &Attempt, asked: Factor, proofs: &[Proof]) -> Vec<Arc<Token>> {
    let (Some(account), Some(kinds)) = (&attempt.account, asked.code_kinds()) else {
        return Vec::new();
    };
    let mut proven = attempt.former_codes().chain(proofs.iter().filter_map(Proof::code));
    let proven: Vec<_> = proven.by_ref().map(|code| code.token).collect();
    let mut tokens = factor::tokens_of(account, kinds);
    tokens.retain(|token| !proven.contains(&token.id));
    tokens
}
