//! The audit to syslog: every node sends what it judged and what it was asked, from the replicated audit, to each server by itself.
//!
//! Which node sends a record is written in the record: the one that judged the login, or was asked for the change. So in ordinary running
//! every record is sent once, whoever leads, and a change of the leader changes nothing here. The audit itself is the buffer: while
//! a server is away, its follower waits, and its *position* in the data directory says from where to go on, also after a restart.
//!
//! At least once: the position moves on only over what has arrived as far as TCP can tell (see `quorate_alerts::syslog`). A crash therefore
//! repeats the last seconds. What a node had not sent when it was removed or replaced is sent again by the node that removed it: its
//! last [`TAKEN_OVER`] records, each with `for_node`.
//!
//! Caveats: a server sees nothing of a node that has no `[[syslog]]` for it. A server that is new in the configuration gets what happens from
//! then on. Records that a retention rule gave up before they were sent are gone, and that is said. Over UDP nothing is promised.

mod follower;
mod metrics;
mod position;
mod shape;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quorate_alerts::Dice;
use quorate_alerts::syslog::{Origin, Server, ServerSettings};
use quorate_app::{AuditReader, Entropy as _, Replica};
use quorate_core::NodeId;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::follower::Follower;
use self::metrics::Gauges;
use self::position::Position;
use super::BootError;
use super::system::SystemEntropy;

/// Records of a removed node that are sent again. Nobody knows how far it had come; this is a minute of a busy node.
const TAKEN_OVER: usize = 1_000;

/// What following the audit takes.
pub struct Deps {
    pub reader: AuditReader,
    pub replica: Arc<dyn Replica>,
    /// This node, whose records are sent.
    pub node: NodeId,
    /// Its name: HOSTNAME in each message.
    pub name: String,
}

/// The followers of a node, one for each server.
pub struct Reporting {
    followers: JoinSet<()>,
    stop: watch::Sender<bool>,
    servers: Vec<Arc<Server>>,
    gauges: Arc<Gauges>,
}

impl Reporting {
    /// Connects and follows in the background. `folder` is where positions are kept.
    ///
    /// # Errors
    /// Settings that `Config::load` would have refused, or metrics that exist already.
    pub fn start(
        settings: &[ServerSettings],
        deps: &Deps,
        folder: &Path,
        registry: &prometheus::Registry,
    ) -> Result<Reporting, BootError> {
        let state = |error: &dyn std::fmt::Display| BootError::State(error.to_string());
        let origin = Origin {
            host: deps.name.clone(),
            process: std::process::id(),
        };
        let (stop, stopping) = watch::channel(false);
        let mut followers = JoinSet::new();
        let mut servers = Vec::new();
        for settings in settings {
            let server = Server::start(settings.clone(), origin.clone(), dice()).map_err(|error| state(&error))?;
            let server = Arc::new(server);
            let position = Position::of(folder, settings);
            let reached = position.reached.clone();
            servers.push((server.clone(), reached));
            followers.spawn(Follower::new(deps, server, position).run(stopping.clone()));
        }
        let all = servers.iter().map(|(server, _)| server.clone()).collect();
        let gauges = Gauges::register(registry, servers, deps.replica.clone()).map_err(|error| state(&error))?;
        Ok(Reporting {
            followers,
            stop,
            servers: all,
            gauges: Arc::new(gauges),
        })
    }

    /// Where anything else can be reported, too.
    pub fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    /// What brings its metrics up to date.
    pub fn gauges(&self) -> Arc<Gauges> {
        self.gauges.clone()
    }

    /// Sends what is left, for a few seconds at most, and keeps the positions.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.followers.join_next().await.is_some() {}
    }
}

/// Jitter for reconnecting and trying again.
pub fn dice() -> Dice {
    Arc::new(|| {
        let mut bytes = [0; 4];
        SystemEntropy.fill(&mut bytes);
        u32::from_ne_bytes(bytes)
    })
}

/// Between two looks at the audit when there was little to send: a burst travels as one, and a look is not free.
const PAUSE: Duration = Duration::from_millis(100);
