//! What messages say, written by an operator: on every node from the next message on, and the program's own again when it is taken away.

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster,
    api::Api,
    cluster::audit_of,
    people::{APPLICATION, PASSWORD},
    wire::Request,
    with_cluster,
};
use quorate_gateways::{Server, http_server, mail_server};
use serde_json::{Value, json};

#[test]
fn a_text_that_an_operator_sets_is_sent_by_every_node_and_the_programs_own_returns() {
    with_cluster(3, |cluster| {
        let provider = http_server(&[], None);
        let api = cluster.api()?;
        gateway(&api, &provider)?;
        user(&api, "anna", "+491700000101")?;
        user(&api, "bela", "+491700000102")?;
        let follower = cluster.follower()?;
        cluster.nodes[follower].quorate(&[
            "text",
            "set",
            "sms",
            "de",
            "--text",
            "<%TOKEN%>: {application} von {user}",
        ])?;
        let shown = cluster.nodes[follower].quorate(&["user", "change", "anna", "--language", "de-AT"])?;
        ensure!(shown.contains("de-at"), "{shown}");
        cluster.converged()?;
        for node in 0..3 {
            let (text, code) = message_of(cluster, node, &provider, "anna")?;
            ensure!(text == format!("{code}: {APPLICATION} von anna"), "node {node}: {text}");
            let (text, code) = message_of(cluster, node, &provider, "bela")?;
            ensure!(
                text == format!("Your login code is {code}. It is good for 5 minutes."),
                "node {node}, of somebody without language: {text}"
            );
        }

        cluster.nodes[follower].quorate(&["text", "remove", "sms", "de"])?;
        cluster.nodes[follower].quorate(&["text", "default", "tr"])?;
        cluster.converged()?;
        for node in 0..3 {
            let (text, code) = message_of(cluster, node, &provider, "anna")?;
            ensure!(
                text == format!("Ihr Anmeldecode ist {code}. Er gilt 5 Minuten."),
                "node {node}: {text}"
            );
            let (text, code) = message_of(cluster, node, &provider, "bela")?;
            ensure!(
                text.starts_with(&format!("Giris kodunuz: {code}.")),
                "node {node}: {text}"
            );
        }
        let kinds: Vec<Value> = ["set_text", "remove_text", "set_default_language"]
            .into_iter()
            .map(|kind| Ok(audit_of(&api, &format!("kind={kind}"))?[0]["details"].clone()))
            .collect::<Result<_>>()?;
        let names = kinds.iter().map(|details| details["name"].as_str());
        ensure!(
            names.eq([Some("sms de"), Some("sms de"), Some("default language tr")]),
            "{kinds:?}"
        );
        Ok(())
    });
}

#[test]
fn a_mail_has_the_subject_and_the_text_that_an_operator_wrote() {
    with_cluster(1, |cluster| {
        let mailbox = mail_server(&[], None);
        let api = cluster.api()?;
        let mail = json!({"name": "mail", "settings": {"kind": {"smtp": {
            "servers": [{"host": "127.0.0.1", "port": mailbox.port("port"), "tls": "none"}], "from": "quorate@example.org",
        }}}});
        api.post("/api/v1/gateways", &mail)?;
        api.post("/api/v1/users", &json!({"name": "anna", "password": PASSWORD}))?;
        let token = json!({"kind": "email", "address": "anna@example.org", "verified": true});
        let token = api.post("/api/v1/users/anna/tokens", &token)?["token"]["id"].clone();
        let text = json!({"subject": "Anmeldung von {user}", "text": "Guten Tag {user},\n\nCode=<%TOKEN%>\n"});
        let set = api.ask("PUT", "/api/v1/texts/email/de", Some(&text))?;
        ensure!(set.status == 200 && set.body["built_in"] == false, "{set:?}");
        api.patch("/api/v1/users/anna", &json!({"language": "de"}))?;
        let path = format!("/api/v1/tokens/{}/send", token.as_str().context("an id")?);
        api.post(&path, &Value::Null)?;
        let letter = mailbox.wait_for(1)[0]["content"].as_str().context("a text")?.to_owned();
        ensure!(letter.contains("Subject: Anmeldung von anna\r\n"), "{letter}");
        let digits = letter.split_once("Guten Tag anna,\r\n\r\nCode=").context("the text")?.1;
        ensure!(digits[..6].bytes().all(|byte| byte.is_ascii_digit()), "{letter}");
        Ok(())
    });
}

#[test]
fn what_is_wrong_with_a_text_is_named_and_nothing_is_set() {
    with_cluster(1, |cluster| {
        let api = cluster.api()?;
        let before = api.get("/api/v1/texts")?;
        for (path, text, wanted) in [
            ("sms/german", json!({"text": "{code} {pin}"}), &["language", "text"][..]),
            (
                "sms/de",
                json!({"text": "no code", "subject": "Code"}),
                &["subject", "text"],
            ),
            ("email/de", json!({"text": "{code}"}), &["subject"]),
            ("pigeon/de", json!({"text": "{code}"}), &["channel"]),
            (
                "sms/de",
                json!({"text": format!("{{code}}{}", "x".repeat(5_000))}),
                &["text", "text"],
            ),
        ] {
            let refused = api.ask("PUT", &format!("/api/v1/texts/{path}"), Some(&text))?;
            let errors = refused.body["errors"].as_array().cloned().unwrap_or_default();
            let fields: Vec<_> = errors.iter().filter_map(|one| one["field"].as_str()).collect();
            ensure!(refused.status == 422 && fields == wanted, "{path} {text}: {refused:?}");
        }
        let nobody = api.ask(
            "PUT",
            "/api/v1/texts/default-language",
            Some(&json!({"language": "pt"})),
        )?;
        ensure!(nobody.status == 422, "{nobody:?}");
        ensure!(api.get("/api/v1/texts")? == before, "something was set");

        let costly = json!({"channel": "sms", "language": "tr", "text": format!("{{code}} ş{}", "x".repeat(80))});
        let shown = api.post("/api/v1/texts/preview", &costly)?;
        ensure!(
            shown["segments"] == json!({"count": 2, "odd_one": "ş"}) && shown["warnings"][0]["field"] == "text",
            "{shown}"
        );
        let sample = api.post("/api/v1/texts/preview", &json!({"channel": "sms", "language": "de-CH"}))?;
        ensure!(
            sample["text"] == "Ihr Anmeldecode ist 123456. Er gilt 5 Minuten." && sample["language"] == "de",
            "{sample}"
        );
        Ok(())
    });
}

/// Text and code of the message that a login at a node has sent.
fn message_of(cluster: &Cluster, node: usize, provider: &Server, name: &str) -> Result<(String, String)> {
    let before = provider.recorded().len();
    let mut client = cluster.gateway();
    let request = Request::access(client.secret(), name, PASSWORD.as_bytes(), None);
    let challenge = cluster.ask(&mut client, node, request)?.context("silence")?;
    ensure!(challenge.state().is_some(), "{name} at {node}: {challenge:?}");
    let sent = provider.wait_for(before + 1);
    let body = &sent[before]["body"];
    let said = |field: &str| Ok::<_, anyhow::Error>(body[field].as_str().context("a text")?.to_owned());
    Ok((said("text")?, said("code")?))
}

fn gateway(api: &Api, provider: &Server) -> Result<Value> {
    let settings = json!({"kind": {"http": {
        "url": format!("http://127.0.0.1:{}/ok", provider.port("port")),
        "body": {"json": "{\"to\": \"{to}\", \"code\": \"{code}\", \"text\": \"{text}\"}"},
    }}});
    api.post(
        "/api/v1/gateways",
        &json!({"name": "provider", "channels": ["sms"], "settings": settings}),
    )
}

fn user(api: &Api, name: &str, number: &str) -> Result<()> {
    api.post("/api/v1/users", &json!({"name": name, "password": PASSWORD}))?;
    let token = json!({"kind": "sms", "address": number, "verified": true});
    api.post(&format!("/api/v1/users/{name}/tokens"), &token)?;
    Ok(())
}
