//! The outermost layer: gives each request its id, counts and times it, writes its log line, and
//! turns a [`Failure`] into the problem document that the client reads.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::Next;
use axum::{body::Body, response::IntoResponse};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use quorate_core::Actor;

use crate::failure::Failure;
use crate::peer::Peer;
use crate::site::Site;

/// The header that carries the request id back.
pub const REQUEST_ID: &str = "x-request-id";

/// Counts of this crate. Labels are bounded: routes are templates, methods the known ones.
#[derive(Clone)]
pub(crate) struct Counts {
    requests: IntCounterVec,
    seconds: HistogramVec,
    pub(crate) refused_connections: IntCounterVec,
    /// Requests of known administrators whose role has not the permission.
    forbidden: IntCounterVec,
}

impl Counts {
    /// Registers `quorate_http_…` with the registry.
    ///
    /// # Errors
    /// If one of the names is registered already.
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counts = Self {
            requests: IntCounterVec::new(
                Opts::new(
                    "quorate_http_requests_total",
                    "HTTP requests by method, route and status.",
                ),
                &["method", "route", "code"],
            )?,
            seconds: HistogramVec::new(
                HistogramOpts::new(
                    "quorate_http_request_duration_seconds",
                    "Time from head to answer of an HTTP request.",
                )
                .buckets(vec![
                    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
                ]),
                &["method", "route"],
            )?,
            refused_connections: IntCounterVec::new(
                Opts::new(
                    "quorate_http_refused_connections_total",
                    "Connections closed before a request, by reason.",
                ),
                &["listener", "reason"],
            )?,
            forbidden: IntCounterVec::new(
                Opts::new(
                    "quorate_http_forbidden_total",
                    "Requests refused because a role has not the permission, by permission.",
                ),
                &["permission"],
            )?,
        };
        registry.register(Box::new(counts.requests.clone()))?;
        registry.register(Box::new(counts.seconds.clone()))?;
        registry.register(Box::new(counts.refused_connections.clone()))?;
        registry.register(Box::new(counts.forbidden.clone()))?;
        Ok(counts)
    }

    fn count(&self, method: &str, route: &str, status: StatusCode, seconds: f64) {
        self.requests.with_label_values(&[method, route, status.as_str()]).inc();
        self.seconds.with_label_values(&[method, route]).observe(seconds);
    }
}

/// What a request has become by the time it is logged.
struct Seen {
    id: String,
    method: Method,
    path: String,
    route: String,
    peer: Option<Peer>,
    since: Instant,
}

pub(crate) async fn observe(State(site): State<Site>, request: Request, next: Next) -> Response<Body> {
    let seen = Seen {
        id: site.next_request_id(),
        method: request.method().clone(),
        // The path only: a query may name a user.
        path: request.uri().path().to_owned(),
        route: request
            .extensions()
            .get::<MatchedPath>()
            .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned()),
        peer: request.extensions().get::<Peer>().copied(),
        since: Instant::now(),
    };
    let mut response = next.run(request).await;
    let failure = response.extensions_mut().remove::<Failure>();
    site.counts.count(
        method_label(&seen.method),
        &seen.route,
        response.status(),
        seen.since.elapsed().as_secs_f64(),
    );
    let missing = failure
        .as_ref()
        .and_then(|failure| failure.problem.permission.as_deref());
    if let Some(permission) = missing {
        site.counts.forbidden.with_label_values(&[permission]).inc();
    }
    seen.log(&response, failure.as_ref());
    finish(response, failure, seen.id)
}

impl Seen {
    fn log(&self, response: &Response<Body>, failure: Option<&Failure>) {
        let status = response.status().as_u16();
        let took_ms = self.since.elapsed().as_secs_f64() * 1_000.0;
        let caller = response.extensions().get::<Actor>().map(caller).unwrap_or_default();
        let peer = self.peer.map(|peer| peer.to_string()).unwrap_or_default();
        let cause = failure.and_then(|failure| failure.cause.as_deref()).unwrap_or_default();
        let (request, method, path) = (self.id.as_str(), self.method.as_str(), self.path.as_str());
        // "Not ready" is an answer that a load balancer asks for every second, not a failure.
        let warning = match status {
            403 => Some("request forbidden"),
            500.. if self.route != "/readyz" => Some("request failed"),
            _ => None,
        };
        if let Some(warning) = warning {
            tracing::warn!(request, method, path, status, took_ms, caller, peer, cause, "{warning}");
        } else if self.method == Method::GET {
            tracing::debug!(request, method, path, status, took_ms, caller, peer, cause, "request");
        } else {
            tracing::info!(request, method, path, status, took_ms, caller, peer, cause, "request");
        }
    }
}

fn finish(response: Response<Body>, failure: Option<Failure>, id: String) -> Response<Body> {
    let id_header = HeaderValue::from_str(&id).ok();
    let mut response = match failure {
        Some(failure) => problem_response(response, failure, id),
        None => response,
    };
    let headers = response.headers_mut();
    if let Some(id) = id_header {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn problem_response(response: Response<Body>, mut failure: Failure, id: String) -> Response<Body> {
    failure.problem.request_id = id;
    let body = serde_json::to_vec(&failure.problem).unwrap_or_default();
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(quorate_api::problem::CONTENT_TYPE),
    );
    (parts, body).into_response()
}

fn caller(actor: &Actor) -> String {
    match actor {
        Actor::Root { .. } => "root".to_owned(),
        Actor::ApiToken { id, .. } => id.to_string(),
        Actor::Directory { id } => id.to_string(),
        Actor::Owner { user } => user.to_string(),
    }
}

/// Any method is a token the client chose; only the known ones become a label.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
