//! A node is paused with a login in hand while the password is reset and the policy tightened. When it wakes, the login
//! is judged by the new state: verdicts carry the revisions they were judged by.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, Person,
    cluster::ACCEPTED,
    crowd::{Crowd, Login},
    limits, otp,
    people::{self, PASSWORD},
    wait,
    wire::Request,
    with_cluster,
};
use serde_json::json;

/// Enough rounds that the pause falls before, within and after the hashing of the password.
const ROUNDS: usize = 12;

#[test]
fn a_password_reset_during_the_pause_refuses_the_old_password() {
    with_cluster(3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", ROUNDS)?;
        cluster.converged()?;
        let mut judged_late = 0;
        for (round, person) in people.iter_mut().enumerate() {
            let (sleeper, awake) = sleeper_and_awake(cluster, round)?;
            let mut gateway = cluster.gateway();
            let request = person.login_with(
                gateway.secret(),
                &format!("{PASSWORD}{}", otp::code(&person.seed, otp::timestep())),
            );
            if asleep_with(cluster, &mut gateway, sleeper, request, round)? {
                let reset = json!({"password": "The 2nd password"});
                cluster.nodes[awake]
                    .api()
                    .put(&format!("/api/v1/users/{}/password", person.name), &reset)?;
                cluster.nodes[sleeper].resume()?;
                judged_late += judged_after_the_change(cluster, &mut gateway, awake, &person.name)?;
                cluster.nodes[sleeper].ready()?;
            }
        }
        ensure!(
            judged_late >= ROUNDS / 2,
            "only {judged_late} of {ROUNDS} logins were in hand during the pause"
        );
        Ok(())
    });
}

#[test]
fn a_policy_tightened_during_the_pause_refuses_what_the_old_one_allowed() {
    with_cluster(3, |cluster| {
        let people = people::import(&cluster.api()?, "u", ROUNDS)?;
        cluster.converged()?;
        let mut judged_late = 0;
        for (round, person) in people.iter().enumerate() {
            let (sleeper, awake) = sleeper_and_awake(cluster, round)?;
            let api = cluster.nodes[awake].api();
            // Far from the end of a timestep, so that the next one stays the next one throughout the round.
            wait::until("the first half of a timestep", limits::READY, || {
                (otp::now_s() % 30 < 15).then_some(())
            })?;
            let mut client = cluster.passcode_client();
            let next = otp::code(&person.seed, otp::timestep() + 1);
            let request = person.login_with(client.secret(), &next);
            if asleep_with(cluster, &mut client, sleeper, request, round)? {
                api.patch("/api/v1/policy", &json!({"totp_window": 0}))?;
                cluster.nodes[sleeper].resume()?;
                judged_late += judged_after_the_change(cluster, &mut client, awake, &person.name)?;
                cluster.nodes[sleeper].ready()?;
                api.patch("/api/v1/policy", &json!({"totp_window": 1}))?;
                cluster.converged()?;
            }
        }
        ensure!(
            judged_late >= ROUNDS / 2,
            "only {judged_late} of {ROUNDS} logins were in hand during the pause"
        );
        // It was the policy that refused: under the old one such a code is right.
        let mut client = cluster.passcode_client();
        let late = Person::new("late");
        people::import_all(&cluster.api()?, std::slice::from_ref(&late))?;
        cluster.converged()?;
        let request = late.login_with(client.secret(), &otp::code(&late.seed, otp::timestep() + 1));
        let reply = cluster.ask(&mut client, 0, request)?.context("silence")?;
        ensure!(
            reply.is_accept(),
            "a code of the next timestep under a window of 1 was answered with {reply:?}"
        );
        Ok(())
    });
}

/// A node to put to sleep (the leader every third time) and one that stays awake.
fn sleeper_and_awake(cluster: &Cluster, round: usize) -> Result<(usize, usize)> {
    let sleeper = if round % 3 == 2 {
        cluster.leader()?
    } else {
        cluster.follower()?
    };
    let awake = (0..3).find(|node| *node != sleeper).context("two nodes stay awake")?;
    Ok((sleeper, awake))
}

/// Puts a node to sleep with `request` in hand: in even rounds it waits in the node's socket, in odd ones the node is
/// stopped while it judges. False if it had answered before it stopped; it is awake again then.
fn asleep_with(
    cluster: &Cluster,
    crowd: &mut Crowd<()>,
    sleeper: usize,
    request: Request,
    round: usize,
) -> Result<bool> {
    let login = Login::once(request, cluster.nodes[sleeper].radius);
    if round.is_multiple_of(2) {
        cluster.nodes[sleeper].pause()?;
        crowd.send((), login)?;
        return Ok(true);
    }
    crowd.send((), login)?;
    cluster.nodes[sleeper].pause()?;
    let answered = !crowd.ended(Duration::from_millis(1))?.is_empty();
    if answered {
        cluster.nodes[sleeper].resume()?;
    }
    Ok(!answered)
}

/// Collects the answer of the node that woke. One login was judged after the change and refused (1), or its accept had
/// been committed before the change and only the reply was late (0): the order of the audit tells.
fn judged_after_the_change(cluster: &Cluster, crowd: &mut Crowd<()>, awake: usize, name: &str) -> Result<usize> {
    let ended = crowd.all_ended()?.pop().context("one login was sent")?;
    if !ended.reply.is_some_and(|reply| reply.is_accept()) {
        return Ok(1);
    }
    let latest = cluster.nodes[awake].api().get("/api/v1/audit?last=50")?;
    let records = latest["items"].as_array().context("audit records")?;
    let accepted = records
        .iter()
        .rposition(|record| record["kind"] == ACCEPTED && record["user"] == name);
    let changed = records
        .iter()
        .rposition(|record| !record["actor"].is_null())
        .context("the change is in the audit")?;
    let accepted = accepted.with_context(|| format!("no accept of {name} in {latest}"))?;
    ensure!(
        accepted < changed,
        "accepted after the change, by the state before it: {latest}"
    );
    Ok(0)
}
