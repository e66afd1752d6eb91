//! New passwords: by the person, who proves the old one, or by the service account for somebody who has forgotten it.
//!
//! Active Directory takes them as the attribute unicodePwd and over TLS only; so do we, everywhere, whatever the directory would take. Others
//! have the operation of RFC 3062. Once a change was sent, no other controller is asked: whether it was made may not be known.

use ldap3::Mod;
use std::collections::HashSet;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{
    AuthenticateError, Denied, Directory, FindError, Unavailable,
    find::{Hit, is_name},
};
use crate::{
    active_directory,
    attempt::Attempt,
    connection::{Answer, Connection},
    failure::{Diagnostic, Failure, Operation},
    limits::PASSWORD_BYTES_MAX,
    ppolicy,
    settings::Kind,
};

const UNICODE_PASSWORD: &[u8] = b"unicodePwd";

/// Why a password is not changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChangeError {
    /// Nobody has that name, or more than one.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The directory does not take it, and says why.
    #[error(transparent)]
    Refused(#[from] PasswordRefused),
    /// A controller is asked in clear: no new password is sent over such a connection.
    #[error("passwords are not changed over a connection that is not encrypted")]
    NotPrivate,
    /// The service account may not, or the directory knows no such operation.
    #[error("the directory refuses the operation: {0}")]
    NotPossible(Diagnostic),
    /// The directory does not answer. After [`Failure::Unknown`] the password may be the new one.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a directory does not take a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// Fewer characters than the policy asks for.
    #[error("the new password is too short")]
    TooShort,
    /// More than the policy, or anybody, allows; or none at all.
    #[error("the new password is empty or too long")]
    TooLong,
    /// It was used before.
    #[error("the new password was used before")]
    InHistory,
    /// The present one has not been used long enough.
    #[error("the present password is too young to be changed")]
    TooYoung,
    /// It does not mix characters as the policy asks, or is too easy otherwise.
    #[error("the new password is too simple")]
    TooSimple,
    /// This person may not change the password.
    #[error("this password may not be changed")]
    NotAllowed,
    /// The old password is not right.
    #[error("the old password is wrong")]
    WrongOld,
    /// The policy is against it, and does not say which of its rules (Active Directory never does).
    #[error("the new password is against the directory's rules")]
    Policy,
    /// The account cannot be used.
    #[error(transparent)]
    Denied(Denied),
}

/// What is to be done to whose password.
struct Change<'a> {
    name: &'a str,
    old: Option<&'a str>,
    new: &'a str,
}

impl Directory {
    /// Changes a password for somebody who knows the old one.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn change_password(
        &self,
        name: &str,
        old: &Zeroizing<String>,
        new: &Zeroizing<String>,
        deadline: Instant,
    ) -> Result<(), ChangeError> {
        if old.is_empty() || old.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordRefused::WrongOld.into());
        }
        let old = Some(&old[..]);
        self.set_password(Change { name, old, new }, deadline).await
    }

    /// Sets a password by the right of the service account.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn reset_password(
        &self,
        name: &str,
        new: &Zeroizing<String>,
        deadline: Instant,
    ) -> Result<(), ChangeError> {
        let old = None;
        self.set_password(Change { name, old, new }, deadline).await
    }

    async fn set_password(&self, change: Change<'_>, deadline: Instant) -> Result<(), ChangeError> {
        if !is_name(change.name) {
            return Err(Denied::NotFound.into());
        }
        if change.new.is_empty() || change.new.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordRefused::TooLong.into());
        }
        let change = &change;
        self.stations
            .run(deadline, |attempt| Box::pin(self.set_password_at(attempt, change)))
            .await?
    }

    async fn set_password_at(&self, attempt: Attempt, change: &Change<'_>) -> Result<Result<(), ChangeError>, Failure> {
        if !attempt.controller().security.is_private() {
            return Ok(Err(ChangeError::NotPrivate));
        }
        // Never a kept connection: a change that was sent over a dead one could not be told from one that was made.
        let mut service = attempt.fresh_service().await?;
        let hit = match self.seek(&mut service, &attempt, change.name).await? {
            Ok(hit) => hit,
            Err(error) => return Ok(Err(error.denied().into())),
        };
        match self.what.kind {
            Kind::ActiveDirectory => self.set_unicode_password(hit, &mut service, &attempt, change).await,
            Kind::Ldap => self.modify_password(hit, &mut service, &attempt, change).await,
        }
    }

    /// Taking the old value away and putting the new one there is a change by the person, whoever is logged in; replacing it is a reset
    /// ([MS-ADTS] §3.1.1.3.1.5). So it works for those as well who cannot log in before they have changed it.
    async fn set_unicode_password(
        &self,
        hit: Hit,
        service: &mut Connection,
        attempt: &Attempt,
        change: &Change<'_>,
    ) -> Result<Result<(), ChangeError>, Failure> {
        let name = || UNICODE_PASSWORD.to_vec();
        let value = |password| HashSet::from([active_directory::unicode_password(password).to_vec()]);
        let changes = match change.old {
            Some(old) => vec![Mod::Delete(name(), value(old)), Mod::Add(name(), value(change.new))],
            None => vec![Mod::Replace(name(), value(change.new))],
        };
        let mut elsewhere;
        let connection = match &hit.whereabouts {
            super::referral::Whereabouts::Here => service,
            there @ super::referral::Whereabouts::Elsewhere(_) => {
                elsewhere = there.connect(attempt).await?;
                attempt.log_in(&mut elsewhere).await?;
                &mut elsewhere
            }
        };
        let answer = connection
            .modify(&hit.person.dn, changes, attempt.soon())
            .await
            .map_err(unknown)?;
        concluded(answer, Operation::Modify)
    }

    async fn modify_password(
        &self,
        hit: Hit,
        service: &mut Connection,
        attempt: &Attempt,
        change: &Change<'_>,
    ) -> Result<Result<(), ChangeError>, Failure> {
        let dn = &hit.person.dn;
        let mut own;
        let connection = match change.old {
            None => service,
            Some(old) => {
                own = hit.whereabouts.connect(attempt).await?;
                let answer = own.bind(dn, old, attempt.soon()).await?;
                if let Err(denied) = self.may_change(answer, &hit)? {
                    return Ok(Err(denied));
                }
                &mut own
            }
        };
        let changed = connection
            .modify_password(dn, change.old, change.new, attempt.soon())
            .await;
        concluded(changed.map_err(unknown)?, Operation::PasswordModify)
    }

    /// Who must change the password may do nothing else, and is let in for that.
    fn may_change(&self, answer: Answer, hit: &Hit) -> Result<Result<(), ChangeError>, Failure> {
        let was_let_in = answer.is_success();
        let judged = super::authenticate::judged(answer, hit.person.state)?;
        Ok(match judged {
            Ok(_) => Ok(()),
            Err(Denied::MustChangePassword) if was_let_in => Ok(()),
            Err(Denied::WrongPassword) => Err(PasswordRefused::WrongOld.into()),
            Err(denied) => Err(denied.into()),
        })
    }
}

impl From<FindError> for ChangeError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Unavailable(unavailable) => Self::Unavailable(unavailable),
            other => Self::Denied(other.denied()),
        }
    }
}

impl From<AuthenticateError> for ChangeError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Denied(denied) => Self::Denied(denied),
            AuthenticateError::Unavailable(unavailable) => Self::Unavailable(unavailable),
        }
    }
}

/// A change that was sent and not answered.
pub(super) fn unknown(failure: Failure) -> Failure {
    Failure::Unknown(Box::new(failure))
}

fn concluded(answer: Answer, operation: Operation) -> Result<Result<(), ChangeError>, Failure> {
    if answer.is_success() {
        return Ok(Ok(()));
    }
    let by_policy = answer.policy().error.map(refused_by_policy);
    let refused = by_policy.or_else(|| active_directory::password_refused(&answer.text));
    match (refused, answer.code) {
        (Some(refused), _) => Ok(Err(refused.into())),
        (None, 19) => Ok(Err(PasswordRefused::Policy.into())),
        (None, 49) => Ok(Err(PasswordRefused::WrongOld.into())),
        (None, 10 | 51 | 52) => Err(answer.refusal(operation)),
        (None, _) => Ok(Err(ChangeError::NotPossible(answer.diagnostic()))),
    }
}

fn refused_by_policy(error: ppolicy::Error) -> PasswordRefused {
    match error {
        ppolicy::Error::TooShort => PasswordRefused::TooShort,
        ppolicy::Error::TooLong => PasswordRefused::TooLong,
        ppolicy::Error::InHistory => PasswordRefused::InHistory,
        ppolicy::Error::TooYoung => PasswordRefused::TooYoung,
        ppolicy::Error::InsufficientQuality => PasswordRefused::TooSimple,
        ppolicy::Error::ModificationNotAllowed => PasswordRefused::NotAllowed,
        ppolicy::Error::MustSupplyOldPassword => PasswordRefused::WrongOld,
        ppolicy::Error::PasswordExpired => PasswordRefused::Denied(Denied::PasswordExpired),
        ppolicy::Error::AccountLocked => PasswordRefused::Denied(Denied::Locked),
        ppolicy::Error::ChangeAfterReset => PasswordRefused::Denied(Denied::MustChangePassword),
    }
}
