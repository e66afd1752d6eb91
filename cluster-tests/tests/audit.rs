//! The audit on three real nodes: segments close and are signed by every node; one that is damaged on disk, or missing on a node that
//! joins, comes back from the others; a retention rule cuts all nodes alike; and what is exported is verified without any of them.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use cluster_tests::{Cluster, limits, node::Node, people, wait, with_cluster};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A user with a token makes two records: more than three segments of 8,192 records.
const USERS: usize = 13_000;

/// Names long enough that three segments have more bytes than the strictest rule keeps.
const STEM: &str =
    "somebody-with-a-name-that-is-long-enough-to-fill-segments-in-a-test-without-making-it-take-minutes-";

#[test]
fn segments_are_signed_healed_fetched_pruned_and_verified_offline() {
    with_cluster(3, |cluster| {
        people::import(&cluster.api()?, STEM, USERS)?;
        cluster.converged()?;
        for node in &cluster.nodes {
            settled(node, 3)?;
            signed_by(node, &[1, 2, 3])?;
            verifies(node)?;
        }
        the_index_answers(&cluster.nodes[1])?;
        damage_heals(cluster)?;

        let fourth = cluster.join(Ipv4Addr::LOCALHOST.into(), None)?;
        settled(&cluster.nodes[fourth], 3)?;
        same_files(cluster)?;
        verifies(&cluster.nodes[fourth])?;

        let export = cluster.folder().join("export");
        exported_and_verified(cluster, &export)?;
        let earlier = cluster.folder().join("earlier.json");
        fs::copy(export.join("heads.json"), &earlier)?;
        tampering_is_found(cluster, &export)?;
        retention_cuts_all_alike(cluster)?;
        the_rest_verifies(cluster, &earlier)
    });
}

fn status(node: &Node) -> Result<Value> {
    node.api().get("/api/v1/audit/status")
}

/// Waits until so many segments are here, were read, and are in the index.
fn settled(node: &Node, segments: u64) -> Result<()> {
    wait::until_ok(&format!("the audit of {}", node.name), limits::READY, || {
        let status = status(node)?;
        let all = ["segments", "checked", "indexed"].map(|field| status[field].as_u64());
        ensure!(all == [Some(segments); 3] && status["missing"] == 0, "{status}");
        ensure!(status["index_building"] == false, "{status}");
        Ok(())
    })
}

/// Waits until these nodes have signed the newest closed segment.
fn signed_by(node: &Node, signers: &[u64]) -> Result<()> {
    wait::until_ok("signatures", limits::READY, || {
        let status = status(node)?;
        let signed = status["signed"].as_array().context("signed")?;
        ensure!(signed.iter().all(|head| head["good"] == true), "{status}");
        let by: BTreeSet<u64> = signed.iter().filter_map(|head| head["node"].as_u64()).collect();
        ensure!(signers.iter().all(|signer| by.contains(signer)), "{status}");
        Ok(())
    })
}

fn verifies(node: &Node) -> Result<()> {
    let verified = node.json(&["audit", "verify", "--json"])?;
    ensure!(verified["ok"] == true, "{}: {verified}", node.name);
    Ok(())
}

/// The oldest user's records are found through the index, by name and by time.
fn the_index_answers(node: &Node) -> Result<()> {
    let name = format!("{STEM}000001");
    let upper = name.to_uppercase();
    for arguments in [
        &["--user", &upper][..],
        &["--kind", "create_user", "--user", &name, "--since", "1h"],
    ] {
        let listed = node.json(&[&["audit", "list", "--json"], arguments].concat())?;
        let found = listed.as_array().context("a list")?;
        ensure!(found.len() == 1 && found[0]["kind"] == "create_user", "{listed}");
    }
    let none = node.json(&["audit", "list", "--json", "--user", &name, "--until", "1h"])?;
    ensure!(none.as_array().is_some_and(Vec::is_empty), "{none}");
    Ok(())
}

fn segment(node: &Node, number: u64) -> PathBuf {
    node.data_dir().join(format!("segments/{number:020}.segment"))
}

/// One segment is flipped under a running node, another is gone: reading finds it, and the others have it.
fn damage_heals(cluster: &Cluster) -> Result<()> {
    let node = &cluster.nodes[2];
    let whole = fs::read(segment(node, 1))?;
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x40;
    fs::write(segment(node, 1), &damaged)?;
    fs::remove_file(segment(node, 0))?;
    let verified = node.try_quorate(&["audit", "verify", "--json"])?;
    ensure!(
        verified.status.code() == Some(8),
        "damage was not noticed: {verified:?}"
    );
    wait::until_ok("the segments to come back", limits::READY, || {
        // What is damaged or gone is noticed by whoever reads it.
        node.quorate(&["audit", "verify"])?;
        ensure!(fs::read(segment(node, 1))? == whole, "another file");
        Ok(())
    })?;
    same_files(cluster)
}

fn same_files(cluster: &Cluster) -> Result<()> {
    for number in 0..3 {
        let files = cluster.nodes.iter().map(|node| Ok(fs::read(segment(node, number))?));
        let files = files.collect::<Result<BTreeSet<Vec<u8>>>>()?;
        ensure!(files.len() == 1, "segment {number} differs between nodes");
    }
    Ok(())
}

fn verify_offline(cluster: &Cluster, export: &Path, more: &[&str]) -> Result<(Option<i32>, Value)> {
    let ca = cluster.nodes[0].data_dir().join("certificates/ca.pem");
    let (dir, ca) = (export.display().to_string(), ca.display().to_string());
    let arguments = [&["audit", "verify", "--json", "--dir", &dir, "--ca", &ca], more].concat();
    let output = cluster.nodes[0].try_quorate(&arguments)?;
    let said = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
    Ok((output.status.code(), said))
}

fn exported_and_verified(cluster: &Cluster, export: &Path) -> Result<()> {
    let dir = export.display().to_string();
    cluster.nodes[0].quorate(&["audit", "export", &dir])?;
    let (code, verified) = verify_offline(cluster, export, &[])?;
    ensure!(code == Some(0) && verified["ok"] == true, "{verified}");
    let signers: BTreeSet<u64> = verified["signed"]
        .as_array()
        .context("signed")?
        .iter()
        .filter_map(|head| head["node"].as_u64())
        .collect();
    ensure!(signers.is_superset(&BTreeSet::from([1, 2, 3])), "{verified}");
    Ok(())
}

/// Somebody edits what was exported, with every checksum right again; then puts it back.
fn tampering_is_found(cluster: &Cluster, export: &Path) -> Result<()> {
    let file = |number: u64| export.join(format!("segments/{number:020}.segment"));
    let open = fs::read_dir(export.join("segments"))?.count() as u64 - 1;
    let tampered = |number: u64, what: &str, tamper: &dyn Fn(&mut Records)| -> Result<()> {
        let sound = fs::read(file(number))?;
        let mut records = Records::read(&sound)?;
        tamper(&mut records);
        fs::write(file(number), records.write())?;
        let (code, verified) = verify_offline(cluster, export, &[])?;
        ensure!(code == Some(8), "{what}: {verified}");
        println!("{what}: {}", verified["problem"]);
        fs::write(file(number), sound)?;
        Ok(())
    };
    for (number, where_) in [(1, "in a closed segment"), (open, "in the open one")] {
        tampered(number, &format!("edited {where_}"), &|records| {
            let record = records.0[5].len() - 1;
            records.0[5][record] ^= 1;
        })?;
        tampered(number, &format!("deleted {where_}"), &|records| {
            drop(records.0.remove(5))
        })?;
        tampered(number, &format!("reordered {where_}"), &|records| records.0.swap(5, 6))?;
        tampered(number, &format!("truncated {where_}"), &|records| drop(records.0.pop()))?;
    }
    fs::rename(file(0), export.join("gone"))?;
    let (code, verified) = verify_offline(cluster, export, &[])?;
    ensure!(code == Some(8), "a missing segment: {verified}");
    fs::rename(export.join("gone"), file(0))?;

    let heads = fs::read_to_string(export.join("heads.json"))?;
    let mut forged: Value = serde_json::from_str(&heads)?;
    forged["signed"][0]["node"] = 9.into();
    fs::write(export.join("heads.json"), forged.to_string())?;
    let (code, verified) = verify_offline(cluster, export, &[])?;
    ensure!(code == Some(8), "a signature in another's name: {verified}");
    fs::write(export.join("heads.json"), heads)?;
    let (code, verified) = verify_offline(cluster, export, &["--expected-head", &"00".repeat(32)])?;
    ensure!(code == Some(8), "another head was expected: {verified}");
    let (code, verified) = verify_offline(cluster, export, &[])?;
    ensure!(code == Some(0), "everything was put back: {verified}");
    Ok(())
}

/// The records of a segment's file: number, base, head, then count, slots and bytes.
struct Records(Vec<Vec<u8>>, Vec<u8>);

impl Records {
    fn read(bytes: &[u8]) -> Result<Self> {
        let number = |at: usize| -> Result<usize> { Ok(u32::from_be_bytes(bytes[at..at + 4].try_into()?) as usize) };
        let count = number(72)?;
        let first = 76 + count * 8;
        let mut records = Vec::new();
        let mut begin = 0;
        for slot in 0..count {
            let end = number(76 + slot * 8)?;
            records.push(bytes[first + begin..first + end].to_vec());
            begin = end;
        }
        Ok(Self(records, bytes[..72].to_vec()))
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = self.1.clone();
        bytes.extend((self.0.len() as u32).to_be_bytes());
        let mut end = 0u32;
        for record in &self.0 {
            end += record.len() as u32;
            bytes.extend(end.to_be_bytes());
            bytes.extend(&Sha256::digest(record)[..4]);
        }
        bytes.extend(self.0.concat());
        bytes
    }
}

/// As many bytes as the rule says, on every node, and the same segment is the first.
fn retention_cuts_all_alike(cluster: &Cluster) -> Result<()> {
    cluster.nodes[1].quorate(&["audit", "retention", "--gib", "0.001"])?;
    let first = wait::until("the rule to take effect", limits::READY, || {
        let first = status(&cluster.nodes[0]).ok()?["first_seq"].as_u64()?;
        (first > 0).then_some(first)
    })?;
    for node in &cluster.nodes {
        wait::until_ok("every node to cut at the same record", limits::READY, || {
            let status = status(node)?;
            ensure!(status["first_seq"] == first && status["missing"] == 0, "{status}");
            ensure!(!segment(node, 0).exists(), "the file is still there");
            Ok(())
        })?;
        signed_by(node, &[1, 2, 3])?;
        verifies(node)?;
    }
    let pruned = cluster.nodes[2].json(&["audit", "list", "--kind", "audit_pruned", "--json"])?;
    let said = pruned[0]["details"]["first_seq"].as_str().context("audit_pruned")?;
    ensure!(said.parse::<u64>()? == first, "{pruned}");
    Ok(())
}

/// What is left goes on from a checkpoint that the nodes have signed, and agrees with what was exported before.
fn the_rest_verifies(cluster: &Cluster, earlier: &Path) -> Result<()> {
    let first = status(&cluster.nodes[0])?["first_seq"].clone();
    wait::until_ok("the checkpoint to be signed", limits::READY, || {
        let status = status(&cluster.nodes[0])?;
        let signed = status["signed"].as_array().context("signed")?;
        let of_checkpoint = signed.iter().filter(|head| head["records"] == first).count();
        ensure!(of_checkpoint >= 3, "{status}");
        Ok(())
    })?;
    let export = cluster.folder().join("export after pruning");
    cluster.nodes[2].quorate(&["audit", "export", &export.display().to_string()])?;
    let earlier = earlier.display().to_string();
    let (code, verified) = verify_offline(cluster, &export, &["--earlier", &earlier])?;
    ensure!(code == Some(0) && verified["first_seq"] == first, "{verified}");
    // An earlier export that says otherwise: history was rewritten since.
    let mut other: Value = serde_json::from_str(&fs::read_to_string(&earlier)?)?;
    other["now"]["head"] = "11".repeat(32).into();
    fs::write(&earlier, other.to_string())?;
    let (code, verified) = verify_offline(cluster, &export, &["--earlier", &earlier])?;
    ensure!(code == Some(8), "{verified}");
    Ok(())
}
