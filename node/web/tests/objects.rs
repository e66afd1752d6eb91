//! Users, tokens, clients, applications and policy, through the router, the use cases and the core.

#![allow(clippy::unwrap_used, reason = "a panic is a failing test")]

mod support;

use quorate_core::{OtpAlgorithm, otp};
use serde_json::{Value, json};
use support::{Node, request};

#[tokio::test]
async fn a_user_lives_through_every_endpoint() {
    let node = Node::start().await;
    let created = node
        .root(
            "POST",
            "/api/v1/users",
            Some(json!({"name": "Alice", "password": "Correct 9 horse"})),
        )
        .await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.body["name"], "alice", "names are folded");
    assert_eq!(created.body["has_password"], true);
    assert!(!created.body.to_string().contains("horse"));
    let id = created.body["id"].as_str().unwrap().to_owned();

    let by_id = node.must("GET", &format!("/api/v1/users/{id}"), None).await;
    assert_eq!(
        by_id,
        node.must("GET", "/api/v1/users/ALICE", None).await,
        "by id and by name"
    );

    let changed = node
        .must(
            "PATCH",
            "/api/v1/users/alice",
            Some(json!({"display_name": "Alice A."})),
        )
        .await;
    assert_eq!(
        (&changed["name"], &changed["display_name"]),
        (&json!("alice"), &json!("Alice A."))
    );
    assert_eq!(
        node.must("POST", "/api/v1/users/alice/disable", None).await["enabled"],
        false
    );
    assert_eq!(
        node.must("POST", "/api/v1/users/alice/enable", None).await["enabled"],
        true
    );
    node.must("POST", "/api/v1/users/alice/unlock", None).await;
    assert_eq!(
        node.must("PUT", "/api/v1/users/alice/password", Some(json!({}))).await["has_password"],
        false
    );

    assert_eq!(node.root("DELETE", "/api/v1/users/alice", None).await.status, 204);
    let gone = node.root("GET", &format!("/api/v1/users/{id}"), None).await;
    assert_eq!(
        (gone.status.as_u16(), gone.problem().kind),
        (404, quorate_api::ProblemKind::NotFound)
    );
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once_and_nothing_is_made() {
    let node = Node::start().await;
    let wrong = json!({
        "name": "", "networks": ["192.0.2.1", "nonsense"], "secret": "x", "application": "nobody",
    });
    let answer = node.root("POST", "/api/v1/clients", Some(wrong.clone())).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.wrong_fields(), ["application", "name", "networks[1]", "secret"]);

    node.must(
        "POST",
        "/api/v1/applications",
        Some(json!({"name": "vpn", "factors": [["totp"]]})),
    )
    .await;
    let mut wrong = wrong;
    wrong["application"] = "vpn".into();
    let answer = node.root("POST", "/api/v1/clients", Some(wrong)).await;
    assert_eq!(answer.wrong_fields(), ["name", "networks[1]", "secret"]);
    assert!(answer.problem().errors.iter().all(|error| !error.problem.is_empty()));
    let clients = node.must("GET", "/api/v1/clients", None).await;
    assert_eq!(clients["items"], json!([]));
}

#[tokio::test]
async fn what_is_not_the_shape_is_refused_by_field() {
    let node = Node::start().await;
    let post = |body: Value| node.root("POST", "/api/v1/users", Some(body));
    let unknown = post(json!({"name": "bob", "pasword": "typo"})).await;
    assert_eq!(unknown.status, 422);
    let error = unknown.problem().errors.remove(0);
    assert_eq!(error.field, "pasword");
    assert!(error.hint.contains("password"), "{error:?}");

    let kind = post(json!({"name": "bob", "password": ["hunter2"]})).await;
    assert_eq!(kind.wrong_fields(), ["password"]);
    let kind = post(json!({"name": "bob", "display_name": 5_551_234})).await;
    assert_eq!(kind.wrong_fields(), ["display_name"]);
    assert!(
        !kind.body.to_string().contains("5551234"),
        "what was sent is not repeated: it may be a secret"
    );

    assert_eq!(
        node.root("POST", "/api/v1/users", None).await.status,
        400,
        "a body is missing"
    );
    let mut broken = request("POST", "/api/v1/users", None);
    broken
        .headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    *broken.body_mut() = "{\"name\": \"bob\"} trailing".into();
    assert_eq!(node.send(broken, quorate_web::Peer::Unix { uid: 0 }).await.status, 400);
    let mut form = request("POST", "/api/v1/users", Some(json!({"name": "bob"})));
    form.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(node.send(form, quorate_web::Peer::Unix { uid: 0 }).await.status, 415);
    let body_where_none_belongs = node
        .root("POST", "/api/v1/users/bob/disable", Some(json!({"name": "x"})))
        .await;
    assert_eq!(body_where_none_belongs.status, 422);
    assert_eq!(
        node.must("GET", "/api/v1/users", None).await["items"],
        json!([]),
        "nothing half done"
    );
}

#[tokio::test]
async fn if_match_guards_a_change() {
    let node = Node::start().await;
    let created = node.root("POST", "/api/v1/users", Some(json!({"name": "carol"}))).await;
    let first = created.etag().to_owned();
    assert_eq!(first, format!("\"{}\"", created.body["revision"]));
    let conditional = |revision: String| {
        let mut request = request("POST", "/api/v1/users/carol/disable", None);
        request.headers_mut().insert("if-match", revision.parse().unwrap());
        node.send(request, quorate_web::Peer::Unix { uid: 0 })
    };
    let disabled = conditional(first.clone()).await;
    assert_eq!(disabled.status, 200, "{}", disabled.body);
    assert_ne!(disabled.etag(), first, "the revision moved");
    let stale = conditional(first).await;
    assert_eq!(
        (stale.status.as_u16(), stale.problem().kind),
        (412, quorate_api::ProblemKind::Stale)
    );
    assert_eq!(conditional("nonsense".into()).await.wrong_fields(), ["If-Match"]);
}

#[tokio::test]
async fn a_taken_name_is_a_conflict_that_names_the_field() {
    let node = Node::start().await;
    node.must("POST", "/api/v1/users", Some(json!({"name": "dave"}))).await;
    let again = node.root("POST", "/api/v1/users", Some(json!({"name": "DAVE"}))).await;
    assert_eq!(again.status, 409);
    assert_eq!(again.wrong_fields(), ["name"]);
}

#[tokio::test]
async fn lists_come_in_pages_that_join() {
    let node = Node::start().await;
    for n in 0..7 {
        node.must("POST", "/api/v1/users", Some(json!({"name": format!("user{n}")})))
            .await;
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/users?limit=3".to_owned();
    loop {
        let page = node.must("GET", &path, None).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|user| user["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/users?limit=3&after={next}");
    }
    assert_eq!(seen, (0..7).map(|n| format!("user{n}")).collect::<Vec<_>>());
    assert_eq!(
        node.root("GET", "/api/v1/users?limit=0", None).await.wrong_fields(),
        ["limit"]
    );
    assert_eq!(
        node.root("GET", "/api/v1/users?limit=1001", None).await.wrong_fields(),
        ["limit"]
    );
    assert_eq!(
        node.root("GET", "/api/v1/users?limit=many", None).await.wrong_fields(),
        ["limit"]
    );
    let unknown = node.root("GET", "/api/v1/users?page=2", None).await;
    assert_eq!(unknown.status, 422, "an unknown parameter is not ignored");
}

#[tokio::test]
async fn a_token_shows_its_secret_once() {
    let node = Node::start().await;
    node.must("POST", "/api/v1/users", Some(json!({"name": "erin"}))).await;
    let created = node.must("POST", "/api/v1/users/erin/tokens", Some(json!({}))).await;
    let secret = created["secret_base32"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 32, "20 bytes");
    let uri = created["otpauth_uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/") && uri.contains(&secret), "{uri}");
    let id = created["token"]["id"].as_str().unwrap().to_owned();

    let shown = node.must("GET", &format!("/api/v1/tokens/{id}"), None).await;
    let listed = node.must("GET", "/api/v1/users/erin/tokens", None).await;
    assert_eq!(listed["items"], json!([shown]));
    assert!(!shown.to_string().contains(&secret));
    assert_eq!(node.must("GET", "/api/v1/users/erin", None).await["tokens"], 1);

    let path = |action: &str| format!("/api/v1/tokens/{id}{action}");
    assert_eq!(shown["state"], "unverified");
    assert_eq!(node.root("POST", &path("/enable"), None).await.status, 422);
    let wrong = node
        .root("POST", &path("/verify"), Some(json!({"code": "12345"})))
        .await;
    assert_eq!(wrong.wrong_fields(), ["code"]);
    let code = code_now(&secret);
    let verified = node.must("POST", &path("/verify"), Some(json!({"code": code}))).await;
    assert_eq!(verified["state"], "enabled");
    assert_eq!(node.must("POST", &path("/disable"), None).await["state"], "disabled");
    assert_eq!(node.must("POST", &path("/lose"), None).await["state"], "lost");
    assert_eq!(node.must("POST", &path("/enable"), None).await["state"], "enabled");
    assert_eq!(
        node.must("PATCH", &path(""), Some(json!({"name": "phone"}))).await["name"],
        "phone"
    );
    assert_eq!(node.root("DELETE", &path(""), None).await.status, 204);
    assert_eq!(node.root("GET", &path(""), None).await.status, 404);
}

/// The code of this instant, which in these tests does not pass.
fn code_now(secret_base32: &str) -> String {
    let seed = data_encoding::BASE32_NOPAD.decode(secret_base32.as_bytes()).unwrap();
    let timestep = otp::timestep(support::NOW_MS, 30);
    otp::code_text(otp::hotp(OtpAlgorithm::Sha1, &seed, timestep, 6), 6)
}

#[tokio::test]
async fn every_kind_of_token_is_made_and_shows_what_its_owner_needs() {
    let node = Node::start().await;
    node.must("POST", "/api/v1/users", Some(json!({"name": "grace"}))).await;
    let path = "/api/v1/users/grace/tokens";
    let make = |body: Value| node.must("POST", path, Some(body));
    let fob = make(json!({"kind": "hotp", "counter": 0})).await;
    assert!(
        fob["otpauth_uri"].as_str().unwrap().starts_with("otpauth://hotp/"),
        "{fob}"
    );
    assert_eq!(
        (&fob["token"]["counter"], &fob["token"]["state"]),
        (&json!(0), &json!("unverified"))
    );
    let sheet = make(json!({"kind": "recovery", "count": 12})).await;
    assert_eq!(sheet["codes"].as_array().unwrap().len(), 12);
    assert_eq!(
        (&sheet["token"]["uses_left"], &sheet["token"]["state"]),
        (&json!(12), &json!("enabled"))
    );
    let left = make(json!({"kind": "temporary", "suspends_others": true})).await;
    assert_eq!(left["codes"][0].as_str().unwrap().len(), 8);
    assert!(
        left["token"]["expires_ms"].is_u64() && left["token"]["uses_left"] == 20,
        "{left}"
    );
    let pad = make(json!({"kind": "static", "code": "314159"})).await;
    assert_eq!(pad["codes"], json!(["314159"]));
    let key = make(json!({"kind": "yubikey", "public_id": "vvccccbtlhhc"})).await;
    assert_eq!(key["aes_key"].as_str().unwrap().len(), 32);
    assert_eq!(key["token"]["public_id"], "vvccccbtlhhc");

    let wrong = |body: Value| async { node.root("POST", path, Some(body)).await.wrong_fields() };
    assert_eq!(wrong(json!({"kind": "yubikey"})).await, ["public_id"]);
    assert_eq!(
        wrong(json!({"kind": "yubikey", "public_id": "vvccccbtlhhc", "aes_key": "00"})).await,
        ["private_id"]
    );
    assert_eq!(wrong(json!({"kind": "static", "code": "31415"})).await, ["code"]);
    assert_eq!(wrong(json!({"kind": "temporary", "uses": 0})).await, ["uses"]);
    assert_eq!(wrong(json!({"kind": "recovery", "count": 33})).await, ["count"]);
    assert_eq!(wrong(json!({"kind": "static", "counter": 3})).await, ["counter"]);
    assert_eq!(
        wrong(json!({"kind": "temporary", "expires_ms": 1})).await,
        ["expires_ms"]
    );
}

#[tokio::test]
async fn a_fob_waits_in_the_drawer_is_handed_out_and_brought_into_step() {
    let node = Node::start().await;
    node.must("POST", "/api/v1/users", Some(json!({"name": "heidi"}))).await;
    let seed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let fob = node
        .must(
            "POST",
            "/api/v1/tokens",
            Some(json!({"kind": "hotp", "secret_base32": seed})),
        )
        .await;
    assert_eq!(fob["token"]["user"], Value::Null);
    assert_eq!(
        node.must("GET", "/api/v1/tokens", None).await["items"],
        json!([fob["token"]])
    );
    let path = |action: &str| format!("/api/v1/tokens/{}{action}", fob["token"]["id"].as_str().unwrap());
    let assigned = node
        .must("POST", &path("/assign"), Some(json!({"user": "heidi"})))
        .await;
    assert!(assigned["user"].is_string());
    assert_eq!(node.must("GET", "/api/v1/tokens", None).await["items"], json!([]));

    let bytes = data_encoding::BASE32_NOPAD.decode(seed.as_bytes()).unwrap();
    let code = |counter| otp::code_text(otp::hotp(OtpAlgorithm::Sha1, &bytes, counter, 6), 6);
    let wrong = node
        .root("POST", &path("/resync"), Some(json!({"codes": [code(501), code(500)]})))
        .await;
    assert_eq!(wrong.wrong_fields(), ["codes"]);
    let synced = node
        .must("POST", &path("/resync"), Some(json!({"codes": [code(500), code(501)]})))
        .await;
    assert_eq!(synced["counter"], 502);
    let back = node.must("POST", &path("/assign"), Some(json!({}))).await;
    assert_eq!(back["user"], Value::Null);
}

#[tokio::test]
async fn a_token_of_ones_own_seed_is_checked() {
    let node = Node::start().await;
    node.must("POST", "/api/v1/users", Some(json!({"name": "frank"}))).await;
    let post = |body: Value| node.root("POST", "/api/v1/users/frank/tokens", Some(body));
    let good =
        post(json!({"secret_base32": "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP", "digits": 8, "algorithm": "sha256"}))
            .await;
    assert_eq!(good.status, 201, "{}", good.body);
    assert_eq!(
        (&good.body["token"]["digits"], &good.body["token"]["algorithm"]),
        (&json!(8), &json!("sha256"))
    );
    assert_eq!(
        post(json!({"secret_base32": "not base 32!"})).await.wrong_fields(),
        ["secret_base32"]
    );
    let short = post(json!({"secret_base32": "JBSWY3DP", "digits": 5, "period_s": 7})).await;
    assert_eq!(short.wrong_fields(), ["digits", "period_s", "secret_base32"]);
}

#[tokio::test]
async fn a_client_keeps_what_a_change_leaves_out_and_rotates_its_secret() {
    let node = Node::start().await;
    node.must(
        "POST",
        "/api/v1/applications",
        Some(json!({"name": "vpn", "factors": [["password"], ["code"]]})),
    )
    .await;
    let body = json!({"name": "gate", "networks": ["192.0.2.0/24"], "application": "vpn", "nas_identifier": "gate-1"});
    let created = node.must("POST", "/api/v1/clients", Some(body)).await;
    let made = created["secret"].as_str().unwrap();
    assert!(made.len() >= 16, "a secret was made and is shown once");
    let client = &created["client"];
    assert_eq!(
        client["require_message_authenticator"], true,
        "required unless somebody says otherwise"
    );

    let changed = node
        .must(
            "PATCH",
            "/api/v1/clients/gate",
            Some(json!({"name": "gate-a", "retry_tries": 5})),
        )
        .await;
    assert_eq!(
        (&changed["name"], &changed["retry_tries"]),
        (&json!("gate-a"), &json!(5))
    );
    for kept in [
        "networks",
        "nas_identifier",
        "modes",
        "application",
        "secrets",
        "device_type",
    ] {
        assert_eq!(changed[kept], client[kept], "{kept}");
    }
    let cleared = node
        .must("PATCH", "/api/v1/clients/gate-a", Some(json!({"nas_identifier": ""})))
        .await;
    assert_eq!(cleared.get("nas_identifier"), None);

    let rotate = |body: Value| node.must("PUT", "/api/v1/clients/gate-a/secret", Some(body));
    let rotated = rotate(json!({"keep_current": true})).await;
    assert_eq!(rotated["client"]["secrets"], 2);
    assert!(rotated["secret"].as_str().is_some_and(|secret| secret != made));
    let rotated = rotate(json!({"secret": "a secret somebody chose"})).await;
    assert_eq!(rotated["client"]["secrets"], 1);
    assert_eq!(rotated.get("secret"), None, "who chose it knows it");

    let used = node.root("DELETE", "/api/v1/applications/vpn", None).await;
    assert_eq!(used.status, 409, "an application that a client uses stays");
    assert_eq!(node.root("DELETE", "/api/v1/clients/gate-a", None).await.status, 204);
    assert_eq!(node.root("DELETE", "/api/v1/applications/vpn", None).await.status, 204);
}

#[tokio::test]
async fn the_policy_changes_field_by_field() {
    let node = Node::start().await;
    let before = node.must("GET", "/api/v1/policy", None).await;
    let after = node
        .must("PATCH", "/api/v1/policy", Some(json!({"max_code_failures": 3})))
        .await;
    assert_eq!(after["max_code_failures"], 3);
    assert_eq!(after["lock_ms"], before["lock_ms"]);
    let wrong = node
        .root(
            "PATCH",
            "/api/v1/policy",
            Some(json!({"max_code_failures": 0, "totp_window": 200})),
        )
        .await;
    assert_eq!(wrong.wrong_fields(), ["max_code_failures", "totp_window"]);
    assert_eq!(node.must("GET", "/api/v1/policy", None).await, after);
}

#[tokio::test]
async fn an_import_makes_all_or_says_what_is_wrong_with_each() {
    let node = Node::start().await;
    let user = |name: &str, seed: &str| json!({"name": name, "token": {"secret_base32": seed}});
    const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let import = |users: Value| {
        node.root(
            "POST",
            "/api/v1/import/users",
            Some(json!({"shared_password": "Shared-4-trials", "users": users})),
        )
    };

    let wrong = import(json!([
        user("good", SEED),
        user("", SEED),
        user("GOOD", SEED),
        user("bad", "1")
    ]))
    .await;
    assert_eq!(wrong.status, 422);
    assert_eq!(
        wrong.wrong_fields(),
        ["users[1].name", "users[2].name", "users[3].token.secret_base32"]
    );
    assert_eq!(
        node.must("GET", "/api/v1/users", None).await["items"],
        json!([]),
        "none was made"
    );

    let users: Vec<Value> = (0..quorate_api::limits::IMPORT_MAX)
        .map(|n| user(&format!("u{n:06}"), SEED))
        .collect();
    let done = import(Value::Array(users.clone())).await;
    assert_eq!(done.body, json!({"created": users.len(), "existing": 0}));
    let again = import(Value::Array(users.clone())).await;
    assert_eq!(
        again.body,
        json!({"created": 0, "existing": users.len()}),
        "a chunk may be sent again"
    );
    let one = node.must("GET", "/api/v1/users/u000499", None).await;
    assert_eq!((&one["has_password"], &one["tokens"]), (&json!(true), &json!(1)));

    let mut too_many = users;
    too_many.push(user("one-more", SEED));
    assert_eq!(import(Value::Array(too_many)).await.wrong_fields(), ["users"]);
}
