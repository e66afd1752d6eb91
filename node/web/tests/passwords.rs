//! Local passwords over the API: rules, marks, ages, and the user's own change.

#![allow(clippy::unwrap_used, reason = "a panic is a failing test")]

mod support;

use serde_json::json;
use support::Node;

#[tokio::test]
async fn passwords_keep_the_rules_wherever_they_are_set() {
    let node = Node::start().await;
    let weak = json!({"name": "alice", "password": "alice"});
    let answer = node.root("POST", "/api/v1/users", Some(weak)).await;
    assert_eq!(answer.status, 422);
    let errors = answer.problem().errors;
    assert!(errors.iter().all(|error| error.field == "password"), "{errors:?}");
    assert_eq!(errors.len(), 5, "{errors:?}");
    assert_eq!(errors[0].hint, "at least 8 characters");

    let good = json!({"name": "alice", "password": "Old horse, 1", "must_change_password": true});
    let alice = node.must("POST", "/api/v1/users", Some(good)).await;
    assert_eq!(alice["must_change_password"], true);
    assert!(alice["password_changed_ms"].is_u64() && alice["password_expires_ms"].is_null());
    let again = json!({"password": "Old horse, 1"});
    let answer = node.root("PUT", "/api/v1/users/alice/password", Some(again)).await;
    assert_eq!(answer.problem().errors[0].problem, "was used before");

    let rules = json!({"passwords": {"min_chars": 4, "upper": false, "digit": false, "special": false, "not_common": false, "history": 0, "max_age_days": 90}});
    let policy = node.must("PATCH", "/api/v1/policy", Some(rules)).await;
    assert_eq!(
        (&policy["passwords"]["max_age_days"], &policy["passwords"]["lower"]),
        (&json!(90), &json!(true))
    );
    let easy = json!({"password": "horse"});
    let alice = node.must("PUT", "/api/v1/users/alice/password", Some(easy)).await;
    assert_eq!(
        alice["must_change_password"], false,
        "a new password has no mark unless it is given one"
    );
    let lasts_ms = alice["password_expires_ms"].as_u64().unwrap() - alice["password_changed_ms"].as_u64().unwrap();
    assert_eq!(lasts_ms, 90 * 86_400_000);
    let marked = node
        .must(
            "PATCH",
            "/api/v1/users/alice",
            Some(json!({"must_change_password": true})),
        )
        .await;
    assert_eq!(marked["must_change_password"], true);

    let wrong = json!({"passwords": {"min_chars": 3, "history": 25, "max_age_days": 3_651}});
    let answer = node.root("PATCH", "/api/v1/policy", Some(wrong)).await;
    assert_eq!(
        answer.wrong_fields(),
        ["passwords.history", "passwords.max_age_days", "passwords.min_chars"]
    );
}

#[tokio::test]
async fn a_row_of_an_import_says_what_is_wrong_with_its_password() {
    let node = Node::start().await;
    let row = |name: &str| json!({"name": name, "token": {"secret_base32": "A".repeat(32)}});
    let import = json!({"shared_password": "Shared-4-Alice", "users": [row("bob"), row("alice")]});
    let answer = node.root("POST", "/api/v1/import/users", Some(import)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.wrong_fields()),
        (422, vec!["users[1].password".to_owned()])
    );
    let users = node.must("GET", "/api/v1/users", None).await;
    assert_eq!(users["items"], json!([]), "all are judged before the first is made");
}

#[tokio::test]
async fn a_users_own_change_needs_the_former_password_and_is_the_users_in_the_audit() {
    let node = Node::start().await;
    let alice = json!({"name": "alice", "password": "Old horse, 1", "must_change_password": true});
    node.must("POST", "/api/v1/users", Some(alice)).await;
    let change = async |old: &str, new: &str| {
        let body = json!({"old_password": old, "new_password": new});
        node.root("POST", "/api/v1/users/alice/own-password", Some(body)).await
    };
    assert_eq!(change("wrong", "New horse, 2").await.wrong_fields(), ["old_password"]);
    assert!(
        change("Old horse, 1", "new")
            .await
            .wrong_fields()
            .iter()
            .all(|field| field == "new_password")
    );
    let changed = change("Old horse, 1", "New horse, 2").await;
    assert_eq!(
        (changed.status.as_u16(), &changed.body["must_change_password"]),
        (200, &json!(false))
    );

    let audit = node.must("GET", "/api/v1/audit", None).await;
    let records = audit["items"].as_array().unwrap();
    let own: Vec<&str> = records
        .iter()
        .filter(|record| record["actor"] == changed.body["id"])
        .map(|record| record["kind"].as_str().unwrap())
        .collect();
    assert_eq!(own, ["own_password_wrong", "change_own_password"]);

    // Each further one doubles the delay, so that however slow this machine is, one comes too early.
    for _ in 0..12 {
        let answer = change("wrong", "New horse, 3").await;
        if answer.status == 429 {
            return;
        }
        assert_eq!(answer.wrong_fields(), ["old_password"]);
    }
    panic!("wrong passwords make nobody wait");
}
