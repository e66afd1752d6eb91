//! Codes that are typed before the password, where the application asks for that last.
//!
//! They are kept, and judged after the password, in the packet that brings it: whoever does not know the password must not be able to
//! use up the guesses at a code. Until then nothing is looked up, so that the challenges are the same for every name, known or not.

use zeroize::Zeroizing;

use crate::{
    limits,
    login::{
        SealState, Step,
        attempt::Attempt,
        conversation::Kept,
        reading::{Part, Reading},
    },
    method,
    records::{Channel, Cut, Factor},
};

const NEXT: &str = "Enter your next code";
const PASSWORD: &str = "Enter your password";

/// Whether what was typed is a code whose time has not come.
pub(super) fn is_early(attempt: &Attempt) -> bool {
    let modes = attempt.client.modes;
    match &attempt.conversation {
        None => attempt.plan.typed_before > 0 && modes.two_step && !(modes.one_step && is_joined(attempt)),
        Some(former) => former.is_unjudged() && former.kept.len() < attempt.plan.typed_before,
    }
}

/// Whether a first field holds the password too, by what anybody can see in it.
fn is_joined(attempt: &Attempt) -> bool {
    let field: &[u8] = &attempt.request.field;
    match attempt.client.cut {
        Cut::At(character) => field.contains(&character),
        Cut::ByToken | Cut::Length(_) => !is_code(field) && Channel::of_keyword(field).is_none(),
    }
}

/// Digits, or a code of a YubiKey, perhaps behind a PIN.
fn is_code(field: &[u8]) -> bool {
    let digits = field.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &field[digits..];
    rest.is_empty() || method::is_yubikey_code(rest)
}

/// Keeps it, and asks for what comes next.
pub(super) fn keep(attempt: &Attempt) -> Step {
    let former = attempt.conversation.iter().flat_map(|former| former.kept.iter());
    let mut kept: Vec<Kept> = former.cloned().collect();
    let taken: usize = kept.iter().map(|kept| kept.typed().len()).sum();
    let typed: &[u8] = &attempt.request.field;
    // Nothing as long as that is a code; something that is none takes its place.
    let fits = taken + typed.len() <= limits::KEPT_BYTES;
    kept.push(Kept::new(if fits { typed } else { b"-" }));
    let prompt = match kept.len() < attempt.plan.typed_before {
        true => NEXT,
        false => PASSWORD,
    };
    let conversation = attempt.conversation_unjudged(kept.into());
    Step::SealState(SealState::new(conversation, prompt.into()))
}

/// Puts what was kept behind the password that has come, and says which part is which. An empty one asks for its code to be asked for again, now
/// that the password is there.
pub(super) fn put_together(attempt: &mut Attempt, kept: &[Kept], due: &[Factor]) -> Reading {
    let mut reading = Reading::new();
    // In one piece from the start: what grows leaves copies behind that nobody wipes.
    let kept_len: usize = kept.iter().map(|kept| kept.typed().len()).sum();
    let mut field = Zeroizing::new(Vec::with_capacity(attempt.request.field.len() + kept_len));
    field.extend_from_slice(&attempt.request.field);
    let mut factors = due.iter().copied();
    if let Some(factor) = factors.next() {
        let range = 0..field.len();
        reading.push(Part { factor, range });
    }
    for (factor, kept) in factors.zip(kept.iter().take_while(|kept| !kept.typed().is_empty())) {
        let start = field.len();
        field.extend_from_slice(kept.typed());
        let range = start..field.len();
        reading.push(Part { factor, range });
    }
    attempt.request.field = field;
    reading
}
