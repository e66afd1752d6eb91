//! Trusted devices over the API: listed, revoked, and by whom.

#![allow(clippy::unwrap_used, reason = "a panic is a failing test")]

mod support;

use std::time::Duration;

use quorate_api::ProblemKind;
use quorate_app::Replica;
use quorate_core::command::{ConsumeCode, TrustDevice};
use quorate_core::method::Use;
use quorate_core::{
    Browser, CodeProof, Command, DeviceDigest, DeviceId, Fingerprint, Judged, LoginFacts, Method, NodeId, Outcome,
    Role, Verdict, otp,
};
use serde_json::json;
use support::{NOW_MS, Node, request, stranger};
use tokio::time::Instant;

/// Alice logs in by a code from a browser, through whichever node, and has it remembered.
async fn trust(node: &Node, number: u64) {
    let state = node.replica.state();
    let alice = state
        .users_after(None)
        .find(|user| &*user.name.name == "alice")
        .unwrap();
    let token = state.tokens_of(alice.id).next().unwrap();
    let client = state.clients().next().unwrap();
    let application = state.application(client.application).unwrap();
    let login = Fingerprint(u128::from(number).to_be_bytes());
    let judged = Judged {
        fingerprint: login,
        conversation: None,
        proof: None,
        client: client.id,
        client_revision: client.revision,
        application: application.id,
        application_revision: application.revision,
        policy_revision: state.policy().revision,
        user: Some((alice.id, alice.revision)),
        absent: None,
        password_revision: None,
        received_ms: NOW_MS,
        retention_ms: 120_000,
        facts: LoginFacts {
            user_name: b"alice"[..].into(),
            source: "192.0.2.1".parse().unwrap(),
            calling_station_id: None,
            nas_identifier: None,
            node: NodeId(1),
            method: Method::PasscodeOnly,
            attributes: Box::default(),
        },
        recalled_ms: None,
        browser: Some(Browser::default()),
    };
    let accepted = propose(
        node,
        &Command::ConsumeCode(ConsumeCode {
            judged,
            codes: Box::new([CodeProof {
                token: token.id,
                revision: token.revision,
                used: Use::Counter(otp::timestep(NOW_MS, 30) - 2 + number),
            }]),
        }),
    )
    .await;
    let verdict = Outcome::Verdict {
        verdict: Verdict::Accept,
        replayed: false,
    };
    assert_eq!(accepted, verdict);
    let trusted = propose(
        node,
        &Command::TrustDevice(TrustDevice {
            request: Fingerprint([number as u8; 16]),
            login,
            device: DeviceId(number),
            digest: DeviceDigest([number as u8; 32]),
            name: format!("browser {number}").into(),
            former: None,
            node: NodeId(1),
        }),
    )
    .await;
    assert!(matches!(trusted, Outcome::Done { .. }), "{trusted:?}");
}

async fn propose(node: &Node, command: &Command) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(10);
    node.replica.propose(command, deadline).await.unwrap().outcome
}

async fn with_alice() -> Node {
    let node = Node::start().await;
    let application = json!({"name": "portal", "factors": [["totp"]]});
    node.must("POST", "/api/v1/applications", Some(application)).await;
    let client = json!({"name": "page", "networks": ["192.0.2.1"], "application": "portal"});
    node.must("POST", "/api/v1/clients", Some(client)).await;
    node.must("POST", "/api/v1/users", Some(json!({"name": "alice"}))).await;
    node.must("POST", "/api/v1/users/alice/tokens", Some(json!({"verified": true})))
        .await;
    node
}

#[tokio::test]
async fn devices_are_listed_and_revoked() {
    let node = with_alice().await;
    for number in 1..=3 {
        trust(&node, number).await;
    }
    let listed = node.must("GET", "/api/v1/users/alice/devices", None).await;
    let devices = listed["items"].as_array().unwrap();
    let names: Vec<_> = devices.iter().map(|device| device["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["browser 1", "browser 2", "browser 3"]);
    let first = &devices[0];
    assert_eq!(first["id"], "b-0000000000000001");
    let lasts_ms = first["expires_ms"].as_u64().unwrap() - first["trusted_ms"].as_u64().unwrap();
    assert_eq!((lasts_ms, &first["suspended"]), (30 * 86_400_000, &json!(false)));
    assert_eq!(first.get("used_ms"), None);
    assert!(!listed.to_string().contains("0101"), "no digest: {listed}");
    let page = node.must("GET", "/api/v1/users/alice/devices?limit=1", None).await;
    let next = page["next"].as_str().unwrap();
    let path = format!("/api/v1/users/alice/devices?limit=1&after={next}");
    assert_eq!(node.must("GET", &path, None).await["items"][0]["name"], "browser 2");

    // Another rule counts at once.
    let rule = json!({"trust_ms": 3_600_000, "may_trust": false});
    node.must("PATCH", "/api/v1/roles/user", Some(rule)).await;
    let now = node.must("GET", "/api/v1/users/alice/devices", None).await;
    assert_eq!(now["items"][0]["suspended"], true);
    let ends = now["items"][0]["expires_ms"].as_u64().unwrap() - first["trusted_ms"].as_u64().unwrap();
    assert_eq!(ends, 3_600_000);

    node.must("DELETE", "/api/v1/devices/b-0000000000000001", None).await;
    let again = node.root("DELETE", "/api/v1/devices/b-0000000000000001", None).await;
    assert_eq!(
        (again.status.as_u16(), again.problem().kind),
        (404, ProblemKind::NotFound)
    );
    assert_eq!(node.root("DELETE", "/api/v1/devices/nonsense", None).await.status, 404);
    let left = node.must("GET", "/api/v1/users/alice/devices", None).await;
    assert_eq!(left["items"].as_array().unwrap().len(), 2);
    node.must("DELETE", "/api/v1/users/alice/devices", None).await;
    let none = node.must("GET", "/api/v1/users/alice/devices", None).await;
    assert_eq!(none["items"], json!([]));

    let audit = node.must("GET", "/api/v1/audit?user=alice", None).await;
    let kinds: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["kind"].as_str().unwrap())
        .filter(|kind| kind.contains("device"))
        .collect();
    let expected = [
        "trust_device",
        "trust_device",
        "trust_device",
        "revoke_device",
        "revoke_devices",
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn helpdesk_agents_revoke_devices_of_whom_they_reach() {
    let node = with_alice().await;
    trust(&node, 1).await;
    trust(&node, 2).await;
    let helpdesk = node.bearer_of(Role::Helpdesk).await;
    let ask = |method: &'static str, path: &'static str| {
        let mut request = request(method, path, None);
        let header = format!("Bearer {}", helpdesk.expose()).parse().unwrap();
        request.headers_mut().insert("authorization", header);
        node.send(request, stranger())
    };
    assert_eq!(ask("GET", "/api/v1/users/alice/devices").await.status, 200);
    assert_eq!(ask("DELETE", "/api/v1/devices/b-0000000000000001").await.status, 204);
    // A role above the agent's, and the devices of before are nobody's any more.
    node.must(
        "PATCH",
        "/api/v1/users/alice/access",
        Some(json!({"role": "admin", "mfa": "exempt"})),
    )
    .await;
    let listed = ask("GET", "/api/v1/users/alice/devices").await;
    assert_eq!(listed.body["items"], json!([]));
    assert_eq!(ask("DELETE", "/api/v1/users/alice/devices").await.status, 403);
}
