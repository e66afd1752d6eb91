//! Which gateway a message goes to, and who has it when that one fails.
//!
//! The gateways that serve channel and recipient are asked in the order of their priority; those that back off come after the others. The next
//! one is asked only when the former *certainly* did not take the message. When that is unknown, sending ends, because one person would get
//! two messages: unless the gateway's `retry_unknown` says that this is better than none.
//!
//! Caveats
//! - One message is in one hand. Who hands the same message over twice at once sends it twice; the outbox in the replicated state is what
//!   prevents it.
//! - A dropped `send` may have sent the message: to be treated like an unknown outcome.
//! - Health and rates are this node's own. With several nodes that send, a provider sees the sum.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    attempt::{Outcome, Sent, Step},
    gateway::{ConsoleWriter, Next, Running},
    health::GatewayStatus,
    limits::GATEWAYS,
    message::Message,
    problem::Problem,
    settings::Gateway,
};

/// All gateways of a node, at work.
pub struct Routes {
    gateways: Vec<Running>,
    console: ConsoleWriter,
}

/// What a test of a gateway showed, server by server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReport {
    /// The gateway's name.
    pub gateway: String,
    /// One for each of its servers; each that accepted has sent a message.
    pub servers: Vec<ServerTest>,
}

/// What a test of one server showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTest {
    /// `host:port`.
    pub server: String,
    /// What was done, in order. The last one failed if the outcome is not an acceptance.
    pub steps: Vec<Step>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Routes {
    /// Puts `gateways` to work. One whose settings cannot be used on this node (a CA file that is missing, say) does not hold up the
    /// others; [`status`](Routes::status) says why it is out.
    ///
    /// # Errors
    ///
    /// When two have the same name, or there are too many: then nobody could tell what is meant.
    pub fn new(gateways: &[Gateway], console: ConsoleWriter) -> Result<Self, Vec<Problem>> {
        let none = Self {
            gateways: Vec::new(),
            console,
        };
        none.with(gateways)
    }

    /// The same with other settings. A gateway that keeps its name keeps its counts and its health; rates begin anew.
    ///
    /// # Errors
    ///
    /// As for [`new`](Routes::new).
    pub fn with(&self, gateways: &[Gateway]) -> Result<Self, Vec<Problem>> {
        check_names(gateways)?;
        let health = |name: &str| {
            let former = self.find(name).map(|former| former.health.clone());
            former.unwrap_or_default()
        };
        let run = |gateway: &Gateway| Running::new(gateway.clone(), health(&gateway.name), self.console.clone());
        Ok(Self {
            gateways: gateways.iter().map(run).collect(),
            console: self.console.clone(),
        })
    }

    /// Sends `message` by the first gateway that takes it. Nothing is begun after `deadline`, and what is under way then is given up.
    pub async fn send(&self, message: &Message, deadline: Instant) -> Sent {
        let mut attempts = Vec::new();
        for gateway in self.order(message) {
            match gateway.deliver(message, deadline, &mut attempts).await {
                Next::Delivered(reference) => {
                    let gateway = gateway.settings.name.clone();
                    return Sent::Delivered {
                        gateway,
                        reference,
                        attempts,
                    };
                }
                Next::AskAnother => {}
                Next::Stop => break,
            }
        }
        Sent::Failed { attempts }
    }

    /// Whether any gateway serves the message's channel and recipient.
    #[must_use]
    pub fn serves(&self, message: &Message) -> bool {
        self.gateways.iter().any(|gateway| serves(gateway, message))
    }

    /// How all gateways are doing, in the order of the settings.
    #[must_use]
    pub fn status(&self) -> Vec<GatewayStatus> {
        let now = Instant::now();
        let status = |gateway: &Running| {
            let settings = &gateway.settings;
            gateway
                .health
                .status(&settings.name, settings.enabled, gateway.unusable(), now)
        };
        self.gateways.iter().map(status).collect()
    }

    /// Sends `message` through every server of one gateway, whatever its filters, rate and health say, and tells each step. Nothing if there is
    /// no gateway of this name.
    pub async fn test(&self, gateway: &str, message: &Message, deadline: Instant) -> Option<TestReport> {
        let gateway = self.find(gateway)?;
        let mut servers = Vec::new();
        if !gateway.unusable().is_empty() {
            servers.push(ServerTest {
                server: String::new(),
                steps: Vec::new(),
                outcome: Outcome::Unreachable {
                    reason: gateway.unusable().to_owned(),
                },
            });
        }
        for (at, server) in gateway.servers().iter().enumerate() {
            let (outcome, blame, steps) = gateway.attempt(at, message, deadline).await;
            gateway.record(&outcome, blame);
            servers.push(ServerTest {
                server: server.clone(),
                steps,
                outcome,
            });
        }
        Some(TestReport {
            gateway: gateway.settings.name.clone(),
            servers,
        })
    }

    /// The gateways for `message`, in the order in which they are asked.
    fn order(&self, message: &Message) -> Vec<&Running> {
        let now = Instant::now();
        let mut serving: Vec<&Running> = self
            .gateways
            .iter()
            .filter(|gateway| serves(gateway, message))
            .collect();
        // Stable: of two with the same priority the one that stands first in the settings.
        serving.sort_by_key(|gateway| (gateway.health.is_backing_off(now), gateway.settings.priority));
        serving
    }

    fn find(&self, name: &str) -> Option<&Running> {
        self.gateways.iter().find(|gateway| gateway.settings.name == name)
    }
}

fn serves(gateway: &Running, message: &Message) -> bool {
    gateway.settings.serves(message.channel(), message.to())
}

fn check_names(gateways: &[Gateway]) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    if gateways.len() > GATEWAYS {
        let problem = format!("are more than {GATEWAYS}");
        problems.push(Problem {
            field: "gateways".to_owned(),
            problem,
        });
    }
    for (index, gateway) in gateways.iter().enumerate() {
        if gateways[..index].iter().any(|before| before.name == gateway.name) {
            problems.push(Problem {
                field: format!("gateways[{index}].name"),
                problem: "is the name of another gateway too".to_owned(),
            });
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.gateways.iter().map(|gateway| &gateway.settings.name);
        f.debug_list().entries(names).finish()
    }
}

const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Arc<Routes>>();
};
