//! Proposing an administrative command until its outcome is known, and what can go wrong with one.

use std::time::Duration;

use quorate_core::command::{Administer, TryChange};
use quorate_core::{
    Actor, Change, Command, Field, Fingerprint, Lockouts, Outcome, PendingId, Permission, Refusal, Revision,
    limits as core_limits,
};
use tokio::time::Instant;

use super::Administrator;
use crate::fields::FieldError;
use crate::hash_queue::HashRefused;
use crate::limits;
use crate::ports::{ProposeError, Proposed};
use crate::propose::propose_until_known;

/// Why an administrative request was not carried out; ordered by who can do something about it.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The request: every bad field of it. Nothing was changed.
    #[error("{}", list(.0))]
    Invalid(Vec<FieldError>),
    /// The request: there is no such object. Nothing was changed.
    #[error("there is no such {what}")]
    NotFound { what: &'static str },
    /// The request: another object has the name. Nothing was changed.
    #[error("the name is taken")]
    NameTaken,
    /// The request: the object was changed by somebody else since it was read. Nothing was changed.
    #[error("it was changed meanwhile; read it again and repeat the change")]
    Conflict,
    /// The request: something still refers to the object. Nothing was changed.
    #[error("it is still in use")]
    InUse,
    /// A directory owns it. Nothing was changed.
    #[error("a directory owns this: change it there")]
    OfDirectory,
    /// The user: the former password is wrong. Nothing was changed.
    #[error("the former password is wrong")]
    WrongPassword,
    /// The user: the former password was wrong too often. Nothing was changed.
    #[error("there were too many wrong passwords; wait a minute and try again")]
    TooManyTries,
    /// The actor may not do this. Nothing was changed.
    #[error("not allowed")]
    NotAllowed,
    /// The actor's role has not this permission. Nothing was changed.
    #[error("the permission {} is missing", .0.label())]
    Missing(Permission),
    /// It belongs to a role above the actor's. Nothing was changed.
    #[error("its role is above the one that asks")]
    AboveRole,
    /// Users who can log in now could not after it. Nothing was changed.
    #[error("it would lock out {} users who can log in now", .0.users)]
    WouldLockOut(Lockouts),
    /// These users could not log in after it. It was only asked: nothing was changed.
    #[error("it would lock out {} users who can log in now; nothing was changed, as was asked", .0.users)]
    Previewed(Lockouts),
    /// Nobody would be left who may do everything. Nothing was changed.
    #[error("it is the last super admin; make another one first")]
    LastSuperAdmin,
    /// A change of the object waits for its confirmation. Nothing was changed.
    #[error("a change of it waits for its confirmation: confirm {0} or take it back first")]
    Waits(PendingId),
    /// The replicated state refused for another reason. Nothing was changed.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The cluster: no quorum. Nothing was changed.
    #[error("no quorum: this node reaches no majority of the cluster; nothing was changed")]
    NoQuorum,
    /// The cluster: too much waits. Nothing was changed.
    #[error("the node is overloaded; nothing was changed, try again")]
    Overloaded,
    /// No answer in time: the change may have been made or not.
    #[error("no answer in time; whether the change was made is not known, so look before you repeat it")]
    Unknown,
    /// A directory does not answer. Nothing was changed but what was acknowledged before.
    #[error("the directory cannot be asked: {0}")]
    Directory(String),
    /// A directory does not do it. Nothing was changed.
    #[error("the directory refuses it: {0}")]
    DirectoryRefuses(String),
    /// A synchronisation would part with more users than is likely. It parted with nobody.
    #[error(
        "{leaving} of {of} users would be let in no more, and {allowed} may at once; nobody was parted with. If it is meant, \
         say so (allow_leavers: {leaving})"
    )]
    TooManyLeave { leaving: u64, of: u64, allowed: u64 },
    /// The request: rows of an import cannot be made. Nothing was changed.
    #[error("{0} rows of the import are wrong, or cannot be made any more; nothing was changed")]
    RowsWrong(u64),
    /// A stored secret does not open: this node has another key.
    #[error("a stored secret does not open under this node's application key")]
    Seal(#[from] quorate_seal::SealError),
}

fn list(errors: &[FieldError]) -> String {
    let sentences: Vec<String> = errors.iter().map(ToString::to_string).collect();
    sentences.join("; ")
}

impl AdminError {
    /// One field of the request that is wrong.
    pub(crate) fn field(field: &str, problem: &str, hint: &str) -> Self {
        AdminError::Invalid(vec![FieldError::new(field, problem, hint)])
    }
}

impl From<Vec<FieldError>> for AdminError {
    fn from(errors: Vec<FieldError>) -> Self {
        AdminError::Invalid(errors)
    }
}

impl From<ProposeError> for AdminError {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::Unknown => AdminError::Unknown,
            ProposeError::NoLeader => AdminError::NoQuorum,
            ProposeError::Overloaded => AdminError::Overloaded,
        }
    }
}

impl From<HashRefused> for AdminError {
    fn from(_: HashRefused) -> Self {
        AdminError::Overloaded
    }
}

impl From<Refusal> for AdminError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict | Refusal::Stale => AdminError::Conflict,
            Refusal::NotFound => AdminError::NotFound { what: "object" },
            Refusal::NameTaken => AdminError::NameTaken,
            Refusal::NotAllowed => AdminError::NotAllowed,
            Refusal::InUse => AdminError::InUse,
            Refusal::PasswordDelayed => AdminError::TooManyTries,
            Refusal::OfDirectory => AdminError::OfDirectory,
            Refusal::Missing(permission) => AdminError::Missing(permission),
            Refusal::AboveRole => AdminError::AboveRole,
            Refusal::LastSuperAdmin => AdminError::LastSuperAdmin,
            Refusal::Waits(pending) => AdminError::Waits(pending),
            Refusal::Invalid(Field::ConfirmWithin) => cannot_wait(),
            Refusal::Invalid(field) => AdminError::field(field.label(), "is out of its bounds", ""),
            Refusal::TooOld
            | Refusal::ClockAhead
            | Refusal::IdTaken
            | Refusal::LimitReached
            | Refusal::NotFounded
            | Refusal::AlreadyFounded
            | Refusal::Expired
            | Refusal::Spent
            | Refusal::NotYet
            | Refusal::NotOverdue
            | Refusal::SendLimit => AdminError::Refused(refusal),
        }
    }
}

impl Administrator {
    /// Makes these changes as one, and waits until they can be read here. The new revision of all they touched.
    pub(super) async fn administer(&self, actor: Actor, changes: Vec<Change>) -> Result<Revision, AdminError> {
        self.administer_within(actor, changes, limits::ADMINISTRATION_DEADLINE)
            .await
    }

    pub(super) async fn administer_within(
        &self,
        actor: Actor,
        changes: Vec<Change>,
        patience: Duration,
    ) -> Result<Revision, AdminError> {
        self.take_care(actor, &changes).await?;
        let command = match self.within_ms {
            None => Command::Administer(self.as_one(actor, changes)),
            Some(within_ms) => self.attempt(actor, changes, within_ms)?,
        };
        match self.submit(&command, patience).await? {
            Outcome::Done { revision } => Ok(revision),
            other => Err(unexpected(other)),
        }
    }

    /// These changes, all or none.
    pub(super) fn as_one(&self, actor: Actor, changes: Vec<Change>) -> Administer {
        Administer {
            request: self.request(),
            actor,
            node: self.node,
            changes,
        }
    }

    /// A change that waits for its confirmation.
    fn attempt(&self, actor: Actor, changes: Vec<Change>, within_ms: u64) -> Result<Command, AdminError> {
        let lasts = core_limits::CONFIRM_WITHIN_MS;
        if !lasts.contains(&within_ms) {
            let hint = format!("{} to {} (a day)", lasts.start(), lasts.end());
            return Err(AdminError::field("confirm_within_ms", "is out of its bounds", &hint));
        }
        let [change] = <[Change; 1]>::try_from(changes).map_err(|_| cannot_wait())?;
        Ok(Command::TryChange(TryChange {
            request: self.request(),
            actor,
            node: self.node,
            change,
            pending: PendingId(self.random_id()),
            within_ms,
        }))
    }

    /// Makes these changes as one, or says which of them was refused, and why. For those who go on without it.
    pub(super) async fn propose_changes(
        &self,
        actor: Actor,
        changes: Vec<Change>,
        patience: Duration,
    ) -> Result<Option<(usize, Refusal)>, AdminError> {
        let command = Command::Administer(self.as_one(actor, changes));
        let deadline = Instant::now() + patience;
        let Proposed { index, outcome } = propose_until_known(&*self.replica, &command, deadline).await?;
        match outcome {
            Outcome::Done { .. } => {
                // The changes are made; being late here only means that this node does not show them yet.
                let _ = self.replica.wait_applied(index, deadline).await;
                Ok(None)
            }
            Outcome::ChangeRefused { index: at, refusal } => {
                // By what it was refused, this node has to have before anybody looks why.
                let _ = self.replica.wait_applied(index, deadline).await;
                Ok(Some((at as usize, refusal)))
            }
            Outcome::Refused(refusal) => Err(refusal.into()),
            other => Err(unexpected(other)),
        }
    }

    /// Proposes any command until its outcome is known, and waits until the local state has it.
    pub(super) async fn submit(&self, command: &Command, patience: Duration) -> Result<Outcome, AdminError> {
        let deadline = Instant::now() + patience;
        let Proposed { index, outcome } = propose_until_known(&*self.replica, command, deadline).await?;
        match outcome {
            Outcome::Refused(refusal) | Outcome::ChangeRefused { refusal, .. } => Err(refusal.into()),
            Outcome::Verdict { .. } | Outcome::Done { .. } | Outcome::Node(_) | Outcome::Queued { .. } => {
                // The change is made; being late here only means that this node does not show it yet.
                let _ = self.replica.wait_applied(index, deadline).await;
                Ok(outcome)
            }
        }
    }

    /// A request id: the same command proposed twice is recognised by it.
    pub(super) fn request(&self) -> Fingerprint {
        Fingerprint(self.random())
    }
}

/// What cannot be taken back by itself.
fn cannot_wait() -> AdminError {
    AdminError::field(
        "confirm_within_ms",
        "does not go with this change",
        "changes of rules, clients, applications, directories and the policy can wait, and of what is new, rules",
    )
}

/// An outcome of another command's kind: the log would have to be damaged.
pub(super) fn unexpected(outcome: Outcome) -> AdminError {
    tracing::error!(?outcome, "a command came to an outcome of another kind");
    AdminError::Unknown
}
