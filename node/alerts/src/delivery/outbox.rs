//! What waits to be delivered through one sink, and the task that tries.
//!
//! One at a time and in order: an "over" never overtakes what it ends. So a receiver that is away holds up what comes behind, until the
//! alert in front is delivered, refused [`limits::REFUSALS_MAX`] times, or older than [`limits::ALERT_AGE`].

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::{AlertSink, DeliveryError};
use crate::backoff::{Backoff, Dice};
use crate::limits;
use crate::rules::Alert;

/// A queue in front of a sink. Dropping it ends the attempts.
pub struct Outbox {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// How a sink stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxStatus {
    /// What it calls itself.
    pub name: String,
    /// Alerts that wait, the one under way among them.
    pub queued: u64,
    /// Alerts that were taken.
    pub delivered: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Alerts given up: refused, or too old.
    pub given_up: u64,
    /// Alerts for which there was no room.
    pub lost: u64,
    /// What went wrong last, and may be long over.
    pub last_error: Option<String>,
}

struct Shared {
    sink: Box<dyn AlertSink>,
    waiting: Mutex<VecDeque<(Instant, Arc<Alert>)>>,
    status: Mutex<OutboxStatus>,
    wake: Notify,
}

/// What became of one alert.
enum Fate {
    Delivered,
    GivenUp,
}

impl Outbox {
    /// Tries in the background. Has to be called within a tokio runtime.
    #[must_use]
    pub fn start(sink: Box<dyn AlertSink>, dice: Dice) -> Outbox {
        let status = OutboxStatus {
            name: sink.name(),
            queued: 0,
            delivered: 0,
            failures: 0,
            given_up: 0,
            lost: 0,
            last_error: None,
        };
        let shared = Arc::new(Shared {
            sink,
            waiting: Mutex::default(),
            status: Mutex::new(status),
            wake: Notify::new(),
        });
        let task = tokio::spawn(deliver_all(shared.clone(), dice));
        Outbox { shared, task }
    }

    /// Puts an alert into the queue. Never waits; false if there is no room, and then it is counted.
    pub fn offer(&self, alert: Arc<Alert>) -> bool {
        {
            let mut waiting = self.shared.waiting.lock();
            if waiting.len() >= limits::OUTBOX {
                self.shared.status.lock().lost += 1;
                return false;
            }
            waiting.push_back((Instant::now(), alert));
        }
        self.shared.wake.notify_one();
        true
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> OutboxStatus {
        let queued = self.shared.waiting.lock().len() as u64;
        OutboxStatus {
            queued,
            ..self.shared.status.lock().clone()
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn deliver_all(shared: Arc<Shared>, dice: Dice) {
    loop {
        let front = shared.waiting.lock().front().cloned();
        let Some((since, alert)) = front else {
            shared.wake.notified().await;
            continue;
        };
        let fate = deliver(&shared, &dice, since, &alert).await;
        // Only then: what is under way counts as waiting.
        shared.waiting.lock().pop_front();
        let mut status = shared.status.lock();
        match fate {
            Fate::Delivered => status.delivered += 1,
            Fate::GivenUp => status.given_up += 1,
        }
    }
}

async fn deliver(shared: &Shared, dice: &Dice, since: Instant, alert: &Alert) -> Fate {
    let mut backoff = Backoff::new(limits::RETRY_FIRST, limits::RETRY_MAX);
    let mut refusals = 0;
    loop {
        let attempt = timeout(limits::ATTEMPT, shared.sink.deliver(alert)).await;
        let error = match attempt {
            Ok(Ok(())) => return Fate::Delivered,
            Ok(Err(error)) => error,
            Err(_) => DeliveryError::Later(format!("no answer within {} s", limits::ATTEMPT.as_secs())),
        };
        refusals += u32::from(matches!(error, DeliveryError::Refused(_)));
        let give_up = refusals >= limits::REFUSALS_MAX || since.elapsed() >= limits::ALERT_AGE;
        note(shared, alert, &error, give_up);
        if give_up {
            return Fate::GivenUp;
        }
        sleep(backoff.pause(dice())).await;
    }
}

fn note(shared: &Shared, alert: &Alert, error: &DeliveryError, give_up: bool) {
    let said: String = error.to_string().chars().take(limits::ERROR_BYTES).collect();
    let mut status = shared.status.lock();
    status.failures += 1;
    if give_up {
        tracing::error!(to = status.name, alert = %alert.id, error = said, "an alert was not delivered, and is given up");
    } else if status.last_error.as_ref() != Some(&said) {
        tracing::warn!(to = status.name, alert = %alert.id, error = said, "an alert is not delivered yet; trying again");
    }
    status.last_error = Some(said);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::rules::{Fact, Machine, Rule, RuleKind};

    /// Fails as often as it is told, with one kind of error, and remembers what it took.
    struct Fails {
        times: AtomicU32,
        with: DeliveryError,
        taken: Taken,
    }

    /// Which, and when.
    type Taken = Arc<Mutex<Vec<(String, Instant)>>>;

    #[async_trait]
    impl AlertSink for Fails {
        fn name(&self) -> String {
            "a test".to_owned()
        }

        async fn deliver(&self, alert: &Alert) -> Result<(), DeliveryError> {
            let left = self
                .times
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if left.is_ok() {
                return Err(self.with.clone());
            }
            self.taken.lock().push((alert.id.to_string(), Instant::now()));
            Ok(())
        }
    }

    fn alerts(count: u64) -> Vec<Arc<Alert>> {
        let mut machine = Machine::new(
            vec![Rule {
                interval_s: 1,
                after_s: Some(0),
                ..Rule::of(RuleKind::AuditDamaged)
            }],
            "n",
            0,
        );
        let mut alerts = Vec::new();
        for second in 0..count {
            machine.observe(
                second * 10_000,
                &Fact::Audit {
                    damaged: Some("x".to_owned()),
                },
            );
            alerts.extend(machine.due(second * 10_000));
            machine.observe(second * 10_000 + 1, &Fact::Audit { damaged: None });
            let _ = machine.due(second * 10_000 + 9_000);
        }
        assert_eq!(alerts.len() as u64, count);
        alerts.into_iter().map(Arc::new).collect()
    }

    fn outbox(times: u32, with: DeliveryError) -> (Outbox, Taken) {
        let taken = Arc::default();
        let sink = Fails {
            times: AtomicU32::new(times),
            with,
            taken: Arc::clone(&taken),
        };
        (Outbox::start(Box::new(sink), Arc::new(|| u32::MAX)), taken)
    }

    async fn until(condition: impl Fn() -> bool) {
        while !condition() {
            sleep(limits::RETRY_FIRST / 10).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_tries_again_later_and_later_and_keeps_the_order() {
        let (outbox, taken) = outbox(4, DeliveryError::Later("busy".to_owned()));
        let begun = Instant::now();
        let alerts = alerts(3);
        for alert in &alerts {
            assert!(outbox.offer(alert.clone()));
        }
        until(|| outbox.status().delivered == 3).await;
        let taken = taken.lock();
        let ids: Vec<&str> = taken.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, alerts.iter().map(|alert| alert.id.as_str()).collect::<Vec<_>>());
        assert_eq!((taken[0].1 - begun).as_secs(), 1 + 2 + 4 + 8);
        let status = outbox.status();
        assert_eq!(
            (status.failures, status.queued, status.last_error.as_deref()),
            (4, 0, Some("busy"))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_given_up_soon_and_holds_up_nothing() {
        let (outbox, taken) = outbox(limits::REFUSALS_MAX, DeliveryError::Refused("404".to_owned()));
        for alert in alerts(2) {
            outbox.offer(alert);
        }
        until(|| outbox.status().delivered == 1).await;
        assert_eq!((outbox.status().given_up, taken.lock().len()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_day_it_is_no_news_any_more() {
        let (outbox, _) = outbox(u32::MAX, DeliveryError::Later("gone".to_owned()));
        let begun = Instant::now();
        outbox.offer(alerts(1)[0].clone());
        until(|| outbox.status().given_up == 1).await;
        let took = begun.elapsed();
        assert!(took >= limits::ALERT_AGE && took < limits::ALERT_AGE + 2 * limits::RETRY_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_bounded_and_counts() {
        let (outbox, _) = outbox(u32::MAX, DeliveryError::Later("gone".to_owned()));
        let alert = alerts(1)[0].clone();
        let taken = (0..limits::OUTBOX + 7).filter(|_| outbox.offer(alert.clone())).count();
        assert_eq!((taken, outbox.status().lost), (limits::OUTBOX, 7));
    }
}
