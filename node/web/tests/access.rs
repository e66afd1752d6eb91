//! Who gets in, what outsiders learn, and what stays within bounds.

#![allow(clippy::unwrap_used, reason = "a panic is a failing test")]

mod support;

use std::sync::atomic::Ordering;

use axum::body::Body;
use quorate_api::{ProblemKind, limits};
use serde_json::json;
use support::{Node, request, stranger};

const LIST: &str = "/api/v1/users";

fn with_bearer(text: &str) -> axum::http::Request<Body> {
    let mut request = request("GET", LIST, None);
    request
        .headers_mut()
        .insert("authorization", format!("Bearer {text}").parse().unwrap());
    request
}

#[tokio::test]
async fn a_valid_bearer_is_accepted_and_every_other_refused_alike() {
    let node = Node::start().await;
    let bearer = node.bearer().await;
    assert_eq!(node.send(with_bearer(bearer.expose()), stranger()).await.status, 200);

    let mut altered = bearer.expose().to_owned();
    let last = altered.pop().unwrap();
    altered.push(if last == 'A' { 'Q' } else { 'A' });
    let mut twice = with_bearer(bearer.expose());
    twice
        .headers_mut()
        .append("authorization", format!("Bearer {}", bearer.expose()).parse().unwrap());
    let mut basic = request("GET", LIST, None);
    basic
        .headers_mut()
        .insert("authorization", "Basic cm9vdDpyb290".parse().unwrap());
    let refused = [
        request("GET", LIST, None),
        with_bearer(""),
        with_bearer("nonsense"),
        with_bearer(&altered),
        twice,
        basic,
    ];
    for request in refused {
        let answer = node.send(request, stranger()).await;
        let problem = answer.problem();
        assert_eq!((answer.status.as_u16(), problem.kind), (401, ProblemKind::Unauthorized));
        assert_eq!(problem.detail, None, "an outsider does not hear why");
        assert!(
            answer.headers["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Bearer")
        );
    }
}

#[tokio::test]
async fn a_deleted_bearer_opens_nothing() {
    let node = Node::start().await;
    let bearer = node.bearer().await;
    let listed = node.must("GET", "/api/v1/api-tokens", None).await;
    assert!(
        !listed.to_string().contains(bearer.expose()),
        "shown once, when it was made"
    );
    let id = listed["items"][0]["id"].as_str().unwrap();
    assert_eq!(
        node.root("DELETE", &format!("/api/v1/api-tokens/{id}"), None)
            .await
            .status,
        204
    );
    assert_eq!(node.send(with_bearer(bearer.expose()), stranger()).await.status, 401);
}

#[tokio::test]
async fn every_endpoint_is_guarded() {
    let node = Node::start().await;
    let document: serde_json::Value = serde_json::from_str(&quorate_api::openapi::document()).unwrap();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let path = path.replace(['{', '}'], "");
            let answer = node
                .send(request(&method.to_uppercase(), &path, None), stranger())
                .await;
            assert_eq!(answer.status, 401, "{method} {path}");
            tried += 1;
        }
    }
    assert!(tried > 40, "the document lists the API");
}

#[tokio::test]
async fn a_request_without_a_peer_is_refused() {
    use tower_service::Service;
    let node = Node::start().await;
    for path in [LIST, "/metrics"] {
        let response = node.web.router().call(request("GET", path, None)).await.unwrap();
        assert_eq!(
            response.status(),
            401,
            "{path}: a listener that names no peer serves nobody"
        );
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let node = Node::start().await;
    let nowhere = node.root("GET", "/api/v1/nonsense", None).await;
    assert_eq!(
        (nowhere.status.as_u16(), nowhere.problem().kind),
        (404, ProblemKind::NotFound)
    );
    let method = node.root("PUT", LIST, None).await;
    assert_eq!(
        (method.status.as_u16(), method.problem().kind),
        (405, ProblemKind::MethodNotAllowed)
    );
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_with_or_without_a_length() {
    let node = Node::start().await;
    let text = format!("{{\"name\": \"{}\"}}", "x".repeat(limits::BODY_MAX_BYTES));
    let announced = request("POST", LIST, Some(json!(text)));
    let answer = node.send(announced, quorate_web::Peer::Unix { uid: 0 }).await;
    assert_eq!(
        (answer.status.as_u16(), answer.problem().kind),
        (413, ProblemKind::TooLarge)
    );

    let pieces = text
        .into_bytes()
        .chunks(64 * 1024)
        .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
        .collect::<Vec<_>>();
    let mut streamed = request("POST", LIST, None);
    streamed
        .headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    *streamed.body_mut() = Body::from_stream(Pieces(pieces.into_iter()));
    let answer = node.send(streamed, quorate_web::Peer::Unix { uid: 0 }).await;
    assert_eq!(answer.problem().kind, ProblemKind::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let node = Node::start().await;
    let mut endless = request("POST", LIST, None);
    endless
        .headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    *endless.body_mut() = Body::from_stream(Silence);
    let answer = node.send(endless, quorate_web::Peer::Unix { uid: 0 }).await;
    assert_eq!(
        (answer.status.as_u16(), answer.problem().kind),
        (408, ProblemKind::RequestTimeout)
    );
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

/// A body whose length nobody knows.
struct Pieces(std::vec::IntoIter<Result<Vec<u8>, std::io::Error>>);

impl futures_core::Stream for Pieces {
    type Item = Result<Vec<u8>, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_quorum_the_answer_says_that_nothing_changed() {
    let node = Node::start().await;
    node.replica.alone.store(true, Ordering::SeqCst);
    let answer = node.root("POST", LIST, Some(json!({"name": "nobody"}))).await;
    assert_eq!(
        (answer.status.as_u16(), answer.problem().kind),
        (503, ProblemKind::NoQuorum)
    );
    let reading = node.root("GET", LIST, None).await;
    assert_eq!(reading.status, 200, "what is here can still be read");
}

#[tokio::test]
async fn answers_are_not_cached_and_carry_an_id() {
    let node = Node::start().await;
    let (one, other) = (node.root("GET", LIST, None).await, node.root("GET", LIST, None).await);
    assert_eq!(one.headers["cache-control"], "no-store");
    assert_eq!(one.headers["x-content-type-options"], "nosniff");
    assert_ne!(one.headers["x-request-id"], other.headers["x-request-id"]);
}
