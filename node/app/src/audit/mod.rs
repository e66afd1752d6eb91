//! Reading the audit: list, follow, verify, take along. And keeping it: heads are signed, and what a rule gives up is cut off.
//!
//! The newest records are part of the replicated state; older ones lie in closed segments behind the
//! [`AuditArchive`] port, which also finds them by user, client, result and time. Here they are one sequence, by number, without gaps.
//!
//! Caveat: every call works on one snapshot of the state. Nothing is read that this node has not applied.

mod filter;
mod keeper;
mod keys;
mod search;
#[cfg(test)]
mod tests;
mod verify;
mod walk;

use std::io;
use std::ops::Range;
use std::sync::Arc;

use quorate_core::audit::{AuditRecord, ChainFault, Head, HeadSignature, Segment};
use quorate_core::{NodeId, State};
use tokio::time::{Instant, timeout_at};

pub use self::filter::{AuditFilter, LoginResult};
pub use self::keeper::AuditKeeper;
pub use self::keys::AuditKeys;
use self::search::{Found, Search};
pub use self::verify::{SignedHead, VerifiedAudit};
use self::walk::Walk;
use crate::limits;
use crate::ports::{ArchiveStanding, AuditArchive, HeadSigner, Order, Replica};

/// The audit of the cluster as this node holds it.
#[derive(Clone)]
pub struct AuditReader {
    replica: Arc<dyn Replica>,
    archive: Arc<dyn AuditArchive>,
    signer: Arc<dyn HeadSigner>,
    node: NodeId,
}

/// Which records to list.
#[derive(Debug, Clone)]
pub struct AuditQuery {
    pub filter: AuditFilter,
    /// Only records of these numbers.
    pub range: Range<u64>,
    pub order: Order,
    /// Most records to return; never more than [`limits::AUDIT_PAGE_MAX`].
    pub limit: usize,
    /// When to stop looking, where no index helps.
    pub deadline: Instant,
}

/// Records of a listing, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditPage {
    pub records: Vec<AuditRecord>,
    /// Where to go on: the part of the range that was not looked at. Empty after the last page.
    pub left: Range<u64>,
    /// Records that were looked for and could not be read on this node; they are being fetched from others.
    pub unavailable: u64,
}

/// How the audit stands on this node.
#[derive(Debug, Clone)]
pub struct AuditStanding {
    /// The state it is as of.
    pub state: Arc<State>,
    pub archive: ArchiveStanding,
    /// Signed heads, each with whether the signature is good.
    pub signed: Vec<SignedHead>,
}

/// The head of this instant, with this node's word for it: what to keep elsewhere.
#[derive(Debug, Clone)]
pub struct HeadNow {
    pub records: u64,
    pub head: Head,
    pub node: NodeId,
    /// None where this node has no key to sign with.
    pub signature: Option<HeadSignature>,
}

/// Why the audit cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A closed segment is missing or damaged on this node. It is being fetched from another one.
    #[error("audit segment {number} cannot be read on this node")]
    Segment {
        number: u64,
        #[source]
        source: io::Error,
    },
    #[error("the audit archive cannot be read")]
    Archive(#[from] io::Error),
    #[error("an audit record cannot be read")]
    Record(#[from] quorate_core::Undecodable),
    /// The chain does not hold: something was deleted, edited or moved.
    #[error("the audit chain is broken: {0}")]
    Chain(#[from] ChainFault),
}

impl AuditReader {
    #[must_use]
    pub fn new(
        replica: Arc<dyn Replica>,
        archive: Arc<dyn AuditArchive>,
        signer: Arc<dyn HeadSigner>,
        node: NodeId,
    ) -> Self {
        Self {
            replica,
            archive,
            signer,
            node,
        }
    }

    /// The head of this instant, signed by this node.
    #[must_use]
    pub fn head(&self) -> HeadNow {
        let state = self.replica.state();
        let (records, head) = (state.audit().next_seq(), state.audit().head());
        HeadNow {
            records,
            head,
            node: self.node,
            signature: self.signer.sign(records, &head),
        }
    }

    /// How the audit stands on this node.
    #[must_use]
    pub fn standing(&self) -> AuditStanding {
        let state = self.replica.state();
        AuditStanding {
            archive: self.archive.standing(state.audit()),
            signed: verify::signed_heads(state.audit(), &*self.signer),
            state,
        }
    }

    /// How much of the audit is on this node. Cheap: asked with every listing.
    #[must_use]
    pub fn archive_standing(&self) -> ArchiveStanding {
        self.archive.standing(self.replica.state().audit())
    }

    /// Lists records.
    ///
    /// # Errors
    /// [`AuditError`].
    pub async fn list(&self, query: AuditQuery) -> Result<AuditPage, AuditError> {
        loop {
            let walk = self.walk();
            let begins = walk.records().start;
            let asked = query.clone();
            let page = blocking(move || list(&walk, &asked)).await?;
            // Segments may have been given up while they were read; then they are no longer to be missed.
            let pruned = self.replica.state().audit().checkpoint().first_seq() != begins;
            if page.unavailable == 0 || !pruned {
                return Ok(page);
            }
        }
    }

    /// Waits until there are records from number `from` on that match, at most until `deadline`, and returns them, oldest
    /// first. Without any when the deadline passes; ask again from the start of what is left.
    ///
    /// # Errors
    /// [`AuditError`].
    pub async fn follow(
        &self,
        from: u64,
        filter: AuditFilter,
        limit: usize,
        deadline: Instant,
    ) -> Result<AuditPage, AuditError> {
        let mut applied = self.replica.applied();
        let mut from = from;
        loop {
            applied.mark_unchanged();
            let query = AuditQuery {
                filter: filter.clone(),
                range: from..u64::MAX,
                order: Order::OldestFirst,
                limit,
                deadline: deadline.max(Instant::now() + limits::AUDIT_LOOK),
            };
            let page = self.list(query).await?;
            if !page.records.is_empty() || !page.left.is_empty() {
                return Ok(page);
            }
            from = from.max(page.left.start);
            // Out of time, or the replica is shutting down.
            if !matches!(timeout_at(deadline, applied.changed()).await, Ok(Ok(()))) {
                return Ok(page);
            }
        }
    }

    /// Recomputes the whole chain, compares it with a head known from elsewhere, or with the state's own, and checks every
    /// signed head.
    ///
    /// # Errors
    /// [`AuditError::Chain`] names the first place where it does not hold.
    pub async fn verify(&self, expected_head: Option<Head>) -> Result<VerifiedAudit, AuditError> {
        let (walk, signer) = (self.walk(), self.signer.clone());
        blocking(move || verify::verify(&walk, expected_head, &*signer)).await
    }

    /// A segment as it lies on every node, for an auditor to take along; the open one as it is now.
    ///
    /// # Errors
    /// [`AuditError`]; none where there is no such segment.
    pub async fn segment(&self, number: u64) -> Result<Option<Arc<Segment>>, AuditError> {
        let walk = self.walk();
        let chain = walk.chain();
        if number == chain.open_segment() {
            return Ok(Some(Arc::new(chain.open_as_segment())));
        }
        if chain.seal(number).is_none() {
            return Ok(None);
        }
        blocking(move || walk.segment(number).map(Some)).await
    }

    fn walk(&self) -> Walk {
        Walk::new(self.replica.state(), Arc::clone(&self.archive))
    }
}

fn list(walk: &Walk, query: &AuditQuery) -> Result<AuditPage, AuditError> {
    let search = Search {
        walk,
        filter: &query.filter,
        keys: query.filter.keys(),
        order: query.order,
        limit: query.limit.min(limits::AUDIT_PAGE_MAX),
        deadline: query.deadline.into_std(),
    };
    let Found {
        records,
        left,
        unavailable,
    } = search.run(query.range.clone())?;
    Ok(AuditPage {
        records,
        left,
        unavailable,
    })
}

/// Segments are files and records are decoded by the thousand: off the threads that serve.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, AuditError> + Send + 'static,
) -> Result<T, AuditError> {
    match tokio::task::spawn_blocking(read).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::other("the runtime is shutting down").into()),
    }
}
