//! Alerts by mail, through the cluster's own gateways.

use std::sync::Arc;

use async_trait::async_trait;
use quorate_alerts::{Alert, AlertSink, DeliveryError, rfc3339};
use quorate_app::Replica;
use quorate_delivery::MailAddress;
use tokio::time::Instant;

use crate::boot::gateways::{Gateways, Letter};

/// Somebody who is told by mail.
pub struct Mail {
    pub gateways: Arc<Gateways>,
    pub replica: Arc<dyn Replica>,
    pub to: MailAddress,
}

#[async_trait]
impl AlertSink for Mail {
    fn name(&self) -> String {
        self.to.as_str().to_owned()
    }

    async fn deliver(&self, alert: &Alert) -> Result<(), DeliveryError> {
        let gateways: Vec<_> = self.replica.state().gateways().cloned().collect();
        let letter = Letter {
            // Sent again it is the same letter, which mail programs show once.
            reference: alert.id.as_str(),
            to: &self.to,
            subject: subject(alert),
            text: text(alert),
        };
        let deadline = Instant::now() + quorate_alerts::limits::ATTEMPT;
        let sent = self.gateways.post(&gateways, letter, deadline).await;
        sent.map_err(DeliveryError::Later)
    }
}

fn subject(alert: &Alert) -> String {
    let rule = alert.rule.label().replace('_', " ");
    let about = match alert.subject.as_str() {
        "" => String::new(),
        subject => format!(" ({subject})"),
    };
    format!("Quorate {}: {rule}{about}: {}", alert.node, alert.phase.label())
}

fn text(alert: &Alert) -> String {
    format!(
        "{}\n\nNode: {}\nSince: {}\nTold: {}\nHow often: {}\nUrgency: {}\n",
        alert.text,
        alert.node,
        rfc3339(alert.since_ms).unwrap_or_default(),
        rfc3339(alert.at_ms).unwrap_or_default(),
        alert.count,
        alert.urgency.label()
    )
}
