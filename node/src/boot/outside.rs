//! Gateways and directories as this node has seen them: for Prometheus, and for the rules of alerts.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};
use quorate_alerts::Fact;
use quorate_app::{Administrator, DirectoryStanding, GatewayStanding};

/// Looks at what stands outside of the cluster and is needed by it.
#[derive(Clone)]
pub struct Outside {
    administrator: Arc<Administrator>,
}

impl Outside {
    pub fn new(administrator: Arc<Administrator>) -> Self {
        Self { administrator }
    }

    /// Whether each answers.
    pub fn facts(&self) -> Vec<Fact> {
        let gateways = self.gateways().into_iter().map(|(name, standing)| Fact::Gateway {
            name,
            down: (!standing.well).then_some(standing.said),
        });
        let directories = self.directories().into_iter().map(|(name, standing)| Fact::Directory {
            name,
            down: why_down(&standing),
        });
        gateways.chain(directories).collect()
    }

    fn gateways(&self) -> Vec<(String, GatewayStanding)> {
        let state = self.administrator.state();
        let enabled = state.gateways().filter(|gateway| gateway.enabled);
        enabled
            .map(|gateway| (gateway.name.to_string(), self.administrator.gateway_standing(gateway)))
            .collect()
    }

    fn directories(&self) -> Vec<(String, DirectoryStanding)> {
        let state = self.administrator.state();
        let enabled = state.directories().filter(|directory| directory.enabled);
        enabled
            .map(|directory| {
                let standing = self.administrator.directory_standing(directory);
                (directory.name.to_string(), standing)
            })
            .collect()
    }
}

/// A directory is down when none of its controllers is well.
fn why_down(standing: &DirectoryStanding) -> Option<String> {
    let controllers = &standing.controllers;
    let down = !controllers.is_empty() && controllers.iter().all(|(_, well, _)| !well);
    let said = || {
        controllers
            .iter()
            .map(|(controller, _, said)| format!("{controller}: {said}"))
    };
    down.then(|| said().collect::<Vec<_>>().join("; "))
}

/// The same as gauges.
pub struct OutsideGauges {
    outside: Outside,
    gateway_up: IntGaugeVec,
    messages: IntCounterVec,
    controller_up: IntGaugeVec,
    /// Labels that were set, so that what is deleted disappears.
    shown: Mutex<BTreeSet<(String, Option<String>)>>,
}

impl OutsideGauges {
    /// # Errors
    /// A name is taken.
    pub fn register(registry: &Registry, outside: Outside) -> prometheus::Result<Self> {
        let gauges = Self {
            outside,
            gateway_up: IntGaugeVec::new(
                Opts::new(
                    "quorate_gateway_up",
                    "Whether a gateway took the last message that this node gave it.",
                ),
                &["gateway"],
            )?,
            messages: IntCounterVec::new(
                Opts::new(
                    "quorate_gateway_attempts_total",
                    "What came of messages that this node gave, or would have given, to a gateway.",
                ),
                &["gateway", "outcome"],
            )?,
            controller_up: IntGaugeVec::new(
                Opts::new(
                    "quorate_directory_controller_up",
                    "Whether a controller of a directory answered this node last.",
                ),
                &["directory", "controller"],
            )?,
            shown: Mutex::default(),
        };
        registry.register(Box::new(gauges.gateway_up.clone()))?;
        registry.register(Box::new(gauges.messages.clone()))?;
        registry.register(Box::new(gauges.controller_up.clone()))?;
        Ok(gauges)
    }

    /// Brings them up to date.
    pub fn refresh(&self) {
        let mut seen = BTreeSet::new();
        for (name, standing) in self.outside.gateways() {
            self.gateway_up
                .with_label_values(&[name.as_str()])
                .set(i64::from(standing.well));
            let counts = [
                ("sent", standing.sent),
                ("failed", standing.failed),
                ("unknown", standing.unknown),
                ("rate_limited", standing.rate_limited),
            ];
            for (outcome, count) in counts {
                let counter = self.messages.with_label_values(&[name.as_str(), outcome]);
                counter.inc_by(count.saturating_sub(counter.get()));
            }
            seen.insert((name, None));
        }
        for (name, standing) in self.outside.directories() {
            for (controller, well, _) in standing.controllers {
                self.controller_up
                    .with_label_values(&[name.as_str(), controller.as_str()])
                    .set(i64::from(well));
                seen.insert((name.clone(), Some(controller)));
            }
        }
        let mut shown = self.shown.lock();
        for (name, controller) in shown.difference(&seen) {
            // Counts stay: one that began anew would look like a restart.
            let _ = match controller {
                None => self.gateway_up.remove_label_values(&[name.as_str()]),
                Some(controller) => self
                    .controller_up
                    .remove_label_values(&[name.as_str(), controller.as_str()]),
            };
        }
        *shown = seen;
    }
}
