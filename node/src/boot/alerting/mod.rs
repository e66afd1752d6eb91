//! Alerts: what this node notices goes through the rules of the configuration, and what they say to webhooks and mailboxes, to its syslog
//! servers and to its log.
//!
//! Of itself every node speaks: its quorum, its clock, its certificates, the gateways and directories as it has seen them. Of what all nodes see alike in the audit (lockouts, failure rate)
//! the leader speaks for all; the others follow, so that a new leader knows what was said. A leader that dies between noticing and telling
//! takes that message along; what goes on is told again an interval later.
//!
//! Caveats: rules about backups may be configured, and have nothing to look at yet. What
//! waits for a webhook is in memory, and a stop of the node forgets it.

mod mail;
mod notice;

use std::sync::Arc;
use std::time::Duration;

use quorate_alerts::syslog::Server;
use quorate_alerts::{Alert, Dice, Fact, Machine, Outbox, RuleKind, Webhook};
use quorate_app::{AuditFilter, AuditReader, Clock as _, Replica};
use quorate_core::audit::AuditRecord;
use quorate_raft::{Raft, Role};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use self::mail::Mail;
pub use self::notice::Certificates;
use self::notice::{audit, clock, of_record, quorum};
use super::BootError;
use super::gateways::Gateways;
use super::outside::Outside;
use super::system::SystemClock;
use crate::config::Config;

/// Between two looks: the shortest time that a rule can be asked to wait is a second.
const LOOK: Duration = Duration::from_millis(500);

/// Records of one look.
const PAGE: usize = 1_000;

/// Pause when the audit cannot be read at the moment.
const AGAIN: Duration = Duration::from_secs(5);

/// What alerting looks at.
pub struct Deps {
    pub reader: AuditReader,
    pub replica: Arc<dyn Replica>,
    pub raft: Raft,
    pub certificates: Certificates,
    pub outside: Outside,
    /// What carries alerts by mail.
    pub gateways: Arc<Gateways>,
    /// Alerts are records of syslog, too.
    pub syslog: Vec<Arc<Server>>,
}

/// Starts looking, as a task among `background`; without a rule, nothing.
///
/// # Errors
/// A webhook's secret cannot be read: better said when the node starts than when it is needed.
pub fn start(config: &Config, deps: Deps, dice: &Dice, background: &mut JoinSet<()>) -> Result<(), BootError> {
    if config.alerts.is_empty() {
        return Ok(());
    }
    for rule in config.alerts.iter().filter(|rule| is_idle(rule.rule)) {
        tracing::warn!(
            rule = rule.rule.label(),
            "this rule has nothing to look at yet and will say nothing"
        );
    }
    let outbox = |settings| {
        let webhook = Webhook::new(settings).map_err(|error| BootError::Refused(error.to_string()))?;
        Ok(Outbox::start(Box::new(webhook), dice.clone()))
    };
    let mut outboxes = config
        .webhooks
        .iter()
        .map(outbox)
        .collect::<Result<Vec<_>, BootError>>()?;
    outboxes.extend(config.mails.iter().map(|to| {
        let mail = Mail {
            gateways: deps.gateways.clone(),
            replica: deps.replica.clone(),
            to: to.clone(),
        };
        Outbox::start(Box::new(mail), dice.clone())
    }));
    let machine = Machine::new(config.alerts.clone(), &config.node.name, SystemClock.now_ms());
    let follows = config.alerts.iter().any(|rule| rule.rule.is_of_the_cluster());
    let next = deps.replica.state().audit().next_seq();
    let watch = Watch {
        machine,
        outboxes,
        next,
        deps,
    };
    background.spawn(watch.run(follows));
    Ok(())
}

struct Watch {
    machine: Machine,
    outboxes: Vec<Outbox>,
    /// The first audit record that was not looked at.
    next: u64,
    deps: Deps,
}

impl Watch {
    /// Never returns.
    async fn run(mut self, follows: bool) {
        loop {
            let deadline = Instant::now() + LOOK;
            if follows {
                // Records may be slow to read; clock and quorum must not wait for them.
                let _ = timeout(AGAIN, self.follow(deadline)).await;
            }
            sleep(deadline.saturating_duration_since(Instant::now())).await;
            self.look();
            self.tell();
        }
    }

    async fn follow(&mut self, deadline: Instant) {
        let read = self
            .deps
            .reader
            .follow(self.next, AuditFilter::default(), PAGE, deadline)
            .await;
        match read {
            Ok(page) => {
                let state = self.deps.replica.state();
                for record in &page.records {
                    self.show(record, &of_record(&state, record));
                }
                self.next = self.next.max(page.left.start);
            }
            Err(error) => {
                tracing::warn!(%error, "alerts cannot read the audit; trying again");
                sleep(AGAIN).await;
            }
        }
    }

    fn show(&mut self, record: &AuditRecord, facts: &[Fact]) {
        for fact in facts {
            self.machine.observe(record.at_ms, fact);
        }
    }

    fn look(&mut self) {
        let now_ms = SystemClock.now_ms();
        let status = self.deps.raft.status();
        let certificates = self.deps.certificates.facts(now_ms);
        let outside = self.deps.outside.facts();
        let own = [
            quorum(&status),
            clock(&status),
            audit(self.deps.reader.archive_standing()),
        ];
        for fact in own.iter().chain(&certificates).chain(&outside) {
            self.machine.observe(now_ms, fact);
        }
    }

    fn tell(&mut self) {
        let leads = self.deps.raft.status().role == Role::Leader;
        for alert in self.machine.due(SystemClock.now_ms()) {
            if !alert.rule.is_of_the_cluster() || leads {
                self.send(alert);
            }
        }
    }

    fn send(&self, alert: Alert) {
        tracing::warn!(
            alert = %alert.id, rule = alert.rule.label(), phase = alert.phase.label(), subject = alert.subject, text = alert.text,
            "alert"
        );
        let record = alert.to_record();
        for server in &self.deps.syslog {
            server.offer(&record);
        }
        let alert = Arc::new(alert);
        for outbox in &self.outboxes {
            outbox.offer(alert.clone());
        }
    }
}

/// Rules that have nothing to look at yet.
fn is_idle(rule: RuleKind) -> bool {
    matches!(rule, RuleKind::BackupFailed | RuleKind::BackupOld)
}
