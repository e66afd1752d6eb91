//! All nodes are killed at once. Everything that was acknowledged is there afterwards, and used codes stay used.
//! This is a crash and not a power loss: the kernel lives on, and with it what was written but not synced.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, Person, cluster, crowd::Login, people, trial::audit_holds_everywhere, wire::Request, with_cluster,
};
use serde_json::json;

const ROUNDS: usize = 3;

#[test]
fn kill_all_three_at_once_and_nothing_acknowledged_is_lost() {
    with_cluster(3, |cluster| {
        let mut known = BTreeSet::new();
        for round in 0..ROUNDS {
            let mut people = people::import(&cluster.api()?, &format!("r{round}-"), 60)?;
            known.extend(people.iter().map(|person| person.name.clone()));
            let used = use_codes(cluster, &mut people[..40])?;
            let (disabled, changed) = (people[40].name.clone(), people[41].name.clone());
            cluster.nodes[round % 3].quorate(&["user", "disable", &disabled])?;
            cluster.api()?.put(
                &format!("/api/v1/users/{changed}/password"),
                &json!({"password": "A 2nd password"}),
            )?;
            // Logins are in hand when the end comes.
            let mut in_hand = cluster.passcode_client();
            for (at, person) in people[42..].iter_mut().enumerate() {
                let request = person.login(in_hand.secret());
                in_hand.send(at, Login::once(request, cluster.nodes[at % 3].radius))?;
            }
            for node in &mut cluster.nodes {
                node.kill()?;
            }
            for node in &mut cluster.nodes {
                node.start()?;
            }
            for node in &cluster.nodes {
                node.ready()?;
            }
            cluster.converged()?;
            everything_is_there(cluster, &known)?;
            used_codes_stay_used(cluster, &used)?;
            for node in 0..3 {
                password_is(cluster, node, &changed, "A 2nd password")?;
                let user = cluster.nodes[node].api().get(&format!("/api/v1/users/{disabled}"))?;
                ensure!(user["enabled"] == false, "a disable is lost: {user}");
            }
        }
        audit_holds_everywhere(cluster)
    });
}

/// Logs people in; gives the codes that were accepted, so acknowledged.
fn use_codes(cluster: &Cluster, people: &mut [Person]) -> Result<Vec<(String, String)>> {
    let mut client = cluster.passcode_client();
    for (at, person) in people.iter_mut().enumerate() {
        let code = person.code();
        let request = person.login_with(client.secret(), &code);
        client.send(
            (person.name.clone(), code),
            Login::with_retries(request, cluster.servers_from(at)),
        )?;
    }
    let ended = client.all_ended()?;
    let used: Vec<_> = ended
        .into_iter()
        .filter(|login| login.reply.as_ref().is_some_and(|reply| reply.is_accept()))
        .map(|login| login.tag)
        .collect();
    ensure!(
        used.len() == people.len(),
        "only {} of {} right codes were accepted",
        used.len(),
        people.len()
    );
    Ok(used)
}

fn used_codes_stay_used(cluster: &Cluster, used: &[(String, String)]) -> Result<()> {
    let mut client = cluster.passcode_client();
    for (name, code) in used {
        for node in &cluster.nodes {
            let request = Request::access(client.secret(), name, code.as_bytes(), None);
            client.send(name.clone(), Login::once(request, node.radius))?;
        }
    }
    for ended in client.all_ended()? {
        let reply = ended.reply.context("silence")?;
        ensure!(
            !reply.is_accept(),
            "{}'s code was accepted again after the crash",
            ended.tag
        );
    }
    Ok(())
}

fn everything_is_there(cluster: &Cluster, known: &BTreeSet<String>) -> Result<()> {
    for node in &cluster.nodes {
        let found: BTreeSet<String> = cluster::user_names(&node.api())?;
        let missing: Vec<_> = known.difference(&found).collect();
        ensure!(missing.is_empty(), "{} has lost {missing:?}", node.name);
    }
    Ok(())
}

fn password_is(cluster: &Cluster, node: usize, name: &str, password: &str) -> Result<()> {
    let mut gateway = cluster.gateway();
    let request = Request::access(gateway.secret(), name, password.as_bytes(), None);
    let reply = cluster.ask(&mut gateway, node, request)?.context("silence")?;
    ensure!(
        reply.state().is_some(),
        "the acknowledged password at n{} was answered with {reply:?}",
        node + 1
    );
    Ok(())
}
