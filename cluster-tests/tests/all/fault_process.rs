//! The leader dies, and the leader sleeps, under a load that tries codes twice.

use cluster_tests::{
    trial::{PER_SECOND, accepts_more, under_load},
    with_cluster,
};

#[test]
fn a_killed_leader_costs_no_login_and_nothing_acknowledged() {
    with_cluster(3, |cluster| {
        let verdict = under_load(cluster, |cluster, load| {
            let leader = cluster.leader()?;
            cluster.nodes[leader].kill()?;
            accepts_more(load, 3 * PER_SECOND)?;
            cluster.nodes[leader].start()
        })?;
        verdict.say("the leader killed");
        verdict.lost_nothing()
    });
}

#[test]
fn a_leader_that_sleeps_and_wakes_costs_no_login_and_nothing_acknowledged() {
    with_cluster(3, |cluster| {
        let verdict = under_load(cluster, |cluster, load| {
            let leader = cluster.leader()?;
            cluster.nodes[leader].pause()?;
            accepts_more(load, 3 * PER_SECOND)?;
            cluster.nodes[leader].resume()
        })?;
        verdict.say("the leader stopped and resumed");
        verdict.lost_nothing()
    });
}
