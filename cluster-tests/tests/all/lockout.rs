//! K wrong codes lock, exactly, wherever they are sent; wrong passwords lock nobody's second factor.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, Person, cluster,
    crowd::{Crowd, Login},
    people, wait, with_cluster,
};

const GUESSES: usize = 300;
const K: u64 = 5;

#[test]
fn three_hundred_parallel_guesses_over_three_nodes_are_judged_exactly_five_times() {
    with_cluster(3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 1)?;
        let person = &mut people[0];
        cluster.converged()?;
        let mut client = cluster.passcode_client();
        for guess in 0..GUESSES {
            let code = person.wrong_code(u32::try_from(guess)?);
            let request = person.login_with(client.secret(), &code);
            client.send((), Login::with_retries(request, cluster.servers_from(guess)))?;
        }
        for ended in client.all_ended()? {
            ensure!(
                ended.reply.is_none_or(|reply| reply.is_reject()),
                "a guess was not rejected"
            );
        }
        cluster.converged()?;
        for node in &cluster.nodes {
            let user = node.api().get(&format!("/api/v1/users/{}", person.name))?;
            ensure!(user["locked_until_ms"].is_u64(), "{} has not locked {user}", node.name);
            let judged = reasons(&node.api(), &person.name)?;
            ensure!(
                judged.get("wrong_code") == Some(&K),
                "{} judged guesses as {judged:?}",
                node.name
            );
        }
        right_code_is_refused_everywhere(cluster, &mut client, person)
    });
}

#[test]
fn three_hundred_wrong_passwords_lock_nobodys_second_factor() {
    with_cluster(3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 1)?;
        let person = &mut people[0];
        cluster.converged()?;
        let mut gateway = cluster.gateway();
        for guess in 0..GUESSES {
            let password = format!("guess number {guess}");
            let request = person.login_with(gateway.secret(), &password);
            gateway.send((), Login::with_retries(request, cluster.servers_from(guess)))?;
        }
        for ended in gateway.all_ended()? {
            ensure!(
                ended.reply.is_none_or(|reply| reply.is_reject()),
                "a wrong password was not rejected"
            );
        }
        cluster.converged()?;
        for (at, node) in cluster.nodes.iter().enumerate() {
            let user = node.api().get(&format!("/api/v1/users/{}", person.name))?;
            ensure!(
                user["locked_until_ms"].is_null() && user["code_failures"] == 0,
                "{} says {user}",
                node.name
            );
            if at < 2 {
                // The second factor works: a gateway that has checked the password itself asks for it alone.
                let mut client = cluster.passcode_client();
                let request = person.login(client.secret());
                let reply = cluster.ask(&mut client, at, request)?.context("silence")?;
                ensure!(
                    reply.is_accept(),
                    "the right code at {} was answered with {reply:?}",
                    node.name
                );
            }
        }
        Ok(())
    });
}

#[test]
fn a_lock_ends_by_itself_and_an_accept_resets_the_count() {
    with_cluster(1, |cluster| {
        let api = cluster.api()?;
        api.patch(
            "/api/v1/policy",
            &serde_json::json!({"max_code_failures": 3, "lock_ms": 2000}),
        )?;
        let mut people = people::import(&api, "u", 2)?;
        let mut client = cluster.passcode_client();
        let mut ask = |person: &Person, code: &str| -> Result<bool> {
            let request = person.login_with(client.secret(), code);
            Ok(cluster.ask(&mut client, 0, request)?.context("silence")?.is_accept())
        };
        // Two wrong, one right, two wrong, one right: never three in a row.
        let patient = &mut people[0];
        for round in 0..2 {
            for guess in 0..2 {
                ensure!(
                    !ask(patient, &patient.wrong_code(round * 2 + guess))?,
                    "a wrong code was accepted"
                );
            }
            let code = patient.code();
            ensure!(ask(patient, &code)?, "two wrong codes locked");
        }
        let locked = &mut people[1];
        for guess in 0..3 {
            ensure!(!ask(locked, &locked.wrong_code(guess))?, "a wrong code was accepted");
        }
        let code = locked.code();
        ensure!(!ask(locked, &code)?, "three wrong codes did not lock");
        wait::until_ok("the lock to end by itself", Duration::from_secs(20), || {
            ensure!(ask(locked, &code)?, "still locked");
            Ok(())
        })
    });
}

fn right_code_is_refused_everywhere(cluster: &Cluster, client: &mut Crowd<()>, person: &mut Person) -> Result<()> {
    let code = person.code();
    for node in 0..3 {
        let request = person.login_with(client.secret(), &code);
        let reply = cluster.ask(client, node, request)?.context("silence")?;
        ensure!(
            reply.is_reject(),
            "the right code of a locked user at n{} was answered with {reply:?}",
            node + 1
        );
    }
    Ok(())
}

/// How often each reason was recorded for a user.
fn reasons(api: &cluster_tests::api::Api, user: &str) -> Result<BTreeMap<String, u64>> {
    let mut counted = BTreeMap::new();
    for record in cluster::audit(api, user)? {
        if let Some(reason) = record["reason"].as_str() {
            *counted.entry(reason.to_owned()).or_default() += 1;
        }
    }
    Ok(counted)
}
