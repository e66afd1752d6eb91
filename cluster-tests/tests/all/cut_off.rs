//! A node that is alone accepts nothing, the others go on without it, and it catches up by itself.

use anyhow::{Result, ensure};
use cluster_tests::{
    Cluster, Person,
    cluster::role_of,
    crowd::{Crowd, Login},
    limits,
    namespaces::Network,
    people, wait, with_cluster,
};

#[test]
fn a_stopped_follower_catches_up_and_replays_nothing() {
    with_cluster(3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 20)?;
        cluster.converged()?;
        let sleeper = cluster.follower()?;
        let awake: Vec<usize> = (0..3).filter(|node| *node != sleeper).collect();
        cluster.nodes[sleeper].pause()?;
        let mut used = Vec::new();
        for (at, person) in people.iter_mut().enumerate() {
            let code = person.code();
            accepted(cluster, awake[at % 2], person, &code)?;
            used.push(code);
        }
        // The same codes wait in the sleeper's socket when it wakes.
        let mut client = cluster.passcode_client();
        for (person, code) in people.iter().zip(&used) {
            let request = person.login_with(client.secret(), code);
            client.send((), Login::once(request, cluster.nodes[sleeper].radius))?;
        }
        cluster.nodes[sleeper].resume()?;
        let accepts = accepts_in_the_end(&mut client)?;
        ensure!(
            accepts == 0,
            "{accepts} used codes were accepted by the node that slept"
        );
        cluster.converged()?;
        let code = people[0].code();
        accepted(cluster, sleeper, &people[0], &code)
    });
}

#[test]
fn a_node_cut_from_the_others_accepts_nothing_and_heals_by_itself() {
    let network = Network::build(3).expect("network namespaces (as root)");
    let mut cluster = Cluster::empty(Network::SOURCES).expect("a folder for the cluster");
    let result = cut_off_in_turn(&network, &mut cluster);
    if let Err(error) = result {
        cluster.explain();
        panic!("{error:?}");
    }
}

fn cut_off_in_turn(network: &Network, cluster: &mut Cluster) -> Result<()> {
    cluster.found(Network::address(0), Some(network.machine(0)))?;
    for machine in 1..3 {
        cluster.join(Network::address(machine), Some(network.machine(machine)))?;
    }
    let mut people = people::import(&cluster.api()?, "u", 40)?;
    cluster.converged()?;
    let (follower, leader) = (cluster.follower()?, cluster.leader()?);
    for (alone, people) in [follower, leader].into_iter().zip(people.chunks_mut(20)) {
        network.cut_off(alone)?;
        network.at_router(|| serves_without(cluster, alone, people))?;
        network.mend()?;
        wait::until_ok("the node to reach a quorum again", limits::READY, || {
            cluster.nodes[alone].ready()
        })?;
        cluster.converged()?;
        let code = people[0].code();
        network.at_router(|| accepted(cluster, alone, &people[0], &code))?;
    }
    let status = cluster.nodes[0].status()?;
    for node in &cluster.nodes {
        ensure!(
            matches!(role_of(&status, node.id()?), Some("leader" | "voter")),
            "no longer a voter: {status}"
        );
    }
    Ok(())
}

/// While node `alone` hears its clients but not its peers: the others accept, and it does not.
fn serves_without(cluster: &Cluster, alone: usize, people: &mut [Person]) -> Result<()> {
    let others: Vec<usize> = (0..3).filter(|node| *node != alone).collect();
    // Half of the codes go to the lonely node alone, half of them to the others at the same time.
    let (mut client, mut majority): (Crowd<()>, Crowd<()>) = (cluster.passcode_client(), cluster.passcode_client());
    for (at, person) in people.iter_mut().enumerate() {
        let code = person.code();
        client.send(
            (),
            Login::once(person.login_with(client.secret(), &code), cluster.nodes[alone].radius),
        )?;
        if at % 2 == 0 {
            let servers = vec![
                cluster.nodes[others[at / 2 % 2]].radius,
                cluster.nodes[others[1 - at / 2 % 2]].radius,
            ];
            majority.send(
                (),
                Login::with_retries(person.login_with(majority.secret(), &code), servers),
            )?;
        }
    }
    for ended in majority.all_ended()? {
        ensure!(
            is_accept(&ended.reply),
            "the majority answered a right code with {:?}",
            ended.reply
        );
    }
    // Silence to the end: no reply may leave later than 10 s after its request.
    let accepts = accepts_in_the_end(&mut client)?;
    ensure!(
        accepts == 0,
        "n{} accepted {accepts} codes while it was alone",
        alone + 1
    );
    let readiness = cluster.nodes[alone].api().ask("GET", "/readyz", None)?;
    ensure!(
        readiness.status == 503,
        "a node without quorum says of its readiness: {readiness:?}"
    );
    Ok(())
}

fn accepted(cluster: &Cluster, node: usize, person: &Person, code: &str) -> Result<()> {
    let mut client = cluster.passcode_client();
    let request = person.login_with(client.secret(), code);
    let reply = cluster.ask(&mut client, node, request)?;
    ensure!(
        is_accept(&reply),
        "a right code at n{} was answered with {reply:?}",
        node + 1
    );
    Ok(())
}

fn is_accept(reply: &Option<cluster_tests::wire::Reply>) -> bool {
    reply.as_ref().is_some_and(cluster_tests::wire::Reply::is_accept)
}

/// How many of a client's logins are accepted before all of them are answered or given up.
fn accepts_in_the_end(client: &mut Crowd<()>) -> Result<usize> {
    let ended = client.all_ended()?;
    Ok(ended.into_iter().filter(|ended| is_accept(&ended.reply)).count())
}
