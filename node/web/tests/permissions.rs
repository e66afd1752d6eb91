//! Who may call what: every route, by every role, over the real router.

#![allow(clippy::unwrap_used, reason = "a panic is a failing test")]

mod support;

use std::fmt::Write;

use axum::body::Body;
use quorate_api::endpoint::Shape;
use quorate_api::endpoints::{Visitor, visit_all};
use quorate_api::{Confidential, Endpoint, ProblemKind};
use quorate_core::{Permission, Role};
use serde_json::{Value, json};
use support::{Answer, Node, request, stranger};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/permissions.txt");

/// An endpoint as a request: operation id, method, path.
struct Routes(Vec<(&'static str, &'static str, String)>);

impl Visitor for Routes {
    fn visit<Req: Shape, Res: Shape>(&mut self, endpoint: &Endpoint<Req, Res>) {
        let path = format!(
            "{}{}",
            quorate_api::endpoint::ROOT,
            endpoint.path.replace(['{', '}'], "")
        );
        self.0.push((endpoint.id, endpoint.method.as_str(), path));
    }
}

fn routes() -> Vec<(&'static str, &'static str, String)> {
    let mut routes = Routes(Vec::new());
    visit_all(&mut routes);
    routes.0
}

async fn bearers(node: &Node) -> Vec<(Role, Confidential)> {
    let mut bearers = Vec::new();
    for role in Role::ALL {
        bearers.push((role, node.bearer_of(role).await));
    }
    bearers
}

async fn ask(node: &Node, bearer: &Confidential, method: &str, path: &str, body: Option<Value>) -> Answer {
    node.send(with(bearer, request(method, path, body)), stranger()).await
}

fn with(bearer: &Confidential, mut request: axum::http::Request<Body>) -> axum::http::Request<Body> {
    let header = format!("Bearer {}", bearer.expose()).parse().unwrap();
    request.headers_mut().insert("authorization", header);
    request
}

/// A role without any permission hears of each route which one it needs; by that, the table says who else is refused. What
/// came of it is a text under review.
#[tokio::test]
async fn every_route_refuses_exactly_the_roles_that_the_table_does_not_name() {
    let node = Node::start().await;
    let bearers = bearers(&node).await;
    let mut text = format!("{:<20}{:<22}roles\n", "operation", "permission");
    for (id, method, path) in routes() {
        let refused = ask(&node, &bearers[0].1, method, &path, None).await;
        let named = refused
            .problem()
            .permission
            .unwrap_or_else(|| panic!("{id}: no permission is named"));
        let permission = Permission::ALL
            .into_iter()
            .find(|permission| permission.label() == named)
            .unwrap();
        let mut passed = Vec::new();
        for (role, bearer) in &bearers {
            let answer = ask(&node, bearer, method, &path, None).await;
            let is_refused = answer.status == 403;
            assert_eq!(
                is_refused,
                !role.has(permission),
                "{id} by {}: {}",
                role.label(),
                answer.body
            );
            if is_refused {
                let problem = answer.problem();
                assert_eq!(problem.kind, ProblemKind::Forbidden);
                assert_eq!(problem.detail, Some(format!("The permission {named} is missing.")));
                assert_eq!(
                    (problem.permission.as_deref(), problem.errors.len()),
                    (Some(&*named), 0)
                );
            } else {
                passed.push(role.label());
            }
        }
        writeln!(text, "{id:<20}{named:<22}{}", passed.join(" ")).unwrap();
    }
    if std::env::var("QUORATE_GOLDEN").is_ok_and(|mode| mode == "write") {
        std::fs::write(TABLE, &text).unwrap();
    }
    let reviewed = std::fs::read_to_string(TABLE).unwrap();
    assert_eq!(
        reviewed, text,
        "QUORATE_GOLDEN=write writes it; then look at the difference"
    );
}

#[tokio::test]
async fn whoever_is_refused_is_not_read_and_learns_nothing() {
    let node = Node::start().await;
    let auditor = node.bearer_of(Role::Auditor).await;
    node.must("POST", "/api/v1/users", Some(json!({"name": "alice"}))).await;
    let there = ask(&node, &auditor, "DELETE", "/api/v1/users/alice", None).await;
    let nowhere = ask(&node, &auditor, "DELETE", "/api/v1/users/nobody", None).await;
    let nonsense = ask(&node, &auditor, "PATCH", "/api/v1/policy", Some(json!({"nonsense": 1}))).await;
    for answer in [&there, &nowhere, &nonsense] {
        assert_eq!(answer.status, 403);
    }
    assert_eq!(there.problem().detail, nowhere.problem().detail);
    // A body that would never end is not waited for.
    let mut endless = request("POST", "/api/v1/users", None);
    *endless.body_mut() = Body::from_stream(Silence);
    assert_eq!(node.send(with(&auditor, endless), stranger()).await.status, 403);
    let counted = node.registry.gather();
    let counted = counted
        .iter()
        .find(|family| family.name() == "quorate_http_forbidden_total")
        .unwrap();
    let total: f64 = counted
        .get_metric()
        .iter()
        .map(|metric| metric.get_counter().get_value())
        .sum();
    assert_eq!(total, 4.0, "each is counted");
}

/// A body of which nothing ever comes.
struct Silence;

impl futures_core::Stream for Silence {
    type Item = Result<Vec<u8>, std::io::Error>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn metrics_want_their_permission_where_the_address_is_not_listed() {
    let node = Node::start().await;
    for role in Role::ALL {
        let bearer = node.bearer_of(role).await;
        let answer = ask(&node, &bearer, "GET", "/metrics", None).await;
        assert_eq!(
            answer.status == 200,
            role.has(Permission::ReadMetrics),
            "{}",
            role.label()
        );
        assert_eq!(
            answer.status == 403,
            !role.has(Permission::ReadMetrics),
            "{}",
            role.label()
        );
    }
}

#[tokio::test]
async fn the_helpdesk_gives_codes_for_days_and_nothing_that_lasts() {
    let node = Node::start().await;
    for (name, role) in [("alice", "user"), ("boss", "admin")] {
        node.must("POST", "/api/v1/users", Some(json!({"name": name, "role": role})))
            .await;
    }
    let desk = node.bearer_of(Role::Helpdesk).await;
    let temporary = json!({"kind": "temporary"});
    let given = ask(
        &node,
        &desk,
        "POST",
        "/api/v1/users/alice/tokens",
        Some(temporary.clone()),
    )
    .await;
    assert_eq!(given.status, 201, "{}", given.body);
    let lasting = ask(
        &node,
        &desk,
        "POST",
        "/api/v1/users/alice/tokens",
        Some(json!({"kind": "totp"})),
    )
    .await;
    assert_eq!(lasting.status, 403);
    assert_eq!(lasting.problem().permission.as_deref(), Some("manage_tokens"));
    // With a code of an admin's, one could be an admin.
    let above = ask(&node, &desk, "POST", "/api/v1/users/boss/tokens", Some(temporary)).await;
    assert_eq!((above.status.as_u16(), above.problem().permission), (403, None));
    // Whether a code of an admin's is right is told to nobody below.
    let made = Some(json!({"kind": "totp"}));
    let phone = node.must("POST", "/api/v1/users/boss/tokens", made).await["token"]["id"].clone();
    let path = format!("/api/v1/tokens/{}/verify", phone.as_str().unwrap());
    let guessed = ask(&node, &desk, "POST", &path, Some(json!({"code": "000000"}))).await;
    assert_eq!(guessed.status, 403, "{}", guessed.body);
    assert_eq!(
        ask(&node, &desk, "POST", "/api/v1/users/boss/disable", None)
            .await
            .status,
        403
    );
    assert_eq!(
        ask(&node, &desk, "POST", "/api/v1/users/alice/disable", None)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn roles_and_exceptions_are_given_shown_and_bounded() {
    let node = Node::start().await;
    let alice = node.must("POST", "/api/v1/users", Some(json!({"name": "alice"}))).await;
    assert_eq!(
        (&alice["role"], &alice["mfa"], &alice["mfa_needed"], &alice["may_trust"]),
        (&json!("user"), &json!("by_role"), &json!(false), &json!(true))
    );
    let roles = node.must("GET", "/api/v1/roles", None).await;
    assert_eq!(roles["items"].as_array().unwrap().len(), 5);
    assert_eq!(
        roles["items"][4]["permissions"].as_array().unwrap().len(),
        Permission::ALL.len()
    );

    let changed = node
        .must(
            "PATCH",
            "/api/v1/roles/user",
            Some(json!({"mfa_required": true, "trust_ms": 86_400_000})),
        )
        .await;
    assert_eq!(
        (&changed["mfa_required"], &changed["may_trust"]),
        (&json!(true), &json!(true))
    );
    let alice = node.must("GET", "/api/v1/users/alice", None).await;
    assert_eq!(alice["mfa_needed"], json!(true));
    // A change of the rest of the policy leaves what it says of roles.
    node.must("PATCH", "/api/v1/policy", Some(json!({"max_code_failures": 7})))
        .await;
    let roles = node.must("GET", "/api/v1/roles", None).await;
    assert_eq!(roles["items"][0]["mfa_required"], json!(true));

    let short = node
        .root("PATCH", "/api/v1/roles/user", Some(json!({"trust_ms": 1})))
        .await;
    assert_eq!(short.wrong_fields(), ["trust_ms"]);
    assert_eq!(
        node.root("PATCH", "/api/v1/roles/root", Some(json!({}))).await.status,
        404
    );
    let unknown = node
        .root("PATCH", "/api/v1/users/alice/access", Some(json!({"role": "root"})))
        .await;
    assert_eq!(unknown.status, 422, "an unknown role is none");

    let admin = node.bearer_of(Role::Admin).await;
    let path = "/api/v1/users/alice/access";
    let exempt = ask(&node, &admin, "PATCH", path, Some(json!({"mfa": "exempt"}))).await;
    assert_eq!(exempt.problem().permission.as_deref(), Some("override_policy"));
    let above = ask(&node, &admin, "PATCH", path, Some(json!({"role": "super_admin"}))).await;
    assert_eq!(above.status, 403);
    let given = ask(&node, &admin, "PATCH", path, Some(json!({"role": "helpdesk"}))).await;
    assert_eq!(
        (&given.body["role"], &given.body["mfa"]),
        (&json!("helpdesk"), &json!("required"))
    );
}

#[tokio::test]
async fn the_last_super_admin_stays_whoever_asks() {
    let node = Node::start().await;
    let made = json!({"name": "root", "role": "super_admin"});
    let id = node.must("POST", "/api/v1/api-tokens", Some(made)).await["api_token"]["id"].clone();
    let path = format!("/api/v1/api-tokens/{}", id.as_str().unwrap());
    let answer = node.root("DELETE", &path, None).await;
    assert_eq!(
        (answer.status.as_u16(), answer.problem().kind),
        (409, ProblemKind::Conflict)
    );
    node.must(
        "POST",
        "/api/v1/users",
        Some(json!({"name": "carol", "role": "super_admin"})),
    )
    .await;
    assert_eq!(node.root("DELETE", &path, None).await.status, 204);
    assert_eq!(node.root("POST", "/api/v1/users/carol/disable", None).await.status, 409);
}

#[tokio::test]
async fn a_change_that_locks_somebody_out_is_refused_unless_that_is_meant() {
    let node = Node::start().await;
    let mail = json!({"name": "mail", "factors": [["password"]]});
    node.must("POST", "/api/v1/applications", Some(mail)).await;
    let client = json!({"name": "post", "networks": ["192.0.2.0/24"], "application": "mail"});
    node.must("POST", "/api/v1/clients", Some(client)).await;
    node.must(
        "POST",
        "/api/v1/users",
        Some(json!({"name": "alice", "password": "Correct 9 horse"})),
    )
    .await;
    let rule = json!({"mfa_required": true});
    let previewed = node
        .must("PATCH", "/api/v1/roles/user?preview=1", Some(rule.clone()))
        .await;
    let expected = json!({"would_lock_out": 1, "first": [{"user": "alice", "application": "mail"}]});
    assert_eq!(previewed, expected);
    let refused = node.root("PATCH", "/api/v1/roles/user", Some(rule.clone())).await;
    assert_eq!(
        (refused.status.as_u16(), refused.problem().kind),
        (409, ProblemKind::WouldLockOut)
    );
    assert_eq!(serde_json::to_value(refused.problem().lockouts).unwrap(), expected);
    let roles = node.must("GET", "/api/v1/roles", None).await;
    assert_eq!(
        roles["items"][0]["mfa_required"],
        json!(false),
        "neither changed anything"
    );

    let mine = Some(json!({"mfa": "required"}));
    let access = "/api/v1/users/alice/access";
    assert_eq!(
        node.root("PATCH", access, mine.clone()).await.problem().kind,
        ProblemKind::WouldLockOut
    );
    let factors = Some(json!({"factors": [["password"], ["code"]]}));
    let application = "/api/v1/applications/mail";
    let refused = node.root("PATCH", application, factors.clone()).await;
    assert_eq!(refused.problem().kind, ProblemKind::WouldLockOut);
    let both = node
        .root(
            "PATCH",
            "/api/v1/roles/user?preview=1&allow_lockout=1",
            Some(rule.clone()),
        )
        .await;
    assert_eq!(both.wrong_fields(), ["preview"]);
    assert_eq!(
        node.root("PATCH", "/api/v1/roles/user?preview=maybe", Some(rule.clone()))
            .await
            .status,
        422
    );

    let made = node
        .must("PATCH", "/api/v1/roles/user?allow_lockout=1", Some(rule))
        .await;
    assert_eq!(made["mfa_required"], json!(true));
    // Nobody can log in any more, so nobody is locked out by this.
    node.must("PATCH", application, factors).await;
    node.must("PATCH", access, mine).await;
}

#[tokio::test]
async fn a_preview_needs_the_permission_of_the_change() {
    let node = Node::start().await;
    let admin = node.bearer_of(Role::Admin).await;
    let answer = ask(&node, &admin, "PATCH", "/api/v1/roles/user?preview=1", Some(json!({}))).await;
    assert_eq!(answer.problem().permission.as_deref(), Some("manage_policy"));
}
