//! Settings of an HTTP gateway: a request as a template, and how to read its answer.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Proxy, Trust, check_secret};
use crate::{
    connect::Connector,
    http::{HttpEngine, RequestTemplate, TokenSource, Url, Verdicts},
    limits::{ENTRIES, NAME_BYTES},
    problem::Checker,
    secret::{Secret, omit, omit_values},
};

/// An HTTP gateway.
///
/// Placeholders in URL, headers and body: `{to}` (number with plus, or address), `{to_digits}`, `{text}`, `{subject}`, `{code}`, `{code_spoken}`,
/// `{user}`, `{application}`, `{language}`, `{reference}`, `{coding}` (`0`, or `2` if the text is not of the GSM alphabet), `{text_type}` (`text` or
/// `unicode`, likewise), and the operator's own `{parameter.NAME}` and `{secret.NAME}`. Each is escaped for the place it stands in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Method.
    #[serde(default)]
    pub method: Method,
    /// `https://host:port/path?query`, with placeholders in path and query.
    pub url: String,
    /// Header fields beside those that are there anyway.
    #[serde(default)]
    pub headers: Vec<Field>,
    /// Body.
    #[serde(default)]
    pub body: Body,
    /// The operator's own values, shown to everybody who may see the settings.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// The operator's own values that nobody is shown.
    #[serde(default, serialize_with = "omit_values")]
    pub secrets: BTreeMap<String, Secret>,
    /// How to log in.
    #[serde(default)]
    pub authentication: HttpAuthentication,
    /// What an answer looks like when the message was taken.
    #[serde(default)]
    pub success: Success,
    /// Statuses by which the message was certainly not taken. A status that is neither here nor in `success` leaves it *unknown*.
    #[serde(default = "refused")]
    pub refused: Vec<StatusRange>,
    /// Where in a JSON answer the provider's own reference stands (`messages.0.id`); empty if nowhere.
    #[serde(default)]
    pub reference: String,
    /// Through which proxy.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// Whom to believe about the server.
    #[serde(default)]
    pub trust: Trust,
}

/// HTTP methods that hand something over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET, for old gateways with everything in the URL.
    Get,
    /// POST.
    #[default]
    Post,
    /// PUT.
    Put,
}

/// A name and a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Of a header or a form field. Has no placeholders.
    pub name: String,
    /// Template.
    pub value: String,
}

/// A body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// None.
    #[default]
    None,
    /// `application/x-www-form-urlencoded`.
    Form(Vec<Field>),
    /// JSON with placeholders inside its strings.
    Json(String),
    /// XML with placeholders in text and in quoted attributes.
    Xml(String),
}

/// How to log in to an HTTP gateway.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpAuthentication {
    /// Not at all, or by placeholders.
    #[default]
    None,
    /// Basic (RFC 7617).
    Basic {
        /// Name.
        user: String,
        /// Password.
        #[serde(default, serialize_with = "omit")]
        password: Secret,
    },
    /// Bearer (RFC 6750).
    Bearer {
        /// Token.
        #[serde(default, serialize_with = "omit")]
        token: Secret,
    },
    /// Bearer with a token that is fetched.
    OAuth2(Box<OAuth2>),
}

/// OAuth 2.0 client credentials (RFC 6749 section 4.4).
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth2 {
    /// Where tokens are given out.
    pub token_url: String,
    /// Who we are there.
    pub client: ClientCredentials,
    /// What we ask for; empty: what we get without asking.
    #[serde(default)]
    pub scope: String,
    /// Further parameters of the request (`audience`, `resource`).
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Through which proxy.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// Whom to believe about the server.
    #[serde(default)]
    pub trust: Trust,
}

/// Who a client of an OAuth 2.0 server is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCredentials {
    /// Name.
    pub id: String,
    /// Password.
    #[serde(default, serialize_with = "omit")]
    pub secret: Secret,
    /// Where both stand.
    #[serde(default)]
    pub sent_in: CredentialsIn,
}

/// Where in the token request the client's credentials stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsIn {
    /// Basic authentication, which every server has to take.
    #[default]
    Header,
    /// Fields of the form.
    Body,
}

/// What an answer looks like when the message was taken: the status *and* the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Success {
    /// Status.
    #[serde(default = "successful")]
    pub statuses: Vec<StatusRange>,
    /// Body. A body that does not fit the rule, under a status that does, means *refused*.
    #[serde(default)]
    pub body: AnswerRule,
}

/// From one HTTP status to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusRange {
    /// The first.
    pub from: u16,
    /// The last.
    pub to: u16,
}

/// A rule for the body of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerRule {
    /// Whatever it is.
    #[default]
    Any,
    /// Has this in it.
    Contains(String),
    /// Is this, with `*` for anything and `?` for one character; white space around it does not count.
    Wildcard(String),
    /// Is JSON that has, at this dotted path (`messages.0.status`), one of these values as text.
    Json {
        /// Names and positions, with dots between them.
        path: String,
        /// `0`, `true`, `OK`.
        one_of: Vec<String>,
    },
}

impl Default for Success {
    fn default() -> Self {
        Self {
            statuses: successful(),
            body: AnswerRule::Any,
        }
    }
}

impl StatusRange {
    /// From `from` to `to`, both included.
    #[must_use]
    pub const fn new(from: u16, to: u16) -> Self {
        Self { from, to }
    }
}

fn successful() -> Vec<StatusRange> {
    vec![StatusRange::new(200, 299)]
}

/// Redirects are not followed, so they took nothing. Errors of the client are found before anything is done; 501, 503 and 505 say that nothing
/// was. A plain 500 may come after the message was queued, and 502 and 504 are said by somebody who does not know.
fn refused() -> Vec<StatusRange> {
    [(300, 499), (501, 501), (503, 503), (505, 505)]
        .map(|(from, to)| StatusRange::new(from, to))
        .into()
}

impl Http {
    /// A POST to `url` without a body, with everything at its default.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            method: Method::Post,
            url: url.into(),
            headers: Vec::new(),
            body: Body::None,
            parameters: BTreeMap::new(),
            secrets: BTreeMap::new(),
            authentication: HttpAuthentication::None,
            success: Success::default(),
            refused: refused(),
            reference: String::new(),
            proxy: None,
            trust: Trust::default(),
        }
    }

    pub(super) fn secrets(&mut self, visit: &mut dyn FnMut(&str, &mut Secret)) {
        for (name, secret) in &mut self.secrets {
            visit(&format!("secrets.{name}"), secret);
        }
        match &mut self.authentication {
            HttpAuthentication::None => {}
            HttpAuthentication::Basic { password, .. } => visit("authentication.password", password),
            HttpAuthentication::Bearer { token } => visit("authentication.token", token),
            HttpAuthentication::OAuth2(oauth2) => {
                oauth2.secrets(&mut |path, secret| visit(&format!("authentication.{path}"), secret));
            }
        }
        if let Some(proxy) = &mut self.proxy {
            visit("proxy.password", &mut proxy.password);
        }
    }

    pub(super) fn compile(&self, connect: Duration, checker: &mut Checker) -> Option<HttpEngine> {
        self.check_own_values(checker);
        let authentication = checker.within("authentication", |checker| {
            self.authentication.compile(connect, checker)
        });
        let request = RequestTemplate::compile(self, checker);
        let verdicts = Verdicts::compile(self, checker);
        let url = request.as_ref().map(RequestTemplate::url);
        let connector = url.and_then(|url| connector(url, self.proxy.as_ref(), &self.trust, connect, checker));
        if let Some(url) = url.filter(|url| !url.secure) {
            warn_of_clear(url, "url", checker);
        }
        Some(HttpEngine::new(request?, authentication?, verdicts, connector?))
    }

    fn check_own_values(&self, checker: &mut Checker) {
        let entries = self.parameters.len().max(self.secrets.len());
        checker.require(
            entries <= ENTRIES,
            "parameters",
            format!("(or secrets) have more than {ENTRIES} entries"),
        );
        for (name, value) in &self.parameters {
            let field = format!("parameters.{name}");
            checker.require(is_name(name), &field, NOT_A_NAME);
            checker.line(&field, value, crate::limits::TEMPLATE_BYTES, false);
            checker.require(
                value != "." && value != "..",
                &field,
                "is a dot or two: it would change the path of the URL",
            );
        }
        for (name, secret) in &self.secrets {
            let field = format!("secrets.{name}");
            checker.require(is_name(name), &field, NOT_A_NAME);
            check_secret(&field, secret, false, checker);
        }
    }
}

const NOT_A_NAME: &str = "has a name of other characters than a-z, 0-9 and _";

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=48).contains(&name.len()) && name.bytes().all(allowed)
}

fn warn_of_clear(url: &Url, field: &str, checker: &mut Checker) {
    let here = url.host == "localhost"
        || url
            .host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if !here {
        checker.warn(field, "is http: whoever is on the way reads codes and passwords");
    }
}

fn connector(
    url: &Url,
    proxy: Option<&Proxy>,
    trust: &Trust,
    connect: Duration,
    checker: &mut Checker,
) -> Option<Connector> {
    if let Some(proxy) = proxy {
        checker.within("proxy", |checker| proxy.check(checker));
    }
    let tls = checker.within("trust", |checker| Connector::tls(url, trust, checker))?;
    Some(Connector::new(url, tls, proxy.cloned(), connect))
}

impl HttpAuthentication {
    fn compile(&self, connect: Duration, checker: &mut Checker) -> Option<Option<crate::http::Authorization>> {
        use crate::http::Authorization;
        Some(match self {
            Self::None => None,
            Self::Basic { user, password } => {
                checker.line("user", user, NAME_BYTES, false);
                checker.require(
                    !user.contains(':'),
                    "user",
                    "has a colon, which basic authentication cannot carry",
                );
                check_secret("password", password, false, checker);
                Some(Authorization::Basic(user.clone(), password.clone()))
            }
            Self::Bearer { token } => {
                check_secret("token", token, false, checker);
                checker.require(
                    token.expose().is_ascii(),
                    "token",
                    "has characters that no header can carry",
                );
                Some(Authorization::Bearer(TokenSource::Fixed(token.clone())))
            }
            Self::OAuth2(oauth2) => Some(Authorization::Bearer(TokenSource::fetched(
                oauth2.compile(connect, checker)?,
            ))),
        })
    }
}

impl OAuth2 {
    pub(super) fn secrets(&mut self, visit: &mut dyn FnMut(&str, &mut Secret)) {
        visit("client.secret", &mut self.client.secret);
        if let Some(proxy) = &mut self.proxy {
            visit("proxy.password", &mut proxy.password);
        }
    }

    pub(super) fn compile(&self, connect: Duration, checker: &mut Checker) -> Option<crate::http::Fetcher> {
        checker.line("client.id", &self.client.id, NAME_BYTES, false);
        check_secret("client.secret", &self.client.secret, false, checker);
        checker.line("scope", &self.scope, crate::limits::TEMPLATE_BYTES, true);
        checker.require(
            self.parameters.len() <= ENTRIES,
            "parameters",
            format!("have more than {ENTRIES} entries"),
        );
        let url = Url::parse_plain(&self.token_url)
            .inspect_err(|problem| checker.wrong("token_url", problem.clone()))
            .ok()?;
        if !url.secure {
            warn_of_clear(&url, "token_url", checker);
        }
        let connector = connector(&url, self.proxy.as_ref(), &self.trust, connect, checker)?;
        Some(crate::http::Fetcher::new(url, connector, self))
    }
}
