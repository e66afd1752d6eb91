//! Getting alerts to whoever wants them.
//!
//! An [`AlertSink`] makes one attempt: a webhook here, e-mail or anything else elsewhere. An [`Outbox`] is what it is put into: a
//! bounded queue, attempts with backoff, and a status. So a new way of delivery has to know nothing of retrying.
//!
//! Caveat: what waits is in memory. A node that is killed forgets it; what goes on is raised again by the rules.

mod outbox;
mod signature;
mod webhook;

use async_trait::async_trait;

use crate::rules::Alert;

pub use outbox::{Outbox, OutboxStatus};
pub use signature::{WebhookSecret, sign, verify};
pub use webhook::{Webhook, WebhookError, WebhookSettings};

/// One way to tell somebody.
///
/// An attempt may have been heard although it failed: the same alert then comes again under the same [`Alert::id`], which a sink passes on so
/// that the receiver can tell (a webhook as `Idempotency-Key`; a mail would use it in its `Message-ID`).
#[async_trait]
pub trait AlertSink: Send + Sync + 'static {
    /// What to call it in a status: a URL without its query, a mail address.
    fn name(&self) -> String;

    /// Makes one attempt. Bounded in time by the outbox, which drops the future then.
    ///
    /// # Errors
    /// [`DeliveryError`] says whether it is worth trying again.
    async fn deliver(&self, alert: &Alert) -> Result<(), DeliveryError>;
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It may work later: nobody answers, or the receiver is in trouble.
    #[error("{0}")]
    Later(String),
    /// The receiver does not want it, and will hardly change its mind.
    #[error("refused: {0}")]
    Refused(String),
}
