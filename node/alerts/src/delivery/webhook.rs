//! Alerts as HTTP POSTs of JSON.
//!
//! ```text
//! POST /path                        {"id": …, "node": …, "rule": …, "subject": …, "phase": "begun" | "continues" | "over",
//! Idempotency-Key: the alert's id    "urgency": …, "count": …, "since_ms": …, "at_ms": …, "text": …}
//! Quorate-Signature: t=…,v1=…
//! ```
//!
//! Any 2xx is an acknowledgement. 408, 425, 429 and 5xx are tried again; other answers, redirects among them, are refusals. The body of an
//! answer is not read. HTTPS, unless the receiver is on this machine.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::signature::{WebhookSecret, sign};
use super::{AlertSink, DeliveryError};
use crate::limits;
use crate::problem::{Problem, none_of};
use crate::rules::Alert;
use crate::tls;

/// Debian's bundle of the usual CAs.
const USUAL_CAS: &str = "/etc/ssl/certs/ca-certificates.crt";

const SIGNATURE: &str = "quorate-signature";
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where to post, `https://…`; `http://` for a receiver on this machine.
    pub url: String,
    /// Whose first line is the shared secret.
    pub secret_file: PathBuf,
    /// Whose signature the receiver's certificate needs, PEM. Without it: the CAs that the machine trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

/// Why there is no webhook.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// A setting is wrong.
    #[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("; "))]
    Settings(Vec<Problem>),
    /// The file of the secret cannot be read.
    #[error("cannot read the webhook's secret in {}: {source}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file holds no secret of a useful length.
    #[error(
        "the webhook's secret in {} must have {min} to {max} bytes on the first line", file.display(),
        min = limits::SECRET_MIN_BYTES, max = limits::SECRET_MAX_BYTES
    )]
    Secret {
        /// Which.
        file: PathBuf,
    },
}

impl WebhookSettings {
    /// Whether the values are right. Files are looked at by [`Webhook::new`].
    ///
    /// # Errors
    /// Every wrong field, by its name.
    pub fn check(&self) -> Result<(), Vec<Problem>> {
        none_of(Target::parse(&self.url).err().into_iter().collect())
    }
}

/// Where a URL leads.
#[derive(Debug, Clone)]
struct Target {
    secure: bool,
    host: String,
    port: u16,
    authority: String,
    path: String,
}

impl Target {
    fn parse(url: &str) -> Result<Target, Problem> {
        let example = "write a URL, as in \"https://alerts.example.org/quorate\"";
        let wrong = |problem: String| Problem::new("url", problem, example);
        let uri: Uri = url.parse().map_err(|_| wrong(format!("\"{url}\" is not a URL")))?;
        let authority = uri
            .authority()
            .ok_or_else(|| wrong(format!("\"{url}\" names no host")))?;
        if authority.as_str().contains('@') {
            return Err(wrong(
                "holds a user's name or password, which would be sent in clear to the log".to_owned(),
            ));
        }
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong(format!("\"{url}\" begins with neither https:// nor http://"))),
        };
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if !secure && !is_this_machine(&host) {
            return Err(wrong(format!("\"{url}\" would send alerts in clear over the network")));
        }
        Ok(Target {
            secure,
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            host,
            authority: authority.to_string(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Posts alerts to one receiver.
pub struct Webhook {
    target: Target,
    ca: PathBuf,
    secret: WebhookSecret,
}

impl Webhook {
    /// A receiver with its secret read.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub fn new(settings: &WebhookSettings) -> Result<Webhook, WebhookError> {
        let target = Target::parse(&settings.url).map_err(|problem| WebhookError::Settings(vec![problem]))?;
        Ok(Webhook {
            target,
            ca: settings.ca.clone().unwrap_or_else(|| PathBuf::from(USUAL_CAS)),
            secret: read_secret(&settings.secret_file)?,
        })
    }

    async fn post(&self, alert: &Alert) -> Result<StatusCode, DeliveryError> {
        let later = |error: std::io::Error| DeliveryError::Later(format!("{}: {error}", self.target.authority));
        let address = (self.target.host.as_str(), self.target.port);
        let stream = TcpStream::connect(address).await.map_err(later)?;
        if !self.target.secure {
            return self.post_over(stream, alert).await;
        }
        let files = tls::Files {
            ca: &self.ca,
            identity: None,
        };
        match tls::connect(stream, &files, &self.target.host).await {
            Ok(stream) => self.post_over(stream, alert).await,
            Err(error) => Err(DeliveryError::Later(error.to_string())),
        }
    }

    async fn post_over<S>(&self, stream: S, alert: &Alert) -> Result<StatusCode, DeliveryError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let later = |error: hyper::Error| DeliveryError::Later(format!("{}: {error}", self.target.authority));
        let request = self.request(alert)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(later)?;
        // Both in one future: dropping it, when time is up, drops the connection too.
        tokio::select! {
            answer = sender.send_request(request) => answer.map(|answer| answer.status()).map_err(later),
            ended = connection => Err(match ended {
                Ok(()) => DeliveryError::Later(format!("{} hung up", self.target.authority)),
                Err(error) => later(error),
            }),
        }
    }

    fn request(&self, alert: &Alert) -> Result<Request<Full<Bytes>>, DeliveryError> {
        let unfit = |error: &dyn std::fmt::Display| DeliveryError::Refused(error.to_string());
        let body = serde_json::to_vec(alert).map_err(|error| unfit(&error))?;
        Request::builder()
            .method(Method::POST)
            .uri(&self.target.path)
            .header(HOST, &self.target.authority)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("quorate/", env!("CARGO_PKG_VERSION")))
            .header(IDEMPOTENCY_KEY, alert.id.as_str())
            .header(SIGNATURE, sign(&self.secret, now_s(), &body))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| unfit(&error))
    }
}

#[async_trait]
impl AlertSink for Webhook {
    fn name(&self) -> String {
        // A query may hold a token.
        let path = self.target.path.split('?').next().unwrap_or_default();
        let scheme = if self.target.secure { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.target.authority)
    }

    async fn deliver(&self, alert: &Alert) -> Result<(), DeliveryError> {
        let status = self.post(alert).await?;
        let said = format!("{} answered {status}", self.target.authority);
        match status.as_u16() {
            200..=299 => Ok(()),
            408 | 425 | 429 | 500..=599 => Err(DeliveryError::Later(said)),
            _ => Err(DeliveryError::Refused(said)),
        }
    }
}

/// The signature is about the wall clock: the receiver compares it with its own.
fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn read_secret(file: &Path) -> Result<WebhookSecret, WebhookError> {
    let mut text = Zeroizing::new(Vec::with_capacity(limits::SECRET_MAX_BYTES + 2));
    let most = limits::SECRET_MAX_BYTES as u64 + 2;
    let read = std::fs::File::open(file).and_then(|opened| opened.take(most).read_to_end(&mut text));
    if let Err(source) = read {
        let file = file.to_owned();
        return Err(WebhookError::Unreadable { file, source });
    }
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    WebhookSecret::new(first).ok_or_else(|| WebhookError::Secret { file: file.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(url: &str) -> Option<String> {
        let settings = WebhookSettings {
            url: url.to_owned(),
            secret_file: "/secret".into(),
            ca: None,
        };
        settings.check().err().map(|problems| problems[0].to_string())
    }

    #[test]
    fn urls() {
        for right in [
            "https://alerts.example.org/quorate?x=1",
            "https://[2001:db8::1]:8443",
            "http://127.0.0.1:9/x",
            "http://[::1]:9/",
            "http://localhost/",
        ] {
            assert_eq!(problem(right), None);
        }
        for wrong in [
            "",
            "alerts",
            "/x",
            "ftp://x/",
            "http://alerts.example.org/",
            "https://a:b@example.org/",
            "https:///x",
        ] {
            assert!(problem(wrong).is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn secrets_are_the_first_line_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let settings = WebhookSettings {
            url: "http://127.0.0.1:9/hook?token=1".to_owned(),
            secret_file: file.clone(),
            ca: None,
        };
        assert!(matches!(Webhook::new(&settings), Err(WebhookError::Unreadable { .. })));
        std::fs::write(&file, "short\n").unwrap();
        assert!(matches!(Webhook::new(&settings), Err(WebhookError::Secret { .. })));
        std::fs::write(&file, "a secret that is long enough\nand a comment").unwrap();
        let webhook = Webhook::new(&settings).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(webhook.name(), "http://127.0.0.1:9/hook");
    }
}
