//! Messages on the node's own log, for as long as there is nothing else that carries them.

use async_trait::async_trait;
use quorate_app::{Delivery, Message, Notifier};
use quorate_core::Report;
use tokio::time::Instant;

/// Writes a message, code and all, to the log of this node.
pub struct Console;

#[async_trait]
impl Notifier for Console {
    async fn send(&self, message: Message, _deadline: Instant) -> Delivery {
        let (code, address) = (message.code.as_str(), message.address.as_str());
        tracing::warn!(
            channel = message.channel.label(),
            address,
            code,
            "there is no gateway: this message goes to the log"
        );
        Delivery {
            report: Report::Sent { gateway: None },
            attempts: 1,
        }
    }
}
