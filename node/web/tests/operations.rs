//! Health, metrics, cluster, join tokens and the audit trail.

#![allow(clippy::unwrap_used, reason = "a panic is a failing test")]

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_api::{Check, ProblemKind};
use serde_json::{Value, json};
use support::{Node, request, stranger};

#[tokio::test]
async fn livez_needs_nobody_and_nothing() {
    let node = Node::start().await;
    node.replica.alone.store(true, Ordering::SeqCst);
    let answer = node.send(request("GET", "/livez", None), stranger()).await;
    assert_eq!(answer.status, 200, "alive, though without a quorum");
}

#[tokio::test(start_paused = true)]
async fn readyz_asks_the_quorum() {
    let node = Node::start().await;
    let probe = |path: &'static str| node.send(request("GET", path, None), stranger());
    assert_eq!(probe("/readyz").await.body, json!({"ready": true}));
    let verbose = probe("/readyz?verbose").await.body;
    let names: Vec<&str> = verbose["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["member", "quorum", "clock", "disk"]);

    node.replica.alone.store(true, Ordering::SeqCst);
    tokio::time::advance(quorate_web::limits::READY_REUSE).await;
    let cut_off = probe("/readyz?verbose").await;
    assert_eq!(cut_off.status, 503);
    assert_eq!(cut_off.body["ready"], false);
    assert_eq!(cut_off.body["checks"][1]["ok"], false);
    assert_eq!(probe("/readyz?verbos").await.status, 422);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_probes_is_no_flood_of_barriers() {
    let node = Node::start().await;
    for _ in 0..100 {
        assert_eq!(node.send(request("GET", "/readyz", None), stranger()).await.status, 200);
    }
    assert_eq!(node.replica.barriers.load(Ordering::SeqCst), 1);
    tokio::time::advance(quorate_web::limits::READY_REUSE).await;
    node.send(request("GET", "/readyz", None), stranger()).await;
    assert_eq!(node.replica.barriers.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_check_of_the_composition_root_counts() {
    let failing = || Check {
        name: "radius".into(),
        ok: false,
        detail: "not bound".into(),
        took_ms: 0,
    };
    let node = Node::start_with(|deps| deps.extra_checks.push(Box::new(failing))).await;
    let answer = node.send(request("GET", "/readyz?verbose", None), stranger()).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body["checks"][4]["name"], "radius");
}

#[tokio::test]
async fn metrics_are_for_loopback_and_bearers() {
    let refreshed = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = refreshed.clone();
    let refresh = move || {
        counter.fetch_add(1, Ordering::SeqCst);
    };
    let node = Node::start_with(|deps| deps.refresh = Box::new(refresh)).await;
    let scrape = || request("GET", "/metrics", None);
    assert_eq!(node.send(scrape(), stranger()).await.status, 401);
    assert_eq!(refreshed.load(Ordering::SeqCst), 0);

    node.must("GET", "/api/v1/policy", None).await;
    let loopback = quorate_web::Peer::Tls(([127, 0, 0, 1], 40_000).into());
    let answer = node.send(scrape(), loopback).await;
    assert_eq!(answer.status, 200);
    let text = answer.body.as_str().unwrap();
    assert!(
        text.contains(r#"quorate_http_requests_total{code="200",method="GET",route="/api/v1/policy"} 1"#),
        "{text}"
    );
    assert!(
        text.contains(r#"quorate_http_request_duration_seconds_count{method="GET",route="/api/v1/policy"} 1"#),
        "{text}"
    );
    assert_eq!(refreshed.load(Ordering::SeqCst), 1, "gauges are brought up to date");

    let bearer = node.bearer().await;
    let mut with_token = scrape();
    with_token
        .headers_mut()
        .insert("authorization", format!("Bearer {}", bearer.expose()).parse().unwrap());
    assert_eq!(node.send(with_token, stranger()).await.status, 200);
}

#[tokio::test]
async fn paths_and_methods_that_outsiders_make_up_make_no_series() {
    let node = Node::start().await;
    for n in 0..50 {
        node.send(request("GET", &format!("/nonsense/{n}"), None), stranger())
            .await;
        node.send(request(&format!("M{n}"), "/livez", None), stranger()).await;
        node.root("GET", &format!("/api/v1/users/nobody{n}"), None).await;
    }
    let families = node.registry.gather();
    let requests = families
        .iter()
        .find(|family| family.name() == "quorate_http_requests_total")
        .unwrap();
    assert!(
        requests.get_metric().len() <= 4,
        "{} series",
        requests.get_metric().len()
    );
}

#[tokio::test]
async fn the_cluster_is_shown_as_this_node_sees_it() {
    let node = Node::start().await;
    let shown = node.must("GET", "/api/v1/cluster", None).await;
    assert_eq!(shown["cluster_id"], "03".repeat(16));
    assert_eq!(
        (&shown["leader"], &shown["term"], &shown["quorum"]),
        (&json!(1), &json!(4), &json!(true))
    );
    assert_eq!(shown["nodes"][0]["role"], "leader");
    node.replica.alone.store(true, Ordering::SeqCst);
    assert_eq!(node.must("GET", "/api/v1/cluster", None).await["quorum"], false);

    let nobody_else = node.root("POST", "/api/v1/cluster/hand-over", None).await;
    assert_eq!(nobody_else.problem().kind, ProblemKind::OutcomeUnknown);
    assert_eq!(node.root("DELETE", "/api/v1/cluster/nodes/9", None).await.status, 404);
}

#[tokio::test]
async fn a_join_token_comes_with_the_whole_line() {
    let node = Node::start().await;
    let made = node.must("POST", "/api/v1/join-tokens", Some(json!({}))).await;
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("qj1-"));
    assert_eq!(
        made["command"],
        format!("quorate join node1.example.org:7443 --token {token}")
    );
    assert_eq!(made["join_token"]["expires_ms"], support::NOW_MS + 3_600_000);
    let listed = node.must("GET", "/api/v1/join-tokens", None).await;
    assert_eq!(listed["items"], json!([made["join_token"]]));

    let elsewhere = json!({"address": "[2001:db8::1]:7443", "lifetime_s": 60});
    let made = node.must("POST", "/api/v1/join-tokens", Some(elsewhere)).await;
    assert!(
        made["command"]
            .as_str()
            .unwrap()
            .starts_with("quorate join [2001:db8::1]:7443 --token ")
    );
    let wrong = |body: Value| node.root("POST", "/api/v1/join-tokens", Some(body));
    assert_eq!(wrong(json!({"address": "x; reboot"})).await.wrong_fields(), ["address"]);
    assert_eq!(wrong(json!({"lifetime_s": 0})).await.wrong_fields(), ["lifetime_s"]);
}

#[tokio::test]
async fn the_audit_lists_filters_and_pages() {
    let node = Node::start().await;
    for name in ["alice", "bob", "alice2"] {
        node.must("POST", "/api/v1/users", Some(json!({"name": name}))).await;
    }
    node.must("POST", "/api/v1/users/alice/disable", None).await;
    let all = node.must("GET", "/api/v1/audit", None).await;
    let kinds: Vec<&str> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "cluster_founded",
            "create_user",
            "create_user",
            "create_user",
            "disable_user"
        ]
    );
    assert_eq!((&all["next"], &all["more"]), (&json!(4), &json!(false)));
    assert_eq!(all["items"][4]["actor"], "uid 0");

    let page = node.must("GET", "/api/v1/audit?limit=2&after=0", None).await;
    assert_eq!(
        (seqs(&page), &page["next"], &page["more"]),
        (vec![1, 2], &json!(2), &json!(true))
    );
    assert_eq!(
        seqs(&node.must("GET", "/api/v1/audit?last=2", None).await),
        [3, 4],
        "the newest, oldest first"
    );
    assert_eq!(seqs(&node.must("GET", "/api/v1/audit?user=ALICE", None).await), [1, 4]);
    assert_eq!(
        seqs(&node.must("GET", "/api/v1/audit?kind=create_user", None).await),
        [1, 2, 3]
    );
    assert_eq!(
        seqs(&node.must("GET", "/api/v1/audit?kind=create_user&last=1", None).await),
        [3]
    );
    assert_eq!(
        node.root("GET", "/api/v1/audit?last=1&after=1", None)
            .await
            .wrong_fields(),
        ["last"]
    );
}

#[tokio::test]
async fn the_audit_is_searched_by_client_result_and_time() {
    let node = Node::start().await;
    node.must(
        "POST",
        "/api/v1/applications",
        Some(json!({"name": "vpn", "factors": [["totp"]]})),
    )
    .await;
    let gate = json!({"name": "gate", "networks": ["192.0.2.1"], "secret": "a long secret", "application": "vpn"});
    let gate = node.must("POST", "/api/v1/clients", Some(gate)).await;
    let id = gate["client"]["id"]
        .as_str()
        .or(gate["id"].as_str())
        .unwrap()
        .to_owned();
    for client in ["gate", &id] {
        let found = node.must("GET", &format!("/api/v1/audit?client={client}"), None).await;
        assert_eq!(seqs(&found), [2]);
    }
    assert_eq!(
        node.root("GET", "/api/v1/audit?client=nowhere", None)
            .await
            .wrong_fields(),
        ["client"]
    );
    assert!(seqs(&node.must("GET", "/api/v1/audit?result=rejected", None).await).is_empty());
    let now_ms = support::NOW_MS;
    for (query, expected) in [
        (format!("since_ms={now_ms}"), vec![0, 1, 2]),
        (format!("since_ms={}", now_ms + 1), vec![]),
        (format!("until_ms={now_ms}"), vec![]),
        (format!("last=2&until_ms={}", now_ms + 1), vec![1, 2]),
    ] {
        let page = node.must("GET", &format!("/api/v1/audit?{query}"), None).await;
        assert_eq!(seqs(&page), expected, "{query}");
    }
    let page = node.must("GET", "/api/v1/audit?last=2", None).await;
    assert_eq!(page["earlier"], 1);
    let earlier = node.must("GET", "/api/v1/audit?last=2&before=1", None).await;
    assert_eq!((seqs(&earlier), &earlier["earlier"]), (vec![0], &Value::Null));
    assert_eq!(
        node.root("GET", "/api/v1/audit?before=1", None).await.wrong_fields(),
        ["before"]
    );
}

#[tokio::test]
async fn retention_is_shown_set_and_bounded() {
    let node = Node::start().await;
    let status = node.must("GET", "/api/v1/audit/status", None).await;
    assert_eq!(
        (&status["records"], &status["index_building"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(status["retention"], json!({"revision": 0}));
    let rule = json!({"max_age_ms": 86_400_000_000_u64, "max_bytes": 1 << 30});
    let set = node.must("PUT", "/api/v1/audit/retention", Some(rule)).await;
    assert_eq!(set["max_bytes"], 1 << 30);
    let wrong = json!({"max_age_ms": 5, "max_bytes": 5});
    assert_eq!(
        node.root("PUT", "/api/v1/audit/retention", Some(wrong))
            .await
            .wrong_fields(),
        ["max_age_ms", "max_bytes"]
    );
    let everything = node.must("PUT", "/api/v1/audit/retention", Some(json!({}))).await;
    assert_eq!(everything["max_age_ms"], Value::Null);
}

#[tokio::test]
async fn heads_and_segments_are_given_to_an_auditor() {
    let node = Node::start().await;
    let heads = node.must("GET", "/api/v1/audit/heads", None).await;
    assert_eq!((&heads["now"]["records"], &heads["first_seq"]), (&json!(1), &json!(0)));
    let segment = node.must("GET", "/api/v1/audit/segments/0", None).await;
    assert_eq!(segment["records"], 1);
    for missing in ["1", "x"] {
        let answer = node
            .root("GET", &format!("/api/v1/audit/segments/{missing}"), None)
            .await;
        assert_eq!(answer.status, 404);
    }
}

fn seqs(page: &Value) -> Vec<u64> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["seq"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn following_waits_for_the_next_record_that_matches() {
    let node = std::sync::Arc::new(Node::start().await);
    let follower = tokio::spawn({
        let node = node.clone();
        async move {
            node.must("GET", "/api/v1/audit?after=0&kind=disable_user&wait_s=30", None)
                .await
        }
    });
    node.must("POST", "/api/v1/users", Some(json!({"name": "alice"}))).await;
    assert!(
        !follower.is_finished(),
        "a record of another kind does not end the wait"
    );
    node.must("POST", "/api/v1/users/alice/disable", None).await;
    let page = tokio::time::timeout(Duration::from_secs(20), follower)
        .await
        .expect("in time")
        .unwrap();
    assert_eq!((seqs(&page), &page["next"]), (vec![2], &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn following_an_idle_audit_ends_empty() {
    let node = Node::start().await;
    let page = node.must("GET", "/api/v1/audit?after=0&wait_s=30", None).await;
    assert_eq!(
        (seqs(&page), &page["next"], &page["more"]),
        (vec![], &json!(0), &json!(false))
    );
}

#[tokio::test]
async fn the_chain_is_verified_against_a_head_from_elsewhere() {
    let node = Node::start().await;
    node.must("POST", "/api/v1/users", Some(json!({"name": "alice"}))).await;
    let verified = node.must("GET", "/api/v1/audit/verify", None).await;
    assert_eq!((&verified["ok"], &verified["records"]), (&json!(true), &json!(2)));
    let head = verified["head"].as_str().unwrap();
    let same = node
        .must("GET", &format!("/api/v1/audit/verify?expected_head={head}"), None)
        .await;
    assert_eq!(same["ok"], true);
    let other = node
        .must(
            "GET",
            &format!("/api/v1/audit/verify?expected_head={}", "00".repeat(32)),
            None,
        )
        .await;
    assert_eq!(other["ok"], false);
    assert!(other["problem"].as_str().is_some());
    assert_eq!(
        node.root("GET", "/api/v1/audit/verify?expected_head=12", None)
            .await
            .wrong_fields(),
        ["expected_head"]
    );
}
