//! What a login has to prove, decided alike by every node: rules that take effect everywhere at once, and a password that is due and is
//! changed in a dialogue with three nodes.

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, otp,
    people::PASSWORD,
    radclient::{self, Reply},
    with_cluster,
};
use serde_json::json;

/// Access-Accept, Access-Reject, Access-Challenge (RFC 2865 section 4).
const ACCEPT: u8 = 2;
const REJECT: u8 = 3;
const CHALLENGE: u8 = 11;

#[test]
fn a_rule_holds_at_every_node_from_the_moment_it_is_acknowledged() {
    with_cluster(3, |cluster| {
        let api = cluster.api()?;
        api.post(
            "/api/v1/applications",
            &json!({"name": "light", "factors": [["password"]]}),
        )?;
        for name in ["guest-1", "alice"] {
            api.post("/api/v1/users", &json!({"name": name, "password": PASSWORD}))?;
        }
        let seed = [5; 20];
        let token = json!({"secret_base32": otp::seed_to_base32(&seed)});
        api.post("/api/v1/users/alice/tokens", &token)?;
        cluster.converged()?;
        everywhere(cluster, "guest-1", REJECT).context("without a rule and without a token")?;
        let rule = json!({"name": "guests", "when": {"user": "guest-*"}, "application": "light"});
        api.post("/api/v1/rules", &rule)?;
        cluster.converged()?;
        everywhere(cluster, "guest-1", ACCEPT).context("by the rule")?;
        everywhere(cluster, "alice", CHALLENGE).context("beside the rule")?;
        api.post("/api/v1/rules/guests/disable?allow_lockout=1", &json!(null))?;
        cluster.converged()?;
        everywhere(cluster, "guest-1", REJECT).context("the rule is disabled")
    });
}

#[test]
fn a_password_that_is_due_is_changed_in_a_dialogue_with_three_nodes() {
    const NEW: &str = "Another-4-tomorrow";
    with_cluster(3, |cluster| {
        let api = cluster.api()?;
        let user = json!({"name": "alice", "password": PASSWORD, "must_change_password": true});
        api.post("/api/v1/users", &user)?;
        let seed = [6; 20];
        api.post(
            "/api/v1/users/alice/tokens",
            &json!({"secret_base32": otp::seed_to_base32(&seed)}),
        )?;
        cluster.converged()?;
        let mut reply = ask(cluster, 0, PASSWORD, None)?;
        for (node, typed) in [(1, NEW), (2, NEW)] {
            ensure!(reply.code == CHALLENGE, "before {typed} at n{}: {reply:?}", node + 1);
            let state = reply.attribute("State").context("a challenge has a State")?.to_owned();
            reply = ask(cluster, node, typed, Some(&state))?;
            cluster.converged()?;
        }
        ensure!(
            reply.code == CHALLENGE,
            "the code is asked for after the new password: {reply:?}"
        );
        let state = reply.attribute("State").context("a challenge has a State")?.to_owned();
        let accepted = ask(cluster, 0, &otp::code(&seed, otp::timestep()), Some(&state))?;
        ensure!(accepted.code == ACCEPT, "{accepted:?}");
        let former = ask(cluster, 1, PASSWORD, None)?;
        ensure!(former.code == REJECT, "the former password: {former:?}");
        let shown = api.get("/api/v1/users/alice")?;
        ensure!(shown["must_change_password"] != true, "{shown}");
        Ok(())
    });
}

#[test]
fn a_code_that_is_typed_before_the_password_is_judged_after_it_and_locks_nobody() {
    with_cluster(3, |cluster| {
        let api = cluster.api()?;
        let code_first = json!({"name": "code-first", "factors": [["totp"], ["password"]]});
        api.post("/api/v1/applications", &code_first)?;
        api.post(
            "/api/v1/rules",
            &json!({"name": "all", "when": {}, "application": "code-first"}),
        )?;
        api.post("/api/v1/users", &json!({"name": "alice", "password": PASSWORD}))?;
        let seed = [7; 20];
        let token = json!({"secret_base32": otp::seed_to_base32(&seed)});
        api.post("/api/v1/users/alice/tokens", &token)?;
        cluster.converged()?;
        let next = |reply: &Reply| -> Result<String> {
            ensure!(reply.code == CHALLENGE, "the password is asked for: {reply:?}");
            Ok(reply.attribute("State").context("a challenge has a State")?.to_owned())
        };
        // Fifteen wrong codes, more than lock a user; none of them is looked at without the password.
        let code = otp::code(&seed, otp::timestep());
        let wrong = if code == "000000" { "111111" } else { "000000" };
        for guess in 0..15 {
            let state = next(&ask(cluster, guess % 3, wrong, None)?)?;
            if guess == 0 {
                let refused = ask(cluster, 1, "not the password", Some(&state))?;
                ensure!(refused.code == REJECT, "{refused:?}");
            }
        }
        cluster.converged()?;
        let shown = api.get("/api/v1/users/alice")?;
        ensure!(shown["code_failures"] == 0, "{shown}");
        let state = next(&ask(cluster, 0, &code, None)?)?;
        let accepted = ask(cluster, 1, PASSWORD, Some(&state))?;
        ensure!(accepted.code == ACCEPT, "at another node: {accepted:?}");
        cluster.converged()?;
        let again = ask(cluster, 2, PASSWORD, Some(&state))?;
        ensure!(again.code == ACCEPT, "the same answer at the third node: {again:?}");
        let state = next(&ask(cluster, 0, &code, None)?)?;
        let used = ask(cluster, 2, PASSWORD, Some(&state))?;
        ensure!(used.code == REJECT, "the code a second time: {used:?}");
        Ok(())
    });
}

fn everywhere(cluster: &Cluster, user: &str, code: u8) -> Result<()> {
    for node in &cluster.nodes {
        let reply = radclient::ask(node.radius, user, PASSWORD, None)?.context("silence")?;
        ensure!(reply.code == code, "{user} at {}: {reply:?}", node.name);
    }
    Ok(())
}

fn ask(cluster: &Cluster, node: usize, typed: &str, state: Option<&str>) -> Result<Reply> {
    radclient::ask(cluster.nodes[node].radius, "alice", typed, state)?.context("silence")
}
