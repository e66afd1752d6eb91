//! CONNECT (RFC 9110 section 9.3.6): a tunnel through an HTTP proxy.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::plain;
use crate::{
    attempt::{Blame, Halt, StepName, Trace},
    connect::Stream,
    limits::PROXY_HEAD_BYTES,
    mask,
    settings::Proxy,
};

/// Asks the proxy at the other end of `stream` for a tunnel to `host:port`.
pub(super) async fn tunnel(
    stream: &mut impl Stream,
    host: &str,
    port: u16,
    proxy: &Proxy,
    trace: &mut Trace,
) -> Result<(), Halt> {
    trace.begin(StepName::Proxy, &format!("CONNECT {host}:{port}"));
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let mut request = zeroize::Zeroizing::new(format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"));
    if !proxy.user.is_empty() {
        let credentials = mask::basic(&proxy.user, proxy.password.expose());
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&credentials);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let written = stream.write_all(request.as_bytes()).await;
    written.map_err(|error| Halt::Broken(format!("the proxy hung up: {}", plain(&error))))?;
    let status = status_of(&head(stream).await?).ok_or_else(|| Halt::Broken("the proxy speaks no HTTP".to_owned()))?;
    if !(200..300).contains(&status) {
        let answer = format!("the proxy answered {status} to CONNECT");
        return Err(Halt::Refused {
            answer,
            blame: Blame::Gateway,
        });
    }
    trace.done(&format!("{status}"));
    Ok(())
}

/// The head of the answer, read byte by byte: what follows belongs to the tunnel.
async fn head(stream: &mut impl Stream) -> Result<Vec<u8>, Halt> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= PROXY_HEAD_BYTES {
            return Err(Halt::Broken("the proxy's answer to CONNECT has no end".to_owned()));
        }
        let byte = stream.read_u8().await;
        head.push(byte.map_err(|error| Halt::Broken(format!("the proxy hung up: {}", plain(&error))))?);
    }
    Ok(head)
}

fn status_of(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("HTTP/1.")?;
    rest.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_status_is_found_or_not() {
        assert_eq!(status_of(b"HTTP/1.1 200 Connection established\r\n\r\n"), Some(200));
        assert_eq!(status_of(b"HTTP/1.0 407 \r\n\r\n"), Some(407));
        assert_eq!(status_of(b"SSH-2.0-x\r\n\r\n"), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(head in any::<Vec<u8>>()) {
            let _ = status_of(&head);
        }
    }
}
