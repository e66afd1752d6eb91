//! Steps: what only the shell can do, each consumed with its answer.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::{
    command::{Asker, CodeProof, Command, Failure, QueueCode},
    ids::{CodeId, Sealed, TokenId, UserId},
    login::{
        Conversation, EnrolToken, JudgeNewPassword, MakeKey, Proof, SetNewPassword, attempt::Attempt,
        conversation::Kept, factor, machine::Machine, sending,
    },
    method::{self, Use, verifier},
    outcome::{Outcome, Reason, Refusal, Verdict},
    records::{CodeKind, Directory, Factor, Pin, RememberedPassword, SentCode, Token},
};

/// What to do next.
#[must_use]
pub enum Step {
    /// Compare a password with its verifier.
    CheckPassword(CheckPassword),
    /// Compare a code with those of the user's tokens.
    MatchCode(MatchCode),
    /// Make a code, have it queued, and send it if this node's is the one that was.
    SendCode(SendCode),
    /// Make the key of a first token, to be shown.
    MakeKey(MakeKey),
    /// Have a first token written down, if its code is right.
    EnrolToken(EnrolToken),
    /// Say whether a new password is good.
    JudgeNewPassword(JudgeNewPassword),
    /// Have a new password set.
    RenewPassword(SetNewPassword),
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
        /// Reply-Message: at most [`crate::limits::PROMPT_BYTES`].
        message: Box<str>,
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

    /// Who is to be asked, if the password is not kept here. A name that nobody has yet may be somebody's there: then make
    /// the person a user ([`crate::change::SyncPerson`]) and begin the login again.
    pub fn directory(&self) -> Option<&Arc<Directory>> {
        self.machine.attempt.directory.as_ref()
    }

    /// The name to ask the directory about.
    pub fn name(&self) -> &str {
        let name = self.machine.attempt.request.user.as_ref();
        name.map_or("", |name| &name.name)
    }

    /// The sealed verifier. Where there is none, do the same work against a stand-in.
    pub fn verifier(&self) -> Option<&Sealed> {
        self.machine.attempt.account.as_ref()?.user.password.as_ref()
    }

    /// What was typed.
    pub fn candidate(&self) -> &[u8] {
        self.machine.typed()
    }

    /// Takes the answer of a comparison. Without a verifier it is always wrong.
    pub fn answer(self, right: bool) -> Step {
        let right = right && self.verifier().is_some() && self.directory().is_none();
        self.machine.settle(right.then_some(Proof::Password))
    }

    /// What is remembered of the password, to be asked if no controller of the directory answers, and only then.
    pub fn recalled(&self) -> Option<&RememberedPassword> {
        self.machine.attempt.recalled()
    }

    /// Takes the answer of the directory. For a name that nobody has it is always wrong.
    pub fn answer_of_directory(mut self, said: DirectorySays) -> Step {
        let right = matches!(said, DirectorySays::Right | DirectorySays::Due)
            && self.user().is_some()
            && self.directory().is_some();
        if right && said == DirectorySays::Due {
            self.machine.attempt.due_there = Some(Kept::new(self.machine.typed()));
        }
        match said {
            DirectorySays::Refuses(failure) => self.machine.attempt.fail(failure),
            DirectorySays::Recalled => {
                let at_ms = self.recalled().map(|remembered| remembered.at_ms);
                self.machine.attempt.recalled_ms = at_ms;
                self.machine.settle(at_ms.map(Proof::Recalled))
            }
            DirectorySays::Right | DirectorySays::Due | DirectorySays::Wrong => {
                self.machine.settle(right.then_some(Proof::Password))
            }
        }
    }
}

/// What a directory says of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectorySays {
    /// It is right, and the account is in order.
    Right,
    /// It is right, and has to be changed before it lets anybody in, which may be done from here.
    Due,
    /// It is wrong, or nobody has the name.
    Wrong,
    /// The account is not in order.
    Refuses(Failure),
    /// Nothing, for none of its controllers answers; and what is remembered of the password says that it is right.
    Recalled,
}

/// Compare a code with those of the user's tokens.
pub struct MatchCode {
    machine: Machine,
}

impl MatchCode {
    pub(super) fn new(machine: Machine) -> Self {
        MatchCode { machine }
    }

    /// The user's tokens whose codes will do, none of them twice in a login; empty if nobody has the name.
    pub fn candidates(&self) -> Vec<Arc<Token>> {
        let Machine { attempt, proofs, .. } = &self.machine;
        let part = self.machine.part();
        part.map_or_else(Vec::new, |part| sending::unproven(attempt, part.factor, proofs))
    }

    /// What was typed, the PIN included.
    pub fn code(&self) -> &[u8] {
        self.machine.typed()
    }

    /// Finds the token whose code this is and what it uses, something unused if there is such. What cannot be opened matches
    /// nothing.
    pub fn matching(&self, mut open: impl FnMut(Opening<'_>) -> Option<Zeroizing<Vec<u8>>>) -> Option<(TokenId, Use)> {
        let (candidates, attempt) = (self.candidates(), &self.machine.attempt);
        let account = attempt.account.as_ref();
        let (pin, typed) = self.code().split_at_checked(account.map_or(0, factor::pin_digits))?;
        if candidates.is_empty() {
            let (secret, at) = (open(Opening::StandIn).unwrap_or_default(), attempt.moment(TokenId(0)));
            let stand_in = Token::first(TokenId(0), UserId(0), Sealed::from(Vec::new()));
            let _same_work = method::of(CodeKind::Totp).find(&stand_in, &secret, typed, at);
            return None;
        }
        let (mut fresh, mut spent) = (None, None);
        for token in &candidates {
            let sent = attempt.account.as_ref().and_then(|account| account.sent_code(token.id));
            let opening = match (token.kind.channel(), sent) {
                (None, _) => Opening::Token(token),
                (Some(_), Some(sent)) => Opening::Sent(sent),
                (Some(_), None) => continue,
            };
            let Some(secret) = open(opening) else { continue };
            let (method, at) = (method::of_token(token), attempt.moment(token.id));
            if let Some(used) = method.find(token, &secret, typed, at) {
                let found = match method.refuse(token, used, at) {
                    None => &mut fresh,
                    Some(_) => &mut spent,
                };
                found.get_or_insert((token.id, used));
            }
        }
        // After the codes, so that a wrong PIN takes no other time than a right one.
        let right = account.is_none_or(|account| match &account.pin {
            None => true,
            Some(known) => open(Opening::Pin(account.user.id, known))
                .is_some_and(|verifier| verifier::place(&verifier, pin).is_some()),
        });
        fresh.or(spent).filter(|_| right)
    }

    /// Takes the answer: the token whose code this is, and what it uses.
    pub fn answer(self, matched: Option<(TokenId, Use)>) -> Step {
        let proof = matched.and_then(|(id, used)| {
            let token = self.candidates().into_iter().find(|token| token.id == id)?;
            Some(Proof::Code(CodeProof {
                token: id,
                revision: token.revision,
                used,
            }))
        });
        self.machine.settle(proof)
    }
}

/// What a code is compared with, sealed.
#[derive(Debug, Clone, Copy)]
pub enum Opening<'a> {
    /// The secret of a token.
    Token(&'a Token),
    /// The verifier of a code that was sent.
    Sent(&'a SentCode),
    /// The verifier of a user's PIN.
    Pin(UserId, &'a Pin),
    /// A secret that is nobody's, for the same work where the user has no token.
    StandIn,
}

/// Make a code, have it queued, and send it if this node's is the one that was.
pub struct SendCode {
    attempt: Attempt,
    /// What is proven in this packet.
    proofs: Vec<Proof>,
    /// What the code is asked for.
    factor: Factor,
    token: Arc<Token>,
    /// The user asked for it, instead of it being the obvious way.
    chosen: bool,
}

/// What the shell has made, and what it found out about the address.
#[derive(Debug, Clone)]
pub struct NewCode {
    /// Random.
    pub id: CodeId,
    /// The sealed verifier of the code.
    pub verifier: Sealed,
    /// Keyed digest of the first digits of a telephone number; none for what costs nothing.
    pub prefix: Option<[u8; 16]>,
}

impl SendCode {
    pub(super) fn new(attempt: Attempt, proofs: Vec<Proof>, factor: Factor, token: Arc<Token>, chosen: bool) -> Self {
        SendCode {
            attempt,
            proofs,
            factor,
            token,
            chosen,
        }
    }

    /// The token to whose address the code goes.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// What to propose. While the outcome is unknown, propose the same again: it is queued once. The code is to be sent if
    /// [`Outcome::Queued`] names it, and forgotten if not.
    pub fn command(&self, code: NewCode) -> Command {
        let conversation = self.attempt.conversation_id();
        Command::QueueCode(QueueCode {
            request: Conversation::send_request(conversation, self.attempt.sends()),
            asker: Asker::Login {
                judged: self.attempt.judged(),
                conversation,
            },
            token: self.token.id,
            token_revision: self.token.revision,
            code: code.id,
            verifier: code.verifier,
            prefix: code.prefix,
            chosen: self.chosen,
            node: self.attempt.request.node,
        })
    }

    /// Takes the outcome.
    pub fn answer(self, outcome: &Outcome) -> Step {
        match outcome {
            Outcome::Queued { .. } => self.challenge(),
            Outcome::Refused(Refusal::SendLimit) => self.over_limit(),
            outcome => after_outcome(outcome),
        }
    }

    fn challenge(self) -> Step {
        let account = self
            .attempt
            .account
            .as_ref()
            .filter(|_| self.attempt.client.modes.two_step);
        let Some(account) = account else {
            return self.attempt.fail(Failure::CodeSent);
        };
        let prompt = sending::prompt(&self.attempt, self.factor, &self.proofs, Some(&self.token));
        let conversation = self.attempt.conversation_after_send(&account.user, &self.proofs);
        Step::SealState(SealState::new(conversation, prompt))
    }

    /// Whoever did not ask for a message may still use another code.
    fn over_limit(self) -> Step {
        let another = sending::others(&self.attempt, self.factor, &self.proofs);
        let account = self.attempt.account.as_ref().filter(|_| another && !self.chosen);
        let Some(account) = account else {
            return self.attempt.fail(Failure::SendLimit);
        };
        let prompt = sending::prompt(&self.attempt, self.factor, &self.proofs, None);
        let conversation = self.attempt.conversation_after(&account.user, &self.proofs);
        Step::SealState(SealState::new(conversation, prompt))
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
        after_outcome(outcome)
    }
}

/// What the cluster's word about a command means for the login.
pub(super) fn after_outcome(outcome: &Outcome) -> Step {
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
        Outcome::Refused(_)
        | Outcome::Done { .. }
        | Outcome::ChangeRefused { .. }
        | Outcome::Node(_)
        | Outcome::Queued { .. } => Step::Finish(Decision::Silent),
    }
}

/// Seal what the next packet has to bring back.
pub struct SealState {
    conversation: Conversation,
    prompt: Box<str>,
}

impl SealState {
    pub(super) fn new(conversation: Conversation, prompt: Box<str>) -> Self {
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
