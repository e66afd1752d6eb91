//! Webhooks against a receiver in a process of its own, which checks signatures with its own arithmetic.

mod world;

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use quorate_alerts::{Alert, Fact, Machine, Outbox, OutboxStatus, Rule, RuleKind, Webhook, WebhookSettings};
use serde_json::Value;
use world::{Ca, Receiver, dice, until};

const SECRET: &str = "a secret that only two know";

fn settings(receiver: &Receiver, scheme: &str) -> WebhookSettings {
    WebhookSettings {
        url: format!("{scheme}://localhost:{}/quorate?site=ankara", receiver.port),
        secret_file: receiver.folder.path().join("secret"),
        ca: None,
    }
}

fn outbox(settings: &WebhookSettings) -> Result<Outbox> {
    Ok(Outbox::start(Box::new(Webhook::new(settings)?), dice()))
}

/// A gateway that comes and goes: begun and over, one after the other.
struct Trouble {
    machine: Machine,
    now_ms: u64,
    down: bool,
}

impl Trouble {
    fn new() -> Self {
        let rule = Rule {
            after_s: Some(0),
            interval_s: 1,
            ..Rule::of(RuleKind::GatewayDown)
        };
        Trouble {
            machine: Machine::new(vec![rule], "ankara-1", 0),
            now_ms: 1_700_000_000_000,
            down: false,
        }
    }

    fn next(&mut self) -> Result<Arc<Alert>> {
        self.now_ms += 10_000;
        self.down = !self.down;
        let gateway = Fact::Gateway {
            name: "sms-ş".to_owned(),
            down: self.down.then(|| "no \"answer\"\n".to_owned()),
        };
        self.machine.observe(self.now_ms, &gateway);
        // Over is only what has been over for a while.
        self.now_ms += 10_000;
        let mut due = self.machine.due(self.now_ms);
        ensure!(due.len() == 1, "{due:?}");
        Ok(Arc::new(due.remove(0)))
    }
}

async fn reached(outbox: &Outbox, what: &str, condition: impl Fn(&OutboxStatus) -> bool) -> Result<OutboxStatus> {
    let found = until(what, || Some(outbox.status()).filter(|status| condition(status)));
    found.await.with_context(|| format!("{:?}", outbox.status()))
}

#[tokio::test]
async fn through_errors_silence_and_death_each_alert_arrives_under_one_id() -> Result<()> {
    let mut receiver = Receiver::prepare(SECRET)?;
    receiver.start().await?;
    let outbox = outbox(&settings(&receiver, "http"))?;
    let mut trouble = Trouble::new();
    let mut sent = Vec::new();

    let mut offer = |outbox: &Outbox| -> Result<()> {
        let alert = trouble.next()?;
        sent.push(alert.clone());
        ensure!(outbox.offer(alert));
        Ok(())
    };
    offer(&outbox)?;
    reached(&outbox, "the first", |status| status.delivered == 1).await?;

    receiver.behave("500")?;
    offer(&outbox)?;
    let status = reached(&outbox, "two failures", |status| status.failures >= 2).await?;
    ensure!(
        status.last_error.as_deref().is_some_and(|error| error.contains("500")),
        "{status:?}"
    );
    receiver.behave("fine")?;
    reached(&outbox, "the second", |status| status.delivered == 2).await?;

    receiver.behave("slow")?;
    offer(&outbox)?;
    let before = outbox.status().failures;
    let status = reached(&outbox, "an attempt that took too long", |status| {
        status.failures > before
    })
    .await?;
    ensure!(
        status
            .last_error
            .as_deref()
            .is_some_and(|error| error.contains("no answer")),
        "{status:?}"
    );
    receiver.behave("fine")?;
    reached(&outbox, "the third", |status| status.delivered == 3).await?;

    receiver.end()?;
    offer(&outbox)?;
    offer(&outbox)?;
    let before = outbox.status().failures;
    reached(&outbox, "nobody to answer", |status| status.failures > before).await?;
    receiver.start().await?;
    let status = reached(&outbox, "all five", |status| status.delivered == 5).await?;
    ensure!((status.queued, status.lost, status.given_up) == (0, 0, 0), "{status:?}");

    let received = receiver.received()?;
    println!("{} attempts for {} alerts: {status:?}", received.len(), sent.len());
    let mut ids: Vec<&str> = received.iter().filter_map(|request| request["key"].as_str()).collect();
    ids.dedup();
    let expected: Vec<&str> = sent.iter().map(|alert| alert.id.as_str()).collect();
    ensure!(ids == expected, "in order, repeats side by side: {ids:?}");
    for alert in &sent {
        same_whenever_it_came(&received, alert)?;
    }
    // The slow one was received, and again: that is what the key is for.
    let third = received.iter().filter(|request| request["key"] == sent[2].id.as_str());
    ensure!(third.count() == 2);
    Ok(())
}

fn same_whenever_it_came(received: &[Value], alert: &Alert) -> Result<()> {
    for request in received.iter().filter(|request| request["key"] == alert.id.as_str()) {
        ensure!(request["body"] == serde_json::to_value(alert)?, "{request}");
        ensure!(request["body"]["id"] == request["key"], "{request}");
        ensure!(
            request["type"] == "application/json" && request["path"] == "/quorate?site=ankara",
            "{request}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn what_is_refused_is_given_up_after_a_few_attempts() -> Result<()> {
    let mut receiver = Receiver::prepare(SECRET)?;
    receiver.behave("404")?;
    receiver.start().await?;
    let outbox = outbox(&settings(&receiver, "http"))?;
    outbox.offer(Trouble::new().next()?);
    reached(&outbox, "giving up", |status| status.given_up == 1).await?;
    ensure!(receiver.received()?.len() == 3);
    Ok(())
}

#[tokio::test]
async fn over_https_a_wrong_ca_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (right, wrong) = (Ca::new(folder.path(), "right")?, Ca::new(folder.path(), "wrong")?);
    let mut receiver = Receiver::prepare(SECRET)?.with_certificate(right.issue("localhost")?);
    receiver.start().await?;
    let with = |ca: &Ca| {
        let settings = settings(&receiver, "https");
        WebhookSettings {
            ca: Some(ca.file()),
            ..settings
        }
    };
    let refused = outbox(&with(&wrong))?;
    refused.offer(Trouble::new().next()?);
    let status = reached(&refused, "a failure", |status| status.failures > 0).await?;
    ensure!(
        status
            .last_error
            .as_deref()
            .is_some_and(|error| error.contains("no CA in")),
        "{status:?}"
    );
    let fine = outbox(&with(&right))?;
    let alert = Trouble::new().next()?;
    fine.offer(alert.clone());
    reached(&fine, "the alert", |status| status.delivered == 1).await?;
    let received = receiver.received()?;
    ensure!(
        received.len() == 1 && received[0]["key"] == alert.id.as_str(),
        "{received:?}"
    );
    Ok(())
}
