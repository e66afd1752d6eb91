//! Carrying messages to people.

use async_trait::async_trait;
use quorate_core::{Channel, CodeId, Report};
use tokio::time::Instant;
use zeroize::Zeroizing;

/// Carries messages to people.
#[async_trait]
pub trait Notifier: Send + Sync + 'static {
    /// Carries one message, once: what a gateway may have taken is given to no other. Returns by the deadline.
    async fn send(&self, message: Message, deadline: Instant) -> Delivery;
}

/// A code on its way. It holds the code and the address, so it has no `Debug`.
pub struct Message {
    /// Which code: for logs and gateways that want a reference.
    pub id: CodeId,
    pub channel: Channel,
    /// A number with its plus (E.164), or a mail address.
    pub address: Zeroizing<String>,
    pub code: Zeroizing<String>,
    /// How long the code is good, in ms.
    pub lifetime_ms: u64,
    /// The user's name.
    pub user: String,
}

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    pub report: Report,
    /// How many gateways were asked.
    pub attempts: u8,
}
