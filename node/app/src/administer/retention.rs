//! How much of the audit is kept.

use quorate_core::change::SetRetention;
use quorate_core::{Actor, Change, Retention, Revision, limits as core_limits};

use super::{AdminError, Administrator};
use crate::fields::FieldErrors;

impl Administrator {
    /// Sets the whole retention rule; none limits nothing.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_retention(
        &self,
        actor: Actor,
        expected: Option<Revision>,
        max_age_ms: Option<u64>,
        max_bytes: Option<u64>,
    ) -> Result<Retention, AdminError> {
        let mut errors = FieldErrors::default();
        errors.require(
            max_age_ms.is_none_or(|age_ms| age_ms >= core_limits::RETENTION_AGE_MS_MIN),
            "max_age_ms",
            "is too short",
            "at least a day",
        );
        errors.require(
            max_bytes.is_none_or(|bytes| bytes >= core_limits::RETENTION_BYTES_MIN),
            "max_bytes",
            "is too few",
            "at least 1 MiB",
        );
        errors.finish()?;
        let change = Change::SetRetention(SetRetention {
            expected,
            max_age_ms,
            max_bytes,
        });
        self.administer(actor, vec![change]).await?;
        Ok(*self.state().retention())
    }
}
