//! Whether a password is somebody's: the service account finds the entry, and a connection of its own binds as it. That connection is kept for
//! the next bind, since a handshake costs both ends more than the rest of a login, and nothing else is ever asked on it.
//!
//! The controller's verdict counts. What the entry says of the account (closed, ended, reset) is looked at only after the password was
//! right, for directories that do not look at it themselves: who knows no password learns nothing of the account.

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{
    Directory, FindError, Unavailable,
    find::{Hit, is_name},
    referral::Whereabouts,
};
use crate::{
    active_directory,
    attempt::Attempt,
    connection::Answer,
    failure::{Failure, Operation},
    limits::PASSWORD_BYTES_MAX,
    person::{AccountState, PasswordWarning, Person},
    ppolicy,
};

/// Why somebody is not let in. Which of these is told to whom is not this crate's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody has that name, or who has it is not to be a member.
    #[error("nobody of that name")]
    NotFound,
    /// More than one entry matches the name.
    #[error("more than one entry matches that name")]
    Ambiguous,
    /// The password is not right; or is empty, and was not even sent.
    #[error("wrong password")]
    WrongPassword,
    /// An administrator has closed the account.
    #[error("the account is disabled")]
    Disabled,
    /// Too many wrong passwords.
    #[error("the account is locked")]
    Locked,
    /// The account's time is over.
    #[error("the account has expired")]
    Expired,
    /// The password is too old.
    #[error("the password has expired")]
    PasswordExpired,
    /// The password has to be changed first.
    #[error("the password must be changed")]
    MustChangePassword,
    /// Not at this hour.
    #[error("not permitted at this time")]
    NotPermittedNow,
    /// Not from this machine, or not in this way.
    #[error("not permitted from here")]
    NotPermittedHere,
}

/// Why somebody is not let in, or why nobody knows.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuthenticateError {
    /// The directory says no.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The directory says nothing.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What need not be asked.
pub(crate) fn check(name: &str, password: &str) -> Result<(), Denied> {
    if !is_name(name) {
        return Err(Denied::NotFound);
    }
    // RFC 4513 §5.1.2: a bind without password succeeds, as nobody.
    match password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
        true => Err(Denied::WrongPassword),
        false => Ok(()),
    }
}

/// What a controller says of a password.
type Judged = Result<Option<PasswordWarning>, Denied>;

impl Directory {
    /// Whether this is the person's password; who it is, with groups.
    ///
    /// # Errors
    /// [`AuthenticateError`].
    pub async fn authenticate(
        &self,
        name: &str,
        password: &Zeroizing<String>,
        deadline: Instant,
    ) -> Result<Person, AuthenticateError> {
        check(name, password)?;
        let verdict = self
            .stations
            .run(deadline, |attempt| {
                Box::pin(self.authenticate_at(attempt, name, password))
            })
            .await?;
        verdict.map_err(AuthenticateError::Denied)
    }

    pub(crate) async fn authenticate_at(
        &self,
        attempt: Attempt,
        name: &str,
        password: &str,
    ) -> Result<Result<Person, Denied>, Failure> {
        let mut service = attempt.service().await?;
        let mut hit = match self.seek(&mut service, &attempt, name).await? {
            Ok(hit) => hit,
            Err(error) => return Ok(Err(error.denied())),
        };
        match self.judge(&hit, &attempt, password).await? {
            Ok(warning) => hit.person.password_warning = warning,
            Err(denied) => return Ok(Err(denied)),
        }
        self.with_groups(hit, &mut service, &attempt).await.map(Ok)
    }

    /// Binds as who was found.
    pub(super) async fn judge(&self, hit: &Hit, attempt: &Attempt, password: &str) -> Result<Judged, Failure> {
        let dn = &hit.person.dn;
        let answer = match &hit.whereabouts {
            Whereabouts::Here => {
                let mut connection = attempt.judging().await?;
                connection.bind(dn, password, attempt.soon()).await?
            }
            Whereabouts::Elsewhere(there) => {
                let mut connection = attempt.fresh_at(there).await?;
                connection.bind(dn, password, attempt.soon()).await?
            }
        };
        judged(answer, hit.person.state)
    }
}

impl FindError {
    /// A person that cannot be found cannot be let in. (Unavailable is dealt with before.)
    pub(super) fn denied(&self) -> Denied {
        match self {
            Self::Ambiguous => Denied::Ambiguous,
            Self::NotFound | Self::NoName { .. } | Self::Unavailable(_) => Denied::NotFound,
        }
    }
}

pub(super) fn judged(answer: Answer, state: AccountState) -> Result<Judged, Failure> {
    let policy = answer.policy();
    if answer.is_success() {
        return Ok(accepted(policy, state));
    }
    let by_policy = policy.error.and_then(denied_by_policy);
    let denied = by_policy.or_else(|| active_directory::denied(&answer.text));
    match (denied, answer.code) {
        (Some(denied), _) => Ok(Err(denied)),
        // A locked account says only that the password is wrong, unless the directory was told to say more.
        (None, 49) => Ok(Err(match state {
            AccountState::Locked => Denied::Locked,
            _ => Denied::WrongPassword,
        })),
        (None, 32) => Ok(Err(Denied::NotFound)),
        // No password in the entry, or one that cannot be used so.
        (None, 48) => Ok(Err(Denied::WrongPassword)),
        // 389 Directory Server: too many tries; account inactivated.
        (None, 19) => Ok(Err(Denied::Locked)),
        (None, 53) => Ok(Err(Denied::Disabled)),
        (None, 50) => Ok(Err(Denied::NotPermittedHere)),
        _ => Err(answer.refusal(Operation::Bind)),
    }
}

fn accepted(policy: ppolicy::Response, state: AccountState) -> Judged {
    if let Some(denied) = policy.error.and_then(denied_by_policy) {
        return Err(denied);
    }
    match state {
        AccountState::Disabled => Err(Denied::Disabled),
        AccountState::Expired => Err(Denied::Expired),
        AccountState::MustChangePassword => Err(Denied::MustChangePassword),
        // The bind succeeded: a lock has ended meanwhile, and grace logins are the directory's to give.
        AccountState::Enabled | AccountState::Locked | AccountState::PasswordExpired => {
            Ok(policy.warning.map(|warning| match warning {
                ppolicy::Warning::SecondsLeft(seconds) => PasswordWarning::ExpiresInSeconds(seconds),
                ppolicy::Warning::GraceLoginsLeft(logins) => PasswordWarning::GraceLoginsLeft(logins),
            }))
        }
    }
}

fn denied_by_policy(error: ppolicy::Error) -> Option<Denied> {
    match error {
        ppolicy::Error::PasswordExpired => Some(Denied::PasswordExpired),
        ppolicy::Error::AccountLocked => Some(Denied::Locked),
        ppolicy::Error::ChangeAfterReset => Some(Denied::MustChangePassword),
        _ => None,
    }
}
