//! Rejects a login and counts what is to be counted. Issued by the node that judged the login.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    command::{
        Judged,
        verdict::{Subject, decide_verdict, reject},
    },
    decide::Decided,
    event::{Event, PasswordDelay, PasswordSource},
    outcome::{Field, Outcome, Reason, Refusal, Verdict},
    records::{Policy, User},
    state::{Delay, State},
};

/// A login failed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RecordFailure {
    /// By what it was judged.
    #[n(0)]
    pub judged: Judged,
    /// How it failed.
    #[n(1)]
    pub failure: Failure,
}

/// How a login failed, in the eyes of the judging node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Failure {
    /// Nobody has the name.
    #[n(0)]
    UnknownUser,
    /// Wrong password: lengthens the delay of this user and source.
    #[n(1)]
    WrongPassword,
    /// Wrong code after the right password: counts towards the lock.
    #[n(2)]
    WrongCode,
    /// No code where one was expected; does not count.
    #[n(3)]
    MalformedCode,
    /// The user has no enabled token.
    #[n(4)]
    NoToken,
    /// The user is disabled.
    #[n(5)]
    UserDisabled,
    /// The client is disabled.
    #[n(6)]
    ClientDisabled,
    /// The application is disabled.
    #[n(7)]
    ApplicationDisabled,
    /// The second factor is locked.
    #[n(8)]
    Locked,
    /// The right password, while the delay after wrong ones lasts.
    #[n(9)]
    PasswordDelayed,
    /// The password was changed since the challenge.
    #[n(10)]
    PasswordChanged,
    /// The State attribute cannot be opened.
    #[n(11)]
    UnreadableState,
    /// The State attribute belongs to another client or user.
    #[n(12)]
    ConversationMismatch,
    /// The challenge is too old.
    #[n(13)]
    ConversationExpired,
    /// Disabled or locked since the challenge.
    #[n(14)]
    Voided,
    /// The application asks for nothing that users of this client could prove.
    #[n(15)]
    NothingToProve,
    /// The directory has disabled the account, or no longer has it as a member.
    #[n(16)]
    DisabledInDirectory,
    /// The directory has locked the account.
    #[n(17)]
    LockedInDirectory,
    /// The account has expired in the directory.
    #[n(18)]
    ExpiredInDirectory,
    /// The password is right and has expired, or has to be changed first.
    #[n(19)]
    PasswordExpired,
    /// The directory permits no login at this time or from here.
    #[n(20)]
    NotPermittedNow,
    /// So many messages were sent today that no more are.
    #[n(23)]
    SendLimit,
    /// A code was sent, and the client cannot ask for it.
    #[n(24)]
    CodeSent,
    /// The user needs more than one factor, and the application lets in by one.
    #[n(29)]
    MfaRequired,
    /// The client lets nobody in from there.
    #[n(25)]
    NetworkBlocked,
    /// A rule refuses the login.
    #[n(26)]
    RefusedByRule,
    /// The user is in none of the groups that the client requires.
    #[n(27)]
    NotInGroups,
    /// The login was sent another way since the challenge.
    #[n(28)]
    PlanChanged,
    /// The key of a first token was shown, and its code was wrong too often.
    #[n(21)]
    NotEnrolled,
    /// Codes need a PIN before them, and the user has none.
    #[n(22)]
    NoPin,
}

impl Failure {
    /// The reason it becomes, unless the state knows a better one.
    pub fn reason(self) -> Reason {
        match self {
            Failure::UnknownUser => Reason::UnknownUser,
            Failure::WrongPassword => Reason::WrongPassword,
            Failure::WrongCode => Reason::WrongCode,
            Failure::MalformedCode => Reason::MalformedCode,
            Failure::NoToken => Reason::NoToken,
            Failure::UserDisabled => Reason::UserDisabled,
            Failure::ClientDisabled => Reason::ClientDisabled,
            Failure::ApplicationDisabled => Reason::ApplicationDisabled,
            Failure::Locked => Reason::Locked,
            Failure::PasswordDelayed => Reason::PasswordDelayed,
            Failure::PasswordChanged => Reason::PasswordChanged,
            Failure::UnreadableState => Reason::UnreadableState,
            Failure::ConversationMismatch => Reason::ConversationMismatch,
            Failure::ConversationExpired => Reason::ConversationExpired,
            Failure::Voided => Reason::Voided,
            Failure::NothingToProve => Reason::NothingToProve,
            Failure::DisabledInDirectory => Reason::DisabledInDirectory,
            Failure::LockedInDirectory => Reason::LockedInDirectory,
            Failure::ExpiredInDirectory => Reason::ExpiredInDirectory,
            Failure::PasswordExpired => Reason::PasswordExpired,
            Failure::NotPermittedNow => Reason::NotPermittedNow,
            Failure::SendLimit => Reason::SendLimit,
            Failure::CodeSent => Reason::CodeSent,
            Failure::MfaRequired => Reason::MfaRequired,
            Failure::NetworkBlocked => Reason::NetworkBlocked,
            Failure::RefusedByRule => Reason::RefusedByRule,
            Failure::NotInGroups => Reason::NotInGroups,
            Failure::PlanChanged => Reason::PlanChanged,
            Failure::NotEnrolled => Reason::NotEnrolled,
            Failure::NoPin => Reason::NoPin,
        }
    }
}

impl RecordFailure {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        let decided = decide_verdict(state, &self.judged, now_ms, |subject| self.judge(subject))?;
        let is_spent = decided.outcome
            == Outcome::Verdict {
                verdict: Verdict::Reject(Reason::ConversationSpent),
                replayed: false,
            };
        match is_spent {
            true => Ok(self.count_late(state, now_ms, decided)),
            false => Ok(decided),
        }
    }

    /// Of several guesses in answer to one challenge the first spends it. The others were guesses all the same.
    fn count_late(&self, state: &State, now_ms: u64, mut decided: Decided) -> Decided {
        let user = self.judged.user.and_then(|(id, _)| state.user(id));
        let is_open = |user: &&Arc<User>| user.enabled && !user.locked_at(now_ms);
        let event = match self.failure {
            Failure::WrongCode => user.filter(is_open).map(|user| counted(user, state.policy(), now_ms)),
            Failure::WrongPassword => user.map(|user| wrong_password(state, user, &self.judged, now_ms)),
            _ => None,
        };
        decided.events.splice(..0, event);
        decided
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Decided, Refusal> {
        match (self.failure, subject.user) {
            (Failure::WrongCode, Some(user)) => self.count_code(subject, user),
            (Failure::WrongPassword, Some(user)) => Ok(self.count_password(subject, user)),
            (Failure::WrongCode | Failure::WrongPassword, None) => Err(Refusal::Invalid(Field::Judgement)),
            // What the directory knows better: the password it once said was right is good for nothing any more.
            (
                failure @ (Failure::DisabledInDirectory
                | Failure::LockedInDirectory
                | Failure::ExpiredInDirectory
                | Failure::PasswordExpired),
                Some(user),
            ) if user.remembered.is_some() => {
                let forgotten = Event::PasswordForgotten { user: user.id };
                Ok(reject(&self.judged, failure.reason(), vec![forgotten]))
            }
            (failure, _) => Ok(reject(&self.judged, failure.reason(), Vec::new())),
        }
    }

    /// While the second factor is locked or the user barred, guesses are not judged, so they do not count either.
    fn count_code(&self, subject: &Subject<'_>, user: &User) -> Result<Decided, Refusal> {
        if !subject.asks_for_code() || !subject.password_settled() {
            return Err(Refusal::Invalid(Field::Judgement));
        }
        if let Some(reason) = subject.barred(user) {
            return Ok(reject(&self.judged, reason, Vec::new()));
        }
        let counted = counted(user, subject.policy, subject.now_ms);
        Ok(reject(&self.judged, Reason::WrongCode, vec![counted]))
    }

    /// Wrong passwords count for their source alone, and never towards the lock of the second factor.
    fn count_password(&self, subject: &Subject<'_>, user: &User) -> Decided {
        let counted = wrong_password(subject.state, user, &self.judged, subject.now_ms);
        reject(&self.judged, Reason::WrongPassword, vec![counted])
    }
}

/// One wrong password more from where it came.
fn wrong_password(state: &State, user: &User, judged: &Judged, now_ms: u64) -> Event {
    let source = PasswordSource::of(judged);
    let former = state.memory().delays.find(&(user.id, source.0));
    Event::WrongPasswordCounted {
        user: user.id,
        source,
        delay: PasswordDelay(Delay::after(former, now_ms)),
    }
}

/// One wrong code more, or the one too many.
fn counted(user: &User, policy: &Policy, now_ms: u64) -> Event {
    let failures = user.code_failures.saturating_add(1);
    match failures >= policy.max_code_failures {
        true => Event::UserLocked {
            user: user.id,
            until_ms: now_ms.saturating_add(policy.lock_ms),
        },
        false => Event::WrongCodeCounted {
            user: user.id,
            failures,
        },
    }
}
