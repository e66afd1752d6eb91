//! All rules of a node.

use super::watch::{Said, Watch};
use super::{Alert, AlertId, Fact, Phase, Rule};
use crate::syslog::{Kind, Record};

/// Facts in, alerts out. It does nothing by itself: [`Machine::due`] wants to be asked about once a second.
pub struct Machine {
    node: String,
    watches: Vec<Watch>,
    /// Time never runs back in here, whatever a clock does.
    now_ms: u64,
}

impl Machine {
    /// These rules, in the words of this node. They must have been checked.
    #[must_use]
    pub fn new(rules: Vec<Rule>, node: &str, now_ms: u64) -> Self {
        Machine {
            node: node.to_owned(),
            watches: rules.into_iter().map(|rule| Watch::new(rule, now_ms)).collect(),
            now_ms,
        }
    }

    /// Shows a fact to every rule. `now_ms` is the time in ms since 1970.
    pub fn observe(&mut self, now_ms: u64, fact: &Fact) {
        self.now_ms = self.now_ms.max(now_ms);
        for watch in &mut self.watches {
            watch.observe(self.now_ms, fact);
        }
    }

    /// What somebody has to be told now.
    #[must_use = "what is due is due once"]
    pub fn due(&mut self, now_ms: u64) -> Vec<Alert> {
        self.now_ms = self.now_ms.max(now_ms);
        let mut alerts = Vec::new();
        for (place, watch) in self.watches.iter_mut().enumerate() {
            let kind = watch.kind();
            for said in watch.due(self.now_ms) {
                alerts.push(Alert {
                    id: AlertId::of(
                        &self.node,
                        place,
                        &said.subject,
                        said.news.phase,
                        said.news.since_ms,
                        self.now_ms,
                    ),
                    node: self.node.clone(),
                    rule: kind,
                    phase: said.news.phase,
                    urgency: kind.urgency(),
                    count: said.news.count,
                    since_ms: said.news.since_ms,
                    at_ms: self.now_ms,
                    text: text(&said, self.now_ms),
                    subject: said.subject,
                });
            }
        }
        alerts
    }
}

fn text(said: &Said, now_ms: u64) -> String {
    let lasted_s = now_ms.saturating_sub(said.news.since_ms) / 1_000;
    match (said.news.phase, said.news.count) {
        (Phase::Begun, _) => said.sentence.clone(),
        (Phase::Continues, 0) => format!("still, for {lasted_s} s: {}", said.sentence),
        (Phase::Continues, count) => format!("again, {count} times since the last message: {}", said.sentence),
        (Phase::Over, _) => format!("over, {lasted_s} s after it began: {}", said.sentence),
    }
}

impl Alert {
    /// The alert as a syslog record.
    #[must_use]
    pub fn to_record(&self) -> Record {
        let kind = match self.phase {
            Phase::Over => Kind::AlertOver,
            Phase::Begun | Phase::Continues => Kind::Alert,
        };
        Record {
            at_ms: self.at_ms,
            kind,
            name: format!("alert_{}", self.rule.label()),
            facts: vec![
                ("alert", self.id.to_string()),
                ("phase", self.phase.label().to_owned()),
                ("urgency", self.urgency.label().to_owned()),
                ("subject", self.subject.clone()),
                ("count", self.count.to_string()),
            ],
            text: self.text.clone(),
            seq: None,
        }
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
