//! First tokens, given in the login itself: shown by one node, taken by another, and made once however many nodes are answered.

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster,
    crowd::{Crowd, Login},
    otp,
    people::{APPLICATION, PASSWORD},
    wire::{Reply, Request},
    with_cluster,
};
use serde_json::json;

/// Reply-Message (RFC 2865, section 5.18).
const REPLY_MESSAGE: u8 = 18;

#[test]
fn a_first_token_is_shown_by_one_node_taken_by_another_and_made_once() {
    with_cluster(3, |cluster| {
        allow(cluster, "password")?;
        cluster
            .api()?
            .post("/api/v1/users", &json!({"name": "alice", "password": PASSWORD}))?;
        cluster.converged()?;
        let mut gateway = cluster.gateway();
        let shown = ask(cluster, &mut gateway, 0, "alice", PASSWORD, None)?;
        let (seed, state) = (key(&shown)?, state(&shown)?);
        ensure!(
            tokens(cluster, "alice")?.is_empty(),
            "written down before its first code"
        );
        let again = ask(
            cluster,
            &mut gateway,
            1,
            "alice",
            &otp::wrong_code(&seed, 1),
            Some(&state),
        )?;
        let state = self::state(&again).context("a wrong code is asked for again")?;

        // The same answer to every node at once, each under an authenticator of its own.
        let code = otp::code(&seed, otp::timestep());
        for node in &cluster.nodes {
            let answer = Request::access(gateway.secret(), "alice", code.as_bytes(), Some(&state));
            gateway.send((), Login::with_retries(answer, vec![node.radius]))?;
        }
        for ended in gateway.all_ended()? {
            let reply = ended.reply.context("silence")?;
            ensure!(reply.is_accept(), "a right code was answered with {reply:?}");
        }
        cluster.converged()?;
        ensure!(tokens(cluster, "alice")?.len() == 1, "{:?}", tokens(cluster, "alice")?);

        // The code is used up, and the next one is asked for like that of any token.
        let asked = ask(cluster, &mut gateway, 2, "alice", PASSWORD, None)?;
        let used = ask(cluster, &mut gateway, 0, "alice", &code, Some(&self::state(&asked)?))?;
        ensure!(used.is_reject(), "a used code was answered with {used:?}");
        let asked = ask(cluster, &mut gateway, 2, "alice", PASSWORD, None)?;
        let next = otp::code(&seed, otp::timestep() + 1);
        let accepted = ask(cluster, &mut gateway, 1, "alice", &next, Some(&self::state(&asked)?))?;
        ensure!(accepted.is_accept(), "the next code was answered with {accepted:?}");
        Ok(())
    });
}

#[test]
fn a_registration_code_leads_to_one_token_at_whichever_nodes_it_is_tried() {
    with_cluster(3, |cluster| {
        allow(cluster, "registration_code")?;
        cluster
            .api()?
            .post("/api/v1/users", &json!({"name": "bob", "password": PASSWORD}))?;
        cluster.converged()?;
        let mut gateway = cluster.gateway();
        let without = ask(cluster, &mut gateway, 0, "bob", PASSWORD, None)?;
        ensure!(without.is_reject(), "without a registration code: {without:?}");
        let given = cluster.nodes[0].json(&["token", "create", "bob", "--kind", "registration", "--json"])?;
        let code = given["codes"][0]
            .as_str()
            .with_context(|| format!("no code in {given}"))?;
        cluster.converged()?;

        // Two logins at once come to a key each, and one of them to a token.
        let mut answers = Vec::new();
        for node in 0..2 {
            let asked = ask(cluster, &mut gateway, node, "bob", PASSWORD, None)?;
            let shown = ask(cluster, &mut gateway, node + 1, "bob", code, Some(&state(&asked)?))?;
            let typed = otp::code(&key(&shown)?, otp::timestep());
            answers.push(Request::access(
                gateway.secret(),
                "bob",
                typed.as_bytes(),
                Some(&state(&shown)?),
            ));
        }
        for (node, answer) in answers.into_iter().enumerate() {
            gateway.send((), Login::with_retries(answer, vec![cluster.nodes[node].radius]))?;
        }
        let replies: Option<Vec<Reply>> = gateway.all_ended()?.into_iter().map(|ended| ended.reply).collect();
        let replies = replies.context("silence")?;
        let accepts = replies.iter().filter(|reply| reply.is_accept()).count();
        ensure!(accepts == 1 && replies.iter().any(Reply::is_reject), "{replies:?}");
        cluster.converged()?;
        let kinds = tokens(cluster, "bob")?;
        ensure!(kinds == ["totp"], "{kinds:?}");
        Ok(())
    });
}

fn allow(cluster: &Cluster, enrolment: &str) -> Result<()> {
    let path = format!("/api/v1/applications/{APPLICATION}");
    cluster.api()?.patch(&path, &json!({"enrolment": enrolment})).map(drop)
}

fn ask(
    cluster: &Cluster,
    gateway: &mut Crowd<()>,
    node: usize,
    user: &str,
    typed: &str,
    state: Option<&[u8]>,
) -> Result<Reply> {
    let request = Request::access(gateway.secret(), user, typed.as_bytes(), state);
    cluster.ask(gateway, node, request)?.context("silence")
}

fn state(reply: &Reply) -> Result<Vec<u8>> {
    Ok(reply
        .state()
        .with_context(|| format!("no challenge: {reply:?}"))?
        .to_vec())
}

/// The key out of the words of a challenge: eight fours of base 32.
fn key(reply: &Reply) -> Result<Vec<u8>> {
    let message = reply.attribute(REPLY_MESSAGE).context("a challenge says something")?;
    let message = std::str::from_utf8(message)?;
    let is_four = |word: &&str| {
        word.len() == 4
            && word
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let fours: String = message.split([' ', '.']).filter(is_four).collect();
    otp::seed_from_base32(&fours).with_context(|| format!("no key in {message:?}"))
}

fn tokens(cluster: &Cluster, user: &str) -> Result<Vec<String>> {
    let listed = cluster.nodes[2].json(&["token", "list", user, "--json"])?;
    let listed = listed.as_array().context("a list of tokens")?;
    Ok(listed
        .iter()
        .map(|token| token["kind"].as_str().unwrap_or_default().to_owned())
        .collect())
}
