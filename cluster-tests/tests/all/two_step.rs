//! A login with password and code through every node, and across nodes; the same login told twice.

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, Person,
    crowd::{Crowd, Login},
    people::{self, PASSWORD},
    radclient,
    wire::{Reply, Request},
    with_cluster,
};

#[test]
fn radclient_logs_in_through_every_node_and_across_every_pair_of_nodes() {
    with_cluster(3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 9)?.into_iter();
        cluster.converged()?;
        for first in 0..3 {
            for second in 0..3 {
                let mut person = people.next().context("nine people for nine pairs")?;
                let challenge = radclient::ask(cluster.nodes[first].radius, &person.name, PASSWORD, None)?;
                let challenge = challenge.with_context(|| format!("n{} was silent", first + 1))?;
                ensure!(challenge.code == 11, "the password was answered with {challenge:?}");
                let state = challenge.attribute("State").context("a challenge has a State")?;
                let code = person.code();
                let answer = radclient::ask(cluster.nodes[second].radius, &person.name, &code, Some(state))?;
                let answer = answer.with_context(|| format!("n{} was silent", second + 1))?;
                ensure!(answer.code == 2, "n{} then n{}: {answer:?}", first + 1, second + 1);
            }
        }
        Ok(())
    });
}

#[test]
fn radclient_logs_in_with_password_and_code_in_one_field_and_is_refused_with_either_wrong() {
    with_cluster(1, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 3)?;
        let server = cluster.nodes[0].radius;
        let code = people[0].code();
        let right = radclient::ask(server, &people[0].name, &format!("{PASSWORD}{code}"), None)?.context("silence")?;
        ensure!(right.code == 2, "password and code were answered with {right:?}");
        let again = radclient::ask(server, &people[0].name, &format!("{PASSWORD}{code}"), None)?.context("silence")?;
        ensure!(again.code == 3, "a used code was answered with {again:?}");
        let guess = format!("{PASSWORD}{}", people[1].wrong_code(1));
        let wrong = radclient::ask(server, &people[1].name, &guess, None)?.context("silence")?;
        ensure!(wrong.code == 3, "a wrong code was answered with {wrong:?}");
        let code = people[2].code();
        let wrong = radclient::ask(server, &people[2].name, &format!("not it{code}"), None)?.context("silence")?;
        ensure!(wrong.code == 3, "a wrong password was answered with {wrong:?}");
        Ok(())
    });
}

#[test]
fn an_unknown_user_and_a_wrong_password_get_the_same_reply() {
    with_cluster(1, |cluster| {
        let people = people::import(&cluster.api()?, "u", 1)?;
        let mut gateway = cluster.gateway();
        let mut refused = |name: &str| -> Result<Reply> {
            let request = Request::access(gateway.secret(), name, b"not the password", None);
            cluster.ask(&mut gateway, 0, request)?.context("silence")
        };
        let (known, unknown) = (refused(&people[0].name)?, refused("nobody")?);
        ensure!(known.is_reject(), "a wrong password was answered with {known:?}");
        // Everything but identifier, authenticators and signatures.
        ensure!(
            known.unsigned() == unknown.unsigned(),
            "told apart: {known:?} and {unknown:?}"
        );
        Ok(())
    });
}

#[test]
fn a_reply_that_was_lost_is_given_again_by_every_node_and_consumes_nothing() {
    with_cluster(3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 3)?;
        cluster.converged()?;
        let mut gateway = cluster.gateway();
        for (first, person) in people.iter_mut().enumerate() {
            let state = challenge(cluster, &mut gateway, first, person)?;
            let code = person.code();
            let request = Request::access(gateway.secret(), &person.name, code.as_bytes(), Some(&state));
            // The reply of this node is thrown away: the client asks the others, with the identical datagram …
            let lost = cluster
                .ask(&mut gateway, first, request.clone())?
                .context("silence after the code")?;
            ensure!(lost.is_accept(), "a right code was answered with {lost:?}");
            for other in 0..3 {
                let again = cluster.ask(&mut gateway, other, request.clone())?.with_context(|| {
                    format!(
                        "n{} was silent on the identical request, first sent to n{}",
                        other + 1,
                        first + 1
                    )
                })?;
                ensure!(
                    again.is_accept(),
                    "the identical request at n{} was answered with {again:?}",
                    other + 1
                );
            }
            // … and then anew, with another Identifier and Authenticator but the same State and code.
            for other in 0..3 {
                let anew = Request::access(gateway.secret(), &person.name, code.as_bytes(), Some(&state));
                let again = cluster.ask(&mut gateway, other, anew)?.with_context(|| {
                    format!(
                        "n{} was silent on the same completion, first sent to n{}",
                        other + 1,
                        first + 1
                    )
                })?;
                ensure!(
                    again.is_accept(),
                    "the same completion at n{} was answered with {again:?}",
                    other + 1
                );
            }
            accepted_once(cluster, person)?;
            // The code itself is used: another conversation cannot have it.
            let state = challenge(cluster, &mut gateway, first, person)?;
            let replay = Request::access(gateway.secret(), &person.name, code.as_bytes(), Some(&state));
            let refused = cluster
                .ask(&mut gateway, (first + 1) % 3, replay)?
                .context("silence on a replay")?;
            ensure!(
                refused.is_reject(),
                "a used code in another conversation was answered with {refused:?}"
            );
        }
        Ok(())
    });
}

#[test]
fn a_completion_raced_to_all_nodes_gets_one_verdict() {
    with_cluster(3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 10)?;
        cluster.converged()?;
        let mut gateway = cluster.gateway();
        for person in &mut people {
            let state = challenge(cluster, &mut gateway, 0, person)?;
            let code = person.code();
            let mut racers = cluster.gateway();
            for node in 0..3 {
                let request = Request::access(racers.secret(), &person.name, code.as_bytes(), Some(&state));
                racers.send(node, Login::once(request, cluster.nodes[node].radius))?;
            }
            for ended in racers.all_ended()? {
                let reply = ended.reply.with_context(|| format!("n{} was silent", ended.tag + 1))?;
                ensure!(
                    reply.is_accept(),
                    "n{} answered the same completion with {reply:?}",
                    ended.tag + 1
                );
            }
            accepted_once(cluster, person)?;
        }
        Ok(())
    });
}

#[test]
fn the_state_of_one_user_or_client_is_refused_from_another() {
    with_cluster(3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 3)?;
        cluster.converged()?;
        let (mut gateway, mut other_gateway) = (cluster.gateway(), cluster.other_gateway());

        let state = challenge(cluster, &mut gateway, 0, &people[0])?;
        let code = people[1].code();
        let stolen = Request::access(gateway.secret(), &people[1].name, code.as_bytes(), Some(&state));
        let reply = cluster.ask(&mut gateway, 1, stolen)?;
        ensure!(!accepted(&reply), "another user's State was answered with {reply:?}");

        let state = challenge(cluster, &mut gateway, 0, &people[2])?;
        let code = people[2].code();
        let moved = Request::access(other_gateway.secret(), &people[2].name, code.as_bytes(), Some(&state));
        let reply = cluster.ask(&mut other_gateway, 1, moved)?;
        ensure!(
            !accepted(&reply),
            "a State of another client was answered with {reply:?}"
        );

        let mut forged = challenge(cluster, &mut gateway, 0, &people[2])?;
        let middle = forged.len() / 2;
        forged[middle] ^= 1;
        let code = people[2].code();
        let request = Request::access(gateway.secret(), &people[2].name, code.as_bytes(), Some(&forged));
        let reply = cluster.ask(&mut gateway, 2, request)?;
        ensure!(!accepted(&reply), "an altered State was answered with {reply:?}");
        Ok(())
    });
}

fn accepted(reply: &Option<Reply>) -> bool {
    reply.as_ref().is_some_and(Reply::is_accept)
}

/// The State of a challenge that `node` gives for the right password.
fn challenge(cluster: &Cluster, gateway: &mut Crowd<()>, node: usize, person: &Person) -> Result<Vec<u8>> {
    let request = person.login_with(gateway.secret(), PASSWORD);
    let reply = cluster
        .ask(gateway, node, request)?
        .with_context(|| format!("n{} was silent", node + 1))?;
    let state = reply
        .state()
        .with_context(|| format!("the password was answered with {reply:?}"))?;
    Ok(state.to_vec())
}

/// The audit of every node has one accept of this person.
fn accepted_once(cluster: &Cluster, person: &Person) -> Result<()> {
    cluster.converged()?;
    for node in &cluster.nodes {
        let accepts = cluster_tests::cluster::audit(&node.api(), &person.name)?
            .iter()
            .filter(|record| record["kind"] == cluster_tests::cluster::ACCEPTED)
            .count();
        ensure!(
            accepts == 1,
            "{} has {accepts} accepts of {} in its audit",
            node.name,
            person.name
        );
    }
    Ok(())
}
