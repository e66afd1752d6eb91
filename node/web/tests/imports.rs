//! Imports and exports over the real router.

#![allow(clippy::unwrap_used, reason = "a panic is a failing test")]

mod support;

use quorate_api::ProblemKind;
use quorate_core::Role;
use serde_json::{Value, json};
use support::{Node, request, stranger};

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn rows() -> Value {
    let hash = json!({"memory_kib": 19_456, "passes": 2, "lanes": 1, "salt": "00".repeat(16), "hash": "11".repeat(32)});
    let beyond =
        json!({"memory_kib": 1_000_000, "passes": 2, "lanes": 1, "salt": "00".repeat(16), "hash": "11".repeat(32)});
    json!([
        {"user": {"name": "Alice", "groups": ["vpn"], "password_hash": hash, "email": "alice@example.org", "disabled": true}},
        {"user": {"name": "bob", "password_hash": beyond}},
        {"token": {"owner": "alice", "token": {"name": "phone", "secret_base32": SEED, "counter": 7}}},
        {"token": {"owner": "bob", "token": {"name": "phone", "secret_base32": SEED}}},
        {"token": {"token": {"kind": "hotp", "name": "OATH1", "secret_base32": "GEZDGNBV", "counter": 3}}}
    ])
}

#[tokio::test]
async fn rows_are_judged_one_by_one_and_made_by_one_order() {
    let node = Node::start().await;
    let begun = node.root("POST", "/api/v1/imports", None).await;
    assert_eq!(begun.status, 201);
    let path = format!("/api/v1/imports/{}", begun.body["id"].as_str().unwrap());
    let gathered = node
        .must("POST", &format!("{path}/rows"), Some(json!({"rows": rows()})))
        .await;
    let wrong: Vec<(u64, &str)> = gathered["wrong"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["row"].as_u64().unwrap(),
                row["errors"][0]["field"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(wrong, [(1, "password_hash"), (3, "owner"), (4, "secret_base32")]);
    let commit = format!("{path}/commit");
    let refused = node.root("POST", &commit, Some(json!({}))).await;
    assert_eq!(
        (refused.status.as_u16(), refused.problem().kind),
        (409, ProblemKind::Conflict)
    );
    assert_eq!(node.root("GET", "/api/v1/users/alice", None).await.status, 404);
    let made = node.must("POST", &commit, Some(json!({"skip_wrong": true}))).await;
    assert_eq!(
        (&made["users_created"], &made["tokens_created"]),
        (&json!(1), &json!(1))
    );
    let alice = node.must("GET", "/api/v1/users/alice", None).await;
    assert_eq!(
        (
            &alice["enabled"],
            &alice["has_password"],
            &alice["groups"],
            &alice["tokens"]
        ),
        (&json!(false), &json!(true), &json!(["vpn"]), &json!(2))
    );
    assert_eq!(node.must("GET", &path, None).await["wrong"], 3);
    assert_eq!(node.root("DELETE", &path, None).await.status, 204);
    assert_eq!(node.root("GET", &path, None).await.status, 404);
}

#[tokio::test]
async fn what_is_taken_along_is_what_came_and_secrets_are_for_super_admins() {
    let node = Node::start().await;
    let begun = node.must("POST", "/api/v1/imports", None).await;
    let path = format!("/api/v1/imports/{}", begun["id"].as_str().unwrap());
    node.must("POST", &format!("{path}/rows"), Some(json!({"rows": rows()})))
        .await;
    node.must("POST", &format!("{path}/commit"), Some(json!({"skip_wrong": true})))
        .await;
    let all = json!({"password_hashes": true});
    let users = node.must("POST", "/api/v1/export/users", Some(all.clone())).await;
    let alice = &users["users"][0];
    assert_eq!(
        (&alice["mail"], &alice["groups"]),
        (&json!("alice@example.org"), &json!(["vpn"]))
    );
    assert_eq!(alice["password_hash"]["hash"], "11".repeat(32));
    let tokens = node.must("POST", "/api/v1/export/tokens", Some(json!({}))).await;
    assert_eq!(
        (tokens["tokens"].as_array().unwrap().len(), &tokens["left_out"]),
        (1, &json!(1))
    );
    let phone = &tokens["tokens"][0];
    assert_eq!(
        (&phone["secret_base32"], &phone["counter"], &phone["owner"]),
        (&json!(SEED), &json!(7), &json!("alice"))
    );

    let admin = node.bearer_of(Role::Admin).await;
    let ask = async |path: &str, body: Value| {
        let mut asked = request("POST", path, Some(body));
        let bearer = format!("Bearer {}", admin.expose()).parse().unwrap();
        asked.headers_mut().insert("authorization", bearer);
        node.send(asked, stranger()).await
    };
    assert_eq!(ask("/api/v1/export/users", json!({})).await.status, 200);
    for (path, body) in [("/api/v1/export/users", all), ("/api/v1/export/tokens", json!({}))] {
        let refused = ask(path, body).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert_eq!(refused.problem().permission.as_deref(), Some("export_secrets"));
    }
}
