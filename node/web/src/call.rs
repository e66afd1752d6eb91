//! One call of an endpoint: the request as its handler sees it, and the answer it gives.
//!
//! The adapter here is the only place where bytes become shapes. It ties a handler to the shapes of
//! its [`Endpoint`], so that a handler that takes or answers another shape than the contract says
//! does not compile.

use std::future::Future;

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use quorate_api::{Endpoint, ProblemKind, limits as contract};
use quorate_core::{Actor, Permission, Revision};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::guard;
use crate::limits;
use crate::site::Site;

/// A request that was authorised and understood.
pub(crate) struct Call<Req> {
    pub(crate) site: Site,
    /// On whose behalf, as the guard found it.
    pub(crate) actor: Actor,
    pub(crate) body: Req,
    /// The revision that `If-Match` names.
    pub(crate) expected: Option<Revision>,
    /// When the client shall have an answer.
    pub(crate) deadline: Instant,
    segments: Vec<String>,
    query: String,
}

impl<Req> Call<Req> {
    /// What stands in the first `{name}` of the path.
    pub(crate) fn name(&self) -> &str {
        self.segments.first().map(String::as_str).unwrap_or_default()
    }

    /// What stands in the second.
    pub(crate) fn second_name(&self) -> &str {
        self.segments.get(1).map(String::as_str).unwrap_or_default()
    }

    /// The query as a shape.
    ///
    /// # Errors
    /// `invalid`, when a parameter is unknown or of the wrong type.
    pub(crate) fn query<Q: DeserializeOwned>(&self) -> Result<Q, Failure> {
        parse_query(&self.query)
    }
}

/// An answer: a body, and the revision of the object in it if it has one.
pub(crate) struct Reply<Res> {
    body: Res,
    revision: Option<u64>,
    /// Other than the endpoint's own.
    status: Option<StatusCode>,
}

impl<Res> Reply<Res> {
    /// An answer without a revision.
    pub(crate) fn plain(body: Res) -> Self {
        Self {
            body,
            revision: None,
            status: None,
        }
    }

    /// What would come of a request that changed nothing.
    pub(crate) fn previewed(body: Res) -> Self {
        Self {
            status: Some(StatusCode::OK),
            ..Self::plain(body)
        }
    }

    /// An object and its revision, which is sent as its `ETag`.
    pub(crate) fn revised(body: Res, revision: u64) -> Self {
        Self {
            body,
            revision: Some(revision),
            status: None,
        }
    }
}

impl<Res> Reply<Res> {
    /// The same answer in another shape.
    pub(crate) fn map<Other>(self, shape: impl FnOnce(Res) -> Other) -> Reply<Other> {
        Reply {
            body: shape(self.body),
            revision: self.revision,
            status: self.status,
        }
    }
}

/// What a handler comes to.
pub(crate) type Answer<Res> = Result<Reply<Res>, Failure>;

/// Runs one handler for one request of somebody who has the permission, to its end: who hangs up in the midst of it must not leave half of
/// something behind.
pub(crate) async fn run<Req, Res, F, Fut>(
    permission: Permission,
    endpoint: Endpoint<Req, Res>,
    handler: F,
    site: State<Site>,
    request: Request,
) -> Response
where
    Req: DeserializeOwned,
    Res: Serialize + Send + 'static,
    F: Fn(Call<Req>) -> Fut,
    Fut: Future<Output = Answer<Res>> + Send + 'static,
{
    let (mut parts, body) = request.into_parts();
    let actor = parts.extensions.get::<Actor>().copied();
    let answer = async {
        let call = understand(&mut parts, body, site.0, actor, permission).await?;
        let running = tokio::spawn(handler(call));
        running
            .await
            .unwrap_or_else(|error| Err(Failure::new(ProblemKind::Internal).because(error.to_string())))
    };
    let mut response = match answer.await {
        Ok(reply) => write(endpoint.success, reply),
        Err(failure) => failure.into_response(),
    };
    // For the log line, which is written further out.
    if let Some(actor) = actor {
        response.extensions_mut().insert(actor);
    }
    response
}

async fn understand<Req>(
    parts: &mut Parts,
    body: Body,
    site: Site,
    actor: Option<Actor>,
    permission: Permission,
) -> Result<Call<Req>, Failure>
where
    Req: DeserializeOwned,
{
    let deadline = Instant::now() + limits::REQUEST;
    // A route without its guard fails closed.
    let actor = actor.ok_or_else(|| Failure::new(ProblemKind::Unauthorized).because("no guard on this route"))?;
    // Before anything of the request is read, or looked up: whoever may not ask learns nothing by asking.
    guard::permit(&site, actor, permission)?;
    let segments = segments(parts).await?;
    let expected = expected_revision(&parts.headers)?;
    let bytes = read(&parts.headers, body).await?;
    let body = parse(&bytes)?;
    let query = parts.uri.query().unwrap_or_default().to_owned();
    Ok(Call {
        site,
        actor,
        body,
        expected,
        deadline,
        segments,
        query,
    })
}

async fn segments(parts: &mut Parts) -> Result<Vec<String>, Failure> {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let params = params.map_err(|error| {
        Failure::new(ProblemKind::Malformed)
            .detail("The path is not UTF-8.")
            .because(error)
    })?;
    Ok(params.iter().map(|(_, value)| value.to_owned()).collect())
}

/// RFC 9110 section 13.1.1: `"42"`, or `*` for whatever is there.
fn expected_revision(headers: &HeaderMap) -> Result<Option<Revision>, Failure> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    match value.as_bytes() {
        b"*" => Ok(None),
        quoted => std::str::from_utf8(quoted)
            .ok()
            .and_then(|text| text.strip_prefix('"')?.strip_suffix('"')?.parse().ok())
            .map(|revision| Some(Revision(revision)))
            .ok_or_else(|| Failure::field("If-Match", "is not a revision", "send the ETag of the object: \"42\"")),
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > contract::BODY_MAX_BYTES as u64 {
        return Err(too_large());
    }
    let bytes = tokio::time::timeout(limits::BODY, axum::body::to_bytes(body, contract::BODY_MAX_BYTES)).await;
    let bytes = bytes
        .map_err(|_| Failure::new(ProblemKind::RequestTimeout))?
        .map_err(unreadable)?;
    match bytes.is_empty() || is_json(headers) {
        true => Ok(bytes),
        false => Err(Failure::new(ProblemKind::UnsupportedMediaType)),
    }
}

fn too_large() -> Failure {
    Failure::new(ProblemKind::TooLarge).detail(format!("A body has {} bytes at most.", contract::BODY_MAX_BYTES))
}

fn unreadable(error: axum::Error) -> Failure {
    match error.into_inner().is::<http_body_util::LengthLimitError>() {
        true => too_large(),
        false => Failure::new(ProblemKind::Malformed).detail("The body broke off."),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// No body is `null`, which is what [`quorate_api::Nothing`] is and no other shape.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let text: &[u8] = if bytes.is_empty() { b"null" } else { bytes };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let parsed =
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| misread(bytes.is_empty(), &error))?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(parsed)
}

fn misread(empty: bool, error: &serde_path_to_error::Error<serde_json::Error>) -> Failure {
    let inner = error.inner();
    if empty {
        return Failure::new(ProblemKind::Malformed).detail("A JSON body is missing.");
    }
    match inner.is_data() {
        true => Failure::invalid(vec![shape_problem(error.path(), inner)]),
        false => malformed(inner),
    }
}

fn malformed(error: &serde_json::Error) -> Failure {
    let place = format!(
        "The body is not JSON: line {}, column {}.",
        error.line(),
        error.column()
    );
    Failure::new(ProblemKind::Malformed).detail(place)
}

/// serde's sentence, without the position it appends and without echoing a value, which may be a
/// secret in the wrong place.
fn shape_problem(path: &serde_path_to_error::Path, error: &serde_json::Error) -> quorate_api::FieldProblem {
    let sentence = error.to_string();
    let sentence = sentence.split(" at line ").next().unwrap_or_default();
    let (problem, hint) = match sentence.split_once(", expected ") {
        Some((problem, expected)) => (problem, format!("expected {expected}")),
        None => (sentence, String::new()),
    };
    let problem = match problem.starts_with("invalid ") {
        true => "has a value of the wrong kind",
        false => problem,
    };
    let field = if path.iter().len() == 0 {
        "body".to_owned()
    } else {
        path.to_string()
    };
    quorate_api::FieldProblem {
        field,
        problem: problem.to_owned(),
        hint,
    }
}

/// A query as a shape.
pub(crate) fn parse_query<Q: DeserializeOwned>(query: &str) -> Result<Q, Failure> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "query".to_owned() } else { path };
        Failure::field(
            field,
            error.inner().to_string(),
            "the parameters are in the API's description",
        )
    })
}

fn write<Res: Serialize>(status: u16, reply: Reply<Res>) -> Response {
    let usual = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let status = reply.status.unwrap_or(usual);
    let mut response = match status {
        StatusCode::NO_CONTENT => status.into_response(),
        _ => (status, Json(reply.body)).into_response(),
    };
    let etag = reply
        .revision
        .and_then(|revision| HeaderValue::from_str(&format!("\"{revision}\"")).ok());
    if let Some(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
