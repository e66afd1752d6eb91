//! Changes that wait for their confirmation, through the router, the use cases and the core.

#![allow(clippy::unwrap_used, reason = "a panic is a failing test")]

mod support;

use quorate_api::ProblemKind;
use quorate_core::Role;
use serde_json::json;
use support::{Node, request, stranger};

/// A node with an application and a rule.
async fn node() -> Node {
    let node = Node::start().await;
    let application = json!({"name": "vpn", "factors": [["password"], ["code"]]});
    node.must("POST", "/api/v1/applications", Some(application)).await;
    let rule = json!({"name": "guests", "application": "vpn", "when": {"user": "guest-*"}});
    node.must("POST", "/api/v1/rules", Some(rule)).await;
    node
}

#[tokio::test]
async fn a_change_waits_is_listed_and_is_confirmed_or_undone() {
    let node = node().await;
    let refuse = json!({"refuse": true});
    let path = "/api/v1/rules/guests?confirm_within_ms=600000";
    let changed = node.must("PATCH", path, Some(refuse)).await;
    assert_eq!(changed["refuse"], true);
    let waiting = node.must("GET", "/api/v1/pending-changes", None).await["items"].clone();
    assert_eq!(waiting.as_array().unwrap().len(), 1);
    assert_eq!(
        (&waiting[0]["change"], &waiting[0]["name"], &waiting[0]["actor"]),
        (&json!("change_rule"), &json!("guests"), &json!("uid 0"))
    );
    assert_eq!(waiting[0]["object"], changed["id"]);
    assert_eq!(waiting[0]["revision"], changed["revision"]);
    let status = node.must("GET", "/api/v1/cluster", None).await;
    assert_eq!(status["pending_changes"], waiting);

    let meanwhile = node.root("POST", "/api/v1/rules/guests/disable", None).await;
    assert_eq!(meanwhile.status, 409, "{}", meanwhile.body);
    let id = waiting[0]["id"].as_str().unwrap();
    assert!(meanwhile.problem().detail.unwrap().contains(id), "it says by what");
    node.must("POST", &format!("/api/v1/pending-changes/{id}/confirm"), None)
        .await;
    node.must("POST", "/api/v1/rules/guests/disable", None).await;

    let gone = node.root("DELETE", path, None).await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    let waiting = node.must("GET", "/api/v1/pending-changes", None).await["items"].clone();
    let id = waiting[0]["id"].as_str().unwrap();
    let undo = format!("/api/v1/pending-changes/{id}/undo");
    node.must("POST", &undo, None).await;
    let back = node.must("GET", "/api/v1/rules/guests", None).await;
    assert_eq!((&back["refuse"], &back["enabled"]), (&json!(true), &json!(false)));
    assert_eq!(node.root("POST", &undo, None).await.status, 404);
}

#[tokio::test]
async fn every_kind_of_change_that_may_wait_takes_the_parameter() {
    let node = node().await;
    let spare = json!({"name": "spare", "factors": [["password"]]});
    node.must("POST", "/api/v1/applications", Some(spare)).await;
    let client = json!({"name": "gate", "networks": ["192.0.2.1"], "application": "vpn"});
    node.must("POST", "/api/v1/clients", Some(client)).await;
    let changes = [
        ("PATCH", "/api/v1/policy", Some(json!({"totp_window": 2}))),
        ("PATCH", "/api/v1/roles/admin", Some(json!({"mfa_required": false}))),
        (
            "PATCH",
            "/api/v1/clients/gate",
            Some(json!({"networks": ["192.0.2.2"]})),
        ),
        ("POST", "/api/v1/clients/gate/disable", None),
        ("POST", "/api/v1/clients/gate/enable", None),
        ("PUT", "/api/v1/clients/gate/secret", Some(json!({}))),
        ("DELETE", "/api/v1/clients/gate", None),
        ("PATCH", "/api/v1/applications/spare", Some(json!({"name": "other"}))),
        ("POST", "/api/v1/applications/spare/disable", None),
        ("POST", "/api/v1/applications/spare/enable", None),
        ("DELETE", "/api/v1/applications/spare", None),
        ("PATCH", "/api/v1/rules/guests", Some(json!({"position": 1}))),
        ("POST", "/api/v1/rules/guests/disable", None),
        ("POST", "/api/v1/rules/guests/enable", None),
        ("POST", "/api/v1/rules", Some(json!({"name": "new", "refuse": true}))),
        ("DELETE", "/api/v1/rules/guests", None),
    ];
    for (method, path, body) in changes {
        let asked = format!("{path}?confirm_within_ms=600000");
        let made = node.root(method, &asked, body).await;
        assert!(made.status.is_success(), "{method} {path}: {}", made.body);
        let waiting = node.must("GET", "/api/v1/pending-changes", None).await["items"].clone();
        assert_eq!(waiting.as_array().unwrap().len(), 1, "{method} {path}");
        let id = waiting[0]["id"].as_str().unwrap();
        node.must("POST", &format!("/api/v1/pending-changes/{id}/undo"), None)
            .await;
    }
    let wrong = node
        .root("POST", "/api/v1/rules/guests/disable?confirm_within_ms=5", None)
        .await;
    assert_eq!(wrong.wrong_fields(), ["confirm_within_ms"]);
    let unknown = node
        .root("POST", "/api/v1/rules/guests/disable?confirm_within=5", None)
        .await;
    assert_eq!(unknown.status, 422, "{}", unknown.body);
    let rule = node.must("GET", "/api/v1/rules/guests", None).await;
    assert_eq!(rule["enabled"], true, "nothing of that was done");
}

#[tokio::test]
async fn one_settles_what_one_may_change() {
    let node = node().await;
    let change = Some(json!({"totp_window": 2}));
    node.must("PATCH", "/api/v1/policy?confirm_within_ms=600000", change)
        .await;
    let waiting = node.must("GET", "/api/v1/pending-changes", None).await["items"].clone();
    let confirm = format!("/api/v1/pending-changes/{}/confirm", waiting[0]["id"].as_str().unwrap());
    for (role, missing) in [
        (Role::Auditor, "settle_changes"),
        (Role::Helpdesk, "settle_changes"),
        (Role::Admin, "manage_policy"),
    ] {
        let bearer = node.bearer_of(role).await;
        let mut asked = request("POST", &confirm, None);
        let header = format!("Bearer {}", bearer.expose()).parse().unwrap();
        asked.headers_mut().insert("authorization", header);
        let refused = node.send(asked, stranger()).await;
        let problem = refused.problem();
        assert_eq!(problem.kind, ProblemKind::Forbidden, "{role:?}");
        assert_eq!(problem.permission.as_deref(), Some(missing), "{role:?}");
    }
    node.must("POST", &confirm, None).await;
}
