//! HTTP/1.1 on one connection, within limits.

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::{TowerToHyperService, TowerToHyperServiceFuture};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Stop, stopped};
use crate::limits;
use crate::peer::Peer;

/// Serves one connection to its end; after `stop`, or when it is old, only to the end of the request
/// under way.
pub(super) async fn serve<T>(stream: T, peer: Peer, router: Router, mut stop: Stop)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let service = Named {
        peer,
        router: TowerToHyperService::new(router),
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD)
        .max_headers(limits::HEADERS)
        .max_buf_size(limits::HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stopped(&mut stop) => None,
        () = tokio::time::sleep(limits::LIFETIME) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            // Whoever does not read its answer until then is cut off.
            tokio::time::timeout(limits::LINGER, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        // A peer that hangs up or talks nonsense is no event for the operator.
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// The router, with the peer's name put into each request.
struct Named {
    peer: Peer,
    router: TowerToHyperService<Router>,
}

impl Service<Request<Incoming>> for Named {
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future = TowerToHyperServiceFuture<Router, Request<Incoming>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.router.call(request)
    }
}
