//! The admin commands' way to a node: HTTP over the root-only Unix socket of this machine, or over
//! TLS with an API token to any node. Both reach the same `/api/v1`.
//!
//! One request per connection: a command sends one or two, and a connection that is never reused
//! needs no pool and no state.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response, body::Bytes, body::Incoming, header};
use hyper_util::rt::TokioIo;
use quorate_api::{
    Endpoint, Method, Nothing, Page, PageQuery, PendingChange, Previewed, Problem, ProblemKind, endpoint::escape,
    endpoints, limits::PAGE_MAX,
};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use zeroize::Zeroizing;

use super::{
    Context,
    admin::{
        care::{self, Care},
        pending,
    },
    exit::{Done, Exit, Failure},
    limits,
    output::Format,
};

/// Debian's bundle of public authorities, for a node whose certificate an operator bought.
const SYSTEM_CA_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Which node to talk to. Without any of these: the one on this machine, over its socket.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which node")]
pub struct Connection {
    /// The admin socket of a node on this machine [default: `api.socket` of the configuration]
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "QUORATE_SOCKET",
        conflicts_with = "server"
    )]
    pub socket: Option<PathBuf>,
    /// Talk to this node over TLS instead, as https://HOST or https://HOST:PORT
    #[arg(long, global = true, value_name = "URL", env = "QUORATE_SERVER")]
    pub server: Option<String>,
    /// API token for --server (`quorate api-token create`); better given in the environment
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        env = "QUORATE_API_TOKEN",
        hide_env_values = true
    )]
    pub api_token: Option<String>,
    /// PEM file of the authority that signed the server's certificate (`quorate init` wrote ca.pem)
    #[arg(long, global = true, value_name = "FILE", env = "QUORATE_CA_FILE")]
    pub ca_file: Option<PathBuf>,
}

/// A node's API.
#[derive(Clone)]
pub struct Api {
    target: Target,
    /// How long to wait for an answer.
    patience: Duration,
    /// How long changes wait for their confirmation, if they do.
    confirm_within_ms: Option<u64>,
}

#[derive(Clone)]
enum Target {
    Socket(PathBuf),
    Tls {
        host: String,
        port: u16,
        bearer: Zeroizing<String>,
        tls: tokio_rustls::TlsConnector,
    },
}

impl Connection {
    /// The API these options name.
    ///
    /// # Errors
    /// Options that do not go together, or a CA file that cannot be read.
    pub fn api(&self, context: &Context) -> Done<Api> {
        match (&self.server, &self.socket) {
            (Some(url), _) => self.over_tls(url),
            (None, Some(socket)) => Ok(Api::at_socket(socket.clone())),
            (None, None) => Ok(Api::at_socket(context.config()?.api.socket)),
        }
    }

    fn over_tls(&self, url: &str) -> Done<Api> {
        let (host, port) = host_and_port(url)?;
        let token = self.api_token.clone().ok_or_else(|| {
            Failure::new(Exit::NotAllowed, "--server needs an API token")
                .advise("make one on a node: quorate api-token create NAME --role ROLE")
                .advise("then: export QUORATE_API_TOKEN=…")
        })?;
        Ok(Api {
            target: Target::Tls {
                host,
                port,
                bearer: Zeroizing::new(token),
                tls: connector(self.ca_file.as_deref())?,
            },
            patience: limits::REQUEST_TIMEOUT,
            confirm_within_ms: None,
        })
    }
}

impl Api {
    pub fn at_socket(path: PathBuf) -> Api {
        Api {
            target: Target::Socket(path),
            patience: limits::REQUEST_TIMEOUT,
            confirm_within_ms: None,
        }
    }

    /// The same, for a request that is allowed to take so long.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Api {
        Api { patience, ..self }
    }

    /// The same, whose changes wait so long for their confirmation, if at all.
    #[must_use]
    pub fn until_confirmed(self, confirm_within_ms: Option<u64>) -> Api {
        Api {
            confirm_within_ms,
            ..self
        }
    }

    /// Asks an endpoint that takes no body; `names` fill the `{names}` of its path.
    ///
    /// # Errors
    /// The node cannot be reached (4), or its problem with the exit code that fits. So for all below.
    pub async fn ask<T: DeserializeOwned>(&self, endpoint: Endpoint<Nothing, T>, names: &[&str]) -> Done<T> {
        self.ask_with(endpoint, names, &()).await
    }

    /// The same, with the fields of `query` that are set.
    pub async fn ask_with<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint<Nothing, T>,
        names: &[&str],
        query: &impl Serialize,
    ) -> Done<T> {
        let path = endpoint.path_with(names) + &written(query);
        read(self.succeed(endpoint.method, &path, None::<&()>).await?)
    }

    /// Sends a body and reads the answer.
    pub async fn tell<B: Serialize, T: DeserializeOwned>(
        &self,
        endpoint: Endpoint<B, T>,
        names: &[&str],
        body: &B,
    ) -> Done<T> {
        read(
            self.succeed(endpoint.method, &endpoint.path_with(names), Some(body))
                .await?,
        )
    }

    /// Makes a change that could lock somebody out, or asks whom it would. None if that was asked, and is shown.
    pub async fn tell_carefully<B: Serialize, T: DeserializeOwned>(
        &self,
        format: Format,
        (endpoint, names): (Endpoint<B, Previewed<T>>, &[&str]),
        body: &B,
        care: &Care,
    ) -> Done<Option<T>> {
        let path = endpoint.path_with(names) + &written(&care.query());
        let answer = match care.is_preview() {
            true => self.answer(endpoint.method, &path, Some(body)).await?,
            false => self.succeed(endpoint.method, &path, Some(body)).await?,
        };
        match read(answer)? {
            Previewed::Made(made) => Ok(Some(made)),
            Previewed::Preview(found) => {
                format.show(&found, care::text);
                Ok(None)
            }
        }
    }

    /// Neither body nor answer.
    pub async fn order(&self, endpoint: Endpoint<Nothing, Nothing>, names: &[&str]) -> Done {
        self.succeed(endpoint.method, &endpoint.path_with(names), None::<&()>)
            .await?;
        Ok(())
    }

    /// Up to `limit` items of a list, page by page, and whether there are more.
    pub async fn list<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint<Nothing, Page<T>>,
        names: &[&str],
        limit: usize,
    ) -> Done<(Vec<T>, bool)> {
        self.list_by(endpoint, names, limit, |page| page).await
    }

    /// The same, each page as `query` asks for it.
    pub async fn list_by<T: DeserializeOwned, Q: Serialize>(
        &self,
        endpoint: Endpoint<Nothing, Page<T>>,
        names: &[&str],
        limit: usize,
        query: impl Fn(PageQuery) -> Q,
    ) -> Done<(Vec<T>, bool)> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let page_size = (limit - items.len()).min(PAGE_MAX as usize);
            let wanted = PageQuery {
                limit: u32::try_from(page_size).ok(),
                after,
            };
            let page = self.ask_with(endpoint, names, &query(wanted)).await?;
            items.extend(page.items);
            after = page.next;
            if after.is_none() || items.len() >= limit {
                return Ok((items, after.is_some()));
            }
        }
    }

    async fn succeed<B: Serialize>(&self, method: Method, path: &str, body: Option<&B>) -> Done<Bytes> {
        let Some(within_ms) = self.confirm_within_ms.filter(|_| method != Method::Get) else {
            return self.answer(method, path, body).await;
        };
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{sign}confirm_within_ms={within_ms}");
        let answer = self.answer(method, &path, body).await?;
        self.announce().await;
        Ok(answer)
    }

    async fn answer<B: Serialize>(&self, method: Method, path: &str, body: Option<&B>) -> Done<Bytes> {
        let (status, answer) = self.exchange(method, path, body).await?;
        match status {
            200..300 => Ok(answer),
            _ => Err(from_answer(status, &answer)),
        }
    }

    /// Says by what the newest of the changes that wait is confirmed. The change is made: what fails here is not told.
    async fn announce(&self) {
        let list = endpoints::LIST_PENDING_CHANGES;
        let Ok(answer) = self.answer(list.method, &list.path_with(&[]), None::<&()>).await else {
            return;
        };
        let waiting: Vec<PendingChange> =
            read::<Page<PendingChange>>(answer).map_or_else(|_| Vec::new(), |page| page.items);
        if let Some(newest) = waiting.iter().max_by_key(|pending| pending.revision) {
            eprintln!("{}", pending::announcement(newest));
        }
    }

    /// The status and body of an answer, whatever they are.
    ///
    /// # Errors
    /// Only that no answer came.
    pub async fn exchange<B: Serialize>(&self, method: Method, path: &str, body: Option<&B>) -> Done<(u16, Bytes)> {
        let request = self.request(method, path, body)?;
        let talk = async {
            match &self.target {
                Target::Socket(socket) => {
                    let stream = UnixStream::connect(socket).await.map_err(|e| no_socket(socket, &e))?;
                    self.over(stream, request).await
                }
                Target::Tls { host, port, tls, .. } => {
                    let tcp = TcpStream::connect((host.as_str(), *port))
                        .await
                        .map_err(|e| unreachable(&format!("{host}:{port}"), &e.to_string()))?;
                    let name = ServerName::try_from(host.clone())
                        .map_err(|_| Failure::new(Exit::Refused, format!("\"{host}\" is not a host name")))?;
                    let stream = tls.connect(name, tcp).await.map_err(|e| untrusted(host, &e))?;
                    self.over(stream, request).await
                }
            }
        };
        tokio::time::timeout(self.patience, talk)
            .await
            .unwrap_or_else(|_| Err(outcome_unknown(self.patience)))
    }

    fn request<B: Serialize>(&self, method: Method, path: &str, body: Option<&B>) -> Done<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(method.as_str())
            .uri(path)
            .header(header::ACCEPT, "application/json")
            .header(header::CONNECTION, "close");
        request = match &self.target {
            Target::Socket(_) => request.header(header::HOST, "localhost"),
            Target::Tls { host, bearer, .. } => request
                .header(header::HOST, host)
                .header(header::AUTHORIZATION, format!("Bearer {}", bearer.as_str())),
        };
        let body = match body {
            None => Bytes::new(),
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                serde_json::to_vec(body)
                    .map_err(|e| Failure::system("cannot write the request", e))?
                    .into()
            }
        };
        request
            .body(Full::new(body))
            .map_err(|e| Failure::new(Exit::Refused, format!("this cannot be sent: {e}")))
    }

    async fn over(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        request: Request<Full<Bytes>>,
    ) -> Done<(u16, Bytes)> {
        let lost = |e: hyper::Error| {
            Failure::new(
                Exit::OutcomeUnknown,
                format!("the node closed the connection before it answered ({e})"),
            )
            .advise("if this was a change, look whether it was made before you repeat it")
        };
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(lost)?;
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(lost)?;
        let answer = read_answer(response).await;
        driver.abort();
        answer
    }
}

async fn read_answer(response: Response<Incoming>) -> Done<(u16, Bytes)> {
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), limits::ANSWER_MAX_BYTES)
        .collect()
        .await
        .map_err(|e| Failure::system("the node's answer broke off", e))?;
    Ok((status, body.to_bytes()))
}

/// An answer that is not a success, in words.
fn from_answer(status: u16, body: &[u8]) -> Failure {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => from_problem(&problem),
        Err(_) => Failure::new(Exit::Failed, format!("the node answered with HTTP status {status}")),
    }
}

fn from_problem(problem: &Problem) -> Failure {
    let exit = match problem.kind {
        ProblemKind::Unauthorized | ProblemKind::Forbidden => Exit::NotAllowed,
        ProblemKind::NotFound => Exit::NotFound,
        ProblemKind::Conflict | ProblemKind::WouldLockOut | ProblemKind::Stale | ProblemKind::Invalid => Exit::Refused,
        ProblemKind::NoQuorum | ProblemKind::Overloaded | ProblemKind::TooManyRequests => Exit::Unavailable,
        ProblemKind::OutcomeUnknown => Exit::OutcomeUnknown,
        ProblemKind::Malformed
        | ProblemKind::MethodNotAllowed
        | ProblemKind::RequestTimeout
        | ProblemKind::TooLarge
        | ProblemKind::UnsupportedMediaType
        | ProblemKind::Internal => Exit::Failed,
    };
    let said = problem.detail.as_deref().unwrap_or(&problem.title);
    let mut failure = Failure::new(exit, said.trim_end_matches('.'));
    failure.conflict = problem.kind == ProblemKind::Conflict;
    for wrong in &problem.errors {
        let hint = match wrong.hint.as_str() {
            "" => String::new(),
            hint => format!(" ({hint})"),
        };
        failure = failure.advise(format!("{}: {}{hint}", wrong.field, wrong.problem));
    }
    for lockout in problem.lockouts.iter().flat_map(|found| found.first.iter().take(10)) {
        failure = failure.advise(format!(
            "{} could no longer log in to {}",
            lockout.user, lockout.application
        ));
    }
    if problem.kind == ProblemKind::WouldLockOut {
        failure = failure.advise("--preview shows all of them; --allow-lockout makes the change all the same");
    }
    match (problem.kind, problem.request_id.as_str()) {
        (ProblemKind::Internal, id) if !id.is_empty() => failure.advise(format!("find it in the node's log as {id}")),
        _ => failure,
    }
}

fn no_socket(socket: &std::path::Path, error: &std::io::Error) -> Failure {
    let path = socket.display();
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            Failure::new(Exit::NotAllowed, format!("only root may use the admin socket {path}"))
                .advise("run it with sudo, or use --server with an API token")
        }
        std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => Failure::new(
            Exit::Unavailable,
            format!("no node is running here: nobody listens at {path}"),
        )
        .advise("start it: systemctl start quorate (or: quorate run)")
        .advise("another socket: --socket PATH; another machine: --server https://HOST"),
        _ => unreachable(&path.to_string(), &error.to_string()),
    }
}

fn unreachable(target: &str, why: &str) -> Failure {
    Failure::new(Exit::Unavailable, format!("cannot reach {target}: {why}"))
}

fn untrusted(host: &str, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Unavailable, format!("cannot speak TLS with {host}: {error}"))
        .advise("a certificate that the cluster issued needs --ca-file with its ca.pem")
}

fn outcome_unknown(patience: Duration) -> Failure {
    Failure::new(
        Exit::OutcomeUnknown,
        format!("the node did not answer within {} s", patience.as_secs()),
    )
    .advise("if this was a change, look whether it was made before you repeat it")
}

fn connector(ca_file: Option<&std::path::Path>) -> Done<tokio_rustls::TlsConnector> {
    let file = ca_file.unwrap_or(std::path::Path::new(SYSTEM_CA_FILE));
    let unreadable =
        |e: &dyn std::fmt::Display| Failure::system(format!("cannot read certificates from {}", file.display()), e);
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| unreadable(&e))? {
        let certificate = certificate.map_err(|e| unreadable(&e))?;
        // One odd certificate in a bundle must not hide the others.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        return Err(Failure::new(
            Exit::Failed,
            format!("{} holds no certificate", file.display()),
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Failure::system("cannot set up TLS", e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}

/// `https://HOST[:PORT][/]`, where a bare `HOST[:PORT]` is understood too.
fn host_and_port(url: &str) -> Done<(String, u16)> {
    let bad = |why: &str| {
        Failure::new(Exit::Refused, format!("--server \"{url}\" {why}")).advise(
            "write https://HOST or https://HOST:PORT, as in https://mfa-1.example.org or https://[2001:db8::1]:8443",
        )
    };
    if url.starts_with("http://") {
        return Err(bad("is not encrypted, and the API token would travel in clear"));
    }
    let rest = url.strip_prefix("https://").unwrap_or(url).trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| bad("has no valid port"))?),
        _ => (rest, 443),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.is_empty() || host.contains('/') {
        true => Err(bad("names no host")),
        false => Ok((host.to_owned(), port)),
    }
}

/// The fields of `query` that are set, as `?a=b&c=d`, or nothing.
fn written(query: &impl Serialize) -> String {
    let value = serde_json::to_value(query).expect("invariant: a query serialises");
    let mut out = String::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let text = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::String(s) => s.clone(),
            other => other.to_string(),
        };
        out.push(if out.is_empty() { '?' } else { '&' });
        out.push_str(name);
        out.push('=');
        escape(&text, &mut out);
    }
    out
}

/// No body is `null`.
fn read<T: DeserializeOwned>(answer: Bytes) -> Done<T> {
    let text: &[u8] = if answer.is_empty() { b"null" } else { &answer };
    serde_json::from_slice(text).map_err(|e| {
        Failure::system("the node's answer is not what this version expects", e)
            .advise("is the node of another version than this command? compare: quorate --version")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_written_in_several_ways() {
        let ok = |url: &str| host_and_port(url).expect("valid");
        assert_eq!(ok("https://mfa.example.org"), ("mfa.example.org".into(), 443));
        assert_eq!(ok("https://10.0.0.1:8443/"), ("10.0.0.1".into(), 8443));
        assert_eq!(ok("https://[2001:db8::1]:8443"), ("2001:db8::1".into(), 8443));
        assert_eq!(ok("[2001:db8::1]"), ("2001:db8::1".into(), 443));
        assert!(host_and_port("http://mfa.example.org").is_err());
        assert!(host_and_port("https://").is_err());
        assert!(host_and_port("https://mfa:port").is_err());
    }

    #[test]
    fn only_what_is_set_is_asked() {
        let asked = quorate_api::AuditQuery {
            after: Some(7),
            user: Some("a&b".into()),
            ..Default::default()
        };
        assert_eq!(written(&asked), "?after=7&user=a%26b");
        assert_eq!(written(&quorate_api::AuditQuery::default()), "");
    }

    #[test]
    fn a_field_problem_is_told_field_by_field() {
        let problem = Problem::new(ProblemKind::Invalid).errors(vec![quorate_api::FieldProblem {
            field: "networks[1]".into(),
            problem: "is not a network".into(),
            hint: "as in 192.0.2.0/24".into(),
        }]);
        let failure = from_problem(&problem);
        assert_eq!(failure.exit, Exit::Refused);
        assert!(
            failure
                .to_string()
                .ends_with("\n  networks[1]: is not a network (as in 192.0.2.0/24)")
        );
    }
}
