//! What the handlers work with, shared by every listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::Registry;
use quorate_app::{Administrator, AuditArchive, AuditReader, Clock, HeadSigner, IssuedJoinToken, Replica};
use quorate_core::{Cidr, NodeId};
use zeroize::Zeroizing;

use crate::health::{ExtraCheck, Memory};
use crate::metrics::Refresh;
use crate::observe::Counts;

/// What the composition root hands over.
pub struct Deps {
    pub administrator: Arc<Administrator>,
    pub replica: Arc<dyn Replica>,
    pub archive: Arc<dyn AuditArchive>,
    pub signer: Arc<dyn HeadSigner>,
    pub clock: Arc<dyn Clock>,
    /// This node.
    pub node: NodeId,
    /// Where the metrics of all parts are; this crate adds `quorate_http_…`.
    pub registry: Registry,
    /// Called before each scrape, to set gauges. Must not block.
    pub refresh: Refresh,
    /// Further checks of `/readyz`.
    pub extra_checks: Vec<ExtraCheck>,
    /// From where `/metrics` may be read over TLS without a token; see [`crate::loopback`].
    pub scrape_from: Vec<Cidr>,
    /// `HOST:PORT` of this node's cluster port as other machines reach it, for the line that
    /// `quorate join-token create` prints.
    pub join_address: String,
    /// Writes a join token as one text, `qj1-…`.
    pub write_join_token: WriteJoinToken,
}

/// How a join token is written; the reader is in the part that joins.
pub type WriteJoinToken = Box<dyn Fn(&IssuedJoinToken) -> Zeroizing<String> + Send + Sync>;

/// A cheap handle on the shared parts.
#[derive(Clone)]
pub(crate) struct Site(Arc<Parts>);

/// The shared parts themselves.
pub(crate) struct Parts {
    pub(crate) administrator: Arc<Administrator>,
    pub(crate) replica: Arc<dyn Replica>,
    pub(crate) audit: AuditReader,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) node: NodeId,
    pub(crate) registry: Registry,
    pub(crate) refresh: Refresh,
    pub(crate) extra_checks: Vec<ExtraCheck>,
    pub(crate) scrape_from: Vec<Cidr>,
    pub(crate) join_address: String,
    pub(crate) write_join_token: WriteJoinToken,
    pub(crate) counts: Counts,
    pub(crate) readiness: Memory,
    started_ms: u64,
    requests: AtomicU64,
}

impl Site {
    pub(crate) fn new(deps: Deps) -> prometheus::Result<Self> {
        let counts = Counts::register(&deps.registry)?;
        let started_ms = deps.clock.now_ms();
        Ok(Self(Arc::new(Parts {
            administrator: deps.administrator,
            audit: AuditReader::new(Arc::clone(&deps.replica), deps.archive, deps.signer, deps.node),
            replica: deps.replica,
            clock: deps.clock,
            node: deps.node,
            registry: deps.registry,
            refresh: deps.refresh,
            extra_checks: deps.extra_checks,
            scrape_from: deps.scrape_from,
            join_address: deps.join_address,
            write_join_token: deps.write_join_token,
            counts,
            readiness: Memory::default(),
            started_ms,
            requests: AtomicU64::new(0),
        })))
    }

    /// Unique among all nodes and restarts, and no secret: node, start and count.
    pub(crate) fn next_request_id(&self) -> String {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("{}-{:x}-{count:x}", self.node, self.started_ms)
    }
}

impl std::ops::Deref for Site {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
