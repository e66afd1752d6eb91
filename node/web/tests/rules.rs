//! Groups, networks, rules and migration, through the router, the use cases and the core.

#![allow(clippy::unwrap_used, reason = "a panic is a failing test")]

mod support;

use serde_json::{Value, json};
use support::Node;

/// A node with two applications, a client, and alice.
async fn node() -> Node {
    let node = Node::start().await;
    for (name, factors) in [
        ("vpn", json!([["password"], ["code"]])),
        ("light", json!([["password"]])),
    ] {
        let application = json!({"name": name, "factors": factors});
        node.must("POST", "/api/v1/applications", Some(application)).await;
    }
    let client = json!({"name": "gate", "networks": ["192.0.2.1"], "application": "vpn"});
    node.must("POST", "/api/v1/clients", Some(client)).await;
    let alice = json!({"name": "alice", "password": "Correct 9 horse"});
    node.must("POST", "/api/v1/users", Some(alice)).await;
    node
}

async fn explain(node: &Node, more: Value) -> Value {
    let mut asked = json!({"client": "gate", "user": "alice"});
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    node.must("POST", "/api/v1/explain", Some(asked)).await
}

#[tokio::test]
async fn a_rule_lives_through_every_endpoint_and_explain_follows_it() {
    let node = node().await;
    let plain = explain(&node, json!({})).await;
    assert_eq!((&plain["application"], &plain["rules"]), (&json!("vpn"), &json!([])));
    assert_eq!(
        plain["factors"],
        json!([{"factor": ["password"], "provable": true}, {"factor": ["code"], "provable": false}])
    );

    let rule = json!({
        "name": "staff", "application": "light",
        "when": {"groups": ["Staff"], "networks": ["10.0.0.0/8"], "attributes": {"nas-port-type": "5"}},
    });
    let created = node.root("POST", "/api/v1/rules", Some(rule)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.body["position"], 10);
    assert_eq!(created.body["when"]["attributes"], json!({"NAS-Port-Type": "5"}));
    let second = json!({"name": "nobody", "refuse": true, "when": {"user": "x*", "client": "gate"}});
    let second = node.must("POST", "/api/v1/rules", Some(second)).await;
    assert_eq!(second["position"], 20);

    node.must(
        "PATCH",
        "/api/v1/users/alice",
        Some(json!({"groups": ["staff", "vpn"]})),
    )
    .await;
    let from = json!({"calling_station_id": "10.1.2.3", "attributes": {"NAS-Port-Type": "5"}});
    let followed = explain(&node, from.clone()).await;
    assert_eq!(followed["application"], "light");
    assert_eq!(followed["groups"], json!(["staff", "vpn"]));
    assert_eq!(followed["rules"][0]["matched"], true);
    let elsewhere = explain(&node, json!({"calling_station_id": "198.51.100.1"})).await;
    let asked: Vec<_> = elsewhere["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["mismatch"])
        .collect();
    assert_eq!(asked, ["network", "user"]);

    node.must(
        "PATCH",
        "/api/v1/rules/nobody",
        Some(json!({"position": 5, "when": {}})),
    )
    .await;
    let refused = explain(&node, from.clone()).await;
    assert_eq!(refused["refusals"], json!(["refused_by_rule"]));
    node.must("POST", "/api/v1/rules/nobody/disable", None).await;
    let passed = explain(&node, from.clone()).await;
    assert_eq!(passed["rules"][0]["mismatch"], "disabled");
    assert_eq!(passed["application"], "light");
    node.must("POST", "/api/v1/rules/nobody/enable", None).await;
    let listed = node.must("GET", "/api/v1/rules?limit=1", None).await;
    assert_eq!(listed["items"][0]["name"], "nobody");
    let next = listed["next"].as_str().unwrap();
    let rest = node.must("GET", &format!("/api/v1/rules?after={next}"), None).await;
    assert_eq!(rest["items"][0]["name"], "staff");

    let in_use = node.root("DELETE", "/api/v1/applications/light", None).await;
    assert_eq!(in_use.status, 409, "{}", in_use.body);
    for rule in ["nobody", "staff"] {
        assert_eq!(
            node.root("DELETE", &format!("/api/v1/rules/{rule}"), None).await.status,
            204
        );
    }
    assert_eq!(
        node.root("DELETE", "/api/v1/applications/light", None).await.status,
        204
    );
}

#[tokio::test]
async fn every_wrong_field_of_a_rule_is_named_at_once() {
    let node = node().await;
    let wrong = json!({
        "name": "", "application": "vpn", "refuse": true,
        "when": {"client": "nobody", "networks": ["nonsense"], "groups": [""], "user": "", "attributes": {"Filter-Id": "x"}},
    });
    let answer = node.root("POST", "/api/v1/rules", Some(wrong.clone())).await;
    assert_eq!(
        answer.wrong_fields(),
        [
            "application",
            "name",
            "when.attributes.Filter-Id",
            "when.client",
            "when.groups[0]",
            "when.networks[0]",
            "when.user"
        ]
    );
    let draft = node
        .root("POST", "/api/v1/what-if", Some(json!({"rules": [wrong]})))
        .await;
    assert!(draft.wrong_fields().contains(&"rules[0].when.client".to_owned()));
    let explained = json!({"client": "nobody", "user": "a@b@c", "attributes": {"NAS-Port-Type": "x"}});
    let answer = node.root("POST", "/api/v1/explain", Some(explained)).await;
    assert_eq!(answer.wrong_fields(), ["attributes.NAS-Port-Type", "client", "user"]);
    assert_eq!(node.must("GET", "/api/v1/rules", None).await["items"], json!([]));
}

#[tokio::test]
async fn a_client_says_who_may_come_in_and_from_where() {
    let node = node().await;
    let entrance = json!({
        "required_groups": ["vpn"], "blocked_networks": ["203.0.113.0/24"],
        "trusted_networks": [{"network": "10.0.0.0/8", "waives": "code"}],
    });
    let changed = node.must("PATCH", "/api/v1/clients/gate", Some(entrance.clone())).await;
    for field in ["required_groups", "blocked_networks", "trusted_networks"] {
        assert_eq!(changed[field], entrance[field], "{field}");
    }
    assert_eq!(explain(&node, json!({})).await["refusals"], json!(["not_in_groups"]));
    node.must("PATCH", "/api/v1/users/alice", Some(json!({"groups": ["VPN"]})))
        .await;
    assert_eq!(explain(&node, json!({})).await["refusals"], json!([]));
    let trusted = explain(&node, json!({"calling_station_id": "10.1.2.3"})).await;
    assert_eq!(trusted["factors"][1]["waiver"], "trusted_network");
    let blocked = explain(&node, json!({"attributes": {"Framed-IP-Address": "203.0.113.7"}})).await;
    assert_eq!(blocked["refusals"], json!(["network_blocked"]));

    let nothing_left =
        json!({"application": "light", "trusted_networks": [{"network": "10.0.0.0/8", "waives": "password"}]});
    let answer = node.root("PATCH", "/api/v1/clients/gate", Some(nothing_left)).await;
    assert_eq!(answer.wrong_fields(), ["trusted_networks[0].waives"]);
    let kept = node
        .must("PATCH", "/api/v1/clients/gate", Some(json!({"required_groups": []})))
        .await;
    assert_eq!(kept["blocked_networks"], entrance["blocked_networks"]);
    assert_eq!(kept["required_groups"], Value::Null);
}

#[tokio::test]
async fn users_without_a_token_are_let_in_for_a_while_and_listed() {
    let node = node().await;
    let never = node
        .root(
            "PATCH",
            "/api/v1/applications/light",
            Some(json!({"passthru_until_ms": 9_999_999_999_999u64})),
        )
        .await;
    assert_eq!(never.wrong_fields(), ["passthru_until_ms"]);
    let until = json!({"passthru_until_ms": 9_999_999_999_999u64});
    node.must("PATCH", "/api/v1/applications/vpn", Some(until)).await;
    assert_eq!(explain(&node, json!({})).await["factors"][1]["waiver"], "migration");
    node.must("PATCH", "/api/v1/users/alice", Some(json!({"enrol_by_ms": 1})))
        .await;
    assert_eq!(explain(&node, json!({})).await["factors"][1]["waiver"], Value::Null);
    node.must("PATCH", "/api/v1/users/alice", Some(json!({"enrol_by_ms": 0})))
        .await;

    node.must("POST", "/api/v1/users", Some(json!({"name": "bob"}))).await;
    let names = async |query: &str| {
        let page = node.must("GET", &format!("/api/v1/users?{query}"), None).await;
        let items = page["items"].as_array().unwrap().clone();
        items
            .into_iter()
            .map(|user| user["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("without_token=true").await, ["alice", "bob"]);
    let sheet = json!({"name": "sheet", "kind": "recovery"});
    node.must("POST", "/api/v1/users/alice/tokens", Some(sheet)).await;
    assert_eq!(names("without_token=true").await, ["bob"]);
    assert_eq!(names("without_token=false").await, ["alice"]);
    assert_eq!(names("without_token=true&after=alice&limit=1").await, ["bob"]);
    node.must(
        "PATCH",
        "/api/v1/applications/vpn",
        Some(json!({"passthru_until_ms": 0})),
    )
    .await;
    let shown = node.must("GET", "/api/v1/applications/vpn", None).await;
    assert_eq!(shown["passthru_until_ms"], Value::Null);
}

#[tokio::test]
async fn an_application_gives_first_tokens_where_that_can_be_done() {
    let node = node().await;
    let path = "/api/v1/applications/light";
    let never = node.root("PATCH", path, Some(json!({"enrolment": "password"}))).await;
    assert_eq!(never.wrong_fields(), ["enrolment"]);
    let never = json!({"factors": [["password"], ["registration"]]});
    assert_eq!(node.root("PATCH", path, Some(never)).await.wrong_fields(), ["factors"]);
    let path = "/api/v1/applications/vpn";
    assert_eq!(node.must("GET", path, None).await["enrolment"], "off");
    let asked = explain(&node, json!({})).await;
    assert_eq!(
        (&asked["enrols"], &asked["factors"][1]["provable"]),
        (&json!(false), &json!(false))
    );
    node.must("PATCH", path, Some(json!({"enrolment": "password"}))).await;
    let given = explain(&node, json!({})).await;
    assert_eq!(
        (&given["enrols"], &given["factors"][1]["provable"]),
        (&json!(true), &json!(true))
    );
    // Whoever is given a token by the password now would need a code as well.
    let by_code = json!({"enrolment": "registration_code"});
    let refused = node.root("PATCH", path, Some(by_code.clone())).await;
    assert_eq!(refused.status, 409);
    let meant = format!("{path}?allow_lockout=1");
    node.must("PATCH", &meant, Some(by_code)).await;
    assert_eq!(explain(&node, json!({})).await["factors"][1]["provable"], false);
    let ticket = json!({"kind": "registration"});
    let made = node.must("POST", "/api/v1/users/alice/tokens", Some(ticket)).await;
    assert_eq!(made["codes"][0].as_str().unwrap().len(), 8);
    assert!(made["token"]["expires_ms"].is_u64() && made["token"]["name"] == "registration code");
    assert_eq!(explain(&node, json!({})).await["factors"][1]["provable"], true);
    let page = node.must("GET", "/api/v1/users?without_token=true", None).await;
    assert_eq!(
        page["items"][0]["name"], "alice",
        "a registration code is no token in use"
    );
}

#[tokio::test]
async fn a_pin_is_set_shown_by_its_being_there_and_removed() {
    let node = node().await;
    let path = "/api/v1/users/alice/pin";
    for bad in ["471", "4711a", "1234", "0000", "1234567890123"] {
        let answer = node.root("PUT", path, Some(json!({"pin": bad}))).await;
        assert_eq!(answer.wrong_fields(), ["pin"], "{bad}");
    }
    let set = node.must("PUT", path, Some(json!({"pin": "4711"}))).await;
    assert_eq!(set["has_pin"], true);
    assert!(!set.to_string().contains("4711"), "{set}");
    let policy = node
        .must("PATCH", "/api/v1/policy", Some(json!({"pins": "required"})))
        .await;
    assert_eq!(policy["pins"], "required");
    assert_eq!(explain(&node, json!({})).await["refusals"], json!([]));
    assert_eq!(node.must("PUT", path, Some(json!({}))).await["has_pin"], false);
    assert_eq!(explain(&node, json!({})).await["refusals"], json!(["no_pin"]));
}

#[tokio::test]
async fn how_fields_are_cut_is_set_and_bounded() {
    let node = node().await;
    let path = "/api/v1/clients/gate";
    let cut = async |body: Value| {
        let client = node.must("PATCH", path, Some(body)).await;
        (client["separator"].clone(), client["code_length"].clone())
    };
    assert_eq!(cut(json!({"separator": ","})).await, (json!(","), Value::Null));
    assert_eq!(cut(json!({"retry_tries": 4})).await, (json!(","), Value::Null));
    assert_eq!(cut(json!({"code_length": 8})).await, (Value::Null, json!(8)));
    assert_eq!(cut(json!({"code_length": 0})).await, (Value::Null, Value::Null));
    for (body, field) in [
        (json!({"separator": "a"}), "separator"),
        (json!({"separator": "::"}), "separator"),
        (json!({"code_length": 5}), "code_length"),
        (json!({"separator": ",", "code_length": 6}), "code_length"),
        (
            json!({"separator": ",", "modes": {"one_step": false, "two_step": true, "passcode_only": false}}),
            "separator",
        ),
    ] {
        let answer = node.root("PATCH", path, Some(body.clone())).await;
        assert_eq!(answer.wrong_fields(), [field], "{body}");
    }
}

#[tokio::test]
async fn a_policy_that_locks_somebody_out_says_whom_before_it_is_made() {
    let node = node().await;
    let token = json!({"kind": "recovery"});
    node.must("POST", "/api/v1/users/alice/tokens", Some(token)).await;
    let everybody = json!({"pins": "required"});
    let refused = node.root("PATCH", "/api/v1/policy", Some(everybody.clone())).await;
    assert_eq!(refused.status, 409);
    let path = "/api/v1/policy?preview=1";
    let preview = node.must("PATCH", path, Some(everybody.clone())).await;
    assert_eq!(preview["first"], json!([{"user": "alice", "application": "vpn"}]));
    assert_eq!(node.must("GET", "/api/v1/policy", None).await["pins"], "if_set");
    node.must("PUT", "/api/v1/users/alice/pin", Some(json!({"pin": "4711"})))
        .await;
    let policy = node.must("PATCH", "/api/v1/policy", Some(everybody)).await;
    assert_eq!(policy["pins"], "required");
}

#[tokio::test]
async fn rules_and_clients_that_lock_somebody_out_say_whom_before_they_are_made() {
    let node = node().await;
    let light = json!({"application": "light"});
    node.must("PATCH", "/api/v1/clients/gate", Some(light.clone())).await;
    let alice = json!({"would_lock_out": 1, "first": [{"user": "alice", "application": "light"}]});
    let nobody = json!({"would_lock_out": 0, "first": []});
    let refuse = json!({"name": "all", "refuse": true});
    let strict = json!({"application": "vpn"});

    // A client that asks for a code, and a rule that refuses: asked, refused, nothing made.
    for (method, path, body) in [
        ("PATCH", "/api/v1/clients/gate", &strict),
        ("POST", "/api/v1/rules", &refuse),
    ] {
        let previewed = node
            .root(method, &format!("{path}?preview=1"), Some(body.clone()))
            .await;
        assert_eq!((previewed.status.as_u16(), &previewed.body), (200, &alice), "{path}");
        let refused = node.root(method, path, Some(body.clone())).await;
        assert_eq!(refused.status, 409, "{path}");
        assert_eq!(serde_json::to_value(refused.problem().lockouts).unwrap(), alice);
    }
    assert_eq!(node.must("GET", "/api/v1/rules", None).await["items"], json!([]));
    let path = "/api/v1/rules?allow_lockout=1";
    assert_eq!(node.root("POST", path, Some(refuse)).await.status, 201);

    // Whom the rule has locked out already is not locked out by what is under it.
    node.must("PATCH", "/api/v1/clients/gate", Some(strict)).await;
    node.must("PATCH", "/api/v1/clients/gate", Some(light)).await;
    let off = node.must("POST", "/api/v1/rules/all/disable?preview=1", None).await;
    assert_eq!(off, nobody, "it lets somebody in");
    node.must("POST", "/api/v1/rules/all/disable", None).await;
    assert_eq!(node.root("POST", "/api/v1/rules/all/enable", None).await.status, 409);
    let on = node.must("POST", "/api/v1/rules/all/enable?preview=1", None).await;
    assert_eq!(on, alice);

    // A rule that is all that lets somebody in.
    let lets_in = json!({"refuse": false, "application": "light", "position": 5});
    node.must("PATCH", "/api/v1/rules/all", Some(lets_in)).await;
    node.must("POST", "/api/v1/rules/all/enable", None).await;
    let vpn = json!({"application": "vpn"});
    node.must("PATCH", "/api/v1/clients/gate", Some(vpn.clone())).await;
    assert_eq!(node.root("PATCH", "/api/v1/rules/all", Some(vpn)).await.status, 409);
    let deleted = node.root("DELETE", "/api/v1/rules/all?preview=1", None).await;
    assert_eq!((deleted.status.as_u16(), &deleted.body), (200, &alice));
    assert_eq!(node.root("DELETE", "/api/v1/rules/all", None).await.status, 409);
    let deleted = node.root("DELETE", "/api/v1/rules/all?allow_lockout=1", None).await;
    assert_eq!(deleted.status, 204);
}
