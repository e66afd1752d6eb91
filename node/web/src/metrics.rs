//! `/metrics` for Prometheus, in its text format. It holds counts and names of clients, no secret
//! and no user.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus::{Encoder, TextEncoder};
use quorate_api::ProblemKind;

use crate::failure::Failure;
use crate::site::Site;

/// Brings gauges up to date that nobody sets when they change: raft, queues, the process.
pub type Refresh = Box<dyn Fn() + Send + Sync>;

pub(crate) async fn scrape(State(site): State<Site>) -> Result<Response, Failure> {
    (site.refresh)();
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    encoder
        .encode(&site.registry.gather(), &mut text)
        .map_err(|error| Failure::new(ProblemKind::Internal).because(error))?;
    Ok(([(header::CONTENT_TYPE, encoder.format_type().to_owned())], text).into_response())
}
