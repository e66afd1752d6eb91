//! Rejects that are not worth a log entry each: counted, held back as long as a commit takes, summarised.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use quorate_core::command::SummarizeRejects;
use quorate_core::{Command, Failure, Fingerprint, Method, Reason, State};
use tokio::time::{Instant, interval, sleep};

use super::budget::{BudgetKey, Budgets, Uncommitted};
use super::{Answer, Authenticator, Decision, Login};
use crate::limits;
use crate::ports::random;
use crate::propose::propose_until_known;

/// Budgets, and how long a commit takes here at present.
pub(super) struct LocalRejects {
    budgets: Mutex<Budgets>,
    /// Moving average over about eight commits, in microseconds.
    commit_us: AtomicU64,
}

impl Default for LocalRejects {
    fn default() -> Self {
        Self {
            budgets: Mutex::new(Budgets::default()),
            commit_us: AtomicU64::new(micros(limits::COMMIT_DELAY_FIRST)),
        }
    }
}

impl LocalRejects {
    /// Two commits at once may overwrite each other's share of the average: it stays one.
    pub(super) fn note_commit(&self, took: Duration) {
        let former = self.commit_us.load(Ordering::Relaxed);
        let average = former - former / 8 + micros(took.min(limits::COMMIT_DELAY_MAX)) / 8;
        self.commit_us.store(average, Ordering::Relaxed);
    }

    fn commit_delay(&self) -> Duration {
        Duration::from_micros(self.commit_us.load(Ordering::Relaxed)).min(limits::COMMIT_DELAY_MAX)
    }
}

impl Authenticator {
    /// Whether a verdict may be committed. Accepts and failures that count always may.
    pub(super) fn may_commit(&self, state: &State, login: &Login, command: &Command) -> bool {
        let Command::RecordFailure(record) = command else {
            return true;
        };
        let user = record.judged.user.and_then(|(user, _)| state.user(user));
        let counts = match (record.failure, user) {
            (_, None) => false,
            (Failure::WrongPassword, Some(_)) => true,
            // Nobody counts guesses at a locked factor.
            (Failure::WrongCode, Some(user)) => !user.locked_at(state.stamp().ms),
            (_, Some(_)) => false,
        };
        let within_budget = self
            .local_rejects
            .budgets
            .lock()
            .take(key_of(login), self.clock.now_ms());
        counts || within_budget
    }

    /// Rejects without a log entry of its own, not sooner than a commit would have.
    pub(super) async fn reject_locally(&self, login: &Login, reason: Reason, method: Option<Method>) -> Answer {
        self.local_rejects
            .budgets
            .lock()
            .note_uncommitted(key_of(login), self.clock.now_ms());
        sleep(self.local_rejects.commit_delay()).await;
        Answer {
            decision: Decision::Reject(reason),
            method,
            replayed: false,
        }
    }

    /// Puts what was rejected locally into the audit, one record per client, source and interval. Runs for ever:
    /// spawn it once per node.
    pub async fn summarize_rejects(&self) {
        let mut interval = interval(limits::SUMMARY_INTERVAL);
        loop {
            interval.tick().await;
            self.summarize_rejects_now().await;
        }
    }

    /// One round of [`summarize_rejects`](Self::summarize_rejects): also what a drain does at its end. Without a
    /// quorum it waits for one, for a summary is an audit record and must not be lost or doubled.
    pub async fn summarize_rejects_now(&self) {
        let uncommitted = self.local_rejects.budgets.lock().take_uncommitted();
        for (key, rejects) in uncommitted {
            let command = self.summary(key, rejects);
            loop {
                let deadline = Instant::now() + limits::SUMMARY_INTERVAL;
                if propose_until_known(&*self.replica, &command, deadline).await.is_ok() {
                    break;
                }
            }
        }
    }

    fn summary(&self, (client, source): BudgetKey, rejects: Uncommitted) -> Command {
        Command::SummarizeRejects(SummarizeRejects {
            request: Fingerprint(random(&*self.entropy)),
            node: self.node,
            client,
            source,
            from_ms: rejects.from_ms,
            to_ms: rejects.to_ms,
            rejects: rejects.rejects,
        })
    }
}

fn key_of(login: &Login) -> BudgetKey {
    let source: IpAddr = login.request.source.to_canonical();
    (login.request.client, source)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
