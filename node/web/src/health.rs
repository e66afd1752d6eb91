//! `/livez` and `/readyz`: for load balancers, which cannot present a token, so open to everybody
//! and telling nothing that an attacker could use.
//!
//! `/livez` says that the process answers. `/readyz` says that this node can judge a login now: it
//! asks a quorum for the commit index and waits until the local state is there (a linearizable
//! read), within [`limits::READY`]. With `?verbose` it lists each check.

use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use quorate_api::{Check, Readiness, health::ReadinessQuery};
use quorate_app::{ClockStanding, DiskStanding, Role};
use tokio::time::Instant;

use crate::call::parse_query;
use crate::limits;
use crate::site::Site;

/// A check that the composition root adds, such as "the RADIUS sockets are bound". Must not block.
pub type ExtraCheck = Box<dyn Fn() -> Check + Send + Sync>;

/// The last answer, so that a flood of probes is no flood of barriers.
#[derive(Default)]
pub(crate) struct Memory(tokio::sync::Mutex<Option<(Instant, Vec<Check>)>>);

pub(crate) async fn livez() -> Response {
    (StatusCode::OK, "alive\n").into_response()
}

pub(crate) async fn readyz(State(site): State<Site>, RawQuery(query): RawQuery) -> Response {
    let asked: ReadinessQuery = match parse_query(query.as_deref().unwrap_or_default()) {
        Ok(asked) => asked,
        Err(failure) => return failure.into_response(),
    };
    let mut checks = recent_or_new(&site).await;
    let ready = checks.iter().all(|check| check.ok);
    if asked.verbose.is_none() {
        checks.clear();
    }
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Readiness { ready, checks })).into_response()
}

/// Whoever waits for the lock while a check runs gets that check's answer.
async fn recent_or_new(site: &Site) -> Vec<Check> {
    let mut memory = site.readiness.0.lock().await;
    if let Some((at, checks)) = memory.as_ref()
        && at.elapsed() < limits::READY_REUSE
    {
        return checks.clone();
    }
    let checks = check(site).await;
    *memory = Some((Instant::now(), checks.clone()));
    checks
}

async fn check(site: &Site) -> Vec<Check> {
    let quorum = quorum(site).await;
    let status = site.replica.status();
    let mut checks = vec![member(status.role), quorum, clock(status.clock), disk(status.disk)];
    checks.extend(site.extra_checks.iter().map(|extra| extra()));
    checks
}

fn member(role: Role) -> Check {
    let (ok, detail) = match role {
        Role::Leader => (true, "leads"),
        Role::Follower => (true, "follows"),
        Role::Candidate => (true, "campaigns"),
        Role::Learner => (false, "is a learner: it has no vote yet"),
        Role::Aside => (false, "stands aside: see `quorate status` and the log"),
    };
    Check {
        name: "member".into(),
        ok,
        detail: detail.into(),
        took_ms: 0,
    }
}

async fn quorum(site: &Site) -> Check {
    let since = Instant::now();
    let (ok, detail) = match site.replica.barrier(since + limits::READY).await {
        Ok(index) => (
            true,
            format!("a quorum confirmed index {index}, and it is applied here"),
        ),
        Err(error) => (false, error.to_string()),
    };
    Check {
        name: "quorum".into(),
        ok,
        detail,
        took_ms: milliseconds(since.elapsed()),
    }
}

/// Whether this node may judge time-based codes.
fn clock(standing: ClockStanding) -> Check {
    let ClockStanding { in_time, ahead_ms } = standing;
    let detail = match ahead_ms {
        None => "the cluster's time is not known yet".to_owned(),
        Some(ahead_ms) if in_time => format!("{ahead_ms:+} ms from the cluster's time"),
        Some(ahead_ms) => {
            format!(
                "{ahead_ms:+} ms from the cluster's time: set this clock; until then no time-based codes are judged here"
            )
        }
    };
    Check {
        name: "clock".into(),
        ok: in_time,
        detail,
        took_ms: 0,
    }
}

/// Whether this node can write what the others send it.
fn disk(standing: DiskStanding) -> Check {
    let DiskStanding {
        short,
        free_bytes,
        stalled,
        waiting_ms,
    } = standing;
    let free = free_bytes.map_or("an unknown number of".to_owned(), |bytes| (bytes >> 20).to_string());
    let detail = match (short, stalled) {
        (true, _) => format!("{free} MiB are free: make room; until then this node takes on nothing new"),
        (false, true) => format!("a write has waited for {waiting_ms} ms"),
        (false, false) => format!("{free} MiB are free beside the reserve"),
    };
    Check {
        name: "disk".into(),
        ok: !short && !stalled,
        detail,
        took_ms: 0,
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
