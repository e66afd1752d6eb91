//! Steps: what only the shell can do, each consumed with its answer.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::{
    command::Command,
    ids::{Sealed, TokenId, UserId},
    login::{Conversation, factor::Proof, machine::Machine},
    otp::TotpWindow,
    outcome::{Outcome, Reason, Refusal, Verdict},
    records::{Token, TokenKind},
};

/// What to do next.
#[must_use]
pub enum Step {
    /// Compare a password with its verifier.
    CheckPassword(CheckPassword),
    /// Compare a code with those of the user's tokens.
    MatchCode(MatchCode),
    /// Write a command to the log.
    Propose(Propose),
    /// Seal what the next packet has to bring back.
    SealState(SealState),
    /// The state has moved on: wait for it, and start over with the same request.
    JudgeAgain,
    /// Answer.
    Finish(Decision),
}

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Access-Accept.
    Accept,
    /// Access-Reject with [`Reason::reply_text`].
    Reject {
        /// Why, for metrics and logs; never for the wire.
        reason: Reason,
    },
    /// Access-Challenge.
    Challenge {
        /// The State attribute.
        state: Vec<u8>,
        /// Reply-Message.
        message: &'static str,
    },
    /// No answer at all: the client shall try another node.
    Silent,
}

/// Compare a password with its verifier.
pub struct CheckPassword {
    machine: Machine,
}

impl CheckPassword {
    pub(super) fn new(machine: Machine) -> Self {
        CheckPassword { machine }
    }

    /// Whose password; none if nobody has the name.
    pub fn user(&self) -> Option<UserId> {
        self.machine.attempt.account.as_ref().map(|account| account.user.id)
    }

    /// The sealed verifier. Where there is none, do the same work against a stand-in.
    pub fn verifier(&self) -> Option<&Sealed> {
        self.machine.attempt.account.as_ref()?.user.password.as_ref()
    }

    /// What was typed.
    pub fn candidate(&self) -> &[u8] {
        self.machine.typed()
    }

    /// Takes the answer. Without a verifier it is always wrong.
    pub fn answer(self, right: bool) -> Step {
        let right = right && self.verifier().is_some();
        self.machine.settle(right.then_some(Proof::Password))
    }
}

/// Compare a code with those of the user's tokens.
pub struct MatchCode {
    machine: Machine,
}

impl MatchCode {
    pub(super) fn new(machine: Machine) -> Self {
        MatchCode { machine }
    }

    /// The user's enabled tokens; none if nobody has the name.
    pub fn candidates(&self) -> &[Arc<Token>] {
        self.machine
            .attempt
            .account
            .as_ref()
            .map_or(&[], |account| &account.tokens)
    }

    /// What was typed.
    pub fn code(&self) -> &[u8] {
        self.machine.typed()
    }

    /// Finds the token and timestep of the code, an unused one if there is one. `open` opens the seed of a token, or of
    /// the stand-in (none) where the user has no token; a seed that cannot be opened matches nothing.
    pub fn matching(
        &self,
        mut open: impl FnMut(Option<&Token>) -> Option<Zeroizing<Vec<u8>>>,
    ) -> Option<(TokenId, u64)> {
        if self.candidates().is_empty() {
            let seed = open(None).unwrap_or_default();
            let _same_work = self
                .window(TokenKind::DEFAULT, None)
                .matching_timestep(&seed, self.code());
            return None;
        }
        let mut used = None;
        let mut fresh = None;
        for token in self.candidates() {
            let Some(seed) = open(Some(token)) else { continue };
            let window = self.window(token.kind, token.last_timestep);
            if let Some(timestep) = window.matching_timestep(&seed, self.code()) {
                let is_fresh = token.last_timestep.is_none_or(|last| timestep > last);
                let found = if is_fresh { &mut fresh } else { &mut used };
                found.get_or_insert((token.id, timestep));
            }
        }
        fresh.or(used)
    }

    /// Takes the answer: the token and the timestep whose code this is.
    pub fn answer(self, matched: Option<(TokenId, u64)>) -> Step {
        let proof = matched.and_then(|(id, timestep)| {
            let token = self.candidates().iter().find(|token| token.id == id)?;
            Some(Proof::Code {
                token: token.clone(),
                timestep,
            })
        });
        self.machine.settle(proof)
    }

    fn window(&self, kind: TokenKind, last: Option<u64>) -> TotpWindow {
        let TokenKind::Totp {
            algorithm,
            digits,
            period_s,
        } = kind;
        let attempt = &self.machine.attempt;
        let (now_ms, window) = (attempt.request.received_ms, attempt.policy.totp_window);
        TotpWindow {
            algorithm,
            digits,
            period_s,
            now_ms,
            window,
            last,
        }
    }
}

/// Write a command to the log.
pub struct Propose {
    command: Box<Command>,
}

impl Propose {
    pub(super) fn new(command: Command) -> Self {
        Propose {
            command: Box::new(command),
        }
    }

    /// What to propose. While the outcome is unknown, propose the same again: it is judged once.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// Takes the outcome.
    pub fn answer(self, outcome: &Outcome) -> Step {
        match outcome {
            Outcome::Verdict {
                verdict: Verdict::Accept,
                ..
            } => Step::Finish(Decision::Accept),
            Outcome::Verdict {
                verdict: Verdict::Reject(reason),
                ..
            } => Step::Finish(Decision::Reject { reason: *reason }),
            Outcome::Refused(Refusal::Stale) => Step::JudgeAgain,
            // Too late, a clock that is off, no room: another node may do better, so say nothing.
            Outcome::Refused(_) | Outcome::Done { .. } | Outcome::ChangeRefused { .. } | Outcome::Node(_) => {
                Step::Finish(Decision::Silent)
            }
        }
    }
}

/// Seal what the next packet has to bring back.
pub struct SealState {
    conversation: Conversation,
    prompt: &'static str,
}

impl SealState {
    pub(super) fn new(conversation: Conversation, prompt: &'static str) -> Self {
        SealState { conversation, prompt }
    }

    /// What to seal: the bytes of [`Conversation::to_bytes`].
    pub fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// Takes the State attribute.
    pub fn answer(self, sealed: Vec<u8>) -> Step {
        Step::Finish(Decision::Challenge {
            state: sealed,
            message: self.prompt,
        })
    }
}
