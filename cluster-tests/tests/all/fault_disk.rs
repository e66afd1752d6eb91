//! Disks that stall, fill up, fail, lie and flip bits.

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, Ground,
    disk::{Counts, Disk, Health},
    limits,
    load::Load,
    trial::{PER_SECOND, accepts_more, under_load},
    wait, with_cluster_on,
};

#[test]
fn a_leader_whose_disk_stalls_does_not_hold_up_the_others() {
    on_disks(|cluster| {
        let verdict = under_load(cluster, |cluster, load| {
            let leader = cluster.leader()?;
            disk(cluster, leader)?.set(Health::Stalled);
            accepts_more(load, 4 * PER_SECOND)?;
            disk(cluster, leader)?.set(Health::Well);
            struck(cluster, leader, "a sync to be held back", |counts| counts.held)
        })?;
        verdict.say("the leader's disk stalled");
        verdict.lost_nothing()
    });
}

/// It steps aside before a write fails, the others serve, and it is back by itself once there is space.
#[test]
fn a_full_disk_is_no_loss() {
    on_disks(|cluster| {
        let verdict = under_load(cluster, |cluster, load| {
            let leader = cluster.leader()?;
            disk(cluster, leader)?.set(Health::Full);
            accepts_more(load, 4 * PER_SECOND)?;
            wait::until("the node to step aside", limits::READY, || {
                (!is_ready(cluster, leader)).then_some(())
            })?;
            accepts_more(load, PER_SECOND)?;
            ensure!(
                !cluster.nodes[leader].has_ended()?,
                "it ended instead of stepping aside"
            );
            disk(cluster, leader)?.set(Health::Well);
            cluster.nodes[leader].ready()
        })?;
        verdict.say("the leader's disk full");
        verdict.lost_nothing()
    });
}

#[test]
fn a_node_whose_sync_fails_ends_at_once_and_comes_back_with_what_it_had() {
    on_disks(|cluster| {
        let verdict = under_load(cluster, |cluster, load| ends_of(Health::FailsToSync, cluster, load))?;
        verdict.say("the leader's disk failed to sync");
        verdict.lost_nothing()
    });
}

#[test]
fn a_node_whose_write_fails_ends_at_once_and_comes_back_with_what_it_had() {
    on_disks(|cluster| {
        let verdict = under_load(cluster, |cluster, load| ends_of(Health::FailsToWrite, cluster, load))?;
        verdict.say("the leader's disk failed to write");
        verdict.lost_nothing()
    });
}

/// The leader's disk fails. It has to say so and end, instead of trying again: the failed sync has lost what it was to keep,
/// and the next one would succeed. Then the power is cut, so that what it lost is lost.
fn ends_of(health: Health, cluster: &mut Cluster, load: &Load) -> Result<()> {
    let leader = cluster.leader()?;
    disk(cluster, leader)?.set(health);
    cluster.nodes[leader].ended()?;
    ensure!(
        cluster.nodes[leader].has_said("error: consensus has stopped, and this node with it:"),
        "it ended without the sentence"
    );
    struck(cluster, leader, "a request to fail", |counts| counts.failed)?;
    accepts_more(load, 2 * PER_SECOND)?;
    disk(cluster, leader)?.set(Health::Well);
    disk(cluster, leader)?.cut_power();
    cluster.nodes[leader].start()
}

/// The process is started again on the same kernel, whose page cache holds what the disk has not, and which takes those pages for clean.
/// Only then does the power go.
#[test]
fn what_a_failed_sync_left_in_the_page_cache_is_written_before_it_is_trusted() {
    on_disks(|cluster| {
        let verdict = under_load(cluster, |cluster, load| {
            let leader = cluster.leader()?;
            disk(cluster, leader)?.set(Health::FailsToSync);
            cluster.nodes[leader].ended()?;
            struck(cluster, leader, "a request to fail", |counts| counts.failed)?;
            disk(cluster, leader)?.set(Health::Well);
            cluster.restart(leader)?;
            accepts_more(load, PER_SECOND)?;
            cluster.nodes[leader].kill()?;
            disk(cluster, leader)?.cut_power();
            cluster.nodes[leader].replace_damaged = false;
            cluster.nodes[leader].write_config()?;
            cluster.restart(leader)
        })?;
        verdict.say("a failed sync, a restart, then a power cut");
        verdict.lost_nothing()
    });
}

/// Not a kill: whatever was not synced at that moment is gone, on all of them.
#[test]
fn the_power_of_all_nodes_is_cut_at_once_and_nothing_acknowledged_is_lost() {
    on_disks(|cluster| {
        let verdict = under_load(cluster, |cluster, load| {
            for _ in 0..3 {
                // So that there is something to lose: writes are under way, and their syncs have not returned.
                for node in 0..3 {
                    let held = disk(cluster, node)?.counts().held;
                    disk(cluster, node)?.set(Health::Stalled);
                    struck(cluster, node, "a sync to be held back", |counts| counts.held - held)?;
                }
                for node in &mut cluster.nodes {
                    node.kill()?;
                }
                for node in 0..3 {
                    let disk = disk(cluster, node)?;
                    let lost = disk.counts().lost;
                    disk.cut_power();
                    ensure!(disk.counts().lost > lost, "n{} had nothing to lose", node + 1);
                    disk.set(Health::Well);
                    cluster.nodes[node].start()?;
                }
                accepts_more(load, PER_SECOND)?;
            }
            Ok(())
        })?;
        verdict.say("the power of all cut three times");
        Ok(())
    });
}

#[test]
fn a_node_that_reads_flipped_bits_is_quarantined_and_serves_nothing() {
    on_disks(|cluster| {
        let verdict = under_load(cluster, |cluster, load| {
            let leader = cluster.leader()?;
            cluster.nodes[leader].kill()?;
            cluster.nodes[leader].replace_damaged = false;
            cluster.nodes[leader].write_config()?;
            disk(cluster, leader)?.set(Health::FlipsBits);
            cluster.nodes[leader].start()?;
            cluster.nodes[leader].ended()?;
            struck(cluster, leader, "a bit to be flipped", |counts| counts.flipped)?;
            accepts_more(load, PER_SECOND)?;
            // What is stored was right all the time, and was left as it was.
            disk(cluster, leader)?.set(Health::Well);
            cluster.nodes[leader].start()
        })?;
        verdict.say("the leader's disk flipped bits");
        verdict.lost_nothing()
    });
}

fn on_disks(test: impl FnOnce(&mut Cluster) -> Result<()>) {
    let ground = Ground {
        disks: true,
        ..Ground::default()
    };
    with_cluster_on(ground, 3, test);
}

fn disk(cluster: &Cluster, node: usize) -> Result<&Disk> {
    cluster.nodes[node].disk.as_ref().context("a node on a disk")
}

/// Waits until the fault has done something: a test whose fault never struck shows nothing.
fn struck(cluster: &Cluster, node: usize, what: &str, count: impl Fn(Counts) -> u64) -> Result<()> {
    let disk = disk(cluster, node)?;
    wait::until(what, limits::READY, || (count(disk.counts()) > 0).then_some(()))
}

fn is_ready(cluster: &Cluster, node: usize) -> bool {
    let answer = cluster.nodes[node].api().ask("GET", "/readyz", None);
    answer.is_ok_and(|answer| answer.status == 200)
}
