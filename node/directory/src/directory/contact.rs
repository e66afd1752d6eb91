//! Writing back where somebody is reached: the mobile number and the mail address, and nothing else.

use std::collections::HashSet;

use ldap3::Mod;
use tokio::time::Instant;

use super::{Denied, Directory, Unavailable, find::is_name, passwords::unknown, referral::Whereabouts};
use crate::{
    attempt::Attempt,
    failure::{Diagnostic, Failure, Operation},
    limits::WRITE_BACK_CHARS_MAX,
};

/// Where somebody is reached. What is nothing stays as it is; an empty text takes the attribute away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contact<'a> {
    /// The mobile number.
    pub mobile: Option<&'a str>,
    /// The mail address.
    pub mail: Option<&'a str>,
}

/// Why nothing was written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteBackError {
    /// Nobody has that name, or more than one.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The settings name no attribute for it.
    #[error("the settings name no attribute for {0}")]
    NoAttribute(&'static str),
    /// Too long, or with control characters.
    #[error("the value for {0} is too long, or has characters that cannot be there")]
    Value(&'static str),
    /// The service account may not, or the directory does not take the value.
    #[error("the directory refuses it: {0}")]
    NotPossible(Diagnostic),
    /// The directory does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Directory {
    /// Writes where somebody is reached into the directory.
    ///
    /// # Errors
    /// [`WriteBackError`].
    pub async fn write_back(&self, name: &str, contact: Contact<'_>, deadline: Instant) -> Result<(), WriteBackError> {
        if !is_name(name) {
            return Err(Denied::NotFound.into());
        }
        let changes = self.changes(contact)?;
        if changes.is_empty() {
            return Ok(());
        }
        let changes = &changes;
        self.stations
            .run(deadline, |attempt| Box::pin(self.write_back_at(attempt, name, changes)))
            .await?
    }

    async fn write_back_at(
        &self,
        attempt: Attempt,
        name: &str,
        changes: &[Mod<Vec<u8>>],
    ) -> Result<Result<(), WriteBackError>, Failure> {
        let mut service = attempt.fresh_service().await?;
        let hit = match self.seek(&mut service, &attempt, name).await? {
            Ok(hit) => hit,
            Err(error) => return Ok(Err(error.denied().into())),
        };
        let mut elsewhere;
        let connection = match &hit.whereabouts {
            Whereabouts::Here => &mut *service,
            there @ Whereabouts::Elsewhere(_) => {
                elsewhere = there.connect(&attempt).await?;
                attempt.log_in(&mut elsewhere).await?;
                &mut elsewhere
            }
        };
        let written = connection
            .modify(&hit.person.dn, changes.to_vec(), attempt.soon())
            .await;
        let answer = written.map_err(unknown)?;
        match answer.code {
            0 => Ok(Ok(())),
            10 | 51 | 52 => Err(answer.refusal(Operation::Modify)),
            _ => Ok(Err(WriteBackError::NotPossible(answer.diagnostic()))),
        }
    }

    fn changes(&self, contact: Contact<'_>) -> Result<Vec<Mod<Vec<u8>>>, WriteBackError> {
        let attributes = &self.what.attributes;
        let both = [
            ("mobile", &attributes.mobile, contact.mobile),
            ("mail", &attributes.mail, contact.mail),
        ];
        let wanted = both
            .into_iter()
            .filter_map(|(what, attribute, value)| Some((what, attribute, value?)));
        wanted
            .map(|(what, attribute, value)| {
                let attribute = attribute.as_deref().ok_or(WriteBackError::NoAttribute(what))?;
                if value.chars().count() > WRITE_BACK_CHARS_MAX || value.chars().any(char::is_control) {
                    return Err(WriteBackError::Value(what));
                }
                let values = Some(value.trim())
                    .filter(|value| !value.is_empty())
                    .map(|value| value.as_bytes().to_vec());
                Ok(Mod::Replace(attribute.as_bytes().to_vec(), HashSet::from_iter(values)))
            })
            .collect()
    }
}
