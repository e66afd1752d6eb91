//! A first token, given in the login itself: the key is shown in a challenge once everything else was proven, and its first code ends the
//! login. Nothing is written down before that code: a key that nobody used was never there.
//!
//! The key travels in the conversation, sealed, so that any node can take the answer, and in the text of the challenge, which the RADIUS
//! protocol does not hide. That is why an application has to ask for this.

use minicbor::{Decode, Encode};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    command::{Command, ConsumeCode, EnrolToken as EnrolTokenCommand, Failure},
    ids::{Sealed, TokenId, UserId},
    limits,
    login::{Proof, Propose, SealState, Step, attempt::Attempt},
    method::{self, Moment, Use},
    otp,
    records::{CodeKind, Token},
};

const AGAIN: &str = "That was not its code. Enter the code that it shows now.";

/// Bytes of a key (RFC 4226, section 4, R6).
pub const KEY_BYTES: usize = 20;

/// How far it is; a challenge carries it.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Zeroize, ZeroizeOnDrop)]
pub(super) struct Enrolling {
    #[cbor(n(0), with = "minicbor::bytes")]
    key: [u8; KEY_BYTES],
    /// How often its code was asked for.
    #[n(1)]
    asked: u8,
}

impl std::fmt::Debug for Enrolling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolling")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

/// Has a key made, unless that could only end in a reject.
pub(super) fn begin(attempt: Attempt, proofs: &[Proof]) -> Step {
    let Some(account) = &attempt.account else {
        return attempt.fail(Failure::UnknownUser);
    };
    // The password may have been changed in the directory since: then a stranger would come to a token that lasts.
    let recalled = attempt.judged_by_memory().is_some();
    match attempt.barred(&account.user).or(recalled.then_some(Failure::NoToken)) {
        Some(failure) => attempt.fail(failure),
        None => Step::MakeKey(MakeKey {
            proofs: proofs.into(),
            attempt,
        }),
    }
}

/// Takes an answer to the challenge.
pub(super) fn resume(attempt: Attempt, enrolling: Enrolling) -> Step {
    let account = attempt.account.as_ref();
    if let Some(failure) = account.and_then(|account| attempt.barred(&account.user)) {
        return attempt.fail(failure);
    }
    let at = Moment::new(attempt.request.received_ms, &attempt.policy);
    let token = Token::first(TokenId(0), UserId(0), Sealed::from(Vec::new()));
    let used = method::of(CodeKind::Totp).find(&token, &enrolling.key, &attempt.request.field, at);
    Step::EnrolToken(EnrolToken {
        attempt,
        enrolling,
        used,
    })
}

/// Make the key of a first token, to be shown.
pub struct MakeKey {
    attempt: Attempt,
    /// What is proven in this packet.
    proofs: Box<[Proof]>,
}

impl MakeKey {
    /// Takes a random key.
    pub fn answer(self, key: &[u8; KEY_BYTES]) -> Step {
        let MakeKey { attempt, proofs } = self;
        let Some(account) = &attempt.account else {
            return attempt.fail(Failure::UnknownUser);
        };
        let enrolling = Enrolling { key: *key, asked: 1 };
        let conversation = attempt.conversation_enrolling(&account.user, &proofs, enrolling);
        Step::SealState(SealState::new(conversation, invitation(key)))
    }
}

/// In fours, as it is typed off a screen.
fn invitation(key: &[u8; KEY_BYTES]) -> Box<str> {
    let text = otp::base32(key);
    let fours: Vec<&str> = (0..text.len())
        .step_by(4)
        .map(|at| &text[at..(at + 4).min(text.len())])
        .collect();
    let key = fours.join(" ");
    format!("You need a one-time code from now on. Add this key to an authenticator app: {key}. Then enter the code that it shows.").into()
}

/// Have a first token written down, if its code is right.
pub struct EnrolToken {
    attempt: Attempt,
    enrolling: Enrolling,
    used: Option<Use>,
}

impl EnrolToken {
    /// The key, to be sealed.
    pub fn key(&self) -> &[u8; KEY_BYTES] {
        &self.enrolling.key
    }

    /// Whether its code was typed.
    pub fn is_right(&self) -> bool {
        self.used.is_some()
    }

    /// Has the token written down under a random id, its key sealed.
    pub fn right(self, token: TokenId, secret: Sealed) -> Step {
        let Some(used) = self.used else {
            return self.wrong();
        };
        Step::Propose(Propose::new(Command::EnrolToken(EnrolTokenCommand {
            proven: ConsumeCode {
                judged: self.attempt.judged(),
                codes: self.attempt.codes(&[]),
            },
            token,
            secret,
            used,
        })))
    }

    /// The code is wrong: it is asked for again, so often and no more. Nobody guesses at a code whose key was shown.
    pub fn wrong(self) -> Step {
        let EnrolToken {
            attempt, mut enrolling, ..
        } = self;
        let account = attempt.account.as_ref();
        let Some(account) = account.filter(|_| enrolling.asked < limits::FIRST_CODES_PER_LOGIN) else {
            return attempt.fail(Failure::NotEnrolled);
        };
        enrolling.asked += 1;
        let conversation = attempt.conversation_enrolling(&account.user, &[], enrolling);
        Step::SealState(SealState::new(conversation, AGAIN.into()))
    }
}
