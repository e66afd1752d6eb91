//! The listeners: who may connect, how many, how long. What they serve is the router.
//!
//! Both work alike: accept, admit within limits, say who the peer is, speak HTTP/1.1 in a task of
//! its own. At the end they accept no more and let requests under way finish for a while.

mod admit;
mod connection;
mod tls;
mod unix;

use std::io;

pub(crate) use tls::serve as tls;
pub use tls::{bind_tls, tls_config};
pub use unix::UnixSocket;
pub(crate) use unix::serve as unix;

/// Tells a listener to stop: when it turns `true`, or its sender is gone.
pub type Stop = tokio::sync::watch::Receiver<bool>;

/// Why a listener cannot be opened. Each is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("{place} is in use by another process: stop it, or choose another in the configuration")]
    InUse { place: String },
    #[error(
        "no permission to listen on {place}: ports below 1024 need CAP_NET_BIND_SERVICE, and a socket needs a folder that this user may write to"
    )]
    NotPermitted { place: String },
    #[error("{place} is no address of this machine: choose one of its own, or [::] for all")]
    NotHere { place: String },
    #[error("cannot listen on {place}")]
    Other {
        place: String,
        #[source]
        source: io::Error,
    },
    #[error("the certificate or key of the HTTPS listener cannot be used")]
    Certificate(#[source] rustls::Error),
}

impl ListenError {
    fn new(place: impl ToString, source: io::Error) -> Self {
        let place = place.to_string();
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { place },
            io::ErrorKind::PermissionDenied => Self::NotPermitted { place },
            io::ErrorKind::AddrNotAvailable => Self::NotHere { place },
            _ => Self::Other { place, source },
        }
    }
}

/// Waits until it is time to stop.
async fn stopped(stop: &mut Stop) {
    // An error means that the sender is gone: nobody could ever tell us.
    let _ = stop.wait_for(|stop| *stop).await;
}
