//! Settings of a mail gateway.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{OAuth2, Trust, check_host, check_secret};
use crate::{
    connect::client_config,
    http::TokenSource,
    limits::{NAME_BYTES, SERVERS},
    mail_address::{MailAddress, is_domain},
    problem::Checker,
    secret::{Secret, omit},
    smtp::{Authentication, SmtpEngine},
};

/// A mail gateway: servers that know each other's users, and who we are there.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// In the order in which they are tried.
    pub servers: Vec<SmtpServer>,
    /// How to log in.
    #[serde(default)]
    pub authentication: SmtpAuthentication,
    /// Whether a password may travel without TLS.
    #[serde(default)]
    pub allow_clear_authentication: bool,
    /// The sender's address.
    pub from: String,
    /// The sender's name, as the reader's program shows it.
    #[serde(default)]
    pub from_name: String,
    /// Where answers go; empty: to the sender.
    #[serde(default)]
    pub reply_to: String,
    /// What we call ourselves in EHLO (RFC 5321 section 4.1.1.1); empty: the domain of the sender.
    #[serde(default)]
    pub helo_name: String,
    /// Whom to believe about the servers.
    #[serde(default)]
    pub trust: Trust,
}

/// One mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpServer {
    /// Name or address; with TLS the certificate has to be for it.
    pub host: String,
    /// 25, 465, 587, or any other.
    pub port: u16,
    /// How it is protected.
    #[serde(default)]
    pub tls: SmtpTls,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// Not at all.
    None,
    /// STARTTLS (RFC 3207), without which nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte, on port 465 (RFC 8314).
    Implicit,
}

/// How to log in to a mail server.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpAuthentication {
    /// Not at all.
    #[default]
    None,
    /// PLAIN (RFC 4616).
    Plain {
        /// Name.
        user: String,
        /// Password.
        #[serde(default, serialize_with = "omit")]
        password: Secret,
    },
    /// LOGIN, for servers that know nothing better.
    Login {
        /// Name.
        user: String,
        /// Password.
        #[serde(default, serialize_with = "omit")]
        password: Secret,
    },
    /// XOAUTH2, as Google and Microsoft want it.
    Xoauth2 {
        /// The mailbox.
        user: String,
        /// What vouches for us.
        token: Token,
    },
}

/// An access token, or where to get one.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Token {
    /// One that somebody else renews.
    Fixed(#[serde(default, serialize_with = "omit")] Secret),
    /// Fetched, and kept until it expires.
    OAuth2(Box<OAuth2>),
}

impl Smtp {
    pub(super) fn secrets(&mut self, visit: &mut dyn FnMut(&str, &mut Secret)) {
        match &mut self.authentication {
            SmtpAuthentication::None => {}
            SmtpAuthentication::Plain { password, .. } | SmtpAuthentication::Login { password, .. } => {
                visit("authentication.password", password);
            }
            SmtpAuthentication::Xoauth2 { token, .. } => match token {
                Token::Fixed(secret) => visit("authentication.token", secret),
                Token::OAuth2(oauth2) => {
                    oauth2.secrets(&mut |path, secret| visit(&format!("authentication.token.{path}"), secret));
                }
            },
        }
    }

    pub(super) fn compile(&self, connect: Duration, checker: &mut Checker) -> Option<SmtpEngine> {
        self.check_servers(checker);
        let from = mailbox("from", &self.from, checker);
        let reply_to = (!self.reply_to.is_empty()).then(|| mailbox("reply_to", &self.reply_to, checker));
        checker.line("from_name", &self.from_name, NAME_BYTES, true);
        let helo_name = self.helo_name(from.as_ref(), checker);
        let wants_tls = self.servers.iter().any(|server| server.tls != SmtpTls::None);
        let tls = wants_tls.then(|| checker.within("trust", |checker| client_config(&self.trust, checker)));
        let authentication = checker.within("authentication", |checker| self.authentication(connect, checker));
        Some(SmtpEngine {
            servers: self.servers.clone(),
            tls: lift(tls)?,
            authentication: authentication?,
            from: from?,
            from_name: self.from_name.clone(),
            reply_to: lift(reply_to)?,
            helo_name,
            connect,
        })
    }

    fn check_servers(&self, checker: &mut Checker) {
        checker.require(!self.servers.is_empty(), "servers", "name no server");
        checker.require(
            self.servers.len() <= SERVERS,
            "servers",
            format!("are more than {SERVERS}"),
        );
        let authenticates = !matches!(self.authentication, SmtpAuthentication::None);
        for (index, server) in self.servers.iter().enumerate().take(SERVERS) {
            checker.within(&format!("servers[{index}]"), |checker| {
                server.check(authenticates && !self.allow_clear_authentication, checker);
            });
        }
    }

    fn helo_name(&self, from: Option<&MailAddress>, checker: &mut Checker) -> String {
        if self.helo_name.is_empty() {
            let domain = from.map(|from| from.domain().to_owned()).unwrap_or_default();
            let problem = "is empty, and the domain of the sender is not ASCII";
            checker.require(domain.is_ascii(), "helo_name", problem);
            return domain;
        }
        let literal = self.helo_name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let is_address =
            literal.is_some_and(|address| address.trim_start_matches("IPv6:").parse::<std::net::IpAddr>().is_ok());
        let valid = is_address || (is_domain(&self.helo_name) && self.helo_name.is_ascii());
        checker.require(valid, "helo_name", "is neither a domain nor an address in brackets");
        self.helo_name.clone()
    }

    fn authentication(&self, connect: Duration, checker: &mut Checker) -> Option<Authentication> {
        let user = match &self.authentication {
            SmtpAuthentication::None => return Some(Authentication::None),
            SmtpAuthentication::Plain { user, password } | SmtpAuthentication::Login { user, password } => {
                check_secret("password", password, false, checker);
                user
            }
            SmtpAuthentication::Xoauth2 { user, .. } => user,
        };
        checker.line("user", user, NAME_BYTES, false);
        let user = user.clone();
        match &self.authentication {
            SmtpAuthentication::None => None,
            SmtpAuthentication::Plain { password, .. } => Some(Authentication::Plain(user, password.clone())),
            SmtpAuthentication::Login { password, .. } => Some(Authentication::Login(user, password.clone())),
            SmtpAuthentication::Xoauth2 { token, .. } => {
                let source = checker.within("token", |checker| token.compile(connect, checker))?;
                Some(Authentication::Xoauth2(user, source))
            }
        }
    }
}

impl SmtpServer {
    fn check(&self, authentication_needs_tls: bool, checker: &mut Checker) {
        check_host(&self.host, checker);
        checker.require(self.port != 0, "port", "is 0");
        match self.tls {
            SmtpTls::None if authentication_needs_tls => checker.wrong(
                "tls",
                "is none, so that the password would travel in clear: use starttls or implicit, or set allow_clear_authentication",
            ),
            SmtpTls::None => checker.warn("tls", "is none: whoever is on the way reads the codes"),
            SmtpTls::Starttls if self.port == 465 => {
                checker.warn("tls", "is starttls on port 465, where servers expect TLS from the first byte: implicit");
            }
            SmtpTls::Implicit if self.port == 25 || self.port == 587 => {
                checker.warn("tls", format!("is implicit on port {}, where servers expect starttls", self.port));
            }
            SmtpTls::Starttls | SmtpTls::Implicit => {}
        }
    }
}

impl Token {
    fn compile(&self, connect: Duration, checker: &mut Checker) -> Option<TokenSource> {
        match self {
            Self::Fixed(token) => {
                check_secret("", token, false, checker);
                Some(TokenSource::Fixed(token.clone()))
            }
            Self::OAuth2(oauth2) => Some(TokenSource::fetched(oauth2.compile(connect, checker)?)),
        }
    }
}

fn mailbox(field: &str, address: &str, checker: &mut Checker) -> Option<MailAddress> {
    MailAddress::parse(address)
        .inspect_err(|error| checker.wrong(field, format!("is not a mail address: {error}")))
        .ok()
}

/// What was not asked for is no failure.
#[allow(clippy::option_option)]
fn lift<T>(asked: Option<Option<T>>) -> Option<Option<T>> {
    match asked {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}
