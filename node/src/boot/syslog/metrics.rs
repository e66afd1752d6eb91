//! Metrics of syslog, one series for each server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};
use quorate_alerts::syslog::Server;
use quorate_app::Replica;

/// Brought up to date just before a scrape.
pub struct Gauges {
    servers: Vec<(Arc<Server>, Arc<AtomicU64>)>,
    replica: Arc<dyn Replica>,
    connected: IntGaugeVec,
    queued: IntGaugeVec,
    behind: IntGaugeVec,
    sent: IntCounterVec,
    repeated: IntCounterVec,
    lost: IntCounterVec,
}

impl Gauges {
    /// Of these servers, each with the position that it has reached.
    pub fn register(
        registry: &Registry,
        servers: Vec<(Arc<Server>, Arc<AtomicU64>)>,
        replica: Arc<dyn Replica>,
    ) -> prometheus::Result<Gauges> {
        let gauge = |name: &str, help: &str| {
            let family = IntGaugeVec::new(Opts::new(name, help), &["server"])?;
            registry.register(Box::new(family.clone()))?;
            prometheus::Result::Ok(family)
        };
        let counter = |name: &str, help: &str| {
            let family = IntCounterVec::new(Opts::new(name, help), &["server"])?;
            registry.register(Box::new(family.clone()))?;
            prometheus::Result::Ok(family)
        };
        Ok(Gauges {
            connected: gauge(
                "quorate_syslog_connected",
                "1 while there is a connection to the syslog server; over UDP, while nobody has refused.",
            )?,
            queued: gauge("quorate_syslog_queued", "Messages that wait for the syslog server.")?,
            behind: gauge(
                "quorate_syslog_behind_records",
                "Newest audit records that may not have arrived at the syslog server, those of other nodes among them.",
            )?,
            sent: counter(
                "quorate_syslog_sent_total",
                "Messages handed to the kernel for the syslog server.",
            )?,
            repeated: counter(
                "quorate_syslog_repeated_total",
                "Messages sent once more because a connection to the syslog server broke.",
            )?,
            lost: counter(
                "quorate_syslog_lost_total",
                "Messages for which the syslog server's queue had no room.",
            )?,
            servers,
            replica,
        })
    }

    /// Reads every server's status.
    pub fn refresh(&self) {
        let records = self.replica.state().audit().next_seq();
        for (server, reached) in &self.servers {
            let status = server.status();
            let label = format!("{}://{}", status.transport, status.address);
            let behind = records.saturating_sub(reached.load(Ordering::Relaxed));
            let set = |family: &IntGaugeVec, value: u64| {
                family
                    .with_label_values(&[&label])
                    .set(i64::try_from(value).unwrap_or(i64::MAX));
            };
            set(&self.connected, u64::from(status.connected));
            set(&self.queued, status.queued);
            set(&self.behind, behind);
            let grow = |family: &IntCounterVec, value: u64| {
                let counter = family.with_label_values(&[&label]);
                counter.inc_by(value.saturating_sub(counter.get()));
            };
            grow(&self.sent, status.sent);
            grow(&self.repeated, status.repeated);
            grow(&self.lost, status.lost);
        }
    }
}
