//! Reading the audit: list, follow, verify.
//!
//! The newest records are part of the replicated state; older ones lie in closed segments behind the
//! [`AuditArchive`] port. Here they are one sequence, by number, without gaps.
//!
//! Caveat: every call works on one snapshot of the state. Nothing is read that this node has not applied.

mod filter;
#[cfg(test)]
mod tests;
mod walk;

use std::io;
use std::sync::Arc;

use quorate_core::audit::{AuditRecord, ChainFault, Head, Verified};
use tokio::time::{Instant, timeout_at};

pub use self::filter::{AuditFilter, LoginResult};
use self::walk::Walk;
use crate::limits;
use crate::ports::{AuditArchive, Replica};

/// The audit of the cluster as this node holds it.
#[derive(Clone)]
pub struct AuditReader {
    replica: Arc<dyn Replica>,
    archive: Arc<dyn AuditArchive>,
}

/// Which records to list.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    pub filter: AuditFilter,
    /// Only records below this number: where the page before ended.
    pub before: Option<u64>,
    /// Most records to return; [`limits::AUDIT_PAGE`] if zero, never more than [`limits::AUDIT_PAGE_MAX`].
    pub limit: usize,
}

/// Records of a listing, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditPage {
    pub records: Vec<AuditRecord>,
    /// `before` for the next page; `None` when this was the last.
    pub next_before: Option<u64>,
}

/// New records since a number, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditTail {
    pub records: Vec<AuditRecord>,
    /// Where to go on: the number after the last record looked at, matching or not.
    pub next: u64,
}

/// Why the audit cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("an audit segment cannot be read")]
    Archive(#[from] io::Error),
    #[error("an audit record cannot be read")]
    Record(#[from] quorate_core::Undecodable),
    /// The chain does not hold: something was deleted, edited or moved.
    #[error("the audit chain is broken: {0}")]
    Chain(#[from] ChainFault),
}

impl AuditReader {
    #[must_use]
    pub fn new(replica: Arc<dyn Replica>, archive: Arc<dyn AuditArchive>) -> Self {
        Self { replica, archive }
    }

    /// The head over all records and how many there are: what to write down elsewhere, for [`verify`](Self::verify).
    #[must_use]
    pub fn head(&self) -> (Head, u64) {
        let state = self.replica.state();
        (state.audit().head(), state.audit().next_seq())
    }

    /// Lists records, newest first.
    ///
    /// # Errors
    /// [`AuditError`].
    pub async fn list(&self, query: AuditQuery) -> Result<AuditPage, AuditError> {
        let walk = self.walk();
        blocking(move || list(&walk, &query)).await
    }

    /// Waits until there are records from number `from` on, at most until `deadline`, and returns those that match.
    /// Returns without any when the deadline passes; ask again with `next`.
    ///
    /// # Errors
    /// [`AuditError`].
    pub async fn follow(&self, from: u64, filter: AuditFilter, deadline: Instant) -> Result<AuditTail, AuditError> {
        let mut applied = self.replica.applied();
        loop {
            applied.mark_unchanged();
            let walk = self.walk();
            let page = filter.clone();
            let tail = blocking(move || tail(&walk, from, &page)).await?;
            if !tail.records.is_empty() || tail.next.saturating_sub(from) >= limits::AUDIT_PAGE_MAX as u64 {
                return Ok(tail);
            }
            // Out of time, or the replica is shutting down.
            if !matches!(timeout_at(deadline, applied.changed()).await, Ok(Ok(()))) {
                return Ok(tail);
            }
        }
    }

    /// Recomputes the whole chain and compares it with a head known from elsewhere, or with the state's own.
    ///
    /// # Errors
    /// [`AuditError::Chain`] names the first place where it does not hold.
    pub async fn verify(&self, expected_head: Option<Head>) -> Result<Verified, AuditError> {
        let walk = self.walk();
        blocking(move || walk.verify(expected_head)).await
    }

    fn walk(&self) -> Walk {
        Walk::new(self.replica.state(), Arc::clone(&self.archive))
    }
}

fn list(walk: &Walk, query: &AuditQuery) -> Result<AuditPage, AuditError> {
    let limit = match query.limit {
        0 => limits::AUDIT_PAGE,
        limit => limit.min(limits::AUDIT_PAGE_MAX),
    };
    let mut records = Vec::new();
    let mut next_before = None;
    walk.newest_first(query.before, |record| {
        if records.len() == limit {
            next_before = records.last().map(|last: &AuditRecord| last.seq);
            return false;
        }
        if query.filter.matches(&record) {
            records.push(record);
        }
        true
    })?;
    Ok(AuditPage { records, next_before })
}

fn tail(walk: &Walk, from: u64, filter: &AuditFilter) -> Result<AuditTail, AuditError> {
    let mut tail = AuditTail {
        records: Vec::new(),
        next: from,
    };
    walk.oldest_first(from, |record| {
        tail.next = record.seq + 1;
        if filter.matches(&record) {
            tail.records.push(record);
        }
        tail.records.len() < limits::AUDIT_PAGE_MAX
    })?;
    Ok(tail)
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
