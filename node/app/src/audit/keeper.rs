//! What every node does for the audit by itself: it signs the heads at which segments end; while it leads, it cuts off what
//! the retention rule gives up.

use std::sync::Arc;

use quorate_core::command::{PruneAudit, SignHead};
use quorate_core::{Command, NodeId};
use tokio::time::Instant;

use crate::limits;
use crate::ports::{Clock, HeadSigner, Replica};

/// Signs and prunes, in the background.
pub struct AuditKeeper {
    replica: Arc<dyn Replica>,
    signer: Arc<dyn HeadSigner>,
    clock: Arc<dyn Clock>,
    node: NodeId,
}

impl AuditKeeper {
    #[must_use]
    pub fn new(replica: Arc<dyn Replica>, signer: Arc<dyn HeadSigner>, clock: Arc<dyn Clock>, node: NodeId) -> Self {
        Self {
            replica,
            signer,
            clock,
            node,
        }
    }

    /// Looks again and again. Never returns.
    pub async fn run(&self) {
        loop {
            tokio::time::sleep(limits::AUDIT_KEEPING_INTERVAL).await;
            self.look().await;
        }
    }

    /// Proposes what is due now. What comes to nothing (no leader, pruned meanwhile) is due again the next time.
    pub async fn look(&self) {
        for command in self.due() {
            let deadline = Instant::now() + limits::ADMINISTRATION_DEADLINE;
            if let Err(error) = self.replica.propose(&command, deadline).await {
                tracing::debug!(%error, "the audit's keeping waits");
            }
        }
    }

    fn due(&self) -> Vec<Command> {
        let state = self.replica.state();
        let audit = state.audit();
        let mut commands = Vec::new();
        let newest = audit.seals().next_back().map(|(number, _)| number + 1);
        let checkpoint = audit.checkpoint().segment;
        for segments in [Some(checkpoint), newest].into_iter().flatten() {
            commands.extend(self.signature_due(segments));
        }
        if self.replica.status().leader == Some(self.node) {
            let now_ms = self.clock.now_ms().max(state.stamp().ms);
            let first_segment = audit.kept_by(state.retention(), now_ms);
            if first_segment > checkpoint {
                let node = self.node;
                commands.push(Command::PruneAudit(PruneAudit { node, first_segment }));
            }
        }
        commands
    }

    /// This node's signature over the head after so many segments, if it has not given it.
    fn signature_due(&self, segments: u64) -> Option<Command> {
        let state = self.replica.state();
        let records = segments * quorate_core::limits::RECORDS_PER_SEGMENT;
        let head = state.audit().boundary(records)?;
        let is_member = state.node(self.node).is_some();
        if !is_member || state.audit().signature(records, self.node).is_some() {
            return None;
        }
        let signature = self.signer.sign(records, &head)?;
        Some(Command::SignHead(SignHead {
            node: self.node,
            records,
            head,
            signature,
        }))
    }
}
