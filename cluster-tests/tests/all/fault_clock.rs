//! Clocks that jump: the node whose clock is wrong judges no codes, the others go on, and it is back when its clock is right.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, Ground,
    crowd::Login,
    faketime::{Clocks, FakeClock},
    limits,
    load::Load,
    people,
    trial::{PER_SECOND, accepts_more, under_load},
    wait, with_cluster_on,
};

#[test]
fn a_leader_whose_wall_clock_jumps_judges_nothing_until_it_is_right_again() {
    on_clocks(Clocks::Realtime, |cluster| {
        let verdict = under_load(cluster, |cluster, load| {
            let leader = cluster.leader()?;
            clock(cluster, leader)?.ahead(Duration::from_secs(3600))?;
            is_fenced(cluster, load, leader)?;
            clock(cluster, leader)?.behind(Duration::from_secs(30))?;
            is_fenced(cluster, load, leader)?;
            clock(cluster, leader)?.set_right()
        })?;
        verdict.say("the leader's wall clock an hour ahead, then 30 s behind");
        verdict.lost_nothing()
    });
}

#[test]
fn a_leader_whose_clocks_all_jump_judges_nothing_until_it_is_started_again() {
    on_clocks(Clocks::All, |cluster| {
        let verdict = under_load(cluster, |cluster, load| {
            let leader = cluster.leader()?;
            clock(cluster, leader)?.ahead(Duration::from_secs(90))?;
            is_fenced(cluster, load, leader)?;
            cluster.nodes[leader].kill()?;
            clock(cluster, leader)?.set_right()?;
            cluster.nodes[leader].start()
        })?;
        verdict.say("all clocks of the leader 90 s ahead");
        verdict.lost_nothing()
    });
}

/// Waits until the node says that its clock is wrong; then right codes that only it is asked about are judged by others, and it does not
/// lead, while the others serve.
fn is_fenced(cluster: &Cluster, load: &Load, node: usize) -> Result<()> {
    wait::until_ok("the node to see that its clock is wrong", limits::READY, || {
        let in_time = cluster.nodes[node].metric("quorate_clock_in_time")?;
        let readiness = cluster.nodes[node].api().ask("GET", "/readyz", None)?;
        ensure!(
            in_time == 0.0 && readiness.status == 503,
            "in time {in_time}, {readiness:?}"
        );
        Ok(())
    })?;
    let mut asked = people::import(&cluster.api_but(node)?, &format!("fenced{}-", load.accepted()), 10)?;
    let mut client = cluster.passcode_client();
    for person in &mut asked {
        let login = Login {
            retry: limits::SILENCE,
            ..Login::once(person.login(client.secret()), cluster.nodes[node].radius)
        };
        client.send((), login)?;
    }
    accepts_more(load, 2 * PER_SECOND)?;
    ensure!(cluster.leader()? != node, "n{} leads with a wrong clock", node + 1);
    client.all_ended()?;
    let (fenced, other) = (cluster.nodes[node].id()?, (node + 1) % cluster.nodes.len());
    for person in &asked {
        let user = [
            "audit",
            "list",
            "--user",
            &person.name,
            "--result",
            "accepted",
            "--json",
        ];
        let accepts = cluster.nodes[other].json(&user)?;
        let judges: Vec<_> = accepts
            .as_array()
            .context("a list")?
            .iter()
            .map(|it| &it["node"])
            .collect();
        ensure!(
            judges.len() == 1 && *judges[0] != fenced,
            "{} was accepted by {judges:?}; n{} has a wrong clock",
            person.name,
            node + 1
        );
    }
    Ok(())
}

fn on_clocks(which: Clocks, test: impl FnOnce(&mut Cluster) -> Result<()>) {
    let ground = Ground {
        clocks: Some(which),
        ..Ground::default()
    };
    with_cluster_on(ground, 3, test);
}

fn clock(cluster: &Cluster, node: usize) -> Result<&FakeClock> {
    cluster.nodes[node].clock.as_ref().context("a node with a clock")
}
