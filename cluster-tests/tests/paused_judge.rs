//! A node is paused with a login in hand while the password is reset and the policy tightened. When it wakes, the login
//! is judged by the new state: verdicts carry the revisions they were judged by.

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster,
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
            let field = format!("{PASSWORD}{}", person.code());
            let request = person.login_with(gateway.secret(), &field);
            if !asleep_with(cluster, &mut gateway, sleeper, request)? {
                continue;
            }
            let reset = json!({"password": "the new password"});
            cluster.nodes[awake]
                .api()
                .put(&format!("/api/v1/users/{}/password", person.name), &reset)?;
            cluster.nodes[sleeper].resume()?;
            let ended = gateway.all_ended()?.pop().context("one login was sent")?;
            ensure!(
                !ended.reply.is_some_and(|reply| reply.is_accept()),
                "round {round}: the old password was accepted"
            );
            judged_late += 1;
            cluster.nodes[sleeper].ready()?;
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
            if !asleep_with(cluster, &mut client, sleeper, request)? {
                continue;
            }
            api.patch("/api/v1/policy", &json!({"totp_window": 0}))?;
            cluster.nodes[sleeper].resume()?;
            let ended = client.all_ended()?.pop().context("one login was sent")?;
            let accepted = ended.reply.is_some_and(|reply| reply.is_accept());
            ensure!(
                !accepted,
                "round {round}: a code of the next timestep was accepted under a window of 0"
            );
            judged_late += 1;
            cluster.nodes[sleeper].ready()?;
            api.patch("/api/v1/policy", &json!({"totp_window": 1}))?;
            cluster.converged()?;
        }
        ensure!(
            judged_late >= ROUNDS / 2,
            "only {judged_late} of {ROUNDS} logins were in hand during the pause"
        );
        // It was the policy that refused: under the old one such a code is right.
        let mut client = cluster.passcode_client();
        let next = otp::code(&people[0].seed, otp::timestep() + 1);
        let request = people[0].login_with(client.secret(), &next);
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

/// Sends `request` to a node and stops the node at once. False if it had answered before it stopped.
fn asleep_with(cluster: &Cluster, crowd: &mut Crowd<()>, sleeper: usize, request: Request) -> Result<bool> {
    crowd.send((), Login::once(request, cluster.nodes[sleeper].radius))?;
    cluster.nodes[sleeper].pause()?;
    let answered = !crowd.ended(std::time::Duration::from_millis(1))?.is_empty();
    if answered {
        cluster.nodes[sleeper].resume()?;
    }
    Ok(!answered)
}
