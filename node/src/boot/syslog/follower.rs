//! Follows the audit for one server.

use std::sync::Arc;
use std::time::Duration;

use quorate_alerts::syslog::{Kind, Record, Server};
use quorate_app::{AuditError, AuditFilter, AuditPage, AuditQuery, AuditReader, Order, Replica};
use quorate_core::NodeId;
use quorate_core::audit::{AuditRecord, Entry};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::position::{Position, Start};
use super::{Deps, PAUSE, TAKEN_OVER, shape};

/// How long one look waits for news: the position is kept about as often, too.
const LOOK: Duration = Duration::from_secs(2);

/// Records of one look: half a megabyte, and what a queue takes at once.
const PAGE: usize = 1_000;

/// Pause when records are not on this node at the moment; it is fetching them.
const FETCHING: Duration = Duration::from_secs(5);

/// Time to send what was judged last when the node stops. Half for handing it over, half for the server to take it.
const FAREWELL: Duration = Duration::from_secs(3);

pub struct Follower {
    reader: AuditReader,
    replica: Arc<dyn Replica>,
    node: NodeId,
    server: Arc<Server>,
    position: Position,
    /// The first record that was not looked at.
    next: u64,
}

impl Follower {
    pub fn new(deps: &Deps, server: Arc<Server>, mut position: Position) -> Self {
        let now = deps.replica.state().audit().next_seq();
        let next = match position.read() {
            Start::From(next) => next,
            Start::New => now,
        };
        Follower {
            reader: deps.reader.clone(),
            replica: deps.replica.clone(),
            node: deps.node,
            server,
            position,
            next,
        }
    }

    /// Until the node stops; then what is left, as far as there is time.
    pub async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        self.keep_position().await;
        loop {
            tokio::select! {
                () = self.step(Instant::now() + LOOK) => {}
                _ = stopping.wait_for(|stop| *stop) => break,
            }
            self.keep_position().await;
        }
        let _ = timeout(FAREWELL / 2, self.send_the_rest()).await;
        self.server.stop(FAREWELL / 2).await;
        self.keep_position().await;
    }

    async fn keep_position(&mut self) {
        let arrived = self.server.oldest_unsettled().unwrap_or(self.next);
        self.position.keep(arrived.min(self.next)).await;
    }

    async fn send_the_rest(&mut self) {
        let end = self.replica.state().audit().next_seq();
        while self.next < end {
            self.step(Instant::now()).await;
        }
    }

    /// One page of records, or none if none came until the deadline. May be dropped at any point: what was offered is behind `next`.
    async fn step(&mut self, deadline: Instant) {
        self.pass_what_is_gone().await;
        let filter = AuditFilter {
            node: Some(self.node),
            ..AuditFilter::default()
        };
        match self.reader.follow(self.next, filter, PAGE, deadline).await {
            Ok(page) if page.unavailable == 0 => {
                let full = page.records.len() >= PAGE;
                self.send(page).await;
                if !full {
                    sleep(PAUSE).await;
                }
            }
            Ok(page) => {
                tracing::warn!(
                    records = page.unavailable,
                    "syslog waits for audit records that this node is fetching"
                );
                sleep(FETCHING).await;
            }
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, source, "syslog cannot read the audit; trying again");
                sleep(FETCHING).await;
            }
        }
    }

    async fn send(&mut self, page: AuditPage) {
        for record in page.records {
            if let Some(gone) = removed_by(&record.entry)
                && let Err(error) = self.take_over(gone, record.seq).await
            {
                tracing::warn!(%error, %gone, "what a removed node judged last cannot be read for syslog");
            }
            self.offer(&self.shape(&record)).await;
            self.next = record.seq + 1;
        }
        self.next = self.next.max(page.left.start);
    }

    async fn offer(&self, record: &Record) {
        self.server.room().await;
        self.server.offer(record);
    }

    fn shape(&self, record: &AuditRecord) -> Record {
        shape::record(&self.replica.state(), record)
    }

    /// Sends again what a node judged last before it was removed: nobody else will.
    async fn take_over(&self, gone: NodeId, before: u64) -> Result<(), AuditError> {
        let query = AuditQuery {
            filter: AuditFilter {
                node: Some(gone),
                ..AuditFilter::default()
            },
            range: 0..before,
            order: Order::NewestFirst,
            limit: TAKEN_OVER,
            deadline: Instant::now() + FETCHING,
        };
        let page = self.reader.list(query).await?;
        tracing::info!(%gone, records = page.records.len(), "sending to syslog what a removed node judged last");
        for record in page.records.iter().rev() {
            self.offer(&shape::of_another(self.shape(record), gone)).await;
        }
        Ok(())
    }

    /// Says what a retention rule has given up before it was sent.
    async fn pass_what_is_gone(&mut self) {
        let state = self.replica.state();
        let first = state.audit().checkpoint().first_seq();
        if self.next >= first {
            return;
        }
        let (from, to) = (self.next, first - 1);
        let record = Record {
            at_ms: state.stamp().ms,
            kind: Kind::Lost,
            name: "records_pruned".to_owned(),
            facts: vec![("first_seq", from.to_string()), ("last_seq", to.to_string())],
            text: format!(
                "audit records {from} to {to} were given up by the retention rule before this node had sent its own among them"
            ),
            seq: None,
        };
        self.offer(&record).await;
        self.next = first;
    }
}

/// The node that this record takes out of the cluster.
fn removed_by(entry: &Entry) -> Option<NodeId> {
    match entry {
        Entry::NodeRemoved { removed, .. } => Some(*removed),
        Entry::ReplacementCompleted { damaged, .. } => Some(*damaged),
        _ => None,
    }
}
