//! The doors, with real sockets: TLS on a free port, the Unix socket in a folder of its own.

#![allow(clippy::unwrap_used, reason = "a panic is a failing test")]

mod support;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quorate_web::{ListenError, UnixSocket, Web, bind_tls, limits, tls_config};
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use support::Node;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// No test waits longer than this for anything.
const PATIENCE: Duration = Duration::from_secs(30);

struct Tls {
    address: SocketAddr,
    connector: TlsConnector,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl Tls {
    async fn serve(web: &Web) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = tls_config(vec![made.cert.der().clone()], key.into()).unwrap();
        let listener = bind_tls("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let web = web.clone();
        let served = tokio::spawn(async move { web.serve_tls(listener, Arc::new(config), stopped).await });

        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let client = client.with_root_certificates(roots).with_no_client_auth();
        Self {
            address,
            connector: TlsConnector::from(Arc::new(client)),
            stop,
            served,
        }
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        self.connector
            .connect(ServerName::try_from("localhost").unwrap(), stream)
            .await
            .unwrap()
    }
}

/// Sends a request and reads to the end of the connection.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, head: &str) -> String {
    stream
        .write_all(format!("{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    rest(stream).await
}

/// Whatever still comes. A peer that closes without a farewell has said all it wanted to.
async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("an end in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn tls_serves_bearers_and_refuses_everybody_else() {
    let node = Node::start().await;
    let tls = Tls::serve(&node.web).await;
    let bearer = node.bearer().await;
    let accepted = ask(
        tls.connect().await,
        &format!(
            "GET /api/v1/policy HTTP/1.1\r\nAuthorization: Bearer {}",
            bearer.expose()
        ),
    )
    .await;
    assert!(accepted.starts_with("HTTP/1.1 200 "), "{accepted}");
    assert!(accepted.contains("\"max_code_failures\""), "{accepted}");
    let refused = ask(tls.connect().await, "GET /api/v1/policy HTTP/1.1").await;
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    let alive = ask(tls.connect().await, "GET /livez HTTP/1.1").await;
    assert!(alive.starts_with("HTTP/1.1 200 "), "{alive}");
    let scraped = ask(tls.connect().await, "GET /metrics HTTP/1.1").await;
    assert!(
        scraped.contains("quorate_http_requests_total"),
        "loopback may scrape: {scraped}"
    );
}

#[tokio::test]
async fn a_peer_that_speaks_no_tls_is_counted_and_closed() {
    let node = Node::start().await;
    let tls = Tls::serve(&node.web).await;
    let answer = ask(TcpStream::connect(tls.address).await.unwrap(), "GET /livez HTTP/1.1").await;
    assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
    let alive = ask(tls.connect().await, "GET /metrics HTTP/1.1").await;
    assert!(
        alive.contains(r#"quorate_http_refused_connections_total{listener="tls",reason="handshake"} 1"#),
        "{alive}"
    );
}

#[tokio::test]
async fn one_address_cannot_hold_every_connection() {
    let node = Node::start().await;
    let tls = Tls::serve(&node.web).await;
    let mut held = Vec::new();
    for _ in 0..limits::CONNECTIONS_PER_ADDRESS {
        held.push(TcpStream::connect(tls.address).await.unwrap());
    }
    let one_more = TcpStream::connect(tls.address).await.unwrap();
    assert_eq!(rest(one_more).await, "", "closed without a word");
    drop(held);
    // The places come back as the server notices.
    let served = tokio::time::timeout(PATIENCE, async {
        loop {
            let stream = TcpStream::connect(tls.address).await.unwrap();
            if let Ok(stream) = tls
                .connector
                .connect(ServerName::try_from("localhost").unwrap(), stream)
                .await
            {
                break ask(stream, "GET /livez HTTP/1.1").await;
            }
        }
    });
    assert!(served.await.expect("a place in time").starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let node = Node::start().await;
    let tls = Tls::serve(&node.web).await;
    let many: String = (0..=limits::HEADERS).map(|n| format!("X-{n}: y\r\n")).collect();
    let answer = ask(
        tls.connect().await,
        &format!("GET /livez HTTP/1.1\r\n{}", many.trim_end()),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let long = "y".repeat(2 * limits::HEAD_BYTES);
    let answer = ask(tls.connect().await, &format!("GET /livez HTTP/1.1\r\nX: {long}")).await;
    assert!(!answer.contains(" 200 "), "{answer}");
}

#[tokio::test]
async fn stopping_ends_idle_connections_and_frees_the_port() {
    let node = Node::start().await;
    let tls = Tls::serve(&node.web).await;
    let idle = tls.connect().await;
    tls.stop.send(true).unwrap();
    tokio::time::timeout(PATIENCE, tls.served)
        .await
        .expect("stops in time")
        .unwrap();
    assert_eq!(rest(idle).await, "");
    bind_tls(tls.address).await.expect("the port is free again");
}

#[tokio::test]
async fn a_port_in_use_is_a_sentence() {
    let first = bind_tls("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let error = bind_tls(first.local_addr().unwrap()).await.unwrap_err();
    assert!(matches!(error, ListenError::InUse { .. }));
    assert!(error.to_string().contains("is in use by another process"), "{error}");
}

fn serve_unix(web: &Web, path: &Path) -> (watch::Sender<bool>, JoinHandle<()>) {
    let socket = UnixSocket::bind(path).unwrap();
    let (stop, stopped) = watch::channel(false);
    let web = web.clone();
    (stop, tokio::spawn(async move { web.serve_unix(socket, stopped).await }))
}

#[tokio::test]
async fn the_unix_socket_serves_its_owner_without_a_token() {
    let node = Node::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let (stop, served) = serve_unix(&node.web, &path);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let answer = ask(UnixStream::connect(&path).await.unwrap(), "GET /api/v1/policy HTTP/1.1").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    stop.send(true).unwrap();
    tokio::time::timeout(PATIENCE, served)
        .await
        .expect("stops in time")
        .unwrap();
    assert!(!path.exists(), "the file goes with the listener");
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_and_a_living_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "as after a crash");
    let living = UnixSocket::bind(&path).expect("what nobody answers is replaced");
    assert!(matches!(UnixSocket::bind(&path), Err(ListenError::InUse { .. })));
    drop(living);
    let nowhere = UnixSocket::bind(&folder.path().join("missing/api.sock"));
    assert!(nowhere.is_err_and(|error| error.to_string().starts_with("cannot listen on")));
}
