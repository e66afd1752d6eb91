//! The parts of one running node, as its tasks share them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use openraft::StoredMembership;
use quorate_storage::SnapshotStore;
use tokio::sync::Semaphore;

use crate::digest::Digests;
use crate::disk::Disk;
use crate::fence::Fence;
use crate::ledger::Ledger;
use crate::node::Identity;
use crate::ports::{Log, Network, Waiting};
use crate::proposer::Proposer;
use crate::standing::Gate;
use crate::status::Tally;
use crate::store::{LogGauges, MachineThread};
use crate::transport::peers::{Peers, Seen};
use crate::types::Engine;
use crate::{Admission, Config, NodeInfo, PeerService};

pub struct Shared {
    pub id: u64,
    pub identity: Identity,
    pub info: NodeInfo,
    pub config: Config,
    pub engine: Engine,
    pub network: Arc<dyn Network>,
    pub waiting: Waiting,
    pub peers: Arc<Peers>,
    pub ledger: Arc<Ledger>,
    pub gate: Arc<Gate>,
    pub fence: Arc<Fence>,
    pub disk: Arc<Disk>,
    pub digests: Arc<Digests>,
    pub tally: Arc<Tally>,
    pub proposer: Arc<Proposer>,
    pub machine: MachineThread,
    pub log: Arc<dyn Log>,
    pub log_gauges: Arc<LogGauges>,
    pub snapshots: Arc<SnapshotStore>,
    pub admission: Arc<dyn Admission>,
    pub service: Option<Arc<dyn PeerService>>,
    /// One permit per joiner being served.
    pub joiners: Semaphore,
}

impl Shared {
    /// Whom this node leads or follows. A leader that has not been heard for twice its lease is followed no more.
    pub fn leader(&self) -> Option<u64> {
        let leader = self.engine.metrics().borrow().current_leader?;
        let lease = Duration::from_millis(self.config.election_max_ms);
        (leader == self.id || self.gate.heard().elapsed() <= 2 * lease).then_some(leader)
    }

    pub fn leads(&self) -> bool {
        self.leader() == Some(self.id)
    }

    /// Whether a peer, as its last probe showed it, has its disk in order and its clock in time.
    pub fn is_well(&self, seen: &Seen) -> bool {
        seen.disk_in_order && self.fence.is_in_time(seen.wall_now_ms())
    }

    pub fn membership(&self) -> Arc<StoredMembership<u64, NodeInfo>> {
        self.engine.metrics().borrow().membership_config.clone()
    }

    pub fn nodes(&self) -> BTreeMap<u64, NodeInfo> {
        self.membership()
            .nodes()
            .map(|(id, info)| (*id, info.clone()))
            .collect()
    }
}
