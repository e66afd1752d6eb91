//! One request and its answer on a stream of their own.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::JoinSet,
};

use crate::{
    attempt::Halt,
    connect::BoxStream,
    limits::{ANSWER_BYTES, HEAD_BYTES},
};

/// What a server answered.
pub(super) struct Answer {
    pub(super) status: u16,
    /// As much of the body as was read.
    pub(super) body: String,
    /// Why that is not all of it.
    pub(super) cut: Option<String>,
}

/// Sends `request` on `stream` and reads the answer. `commitment` is set with the first byte of the request that is written.
pub(super) async fn exchange(
    stream: BoxStream,
    request: Request<Full<Bytes>>,
    commitment: Option<Arc<AtomicBool>>,
) -> Result<Answer, Halt> {
    let stream = TokioIo::new(Committing { stream, commitment });
    let mut http = http1::Builder::new();
    let connected = http.max_buf_size(HEAD_BYTES).handshake(stream).await;
    let (mut sender, connection) = connected.map_err(|error| broken(&error))?;
    // Dropped with this future, and the connection with it.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let answer = sender.send_request(request).await.map_err(|error| broken(&error))?;
    let status = answer.status().as_u16();
    let (body, cut) = read(answer.into_body()).await;
    Ok(Answer { status, body, cut })
}

async fn read(mut body: Incoming) -> (String, Option<String>) {
    let mut bytes = Vec::new();
    let cut = loop {
        match body.frame().await {
            None => break None,
            Some(Err(error)) => break Some(format!("the answer broke off: {}", causes(&error))),
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
        }
        if bytes.len() > ANSWER_BYTES {
            bytes.truncate(ANSWER_BYTES);
            break Some(format!("the answer is longer than {ANSWER_BYTES} bytes"));
        }
    };
    (String::from_utf8_lossy(&bytes).into_owned(), cut)
}

fn broken(error: &hyper::Error) -> Halt {
    Halt::Broken(format!("no answer: {}", causes(error)))
}

/// The error with what caused it: hyper's own words alone tell little.
fn causes(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A stream that notes when something has been written.
struct Committing {
    stream: BoxStream,
    commitment: Option<Arc<AtomicBool>>,
}

impl Committing {
    fn note(&self, written: &Poll<io::Result<usize>>) {
        if let (Some(commitment), Poll::Ready(Ok(1..))) = (&self.commitment, written) {
            commitment.store(true, Ordering::Release);
        }
    }
}

impl AsyncRead for Committing {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Committing {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
