//! Carries messages between a controller and ldap3, each looked at on its way in. It ends with either of them, and leaves word why.

use std::{
    pin::pin,
    sync::{Arc, OnceLock},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, split},
    net::UnixStream,
};

use super::{
    frame::{self, NoFrame},
    screen::{Screen, Verdict},
};
use crate::{
    failure::Failure,
    limits::{MESSAGE_BYTES_MAX, REQUEST_BYTES_MAX},
};

/// Why a connection ended; empty while it lives.
#[derive(Clone, Default)]
pub(crate) struct Ended(Arc<OnceLock<Failure>>);

impl Ended {
    /// Why, or that nobody said.
    pub(crate) fn why(&self) -> Failure {
        let unsaid = || Failure::Closed("nothing was said".to_owned());
        self.0.get().cloned().unwrap_or_else(unsaid)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.get().is_some()
    }
}

/// Carries until either end is closed or the controller sends what does not pass.
pub(crate) async fn carry(controller: impl AsyncRead + AsyncWrite, library: UnixStream, ended: Ended) {
    let screen = parking_lot::Mutex::new(Screen::default());
    let (from_controller, to_controller) = split(controller);
    let (from_library, to_library) = library.into_split();
    let mut inward = pin!(inward(from_controller, to_library, &screen));
    let mut outward = pin!(outward(from_library, to_controller, &screen));
    let failure = tokio::select! {
        failure = &mut inward => failure,
        failure = &mut outward => failure,
    };
    // Before the halves are dropped, at the end of this function: who notices that the connection is closed finds out why.
    let _ = ended.0.set(failure);
}

async fn outward(
    from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    screen: &parking_lot::Mutex<Screen>,
) -> Failure {
    let mut from = BufReader::new(from);
    loop {
        let request = match frame::read(&mut from, REQUEST_BYTES_MAX).await {
            Ok(request) => request,
            Err(_) => return Failure::Closed("by ourselves".to_owned()),
        };
        if screen.lock().asks(&request).is_err() {
            return Failure::Malformed("a request of our own");
        }
        let sent = async {
            to.write_all(&request).await?;
            to.flush().await
        };
        if let Err(error) = sent.await {
            return Failure::Closed(error.to_string());
        }
    }
}

async fn inward(
    from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    screen: &parking_lot::Mutex<Screen>,
) -> Failure {
    let mut from = BufReader::new(from);
    loop {
        let mut message = match frame::read(&mut from, MESSAGE_BYTES_MAX).await {
            Ok(message) => message,
            Err(NoFrame::Closed) => return Failure::Closed("by the controller".to_owned()),
            Err(NoFrame::Io(error)) => return Failure::Closed(error.to_string()),
            Err(NoFrame::Malformed(what)) => return Failure::Malformed(what),
        };
        let verdict = screen.lock().admit(&mut message);
        match verdict {
            Ok(Verdict::Pass) => {
                if to.write_all(&message).await.is_err() {
                    return Failure::Closed("by ourselves".to_owned());
                }
            }
            Ok(Verdict::Drop) => {}
            Ok(Verdict::Goodbye(answer)) => return Failure::Busy { answer },
            Err(malformed) => return Failure::Malformed(malformed.0),
        }
    }
}
