//! The login conversation: factors × policy, as a pure state machine.
//!
//! [`start`] takes a first packet, [`resume`] one that brings a State attribute back. Both return a [`Step`]: something
//! that only the shell can do. A step is consumed with its answer and gives the next, until [`Step::Finish`]:
//!
//! ```text
//! start ─▶ CheckPassword ─▶ MatchCode ─▶ Propose ─▶ Finish(Accept | Reject | Silent)
//!                 │                         └──────▶ JudgeAgain
//!                 └─(SendCode)─▶ SealState ─▶ Finish(Challenge) … resume ─▶ MatchCode ─▶ Propose ─▶ Finish
//! ```
//!
//! A password that has to be changed is changed on the way (`renewal`): typed twice, before the other factors. A user who has to have a
//! token and never had one is given it at the end (`enrolling`), where the application allows that.
//!
//! Where the application asks for the password last, codes that are typed before it are kept until it has come (`early`).
//!
//! A code that is sent is asked for by a challenge, or by a word typed in its place (`sms`, `mail`, `call`, or a number
//! from the list that a challenge shows).
//!
//! What is typed is one field, and how it is to be read depends on the client's modes and on which factors are
//! due: all of them joined, the code last, or the first alone with the others to follow. The possible readings are tried
//! in turn, and one is taken for meant as soon as its first factor is right.
//!
//! Caveats
//! - Nothing here decides: what is proposed is decided by [`crate::decide`], over the one state. What this machine rejects
//!   of itself it proposes as a failure, so that it is audited and remembered.
//! - A user that does not exist makes the same steps as one whose password is wrong, with stand-ins that
//!   the shell provides. Users whose tokens have 7 or 8 digits are read with those, unknown ones with 6.
//! - What is due is the packet's plan ([`crate::plan`]), made anew for each packet like everything else. If it sends the login to another
//!   application than the packet before, the conversation is over; what else it changes holds for what is still to be proven.
//! - A challenge is not written anywhere: its State attribute carries what was proven, sealed.

mod attempt;
mod conversation;
mod early;
mod enrolling;
mod factor;
mod machine;
mod reading;
mod renewal;
mod request;
mod sending;
mod step;

use self::{attempt::Attempt, machine::Machine};
pub use self::{
    conversation::{Conversation, OpenedState},
    enrolling::{EnrolToken, MakeKey},
    factor::Proof,
    renewal::{JudgeNewPassword, SetNewPassword},
    request::Request,
    step::{CheckPassword, Decision, DirectorySays, MatchCode, NewCode, Opening, Propose, SealState, SendCode, Step},
};
use crate::{command::Failure, state::State};

/// Judges a first packet.
pub fn start(state: &State, request: Request) -> Step {
    match Attempt::new(state, request) {
        Some(attempt) => Machine::begin(attempt),
        None => Step::Finish(Decision::Silent),
    }
}

/// Judges a packet that brings a State attribute back.
pub fn resume(state: &State, opened: OpenedState, request: Request) -> Step {
    let Some(mut attempt) = Attempt::new(state, request) else {
        return Step::Finish(Decision::Silent);
    };
    let conversation = match opened {
        OpenedState::Conversation(conversation) => *conversation,
        OpenedState::Unreadable => return attempt.fail(Failure::UnreadableState),
    };
    if let Err(failure) = attempt.recognise(state, &conversation) {
        return attempt.fail(failure);
    }
    // From here on the conversation is this user's, and whatever the verdict, it spends it.
    let outdated = attempt.outdated(state, &conversation);
    // One that is spent proves nothing any more: what is right for it must not show, or each guess but the first would be free. Whoever
    // repeats the answer that the password was changed by is no guesser.
    let spent = state.memory().conversations.find(&conversation.id);
    let is_over =
        spent.is_some_and(|spent| spent.proof != attempt.request.proof) && !attempt.has_renewed(state, &conversation);
    let outdated = outdated.or(is_over.then_some(Failure::Voided));
    let (renewal, enrolling) = (conversation.renewal.clone(), conversation.enrolling.clone());
    attempt.conversation = Some(conversation);
    match (outdated, enrolling, renewal) {
        (Some(failure), ..) => attempt.fail(failure),
        (None, Some(enrolling), _) => enrolling::resume(attempt, enrolling),
        (None, None, Some(renewal)) => renewal::resume(attempt, renewal, state),
        (None, None, None) => Machine::begin(attempt),
    }
}
