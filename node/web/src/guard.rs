//! Who may pass. A route table names one of these beside its routes; there is no other place where
//! a request is let in.
//!
//! A guard answers before the body is read. What it lets pass carries an [`Actor`], which only this
//! module puts there; the actor travels with the command, and `decide` judges its authority again.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use quorate_api::ProblemKind;
use quorate_core::{Actor, Permission};

use crate::failure::Failure;
use crate::peer::Peer;
use crate::site::Site;

/// Root over the Unix socket, or a valid API token over TLS.
pub(crate) async fn administrators(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    match authorise(&site, &request) {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(failure) => challenge(failure),
    }
}

/// Whether an administrator has the permission that a route needs. A refusal says which permission was missing and nothing else;
/// [`crate::observe`] counts and logs it.
///
/// # Errors
/// The answer to give.
pub(crate) fn permit(site: &Site, actor: Actor, permission: Permission) -> Result<(), Failure> {
    Ok(site.administrator.permit(actor, permission)?)
}

/// Who may read metrics, and whoever asks from one of the configured networks.
pub(crate) async fn scrapers(State(site): State<Site>, request: Request, next: Next) -> Response {
    let listed = match request.extensions().get::<Peer>() {
        Some(Peer::Tls(address)) => site.scrape_from.iter().any(|network| network.contains(address.ip())),
        Some(Peer::Unix { .. }) => true,
        None => false,
    };
    let permitted = || permit(&site, authorise(&site, &request)?, Permission::ReadMetrics);
    match listed.then_some(()).map_or_else(permitted, Ok) {
        Ok(()) => next.run(request).await,
        Err(failure) => challenge(failure),
    }
}

fn authorise(site: &Site, request: &Request) -> Result<Actor, Failure> {
    match request.extensions().get::<Peer>() {
        Some(&Peer::Unix { uid }) => Ok(Actor::Root { uid }),
        Some(&Peer::Tls(address)) => {
            let bearer = bearer(request.headers()).ok_or_else(|| unauthorised("no bearer token"))?;
            site.administrator
                .authenticate_bearer(bearer, address.ip())
                .map_err(|refused| unauthorised(&refused.to_string()))
        }
        None => Err(unauthorised("the listener did not say who is calling")),
    }
}

/// RFC 6750 section 2.1. Exactly one header, or it is ambiguous and refused.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
        .filter(|token| !token.is_empty())
}

/// One answer for every cause; which one it was is for the log.
fn unauthorised(cause: &str) -> Failure {
    Failure::new(ProblemKind::Unauthorized).because(cause)
}

fn challenge(failure: Failure) -> Response {
    let unknown = failure.problem.kind == ProblemKind::Unauthorized;
    let mut response = failure.into_response();
    if !unknown {
        return response;
    }
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer realm=\"quorate\""),
    );
    response
}
