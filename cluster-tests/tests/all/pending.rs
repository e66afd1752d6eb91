//! A change that nobody confirms is taken back on every node, whatever became of the node that made it.

use anyhow::{Context, Result, ensure};
use cluster_tests::{Cluster, cluster::audit_of, limits, people::PASSWORD, radclient, wait, with_cluster};
use serde_json::{Value, json};

/// Access-Accept, Access-Reject (RFC 2865 section 4).
const ACCEPT: u8 = 2;
const REJECT: u8 = 3;

/// Long enough to kill a leader in, and to confirm one change in.
const WITHIN_MS: u64 = 15_000;

#[test]
fn a_change_that_nobody_confirms_is_taken_back_though_the_leader_died() {
    with_cluster(3, |cluster| {
        let api = cluster.api()?;
        let light = json!({"name": "light", "factors": [["password"]]});
        api.post("/api/v1/applications", &light)?;
        api.post("/api/v1/users", &json!({"name": "guest-1", "password": PASSWORD}))?;
        let rule = json!({"name": "guests", "when": {"user": "guest-*"}, "application": "light"});
        let before = api.post("/api/v1/rules", &rule)?;
        let kept = api.post(
            &format!("/api/v1/rules?confirm_within_ms={WITHIN_MS}"),
            &json!({"name": "kept", "when": {"user": "nobody"}, "refuse": true}),
        )?;
        let id = only_pending(&api.get("/api/v1/pending-changes")?)?;
        api.post(&format!("/api/v1/pending-changes/{id}/confirm"), &json!(null))?;
        cluster.converged()?;
        everywhere(cluster, ACCEPT).context("by the rule as it was")?;

        let (leader, follower) = (cluster.leader()?, cluster.follower()?);
        let asked = cluster.nodes[follower].api();
        let path = format!("/api/v1/rules/guests?confirm_within_ms={WITHIN_MS}&allow_lockout=1");
        asked.patch(&path, &json!({"refuse": true}))?;
        cluster.converged()?;
        everywhere(cluster, REJECT).context("the change holds at once")?;
        let other = cluster.api_but(follower)?;
        let meanwhile = other.ask("POST", "/api/v1/rules/guests/disable?allow_lockout=1", None)?;
        ensure!(meanwhile.status == 409, "{meanwhile:?}");
        cluster.nodes[leader].kill()?;
        cluster.restart(leader)?;

        for node in &cluster.nodes {
            let back = || {
                let now = node.api().get("/api/v1/rules/guests")?;
                ensure!(same(&now, &before), "{now}");
                Ok(())
            };
            wait::until_ok(
                &format!("{} to have the rule as it was", node.name),
                limits::READY,
                back,
            )?;
            let waiting = node.api().get("/api/v1/pending-changes")?;
            ensure!(waiting["items"] == json!([]), "{}: {waiting}", node.name);
            let stays = node.api().get("/api/v1/rules/kept")?;
            ensure!(stays == kept, "{}: {stays}", node.name);
        }
        everywhere(cluster, ACCEPT).context("by the rule that came back")?;
        let api = cluster.api()?;
        ensure!(
            audit_of(&api, "kind=change_not_confirmed")?.len() == 1,
            "taken back once"
        );
        Ok(())
    });
}

/// All but the revision, which is a new one.
fn same(now: &Value, before: &Value) -> bool {
    let without = |rule: &Value| {
        let mut rule = rule.clone();
        rule.as_object_mut().map(|fields| fields.remove("revision"));
        rule
    };
    without(now) == without(before)
}

fn only_pending(listed: &Value) -> Result<String> {
    let items = listed["items"].as_array().context("a list")?;
    ensure!(items.len() == 1, "{listed}");
    Ok(items[0]["id"].as_str().context("an id")?.to_owned())
}

fn everywhere(cluster: &Cluster, code: u8) -> Result<()> {
    for node in &cluster.nodes {
        let reply = radclient::ask(node.radius, "guest-1", PASSWORD, None)?.context("silence")?;
        ensure!(reply.code == code, "at {}: {reply:?}", node.name);
    }
    Ok(())
}
