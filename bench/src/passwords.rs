//! Logins with password and challenge: each costs one Argon2id, on purpose, so their ceiling is another one.

use std::time::{Duration, Instant};

use anyhow::Result;
use cluster_tests::{
    Cluster, Person,
    crowd::{Crowd, Login},
    people::PASSWORD,
    wire::Request,
};

use crate::generator::Outcome;

/// Enough to keep every processor hashing, and few enough that nobody waits long.
const IN_FLIGHT: usize = 8;

/// Complete logins, each of two packets to two different nodes where there are several.
pub fn drive(cluster: &Cluster, people: &mut [Person], lasts: Duration) -> Result<Outcome> {
    let mut gateway: Crowd<(usize, Instant)> = cluster.gateway();
    let (begun, mut next, mut outcome) = (Instant::now(), 0, Outcome::default());
    while begun.elapsed() < lasts || gateway.in_flight() > 0 {
        while gateway.in_flight() < IN_FLIGHT && begun.elapsed() < lasts && next < people.len() {
            let request = people[next].login_with(gateway.secret(), PASSWORD);
            gateway.send(
                (next, Instant::now()),
                Login::with_retries(request, cluster.servers_from(next)),
            )?;
            next += 1;
        }
        if gateway.in_flight() == 0 {
            break;
        }
        for ended in gateway.ended(lasts)? {
            let (who, first) = ended.tag;
            let Some(reply) = ended.reply else {
                outcome.lost += 1;
                continue;
            };
            if let Some(state) = reply.state() {
                let code = people[who].code();
                let request = Request::access(gateway.secret(), &people[who].name, code.as_bytes(), Some(state));
                gateway.send(
                    (who, first),
                    Login::with_retries(request, cluster.servers_from(who + 1)),
                )?;
            } else if reply.is_accept() {
                outcome.accepted += 1;
                outcome.latencies.push(first.elapsed());
            } else {
                outcome.refused += 1;
            }
        }
    }
    outcome.elapsed = begun.elapsed();
    outcome.latencies.sort_unstable();
    Ok(outcome)
}
