//! The conversation with one mail server: commands and replies, both bounded.
//!
//! What the server (or somebody who pretends to be) sent in clear behind its reply to STARTTLS would be taken for an answer under TLS; if there is
//! such a thing, the conversation ends (the injection of CVE-2021-38371 and its relatives).

use std::sync::Arc;

use rustls::ClientConfig;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use zeroize::Zeroizing;

use super::reply::{Line, Reply};
use crate::{
    attempt::{Blame, Halt, StepName, Trace},
    connect::{BoxStream, handshake, plain},
    limits::{REPLY_LINE_BYTES, REPLY_LINES},
};

/// A connection on which EHLO was answered.
pub(super) struct Session {
    stream: BufReader<BoxStream>,
    greeting: String,
    /// Of the last EHLO, in capitals.
    extensions: Vec<String>,
}

impl Session {
    /// Waits for the greeting and introduces us.
    pub(super) async fn greeted(stream: BoxStream, helo_name: &str) -> Result<Self, Halt> {
        let mut session = Self {
            stream: BufReader::new(stream),
            greeting: String::new(),
            extensions: Vec::new(),
        };
        let greeting = session.reply().await?;
        greeting.code(220, Blame::Gateway)?;
        session.greeting = greeting.text();
        session.hello(helo_name).await?;
        Ok(session)
    }

    pub(super) fn greeting(&self) -> &str {
        &self.greeting
    }

    async fn hello(&mut self, name: &str) -> Result<(), Halt> {
        let reply = self.command(&format!("EHLO {name}")).await?;
        reply.code(250, Blame::Gateway)?;
        self.extensions = reply.lines.iter().skip(1).map(|line| line.to_uppercase()).collect();
        Ok(())
    }

    /// The same conversation under TLS (RFC 3207), begun anew: what was said in clear is forgotten.
    pub(super) async fn under_tls(
        mut self,
        host: &str,
        config: &Arc<ClientConfig>,
        helo_name: &str,
        trace: &mut Trace,
    ) -> Result<Self, Halt> {
        trace.begin(StepName::Tls, host);
        if !self.offers("STARTTLS") {
            let answer = format!("{host} offers no STARTTLS; nothing is sent in clear");
            return Err(Halt::Refused {
                answer,
                blame: Blame::Gateway,
            });
        }
        self.command("STARTTLS").await?.code(220, Blame::Gateway)?;
        if !self.stream.buffer().is_empty() {
            let why =
                format!("{host} (or somebody between) sent more in clear after STARTTLS; nothing of it is believed");
            return Err(Halt::Broken(why));
        }
        let stream = handshake(self.stream.into_inner(), host, config, trace).await?;
        let mut session = Self {
            stream: BufReader::new(Box::new(stream)),
            greeting: self.greeting,
            extensions: Vec::new(),
        };
        session.hello(helo_name).await?;
        Ok(session)
    }

    /// Whether the server has said that it knows `extension`.
    pub(super) fn offers(&self, extension: &str) -> bool {
        let first = |line: &String| line.split(' ').next().is_some_and(|word| word == extension);
        self.extensions.iter().any(first)
    }

    /// Mechanisms of authentication that the server offers.
    pub(super) fn mechanisms(&self) -> Vec<&str> {
        // Some old servers write AUTH=LOGIN.
        let of = |line: &'_ String| line.starts_with("AUTH ") || line.starts_with("AUTH=");
        let lines = self.extensions.iter().filter(|line| of(line));
        lines.flat_map(|line| line[5..].split_whitespace()).collect()
    }

    /// Sends one line and waits for the reply.
    pub(super) async fn command(&mut self, line: &str) -> Result<Reply, Halt> {
        if line.contains(['\r', '\n', '\0']) {
            return Err(Halt::Broken("a command has more than one line".to_owned()));
        }
        let line = Zeroizing::new(format!("{line}\r\n"));
        self.write(line.as_bytes()).await?;
        self.reply().await
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Halt> {
        let hung_up = |error: std::io::Error| Halt::Broken(format!("the server hung up: {}", plain(&error)));
        self.stream.write_all(bytes).await.map_err(hung_up)?;
        self.stream.flush().await.map_err(hung_up)
    }

    async fn reply(&mut self) -> Result<Reply, Halt> {
        let mut lines = Vec::new();
        while lines.len() < REPLY_LINES {
            let line = self.line().await?;
            lines.push(line.text);
            if line.is_last {
                return Ok(Reply { code: line.code, lines });
            }
        }
        Err(Halt::Broken("the server's reply has no end".to_owned()))
    }

    async fn line(&mut self) -> Result<Line, Halt> {
        let mut line = Vec::new();
        let limit = u64::try_from(REPLY_LINE_BYTES).unwrap_or(u64::MAX);
        let read = (&mut self.stream).take(limit).read_until(b'\n', &mut line).await;
        read.map_err(|error| Halt::Broken(format!("the server hung up: {}", plain(&error))))?;
        let Some(line) = line.strip_suffix(b"\n") else {
            let why = if line.len() < REPLY_LINE_BYTES {
                "the server hung up"
            } else {
                "the server's reply has no end"
            };
            return Err(Halt::Broken(why.to_owned()));
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Line::parse(line).ok_or_else(|| Halt::Broken("the server speaks no SMTP".to_owned()))
    }
}
