//! Telling others what happens: every audit record to syslog servers, and what needs a person as an alert.
//!
//! ```text
//! audit record ──▶ syslog::Record ──▶ Server (queue, reconnect) ──▶ UDP, TCP or TLS        one Server per configured server
//!
//! what is noticed ──▶ Fact ──▶ Machine (pure: rules, hold-down) ──▶ Alert ──▶ Outbox (queue, retry) ──▶ AlertSink
//!                                                                                                       Webhook, e-mail, …
//! ```
//!
//! Nothing here decides about a login, and no login waits for anything here: what is offered is put into a bounded queue, or counted as
//! lost. The crate knows no other crate of Quorate: `boot` turns audit records and the node's standing into [`syslog::Record`] and
//! [`Fact`].
//!
//! What comes in is hostile: a user name is whatever bytes a stranger typed. Every text goes through one place that
//! lets no control character out ([`syslog::encode`]), so that nobody can forge a line of somebody's log.
//!
//! Caveats
//! - Syslog has no acknowledgement. What "sent" means, and what is repeated after a broken connection, is said in [`syslog`].
//! - The rules see what they are shown. Two nodes that are shown the same each raise the alert; who delivers it is the caller's to
//!   decide.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may stop at the first surprise"))]

mod backoff;
mod delivery;
pub mod limits;
mod problem;
mod rules;
pub mod syslog;
mod timestamp;
mod tls;

pub use backoff::{Backoff, Dice};
pub use delivery::{
    AlertSink, DeliveryError, Outbox, OutboxStatus, Webhook, WebhookError, WebhookSecret, WebhookSettings, sign, verify,
};
pub use problem::Problem;
pub use rules::{Alert, AlertId, Fact, Machine, Phase, Rule, RuleKind, Urgency};
pub use timestamp::rfc3339;
pub use tls::TlsError;
