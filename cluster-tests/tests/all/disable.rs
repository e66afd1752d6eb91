//! Once a disable is acknowledged, every node refuses, whatever it was doing meanwhile.

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, Person,
    crowd::Login,
    people::{self, PASSWORD},
    wire::Request,
    with_cluster,
};

#[test]
fn a_disabled_user_is_refused_on_every_node_as_soon_as_the_disable_returns() {
    with_cluster(3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 24)?;
        cluster.converged()?;
        for (round, person) in people.iter_mut().enumerate() {
            // By the command line, through a node that is the leader or not.
            cluster.nodes[round % 3].quorate(&["user", "disable", &person.name])?;
            nobody_accepts(cluster, person)?;
        }
        // And it was the disable that refused: the same people get in when they are enabled again.
        for person in people.iter_mut().take(3) {
            cluster.nodes[0].quorate(&["user", "enable", &person.name])?;
            let mut client = cluster.passcode_client();
            let request = person.login(client.secret());
            let reply = cluster.ask(&mut client, 1, request)?.context("silence")?;
            ensure!(reply.is_accept(), "an enabled user was answered with {reply:?}");
        }
        Ok(())
    });
}

#[test]
fn a_node_that_slept_through_the_disable_refuses_too() {
    with_cluster(3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 3)?;
        cluster.converged()?;
        for (round, person) in people.iter_mut().enumerate() {
            let sleeper = if round == 0 {
                cluster.leader()?
            } else {
                cluster.follower()?
            };
            cluster.nodes[sleeper].pause()?;
            // In the sleeper's socket before the disable, and judged after it.
            let mut client = cluster.passcode_client();
            let request = person.login(client.secret());
            client.send((), Login::once(request, cluster.nodes[sleeper].radius))?;
            let awake = (0..3).find(|node| *node != sleeper).context("two nodes are awake")?;
            cluster.nodes[awake].quorate(&["user", "disable", &person.name])?;
            cluster.nodes[sleeper].resume()?;
            for ended in client.all_ended()? {
                ensure!(
                    !ended.reply.is_some_and(|reply| reply.is_accept()),
                    "n{} accepted what it slept on",
                    sleeper + 1
                );
            }
            nobody_accepts(cluster, person)?;
            cluster.nodes[sleeper].ready()?;
        }
        Ok(())
    });
}

#[test]
fn a_disable_voids_what_was_remembered() {
    with_cluster(3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 1)?;
        cluster.converged()?;
        let mut client = cluster.passcode_client();
        let request = people[0].login(client.secret());
        let reply = cluster.ask(&mut client, 0, request.clone())?.context("silence")?;
        ensure!(reply.is_accept(), "a right code was answered with {reply:?}");
        cluster.nodes[0].quorate(&["user", "disable", &people[0].name])?;
        for node in 0..3 {
            let again = cluster.ask(&mut client, node, request.clone())?;
            ensure!(
                !again.is_some_and(|reply| reply.is_accept()),
                "n{} repeated the accept of a disabled user",
                node + 1
            );
        }
        Ok(())
    });
}

/// Sends a fresh code and a right password to every node at once.
fn nobody_accepts(cluster: &Cluster, person: &mut Person) -> Result<()> {
    let (mut client, mut gateway) = (cluster.passcode_client(), cluster.gateway());
    let code = person.code();
    for node in 0..3 {
        let server = cluster.nodes[node].radius;
        let request = person.login_with(client.secret(), &code);
        client.send(node, Login::once(request, server))?;
        let request = Request::access(
            gateway.secret(),
            &person.name,
            format!("{PASSWORD}{code}").as_bytes(),
            None,
        );
        gateway.send(node, Login::once(request, server))?;
    }
    for ended in client.all_ended()?.into_iter().chain(gateway.all_ended()?) {
        let accepted = ended.reply.is_some_and(|reply| reply.is_accept());
        ensure!(
            !accepted,
            "n{} accepted {} after the disable was acknowledged",
            ended.tag + 1,
            person.name
        );
    }
    Ok(())
}
