//! Codes that are sent, through three nodes and gateways in processes of their own: one message for one request whatever is lost and
//! whoever dies, one right code at a time, and a gateway that fails is not the end.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use cluster_tests::{
    Cluster,
    api::Api,
    cluster::audit_of,
    crowd::{Crowd, Login},
    limits,
    people::PASSWORD,
    wait,
    wire::Request,
    with_cluster,
};
use quorate_gateways::{ClosedPort, Server, http_server, mail_server};
use serde_json::{Value, json};

/// Users of the first test, each with one login.
const USERS: usize = 12;

#[test]
fn a_request_that_reaches_every_node_at_once_sends_one_message_and_its_code_logs_in() {
    with_cluster(3, |cluster| {
        let provider = http_server(&[], None);
        let api = cluster.api()?;
        gateway(&api, "provider", &provider, "/ok", 0)?;
        (0..USERS).try_for_each(|number| user(&api, number))?;
        cluster.converged()?;
        let victim = cluster.leader()?;
        let mut everybody: Crowd<(usize, usize)> = cluster.gateway();
        for number in 0..USERS {
            if number == USERS / 2 {
                cluster.nodes[victim].kill()?;
            }
            let request = Request::access(everybody.secret(), &name(number), PASSWORD.as_bytes(), None);
            for node in 0..3 {
                // The identical datagram, as a NAS repeats it.
                let login = Login::with_retries(request.clone(), cluster.servers_from(node));
                everybody.send((number, node), login)?;
            }
        }
        let mut states: Vec<Option<Vec<u8>>> = vec![None; USERS];
        for ended in everybody.all_ended()? {
            let (number, node) = ended.tag;
            let reply = ended
                .reply
                .with_context(|| format!("{} unanswered at {node}", name(number)))?;
            ensure!(!reply.is_accept() && !reply.is_reject(), "{}: {reply:?}", name(number));
            states[number] = reply.state().map(<[u8]>::to_vec);
        }
        everything_reported(cluster, Some(victim))?;
        let sent = provider.recorded();
        for (number, state) in states.into_iter().enumerate() {
            let state = state.context("a challenge has a State")?;
            let messages = sent
                .iter()
                .filter(|message| message["body"]["to"] == number_of(number))
                .count();
            let node = cluster.follower()?;
            // Nothing reached whoever's message was in the hands of the node that died: they ask again.
            let (state, code) = match messages {
                0 => asked_again(cluster, node, number, &state, &provider)?,
                1 => (state, code_to(&sent, number).context("a message has a code")?),
                more => bail!("{more} messages to {}", name(number)),
            };
            let mut client = cluster.gateway();
            let answer = Request::access(client.secret(), &name(number), code.as_bytes(), Some(&state));
            let reply = cluster.ask(&mut client, node, answer)?.context("silence")?;
            ensure!(reply.is_accept(), "the code of {}: {reply:?}", name(number));
        }
        Ok(())
    });
}

#[test]
fn a_node_that_dies_in_mid_send_leaves_one_right_code_and_sends_nothing_twice() {
    with_cluster(3, |cluster| {
        // It takes the message, and says nothing while it is asked.
        let provider = http_server(&["--slow", "600"], None);
        let api = cluster.api()?;
        let made = gateway(&api, "provider", &provider, "/slow", 0)?;
        user(&api, 0)?;
        cluster.converged()?;
        let leader = cluster.leader()?;
        let mut client = cluster.gateway();
        let request = Request::access(client.secret(), &name(0), PASSWORD.as_bytes(), None);
        let challenge = cluster.ask(&mut client, leader, request.clone())?.context("silence")?;
        let state = challenge.state().context("a challenge has a State")?.to_vec();
        let first = code_to(&provider.wait_for(1), 0).context("a message")?;
        cluster.nodes[leader].kill()?;

        // The reply was lost, says the NAS, and asks the others: the same challenge, and no message.
        for other in (0..3).filter(|node| *node != leader) {
            let login = Login::with_retries(request.clone(), vec![cluster.nodes[other].radius]);
            client.send((), login)?;
            let again = client
                .all_ended()?
                .pop()
                .and_then(|ended| ended.reply)
                .context("silence")?;
            ensure!(again.state().is_some(), "the same request elsewhere: {again:?}");
        }
        ensure!(provider.recorded().len() == 1, "the same request sent again");

        // The user asks for another code, which ends the first.
        let api = cluster.api_but(leader)?;
        let other = (leader + 1) % 3;
        let path = format!("/api/v1/gateways/{}", made["id"].as_str().context("an id")?);
        api.patch(&path, &json!({"settings": settings(&provider, "/ok")}))?;
        let (state, second) = asked_again(cluster, other, 0, &state, &provider)?;
        ensure!(
            first != second,
            "the same digits twice, which happens once in a million"
        );

        let stale = Request::access(client.secret(), &name(0), first.as_bytes(), Some(&state));
        let refused = cluster.ask(&mut client, other, stale)?.context("silence")?;
        ensure!(refused.is_reject(), "the first code: {refused:?}");
        // A wrong code ends the conversation, and the code is the token's: it goes with the password.
        let both = format!("{PASSWORD}{second}");
        let right = Request::access(client.secret(), &name(0), both.as_bytes(), None);
        let accepted = cluster.ask(&mut client, other, right)?.context("silence")?;
        ensure!(accepted.is_accept(), "the second code: {accepted:?}");
        ensure!(
            provider.recorded().len() == 2,
            "two requests sent more than two messages"
        );
        Ok(())
    });
}

#[test]
fn a_dead_gateway_is_passed_over_and_seen_and_mail_goes_by_smtp() {
    with_cluster(1, |cluster| {
        let (provider, mailbox, nobody) = (http_server(&[], None), mail_server(&[], None), ClosedPort::new());
        let api = cluster.api()?;
        let dead = json!({
            "name": "dead", "channels": ["sms"],
            "settings": {"kind": {"http": {"url": format!("http://127.0.0.1:{}/ok", nobody.number())}}},
        });
        api.post("/api/v1/gateways", &dead)?;
        gateway(&api, "provider", &provider, "/ok", 1)?;
        let mail = json!({"name": "mail", "settings": {"kind": {"smtp": {
            "servers": [{"host": "127.0.0.1", "port": mailbox.port("port"), "tls": "none"}], "from": "quorate@example.org",
        }}}});
        let made = api.post("/api/v1/gateways", &mail)?;
        ensure!(made["channels"] == json!(["email"]), "{made}");
        ensure!(
            !made["warnings"].as_array().context("warnings")?.is_empty(),
            "no TLS is warned of: {made}"
        );
        user(&api, 0)?;
        let mut client = cluster.gateway();
        let request = Request::access(client.secret(), &name(0), PASSWORD.as_bytes(), None);
        let challenge = cluster.ask(&mut client, 0, request)?.context("silence")?;
        let state = challenge.state().context("a challenge has a State")?.to_vec();
        let code = code_to(&provider.wait_for(1), 0).context("a message")?;
        let answer = Request::access(client.secret(), &name(0), code.as_bytes(), Some(&state));
        let accepted = cluster.ask(&mut client, 0, answer)?.context("silence")?;
        ensure!(accepted.is_accept(), "{accepted:?}");

        everything_reported(cluster, None)?;
        let reported = audit_of(&api, "kind=message_reported")?;
        let details = &reported[0]["details"];
        ensure!(
            details["gateway"] == "provider" && details["attempts"] == "2",
            "{reported:?}"
        );
        let (dead, well) = (api.get("/api/v1/gateways/dead")?, api.get("/api/v1/gateways/provider")?);
        ensure!(
            dead["standing"]["well"] == false && dead["standing"]["failed"] == 1,
            "{dead}"
        );
        ensure!(well["standing"]["sent"] == 1, "{well}");
        let status = api.get("/api/v1/cluster")?;
        let seen = |name: &str| {
            let mut gateways = status["gateways"].as_array().into_iter().flatten();
            let found = gateways.find(|one| one["name"] == name);
            found.cloned().unwrap_or_default()
        };
        let (dead, well, mail) = (seen("dead"), seen("provider"), seen("mail"));
        ensure!(
            dead["state"] == "down"
                && dead["kind"] == "http"
                && dead["last_error_ms"].is_u64()
                && dead["last_error"] != "",
            "{status}"
        );
        ensure!(well["state"] == "up" && well["last_error"].is_null(), "{status}");
        ensure!(mail["state"] == "unasked" && mail["kind"] == "smtp", "{status}");
        let shown = cluster.nodes[0].quorate(&["status"])?;
        ensure!(shown.contains("DOWN") && shown.contains("provider"), "{shown}");

        let address = json!({"kind": "email", "address": "someone@example.org"});
        let token = api.post(&format!("/api/v1/users/{}/tokens", name(0)), &address)?;
        let path = format!("/api/v1/tokens/{}", token["token"]["id"].as_str().context("an id")?);
        api.post(&format!("{path}/send"), &Value::Null)?;
        let letter = mailbox.wait_for(1)[0]["content"].as_str().context("a text")?.to_owned();
        let digits = digits_in(&letter, "\r\n    ").with_context(|| letter.clone())?;
        let verified = api.post(&format!("{path}/verify"), &json!({"code": digits}))?;
        ensure!(verified["state"] == "enabled", "{verified}");
        Ok(())
    });
}

#[test]
fn what_is_wrong_with_a_gateway_is_named_and_nothing_is_made() {
    with_cluster(1, |cluster| {
        let api = cluster.api()?;
        let http = |more: Value| {
            let mut http = json!({"url": "https://sms.example/send"});
            http.as_object_mut()
                .expect("an object")
                .extend(more.as_object().expect("an object").clone());
            json!({"kind": {"http": http}})
        };
        let cases = [
            (
                http(json!({"body": {"json": "{\"to\": \"{too}\"}"}})),
                "settings.kind.http.body",
            ),
            (http(json!({"url": "ftp://sms.example"})), "settings.kind.http.url"),
            (json!({"preset": "no_such", "fields": {}}), "settings.preset"),
            (
                json!({"preset": "twilio_sms", "fields": {"colour": "red"}}),
                "settings.fields.colour",
            ),
            (
                json!({"kind": {"smtp": {"servers": [], "from": "not an address"}}}),
                "settings.kind.smtp.from",
            ),
            (
                json!({"kind": "console", "country_codes": ["0049"]}),
                "settings.country_codes[0]",
            ),
            (json!({"kind": "console", "name": "twice"}), "settings.name"),
            (json!({"kind": "pigeon"}), "settings"),
        ];
        for (settings, field) in cases {
            let asked = json!({"name": "wrong", "settings": settings});
            let answer = api.ask("POST", "/api/v1/gateways", Some(&asked))?;
            let fields: Vec<_> = answer.body["errors"].as_array().into_iter().flatten().collect();
            let named = fields
                .iter()
                .any(|one| one["field"].as_str().is_some_and(|name| name.starts_with(field)));
            ensure!(
                answer.status == 422 && named,
                "{settings}: {} {}",
                answer.status,
                answer.body
            );
        }
        ensure!(api.get("/api/v1/gateways")?["items"] == json!([]), "something was made");

        let secret =
            json!({"name": "kept", "channels": ["sms"], "settings": http(json!({"secrets": {"key": "s3cret"}}))});
        let made = api.post("/api/v1/gateways", &secret)?;
        ensure!(!made.to_string().contains("s3cret"), "a secret is shown: {made}");
        let changed = api.patch(
            "/api/v1/gateways/kept",
            &json!({"settings": made["settings"], "priority": 9}),
        )?;
        ensure!(
            changed["priority"] == 9 && changed["settings"] == made["settings"],
            "{changed}"
        );
        api.post("/api/v1/users", &json!({"name": "alice"}))?;
        let wrong = json!({"kind": "sms", "address": "0171 2345667"});
        let answer = api.ask("POST", "/api/v1/users/alice/tokens", Some(&wrong))?;
        ensure!(
            answer.status == 422 && answer.body.to_string().contains("address"),
            "{}",
            answer.body
        );
        Ok(())
    });
}

/// Another code for somebody, and the State of the challenge that asks for it.
fn asked_again(
    cluster: &Cluster,
    node: usize,
    number: usize,
    state: &[u8],
    provider: &Server,
) -> Result<(Vec<u8>, String)> {
    let (mut client, before) = (cluster.gateway(), provider.recorded().len());
    let more = Request::access(client.secret(), &name(number), b"sms", Some(state));
    client.send((), Login::with_retries(more, vec![cluster.nodes[node].radius]))?;
    let asked = client
        .all_ended()?
        .pop()
        .and_then(|ended| ended.reply)
        .context("silence")?;
    let state = asked.state().with_context(|| format!("asked for another: {asked:?}"))?;
    let sent = provider.wait_for(before + 1);
    Ok((state.to_vec(), code_to(&sent, number).context("another message")?))
}

fn name(number: usize) -> String {
    format!("reader{number}")
}

fn number_of(number: usize) -> String {
    format!("+4917000001{number:02}")
}

/// Somebody with a password and a telephone.
fn user(api: &Api, number: usize) -> Result<()> {
    api.post("/api/v1/users", &json!({"name": name(number), "password": PASSWORD}))?;
    let token = json!({"kind": "sms", "address": number_of(number), "verified": true});
    api.post(&format!("/api/v1/users/{}/tokens", name(number)), &token)?;
    Ok(())
}

fn gateway(api: &Api, name: &str, provider: &Server, path: &str, priority: u16) -> Result<Value> {
    let create = json!({"name": name, "channels": ["sms"], "priority": priority, "settings": settings(provider, path)});
    api.post("/api/v1/gateways", &create)
}

fn settings(provider: &Server, path: &str) -> Value {
    json!({
        "timeout_ms": 60_000,
        "kind": {"http": {
            "url": format!("http://127.0.0.1:{}{path}", provider.port("port")),
            "body": {"json": "{\"to\": \"{to}\", \"code\": \"{code}\", \"text\": \"{text}\"}"},
        }},
    })
}

/// The code of the last message to somebody.
fn code_to(sent: &[Value], number: usize) -> Option<String> {
    let to = sent
        .iter()
        .rev()
        .find(|message| message["body"]["to"] == number_of(number))?;
    to["body"]["code"].as_str().map(str::to_owned)
}

/// The digits that follow a mark.
fn digits_in(text: &str, mark: &str) -> Option<String> {
    let (_, rest) = text.split_once(mark)?;
    Some(rest.chars().take_while(char::is_ascii_digit).collect())
}

/// Waits until every message has its report, but those of a node that died.
fn everything_reported(cluster: &Cluster, died: Option<usize>) -> Result<()> {
    let api = cluster.api()?;
    let died = died.map(|node| node as u64 + 1);
    wait::until_ok("a report of every message", limits::READY, || {
        let reported = audit_of(&api, "kind=message_reported")?;
        let reported: BTreeSet<_> = reported.iter().map(|one| one["details"]["code"].to_string()).collect();
        let queued = audit_of(&api, "kind=code_queued")?;
        let open = queued
            .iter()
            .filter(|one| one["node"].as_u64() != died)
            .find(|one| !reported.contains(&one["details"]["code"].to_string()));
        open.map_or(Ok(()), |open| bail!("{open}"))
    })
}
