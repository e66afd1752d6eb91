//! A fourth node joins under load, a node leaves, a node that lost its disk is replaced. Nobody is refused meanwhile.

use std::fs;

use anyhow::{Context, Result, ensure};
use cluster_tests::{Cluster, cluster::role_of, limits, load::Load, people, wait, with_cluster};

const PER_SECOND: u32 = 50;

#[test]
fn nodes_join_leave_and_are_replaced_under_load() {
    with_cluster(3, |cluster| {
        let people = people::import(&cluster.api()?, "u", PER_SECOND as usize * 36)?;
        let mut apart = people::import(&cluster.api()?, "a", 4)?;
        cluster.converged()?;
        let load = Load::start(cluster.servers(), cluster.sources.passcode, people, PER_SECOND);
        wait::until("the load to run", limits::READY, || {
            (load.accepted() > u64::from(PER_SECOND)).then_some(())
        })?;

        let fourth = cluster.join(std::net::Ipv4Addr::LOCALHOST.into(), None)?;
        serves(cluster, fourth, &mut apart[0])?;

        // The leader leaves: the hardest one to miss.
        let leaver = cluster.leader()?;
        let left = cluster.nodes[leaver].id()?;
        load.send_to(others(cluster, leaver));
        cluster.nodes[leaver].quorate(&["leave", "--yes"])?;
        is_no_member(cluster, leaver, left)?;
        refuses_alone(cluster, leaver, &mut apart[1])?;
        cluster.nodes[leaver].kill()?;

        // Another loses its disk: it is removed, and its replacement joins as a new node.
        let lost = cluster.follower()?;
        let id = cluster.nodes[lost].id()?;
        load.send_to(
            cluster
                .running()
                .filter(|at| *at != lost)
                .map(|at| cluster.nodes[at].radius)
                .collect(),
        );
        cluster.nodes[lost].kill()?;
        fs::remove_dir_all(cluster.nodes[lost].data_dir())?;
        let member = cluster.leader()?;
        cluster.nodes[member].quorate(&["remove", &id.to_string(), "--yes"])?;
        is_no_member(cluster, lost, id)?;
        let newest = cluster.join(std::net::Ipv4Addr::LOCALHOST.into(), None)?;
        serves(cluster, newest, &mut apart[2])?;
        ensure!(cluster.nodes[newest].id()? > id.max(left), "an id was given out again");

        let account = load.stop()?;
        println!(
            "{} logins while nodes came and went, {} lost",
            account.sent,
            account.lost.len()
        );
        ensure!(account.lost.is_empty(), "lost: {:?}", account.lost);
        Ok(())
    });
}

#[test]
fn a_join_token_works_once() {
    with_cluster(1, |cluster| {
        let (token, host) = (cluster.join_token(0)?, cluster.nodes[0].cluster.to_string());
        let first = cluster.prepare(std::net::Ipv4Addr::LOCALHOST.into(), None)?;
        first.quorate(&["join", &host, "--token", &token])?;
        let second = cluster_tests::Node::prepare(
            &cluster.folder().join("second"),
            "second",
            std::net::Ipv4Addr::LOCALHOST.into(),
            None,
        )?;
        let refused = second.try_quorate(&["join", &host, "--token", &token])?;
        ensure!(!refused.status.success(), "a spent token was accepted: {refused:?}");
        ensure!(
            !second.data_dir().join("log").exists(),
            "a refused join left a log behind"
        );
        Ok(())
    });
}

fn others(cluster: &Cluster, without: usize) -> Vec<std::net::SocketAddr> {
    cluster
        .running()
        .filter(|at| *at != without)
        .map(|at| cluster.nodes[at].radius)
        .collect()
}

/// Every other running node stops counting `id` as a member.
fn is_no_member(cluster: &Cluster, node: usize, id: u64) -> Result<()> {
    for seen_by in cluster.running().filter(|at| *at != node) {
        wait::until_ok(&format!("node {id} to be no member any more"), limits::VOTER, || {
            let status = cluster.nodes[seen_by].status()?;
            ensure!(
                role_of(&status, id).is_none(),
                "n{} still sees it: {status}",
                seen_by + 1
            );
            Ok(())
        })?;
    }
    Ok(())
}

fn serves(cluster: &Cluster, node: usize, person: &mut cluster_tests::Person) -> Result<()> {
    let mut client = cluster.passcode_client();
    let request = person.login(client.secret());
    let reply = cluster
        .ask(&mut client, node, request)?
        .with_context(|| format!("n{} was silent", node + 1))?;
    ensure!(
        reply.is_accept(),
        "a right code at n{} was answered with {reply:?}",
        node + 1
    );
    Ok(())
}

/// A node that has left may be silent or gone, but accepts nothing.
fn refuses_alone(cluster: &Cluster, node: usize, person: &mut cluster_tests::Person) -> Result<()> {
    let mut client = cluster.passcode_client();
    let request = person.login(client.secret());
    let reply = cluster.ask(&mut client, node, request)?;
    ensure!(
        !reply.is_some_and(|reply| reply.is_accept()),
        "a node that has left accepts"
    );
    Ok(())
}
