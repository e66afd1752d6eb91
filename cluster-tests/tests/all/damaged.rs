//! Nodes whose files are found damaged: they go on under a new number by themselves, if that is safe, and otherwise touch nothing.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, Node,
    cluster::{audit_of, role_of},
    limits, people,
    trial::{PER_SECOND, accepts_more, under_load},
    wait, with_cluster,
};
use serde_json::{Value, json};

/// The first is replaced under load. The second, within the hour, is not: what damages one node after the other an operator has to see.
#[test]
fn a_damaged_node_replaces_itself_and_a_second_one_waits() {
    with_cluster(3, |cluster| {
        let verdict = under_load(cluster, |cluster, load| {
            let leader = cluster.leader()?;
            let old = cluster.nodes[leader].id()?;
            knows_the_others(&cluster.nodes[leader])?;
            cluster.nodes[leader].kill()?;
            let damaged = Damage::to_the_log_of(&cluster.nodes[leader])?;
            cluster.nodes[leader].start()?;
            replaced(cluster, leader, old)?;
            ensure!(
                fs::read(damaged.kept_as(&cluster.nodes[leader], old))? == damaged.after,
                "the damaged file was not kept as it was"
            );
            accepts_more(load, PER_SECOND)?;

            let other = (0..3).find(|at| *at != leader && Ok(*at) != cluster.leader().map_err(drop));
            let other = other.context("a third node")?;
            let id = cluster.nodes[other].id()?;
            cluster.nodes[other].kill()?;
            let damaged = Damage::to_the_log_of(&cluster.nodes[other])?;
            cluster.nodes[other].start()?;
            has_said(cluster, other, "or was within the last hour")?;
            accepts_more(load, PER_SECOND)?;
            let seen_by = cluster.leader()?;
            let status = cluster.nodes[seen_by].status()?;
            ensure!(role_of(&status, id) == Some("voter"), "it was taken out: {status}");
            damaged.is_untouched()?;
            // As soon as its files are right again, so is the node.
            damaged.mend()
        })?;
        verdict.say("two nodes damaged, one of them replaced");
        verdict.lost_nothing()
    });
}

/// Nobody can say what was acknowledged: every automatic step could lose it.
#[test]
fn three_damaged_nodes_touch_nothing_and_wait() {
    with_cluster(3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 1)?;
        cluster.converged()?;
        for node in &mut cluster.nodes {
            node.kill()?;
        }
        let damages = cluster
            .nodes
            .iter()
            .map(Damage::to_the_log_of)
            .collect::<Result<Vec<_>>>()?;
        for node in &mut cluster.nodes {
            node.start()?;
        }
        for at in 0..3 {
            has_said(cluster, at, "not replaced yet; asking again")?;
        }
        for damage in &damages {
            damage.is_untouched()?;
            damage.mend()?;
        }
        for node in &cluster.nodes {
            node.ready()?;
        }
        let mut client = cluster.passcode_client();
        let request = people[0].login(client.secret());
        let reply = cluster.ask(&mut client, 0, request)?.context("silence")?;
        ensure!(reply.is_accept(), "a right code was answered with {reply:?}");
        Ok(())
    });
}

/// A node that has found its state to be another's than the cluster's stops and leaves a note. The next start must heed it.
#[test]
fn a_node_that_has_diverged_is_replaced_when_it_is_started_again() {
    with_cluster(3, |cluster| {
        let node = cluster.follower()?;
        knows_the_others(&cluster.nodes[node])?;
        let old = cluster.nodes[node].id()?;
        cluster.nodes[node].stop()?;
        fs::write(cluster.nodes[node].data_dir().join("diverged"), "noted by the test")?;
        cluster.nodes[node].start()?;
        replaced(cluster, node, old)?;
        Ok(())
    });
}

#[test]
fn a_damaged_node_that_may_not_replace_itself_ends_with_a_sentence() {
    with_cluster(1, |cluster| {
        cluster.nodes[0].kill()?;
        cluster.nodes[0].replace_damaged = false;
        cluster.nodes[0].write_config()?;
        let damage = Damage::to_the_log_of(&cluster.nodes[0])?;
        cluster.nodes[0].start()?;
        cluster.nodes[0].ended()?;
        ensure!(cluster.nodes[0].has_said("this node takes no part in the cluster. Replace it:"));
        damage.is_untouched()
    });
}

/// A flipped bit in the middle of what the log holds.
struct Damage {
    file: PathBuf,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Damage {
    fn to_the_log_of(node: &Node) -> Result<Damage> {
        let chunks = fs::read_dir(node.data_dir().join("log/chunks"))?;
        let files = chunks
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<PathBuf>>>()?;
        let sizes = files.into_iter().map(|file| Ok((fs::metadata(&file)?.len(), file)));
        let (_, file) = sizes
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .max()
            .context("a log has chunks")?;
        let before = fs::read(&file)?;
        // The beginning was written and synced long ago, whatever else was.
        let mut after = before.clone();
        after[300] ^= 0x10;
        fs::write(&file, &after)?;
        Ok(Damage { file, before, after })
    }

    fn kept_as(&self, node: &Node, id: u64) -> PathBuf {
        let name = self.file.file_name().unwrap_or_default();
        node.data_dir().join(format!("damaged-{id}/log/chunks")).join(name)
    }

    fn is_untouched(&self) -> Result<()> {
        ensure!(
            fs::read(&self.file)? == self.after,
            "{} was changed",
            self.file.display()
        );
        Ok(())
    }

    fn mend(&self) -> Result<()> {
        Ok(fs::write(&self.file, &self.before)?)
    }
}

/// Waits until the node is a voter under another number and the old one is gone for good. Gives the new one.
fn replaced(cluster: &Cluster, node: usize, old: u64) -> Result<u64> {
    cluster.until_voter(node)?;
    let new = cluster.nodes[node].id()?;
    ensure!(new > old, "node {old} came back as node {new}");
    wait::until_ok(&format!("node {old} to be fenced off"), limits::VOTER, || {
        let records = audit_of(&cluster.nodes[node].api(), "kind=replacement_completed")?;
        let record = records.first().context("nothing in the audit")?;
        let details = &record["details"];
        ensure!(
            (&details["removed"], &details["successor"]) == (&json!(old.to_string()), &json!(new.to_string())),
            "{record}"
        );
        ensure!(
            role_of(&cluster.nodes[node].status()?, old).is_none(),
            "it is still a member"
        );
        Ok(())
    })?;
    Ok(new)
}

/// A node keeps the list of members beside its certificate, a moment after it changes.
fn knows_the_others(node: &Node) -> Result<()> {
    wait::until_ok("the list of members to be kept", limits::READY, || {
        let kept: Value = serde_json::from_slice(&fs::read(node.data_dir().join("certificates/peers.json"))?)?;
        ensure!(kept.as_object().is_some_and(|nodes| nodes.len() == 3), "{kept}");
        Ok(())
    })
}

fn has_said(cluster: &Cluster, node: usize, words: &str) -> Result<()> {
    wait::until(&format!("n{} to say: {words}", node + 1), limits::VOTER, || {
        cluster.nodes[node].has_said(words).then_some(())
    })
}
