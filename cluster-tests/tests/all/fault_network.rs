//! Links that are slow, shuffled, lossy, or dead in one direction.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, Ground,
    load::Load,
    namespaces::Network,
    relay::{Counts, Relay, Weather},
    trial::{PER_SECOND, Verdict, accepts_more, under_load},
    with_cluster_on,
};

#[test]
fn slow_and_uneven_links_cost_no_login() {
    let weather = Weather {
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(10),
        ..Weather::default()
    };
    let (verdict, counts) = in_weather("slow and uneven links", weather);
    assert!(counts.delayed > 1000, "{counts:?}");
    verdict.lost_nothing().unwrap();
}

#[test]
fn doubled_and_overtaken_datagrams_cost_no_login() {
    let weather = Weather {
        duplicate_percent: 25,
        reorder_percent: 25,
        ..Weather::default()
    };
    let (verdict, counts) = in_weather("datagrams doubled and overtaken", weather);
    assert!(counts.duplicated > 100 && counts.reordered > 100, "{counts:?}");
    verdict.lost_nothing().unwrap();
}

#[test]
fn lost_datagrams_cost_no_login() {
    let weather = Weather {
        loss_percent: 5,
        ..Weather::default()
    };
    let (verdict, counts) = in_weather("datagrams lost", weather);
    assert!(counts.lost > 100, "{counts:?}");
    verdict.lost_nothing().unwrap();
}

/// First nobody hears the leader, then the leader hears nobody.
#[test]
fn a_leader_cut_in_one_direction_is_replaced() {
    on_a_relay(|cluster| {
        let verdict = under_load(cluster, |cluster, load| {
            let mute = cluster.leader()?;
            let relay = relay(cluster)?;
            others(cluster, mute).for_each(|other| relay.set(mute, other, Weather::DEAD));
            accepts_more(load, 3 * PER_SECOND)?;
            relay.clear();
            cluster.nodes[mute].ready()?;

            let deaf = cluster.leader()?;
            others(cluster, deaf).for_each(|other| relay.set(other, deaf, Weather::DEAD));
            accepts_more(load, 3 * PER_SECOND)?;
            ensure!(relay.counts().lost > 0, "nothing was lost");
            relay.clear();
            Ok(())
        })?;
        verdict.say("a leader cut in one direction, then in the other");
        verdict.lost_nothing()
    });
}

/// A firewall drops what the leader sends to one of the others. Both of them still reach the third.
#[test]
fn one_direction_between_two_machines_is_firewalled() {
    let network = Network::build(3).expect("network namespaces (as root)");
    let result = network.at_router(|| {
        let mut cluster = Cluster::empty(Network::SOURCES)?;
        let tried = firewalled(&network, &mut cluster);
        if tried.is_err() {
            cluster.explain();
        }
        tried
    });
    if let Err(error) = result {
        panic!("{error:?}");
    }
}

fn firewalled(network: &Network, cluster: &mut Cluster) -> Result<()> {
    cluster.found(Network::address(0), Some(network.machine(0)))?;
    for machine in 1..3 {
        cluster.join(Network::address(machine), Some(network.machine(machine)))?;
    }
    let verdict = under_load(cluster, |cluster, load: &Load| {
        let leader = cluster.leader()?;
        let follower = others(cluster, leader).next().context("a follower")?;
        network.cut_one_way(leader, follower)?;
        accepts_more(load, 4 * PER_SECOND)?;
        network.mend()
    })?;
    verdict.say("one direction between the leader and a follower firewalled");
    verdict.lost_nothing()
}

fn in_weather(words: &str, weather: Weather) -> (Verdict, Counts) {
    let mut found = None;
    on_a_relay(|cluster| {
        let verdict = under_load(cluster, |cluster, load| {
            relay(cluster)?.set_all(weather);
            accepts_more(load, 4 * PER_SECOND)?;
            relay(cluster)?.clear();
            Ok(())
        })?;
        let counts = relay(cluster)?.counts();
        verdict.say(&format!("{words} ({counts:?})"));
        found = Some((verdict, counts));
        Ok(())
    });
    found.expect("the test did not fail")
}

fn on_a_relay(test: impl FnOnce(&mut Cluster) -> Result<()>) {
    let relay = Relay::start(3, Ipv4Addr::LOCALHOST.into(), 1).expect("a relay on loopback");
    let ground = Ground {
        relay: Some(relay),
        ..Ground::default()
    };
    with_cluster_on(ground, 3, test);
}

fn relay(cluster: &Cluster) -> Result<&Relay> {
    cluster.ground.relay.as_ref().context("a cluster on a relay")
}

fn others(cluster: &Cluster, node: usize) -> impl Iterator<Item = usize> + use<> {
    (0..cluster.nodes.len()).filter(move |other| *other != node)
}
