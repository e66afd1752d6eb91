//! Judging a login once: the steps of the conversation, performed until there is an answer.

use std::ops::ControlFlow;
use std::sync::Arc;

use quorate_core::login::{self, CheckPassword, EnrolToken, MatchCode, Opening, Propose, SealState, SendCode, Step};
use quorate_core::{Asker, Command, Level, Method, Outcome, Reason, Refusal, Stamp, State, TokenId};
use quorate_seal::{Aad, Field, NONCE_LEN, PasswordVerifier, StateBinding};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Answer, Authenticator, Decision, Login, Silence};
use crate::hash_queue::HashRefused;
use crate::passwords::in_normal_form;
use crate::ports::{ProposeError, Proposed, random, random_id};
use crate::propose::propose_until_known;

/// What one judgement came to.
pub(super) enum Judgement {
    Answer(Answer),
    /// The state it was judged by is no longer the cluster's; the local one has caught up.
    Again,
}

impl Judgement {
    pub(super) fn silent(cause: Silence) -> Self {
        Self::Answer(Answer::silent(cause))
    }
}

/// What a step comes to: the next one, or the end of this judgement.
pub(super) type Performed = ControlFlow<Judgement, Step>;

impl Authenticator {
    pub(super) async fn judge(&self, login: &Login) -> Judgement {
        let state = self.replica.state();
        let request = login.request.clone();
        let mut step = match &login.opened {
            None => login::start(&state, request),
            Some(opened) => login::resume(&state, opened.clone(), request),
        };
        loop {
            let performed = match step {
                Step::CheckPassword(check) => match check.directory().cloned() {
                    Some(directory) => self.ask_directory(&state, login, &directory, check).await,
                    None => self.check_password(&state, login, check).await,
                },
                Step::MatchCode(code) => self.match_code(code),
                Step::SendCode(send) => self.send_code(&state, login, send).await,
                Step::SealState(seal) => self.seal_state(&state, login, seal).await,
                Step::MakeKey(make) => ControlFlow::Continue(make.answer(&Zeroizing::new(random(&*self.entropy)))),
                Step::EnrolToken(enrol) => self.enrol_token(enrol),
                Step::JudgeNewPassword(judge) => self.judge_new_password(login, judge).await,
                Step::RenewPassword(set) => self.set_new_password(login, set).await,
                Step::Propose(propose) => self.propose(&state, login, propose).await,
                Step::JudgeAgain => ControlFlow::Break(Judgement::Again),
                Step::Finish(decision) => ControlFlow::Break(finish(decision)),
            };
            match performed {
                ControlFlow::Continue(next) => step = next,
                ControlFlow::Break(judgement) => return judgement,
            }
        }
    }

    async fn check_password(&self, state: &State, login: &Login, check: CheckPassword) -> Performed {
        let opened = match (check.user(), check.verifier()) {
            (Some(user), Some(sealed)) => {
                let aad = Aad {
                    field: Field::UserPassword,
                    record: user.0,
                };
                self.keys.open(aad, sealed.as_bytes())
            }
            (_, _) => self.stand_in.verifier(&self.keys),
        };
        let Some(verifier) = opened.ok().and_then(|bytes| PasswordVerifier::decode(&bytes).ok()) else {
            tracing::error!(user = ?check.user(), "a password verifier does not open under this node's application key");
            return ControlFlow::Break(Judgement::silent(Silence::Sealed));
        };
        let (verifier, candidate) = (Arc::new(verifier), in_normal_form(check.candidate()));
        let hashed = self
            .hashes
            .verify(login.lane, verifier.clone(), candidate, login.deadline)
            .await;
        match hashed {
            Ok(right) => {
                if right {
                    login.note_foreign(state, &check, &verifier);
                }
                ControlFlow::Continue(check.answer(right))
            }
            Err(refused) => ControlFlow::Break(self.not_hashed(login, refused).await),
        }
    }

    /// A lane that is full is its user's own doing, and everything else the node's.
    pub(super) async fn not_hashed(&self, login: &Login, refused: HashRefused) -> Judgement {
        match refused {
            HashRefused::LaneFull => Judgement::Answer(self.reject_locally(login, Reason::QueueFull, None).await),
            HashRefused::Overloaded => Judgement::silent(Silence::Overloaded),
        }
    }

    fn match_code(&self, code: MatchCode) -> Performed {
        // Which timestep it is, a node whose clock is wrong does not know. Its NAS asks another.
        if !self.replica.clock().in_time {
            return ControlFlow::Break(Judgement::silent(Silence::Clock));
        }
        let mut unopened = None;
        let matched = code.matching(|opening| {
            let opened = self.open(opening);
            if opened.is_none() {
                unopened = Some(name_of(opening));
            }
            opened
        });
        if let Some(what) = unopened {
            tracing::error!(what, "a token's secret does not open under this node's application key");
            return ControlFlow::Break(Judgement::silent(Silence::Sealed));
        }
        ControlFlow::Continue(code.answer(matched))
    }

    /// Seals the key of a first token, if its code was right.
    fn enrol_token(&self, enrol: EnrolToken) -> Performed {
        // As with every code: which timestep it is, a node whose clock is wrong does not know.
        if !self.replica.clock().in_time {
            return ControlFlow::Break(Judgement::silent(Silence::Clock));
        }
        if !enrol.is_right() {
            return ControlFlow::Continue(enrol.wrong());
        }
        let record = random_id(&*self.entropy);
        let aad = Aad {
            field: Field::TokenSecret,
            record,
        };
        let sealed = self.keys.seal(random(&*self.entropy), aad, enrol.key());
        ControlFlow::Continue(enrol.right(TokenId(record), sealed.into()))
    }

    fn open(&self, opening: Opening<'_>) -> Option<Zeroizing<Vec<u8>>> {
        match opening {
            Opening::StandIn => self.stand_in.seed(&self.keys).ok(),
            Opening::Sent(sent) => self.courier.open_verifier(sent).ok(),
            Opening::Pin(user, pin) => {
                let aad = Aad {
                    field: Field::UserPin,
                    record: user.0,
                };
                self.keys.open(aad, pin.verifier.as_bytes()).ok()
            }
            Opening::Token(token) => {
                let TokenId(record) = token.id;
                let aad = Aad {
                    field: Field::TokenSecret,
                    record,
                };
                self.keys.open(aad, token.secret.as_bytes()).ok()
            }
        }
    }

    /// Queues a code and, if the cluster names it, has it carried. Whoever is over the limits is told so by the local state where
    /// that knows already: a flood must not fill the log with what it refuses.
    async fn send_code(&self, state: &State, login: &Login, send: SendCode) -> Performed {
        let Some(channel) = send.token().kind.channel() else {
            return ControlFlow::Break(Judgement::silent(Silence::Refused));
        };
        let Ok(draft) = self.courier.draft(send.token(), channel) else {
            tracing::error!(token = %send.token().id, "an address does not open under this node's application key");
            return ControlFlow::Break(Judgement::silent(Silence::Sealed));
        };
        let command = send.command(draft.new.clone());
        let stamp = Stamp {
            ms: self.courier.now_ms(),
        };
        if quorate_core::decide(state, Level::CURRENT, stamp, &command) == Err(Refusal::SendLimit) {
            return ControlFlow::Continue(send.answer(&Outcome::Refused(Refusal::SendLimit)));
        }
        let proposed = propose_until_known(&*self.replica, &command, login.deadline).await;
        let Proposed { index, outcome } = match proposed {
            Ok(proposed) => proposed,
            Err(error) => return ControlFlow::Break(Judgement::silent(silence_of(error))),
        };
        self.courier.carry_if_named(draft, &command, &outcome);
        match outcome {
            Outcome::Queued { .. } | Outcome::Verdict { .. } | Outcome::Refused(Refusal::SendLimit) => {
                ControlFlow::Continue(send.answer(&outcome))
            }
            Outcome::Refused(Refusal::Stale) => match self.replica.wait_applied(index, login.deadline).await {
                Ok(()) => ControlFlow::Continue(send.answer(&outcome)),
                Err(_) => ControlFlow::Break(Judgement::silent(Silence::Late)),
            },
            Outcome::Refused(refusal) | Outcome::ChangeRefused { refusal, .. } => {
                ControlFlow::Break(Judgement::silent(refused(refusal)))
            }
            Outcome::Done { .. } | Outcome::Node(_) => ControlFlow::Break(Judgement::silent(Silence::Refused)),
        }
    }

    /// A challenge tells that the password was right. It needs no log entry, so the quorum is asked whether this node's state is
    /// still the cluster's: one that is cut off must not be an oracle for passwords, nor challenge the disabled.
    async fn seal_state(&self, state: &State, login: &Login, seal: SealState) -> Performed {
        if self.replica.barrier(login.deadline).await.is_err() {
            return ControlFlow::Break(Judgement::silent(Silence::NoQuorum));
        }
        let known_as = |state: &State| {
            let name = login.request.user.as_ref()?;
            state
                .user_by_name(&state.meant(name))
                .map(|user| (user.id, user.revision, user.epoch))
        };
        // Nor one of which somebody else's answer was the end.
        let (now, conversation) = (self.replica.state(), seal.conversation().id());
        if known_as(&now) != known_as(state) || now.is_spent(conversation) != state.is_spent(conversation) {
            return ControlFlow::Break(Judgement::Again);
        }
        let Some(cluster) = state.cluster() else {
            return ControlFlow::Break(Judgement::silent(Silence::Refused));
        };
        let binding = StateBinding {
            cluster: cluster.id,
            client: login.request.client.0,
            user_name: &login.request.user_name,
        };
        let nonce: [u8; NONCE_LEN] = random(&*self.entropy);
        let bytes = seal.conversation().to_bytes();
        match self.keys.seal_state(nonce, &binding, &bytes) {
            Ok(sealed) => ControlFlow::Continue(seal.answer(sealed)),
            Err(error) => {
                tracing::error!(%error, "a challenge cannot be sealed");
                ControlFlow::Break(Judgement::silent(Silence::Sealed))
            }
        }
    }

    async fn propose(&self, state: &State, login: &Login, propose: Propose) -> Performed {
        let method = method_of(propose.command());
        if !self.may_commit(state, login, propose.command()) {
            let rejected = self.reject_locally(login, Reason::OverBudget, method).await;
            return ControlFlow::Break(Judgement::Answer(rejected));
        }
        let begun = Instant::now();
        if begun >= login.deadline {
            return ControlFlow::Break(Judgement::silent(Silence::Late));
        }
        #[cfg(feature = "mutants")]
        if quorate_mutants::is_planted(quorate_mutants::Mutant::ReplyBeforeCommit)
            && let Ok(decided) =
                quorate_core::decide(state, quorate_core::Level::CURRENT, state.stamp(), propose.command())
        {
            let (replica, command, deadline) = (self.replica.clone(), propose.command().clone(), login.deadline);
            tokio::spawn(async move { propose_until_known(&*replica, &command, deadline).await });
            return ControlFlow::Break(settle(propose, &decided.outcome));
        }
        let proposed = propose_until_known(&*self.replica, propose.command(), login.deadline).await;
        let Proposed { index, outcome } = match proposed {
            Ok(proposed) => proposed,
            Err(error) => return ControlFlow::Break(Judgement::silent(silence_of(error))),
        };
        self.local_rejects.note_commit(begun.elapsed());
        match outcome {
            Outcome::Verdict { verdict: _, replayed } => {
                let mut judgement = settle(propose, &outcome);
                if let Judgement::Answer(answer) = &mut judgement {
                    answer.method = method;
                    answer.replayed = replayed;
                }
                ControlFlow::Break(judgement)
            }
            Outcome::Refused(Refusal::Stale) => match self.replica.wait_applied(index, login.deadline).await {
                Ok(()) => ControlFlow::Continue(propose.answer(&outcome)),
                Err(_) => ControlFlow::Break(Judgement::silent(Silence::Late)),
            },
            Outcome::Refused(refusal) | Outcome::ChangeRefused { refusal, .. } => {
                ControlFlow::Break(Judgement::silent(refused(refusal)))
            }
            Outcome::Done { .. } | Outcome::Node(_) | Outcome::Queued { .. } => {
                ControlFlow::Break(settle(propose, &outcome))
            }
        }
    }
}

/// What is not opened, for the log.
fn name_of(opening: Opening<'_>) -> String {
    match opening {
        Opening::StandIn => "stand-in".to_owned(),
        Opening::Token(token) => token.id.to_string(),
        Opening::Sent(sent) => sent.id.to_string(),
        Opening::Pin(user, _) => format!("the PIN of {user}"),
    }
}

/// The end that a verdict comes to; the conversation asks for nothing after one.
fn settle(propose: Propose, outcome: &Outcome) -> Judgement {
    match propose.answer(outcome) {
        Step::Finish(decision) => finish(decision),
        Step::JudgeAgain => Judgement::Again,
        Step::CheckPassword(_)
        | Step::MatchCode(_)
        | Step::SendCode(_)
        | Step::SealState(_)
        | Step::JudgeNewPassword(_)
        | Step::RenewPassword(_)
        | Step::MakeKey(_)
        | Step::EnrolToken(_)
        | Step::Propose(_) => Judgement::silent(Silence::Refused),
    }
}

pub(super) fn finish(decision: login::Decision) -> Judgement {
    let (decision, method) = match decision {
        login::Decision::Accept => (Decision::Accept, None),
        login::Decision::Reject { reason } => (Decision::Reject(reason), None),
        login::Decision::Challenge { state, message } => {
            let prompt = String::from(message).into();
            (Decision::Challenge { state, prompt }, Some(Method::TwoStep))
        }
        login::Decision::Silent => (Decision::Silent(Silence::Refused), None),
    };
    Judgement::Answer(Answer {
        decision,
        method,
        replayed: false,
    })
}

const fn method_of(command: &Command) -> Option<Method> {
    match command {
        Command::ConsumeCode(consume) => Some(consume.judged.facts.method),
        Command::AcceptSingleFactor(accept) => Some(accept.judged.facts.method),
        Command::RecordFailure(record) => Some(record.judged.facts.method),
        Command::Genesis(_)
        | Command::SummarizeRejects(_)
        | Command::Administer(_)
        | Command::IssueJoinToken(_)
        | Command::SpendJoinToken(_)
        | Command::RemoveNode(_)
        | Command::SignHead(_)
        | Command::PruneAudit(_)
        | Command::AdmitSuccessor(_)
        | Command::CompleteReplacement(_)
        | Command::ReportMessage(_)
        | Command::ChangeOwnPassword(_)
        | Command::TryChange(_)
        | Command::ConfirmChange(_)
        | Command::TakeBack(_)
        | Command::TakeBackOverdue(_)
        | Command::RememberPassword(_)
        | Command::TrustDevice(_)
        | Command::RehashPassword(_) => None,
        Command::EnrolToken(enrol) => Some(enrol.proven.judged.facts.method),
        Command::RenewPassword(renew) => Some(renew.judged.facts.method),
        Command::QueueCode(queue) => match &queue.asker {
            Asker::Login { judged, .. } => Some(judged.facts.method),
            Asker::Administrator(_) => None,
        },
    }
}

pub(super) const fn silence_of(error: ProposeError) -> Silence {
    match error {
        ProposeError::NoLeader => Silence::NoQuorum,
        ProposeError::Unknown => Silence::Unknown,
        ProposeError::Overloaded => Silence::Overloaded,
    }
}

/// Why the cluster judged nothing: another node may do better, so there is no answer.
pub(super) fn refused(refusal: Refusal) -> Silence {
    match refusal {
        Refusal::TooOld => Silence::Late,
        Refusal::ClockAhead => Silence::Clock,
        Refusal::LimitReached => Silence::Overloaded,
        Refusal::Stale
        | Refusal::Conflict
        | Refusal::NotFound
        | Refusal::NotAllowed
        | Refusal::Invalid(_)
        | Refusal::NameTaken
        | Refusal::IdTaken
        | Refusal::InUse
        | Refusal::NotFounded
        | Refusal::AlreadyFounded
        | Refusal::Expired
        | Refusal::Spent
        | Refusal::NotYet
        | Refusal::OfDirectory
        | Refusal::SendLimit
        | Refusal::Missing(_)
        | Refusal::AboveRole
        | Refusal::LastSuperAdmin
        | Refusal::PasswordDelayed
        | Refusal::Waits(_)
        | Refusal::NotOverdue => {
            tracing::warn!(%refusal, "the cluster refused a verdict");
            Silence::Refused
        }
    }
}
