//! HTTP/1.0, one request a connection: what metrics and privacyIDEA's workers need, without chunks and keep-alive.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

pub fn get(server: SocketAddr, path: &str, patience: Duration) -> Result<String> {
    ask(
        server,
        &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n"),
        patience,
    )
}

/// A form; `headers` end each with a line break.
pub fn post(server: SocketAddr, path: &str, headers: &str, form: &str, patience: Duration) -> Result<String> {
    let length = form.len();
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: localhost\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n{form}"
    );
    ask(server, &request, patience)
}

/// The body of an answer whose status is 200.
fn ask(server: SocketAddr, request: &str, patience: Duration) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&server, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    ensure!(
        head.split(' ').nth(1) == Some("200"),
        "{}: {body}",
        head.lines().next().unwrap_or_default()
    );
    Ok(body.to_owned())
}
