//! HTTP: one router, served over TLS to bearers of an API token and over a Unix socket to root.
//!
//! ```text
//! serve::tls ─┐                       ┌─ /livez /readyz   everybody
//!             ├─ Peer ─→ observe ─→ routes ─ /metrics      guard::scrapers
//! serve::unix ┘                       └─ /api/v1/…        guard::administrators ─→ call ─→ admin::*
//! ```
//!
//! Read [`routes`](self) first: every path, with its guard beside it. A request gets its id and its
//! [`Peer`] before anything else, passes one guard, is read into the shape that the contract
//! (`quorate-api`) names, and reaches a handler of ten lines that asks `quorate-app`. Every change
//! goes through these handlers, whoever asks: console, command line, script.
//!
//! What it does not do: decide (that is `quorate-core`, in the log), keep state, or know of Raft,
//! RADIUS or files. Its limits are in `limits.rs`.
//!
//! Caveat: HTTP/1.1 only. Nothing here needs more, and what is not there cannot be reset in a flood.
#![forbid(unsafe_code)]

mod admin;
mod call;
mod failure;
mod guard;
mod health;
pub mod limits;
mod metrics;
mod observe;
mod peer;
mod routes;
mod secret;
mod serve;
mod site;

use std::sync::Arc;

use axum::Router;
use quorate_core::Cidr;
use rustls::ServerConfig;
use tokio::net::TcpListener;

pub use admin::audit::shape::record as audit_record;
pub use health::ExtraCheck;
pub use metrics::Refresh;
pub use observe::REQUEST_ID;
pub use peer::Peer;
pub use serve::{ListenError, Stop, UnixSocket, bind_tls, tls_config};
pub use site::{Deps, WriteJoinToken};

/// The HTTP side of one node.
#[derive(Clone)]
pub struct Web {
    site: site::Site,
    router: Router,
}

impl Web {
    /// Puts the parts together and registers the metrics.
    ///
    /// # Errors
    /// If the registry has a metric of one of these names already.
    pub fn new(deps: Deps) -> prometheus::Result<Self> {
        let site = site::Site::new(deps)?;
        let router = routes::router(site.clone());
        Ok(Self { site, router })
    }

    /// The router alone, for tests. Each request needs its [`Peer`] in the extensions.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Serves TLS until `stop`, then lets requests under way finish, [`limits::FAREWELL`] at most.
    pub async fn serve_tls(&self, listener: TcpListener, config: Arc<ServerConfig>, stop: Stop) {
        serve::tls(self, listener, config, stop).await;
    }

    /// Serves the Unix socket until `stop`, then likewise.
    pub async fn serve_unix(&self, socket: UnixSocket, stop: Stop) {
        serve::unix(self, socket, stop).await;
    }
}

/// The networks from which `/metrics` may be read without a token unless told otherwise.
pub fn loopback() -> Vec<Cidr> {
    vec![
        Cidr::new(std::net::Ipv4Addr::new(127, 0, 0, 0).into(), 8).expect("invariant: 127.0.0.0/8 is a network"),
        Cidr::host(std::net::Ipv6Addr::LOCALHOST.into()),
    ]
}
