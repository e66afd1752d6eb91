//! What an operator says about a gateway: plain data, serialised without its secrets ([`Secret`]), checked in one go.
//!
//! A gateway that passes [`check`](Gateway::check) can be built; nothing in it is looked at for the first time when somebody waits for a code.
//! What is allowed and unwise is said by [`warnings`](Gateway::warnings).

mod http;
mod smpp;
mod smtp;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use http::{
    AnswerRule, Body, ClientCredentials, CredentialsIn, Field, Http, HttpAuthentication, Method, OAuth2, StatusRange,
    Success,
};
pub use smpp::{LongMessages, NumberingPlan, Smpp, SmppCoding, SmppDestination, SmppSender, SmppServer, TypeOfNumber};
pub use smtp::{Smtp, SmtpAuthentication, SmtpServer, SmtpTls, Token};

use crate::{
    gateway::Engine,
    limits::{self, ENTRIES, NAME_BYTES},
    message::{Channel, Recipient},
    phone::calling_code,
    problem::{Checker, Problem},
    secret::{Secret, omit},
};

/// One gateway.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Unique; appears in attempts, status, metrics and logs.
    pub name: String,
    /// Whether it is used at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// For which ways of sending.
    pub channels: Vec<Channel>,
    /// The lowest goes first.
    #[serde(default)]
    pub priority: u16,
    /// Beginnings of the numbers it serves, without plus (`90`, `1242`); all numbers if there is none.
    #[serde(default)]
    pub country_codes: Vec<String>,
    /// Domains of the addresses it serves: `example.com` that one alone, `.example.com` all below it; all domains if there is none.
    #[serde(default)]
    pub mail_domains: Vec<String>,
    /// How much it may be sent.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// How often it is tried again for the same message when it could not be reached at all.
    #[serde(default)]
    pub retries: u8,
    /// Whether a message that *may* have been sent is sent again, here and by the next gateway. It may then arrive twice.
    #[serde(default)]
    pub retry_unknown: bool,
    /// Milliseconds for a connection to come about.
    #[serde(default = "connect_timeout_ms")]
    pub connect_timeout_ms: u32,
    /// Milliseconds for one attempt in all.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u32,
    /// How it is spoken to.
    pub kind: Kind,
}

/// How a gateway is spoken to.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Mail.
    Smtp(Box<Smtp>),
    /// An HTTP request made from a template.
    Http(Box<Http>),
    /// Text messages, by SMPP.
    Smpp(Box<Smpp>),
    /// Printed, code and all: for the demo and for tests.
    Console,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Messages a minute in the long run.
    pub per_minute: u32,
    /// Messages that may go out at once after a pause.
    pub burst: u32,
}

/// Whom a TLS server must be vouched for by. With nothing here, the authorities of the operating system are believed; with something, these
/// alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trust {
    /// Certificates of authorities, PEM.
    pub ca_pem: String,
    /// A file of such certificates; every node that sends must have it.
    pub ca_file: String,
}

/// An HTTP proxy. TLS goes through it by CONNECT, so that it sees no message.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// For basic authentication; empty without.
    #[serde(default)]
    pub user: String,
    /// For basic authentication.
    #[serde(default, serialize_with = "omit")]
    pub password: Secret,
}

const fn yes() -> bool {
    true
}

const fn connect_timeout_ms() -> u32 {
    5_000
}

const fn timeout_ms() -> u32 {
    15_000
}

const _: () = assert!(timeout_ms() as u128 == limits::ATTEMPT.as_millis());
const _: () = assert!(connect_timeout_ms() as u128 == limits::CONNECT.as_millis());

impl Gateway {
    /// A gateway with everything at its default.
    #[must_use]
    pub fn new(name: impl Into<String>, channels: impl Into<Vec<Channel>>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            enabled: true,
            channels: channels.into(),
            priority: 0,
            country_codes: Vec::new(),
            mail_domains: Vec::new(),
            rate: None,
            retries: 0,
            retry_unknown: false,
            connect_timeout_ms: connect_timeout_ms(),
            timeout_ms: timeout_ms(),
            kind,
        }
    }

    /// Checks all of it, reading the CA file if one is named.
    ///
    /// # Errors
    ///
    /// Every field that is wrong.
    pub fn check(&self) -> Result<(), Vec<Problem>> {
        let mut checker = Checker::default();
        self.compile(&mut checker);
        let (problems, _) = checker.finish();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// What is allowed and unwise: no TLS, above all.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        let mut checker = Checker::default();
        self.compile(&mut checker);
        checker.finish().1
    }

    /// Shows every secret of the gateway with its path, so that it can be taken out to be sealed and put back.
    pub fn secrets(&mut self, visit: &mut dyn FnMut(&str, &mut Secret)) {
        match &mut self.kind {
            Kind::Smtp(smtp) => smtp.secrets(&mut |path, secret| visit(&format!("kind.smtp.{path}"), secret)),
            Kind::Http(http) => http.secrets(&mut |path, secret| visit(&format!("kind.http.{path}"), secret)),
            Kind::Smpp(smpp) => smpp.secrets(&mut |path, secret| visit(&format!("kind.smpp.{path}"), secret)),
            Kind::Console => {}
        }
    }

    /// Whether it is for this way of sending and this recipient.
    pub(crate) fn serves(&self, channel: Channel, to: &Recipient) -> bool {
        let reaches = match to {
            Recipient::Phone(phone) => any_or_all(&self.country_codes, |code| phone.digits().starts_with(code)),
            Recipient::Mail(address) => any_or_all(&self.mail_domains, |domain| is_of_domain(address.domain(), domain)),
        };
        self.enabled && self.channels.contains(&channel) && reaches
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms.into())
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.into())
    }

    /// What sends, if there is nothing wrong.
    pub(crate) fn compile(&self, checker: &mut Checker) -> Option<Engine> {
        self.check_frame(checker);
        let connect = self.connect_timeout();
        let engine = match &self.kind {
            Kind::Smtp(smtp) => checker.within("kind.smtp", |checker| smtp.compile(connect, checker).map(Engine::smtp)),
            Kind::Http(http) => checker.within("kind.http", |checker| http.compile(connect, checker).map(Engine::http)),
            Kind::Smpp(smpp) => checker.within("kind.smpp", |checker| smpp.compile(connect, checker).map(Engine::smpp)),
            Kind::Console => Some(Engine::Console),
        };
        engine.filter(|_| !checker.has_problems())
    }

    fn check_frame(&self, checker: &mut Checker) {
        checker.line("name", &self.name, NAME_BYTES, false);
        checker.require(!self.channels.is_empty(), "channels", "name no channel");
        let alone = match &self.kind {
            Kind::Smtp(_) => Some((Channel::Email, "has more than email, which is all that SMTP carries")),
            Kind::Smpp(_) => Some((Channel::Sms, "has more than sms, which is all that SMPP carries")),
            Kind::Http(_) | Kind::Console => None,
        };
        if let Some((alone, problem)) = alone {
            let fits = self.channels.iter().all(|channel| *channel == alone);
            checker.require(fits, "channels", problem);
        }
        self.check_filters(checker);
        if let Some(rate) = self.rate {
            checker.require(
                rate.per_minute > 0,
                "rate.per_minute",
                "is 0: nothing would ever be sent",
            );
            checker.require(rate.burst > 0, "rate.burst", "is 0: nothing would ever be sent");
        }
        let most = limits::RETRIES_MAX;
        checker.require(self.retries <= most, "retries", format!("is more than {most}"));
        let most = limits::TIMEOUT_MAX;
        for (field, timeout) in [
            ("timeout_ms", self.timeout()),
            ("connect_timeout_ms", self.connect_timeout()),
        ] {
            let sane = !timeout.is_zero() && timeout <= most;
            checker.require(sane, field, format!("has to be 1 to {} milliseconds", most.as_millis()));
        }
        if self.retry_unknown {
            checker.warn("retry_unknown", "is on: a message may arrive twice");
        }
    }

    fn check_filters(&self, checker: &mut Checker) {
        for (field, entries) in [
            ("country_codes", &self.country_codes),
            ("mail_domains", &self.mail_domains),
        ] {
            checker.require(
                entries.len() <= ENTRIES,
                field,
                format!("has more than {ENTRIES} entries"),
            );
        }
        for (index, code) in self.country_codes.iter().enumerate() {
            let digits = code.len() <= 7 && code.bytes().all(|byte| byte.is_ascii_digit());
            let known = digits && calling_code(code).is_some();
            let field = format!("country_codes[{index}]");
            checker.require(
                known,
                &field,
                "is not the code of a country, such as 90, or the beginning of its numbers",
            );
        }
        for (index, domain) in self.mail_domains.iter().enumerate() {
            let name = domain.strip_prefix('.').unwrap_or(domain);
            let field = format!("mail_domains[{index}]");
            checker.require(crate::mail_address::is_domain(name), &field, "is not a domain");
        }
    }
}

impl Proxy {
    pub(crate) fn check(&self, checker: &mut Checker) {
        check_host(&self.host, checker);
        checker.require(self.port != 0, "port", "is 0");
        checker.line("user", &self.user, NAME_BYTES, true);
        let whole = self.user.is_empty() == self.password.is_empty();
        checker.require(whole, "password", "is missing, or the user to whom it belongs");
        checker.require(
            !self.user.contains(':'),
            "user",
            "has a colon, which basic authentication cannot carry",
        );
        check_secret("password", &self.password, true, checker);
    }
}

/// A name or an address, without port, brackets or user.
pub(crate) fn check_host(host: &str, checker: &mut Checker) {
    let valid = crate::mail_address::is_domain(host) || host.parse::<std::net::IpAddr>().is_ok();
    checker.require(valid && host.is_ascii(), "host", "is not the name or address of a host");
}

pub(crate) fn check_secret(field: &str, secret: &Secret, may_be_empty: bool, checker: &mut Checker) {
    checker.line(field, secret.expose(), limits::SECRET_BYTES, may_be_empty);
}

fn any_or_all(filter: &[String], matches: impl Fn(&str) -> bool) -> bool {
    filter.is_empty() || filter.iter().any(|entry| matches(entry))
}

fn is_of_domain(domain: &str, filter: &str) -> bool {
    let (domain, filter) = (domain.to_lowercase(), filter.to_lowercase());
    if filter.starts_with('.') {
        domain.ends_with(&filter)
    } else {
        domain == filter
    }
}
