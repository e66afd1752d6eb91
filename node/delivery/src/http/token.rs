//! Access tokens: fixed, or fetched by OAuth 2.0 client credentials (RFC 6749 section 4.4) and kept until shortly before they expire.
//!
//! Fetching is not sending: when the token server is down, nothing of the message has left us. One fetch goes on at a time; who comes
//! meanwhile waits for it.

use std::{collections::BTreeMap, time::Duration};

use hyper::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};
use zeroize::Zeroizing;

use super::{
    exchange,
    request::{authorize_at_proxy, request, sensitive},
    url::Url,
};
use crate::{
    attempt::{Blame, Halt, StepName, Trace},
    connect::Connector,
    escape,
    limits::{TOKEN_BYTES, TOKEN_LIFETIME, TOKEN_LIFETIME_MAX, TOKEN_MARGIN},
    mask::{basic, spellings},
    secret::Secret,
    settings::{ClientCredentials, CredentialsIn, OAuth2},
};

/// Where access tokens come from.
pub(crate) enum TokenSource {
    Fixed(Secret),
    Fetched(Box<Fetched>),
}

/// A fetcher, and what it has fetched.
pub(crate) struct Fetched {
    fetcher: Fetcher,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    token: Secret,
    until: Instant,
}

/// How tokens are fetched.
pub(crate) struct Fetcher {
    url: Url,
    connector: Connector,
    client: ClientCredentials,
    scope: String,
    parameters: BTreeMap<String, String>,
}

/// RFC 6749 section 5.1; the rest of it is of no use to us.
#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    token_type: Option<String>,
    expires_in: Option<Lifetime>,
}

/// Seconds; some servers put them in quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lifetime {
    Number(u64),
    Text(String),
}

impl TokenSource {
    pub(crate) fn fetched(fetcher: Fetcher) -> Self {
        let kept = Mutex::new(None);
        Self::Fetched(Box::new(Fetched { fetcher, kept }))
    }

    /// A token that is good now, as far as is known.
    pub(crate) async fn token(&self, trace: &mut Trace) -> Result<Secret, Halt> {
        let source = match self {
            Self::Fixed(token) => return Ok(token.clone()),
            Self::Fetched(source) => source,
        };
        let mut kept = source.kept.lock().await;
        let good = kept.as_ref().filter(|kept| Instant::now() < kept.until);
        let token = match good {
            Some(kept) => kept.token.clone(),
            None => {
                let fresh = source.fetcher.fetch(trace).await?;
                kept.insert(fresh).token.clone()
            }
        };
        trace.hide(token.expose());
        Ok(token)
    }

    /// Drops a token that was refused; whether asking again may bring another.
    pub(crate) async fn forget(&self) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Fetched(source) => source.kept.lock().await.take().is_some(),
        }
    }

    pub(crate) fn secrets(&self) -> Vec<Zeroizing<String>> {
        match self {
            Self::Fixed(token) => spellings(token.expose()),
            Self::Fetched(source) => {
                let client = &source.fetcher.client;
                let mut all = spellings(client.secret.expose());
                all.push(basic_of(client));
                all.extend(source.fetcher.connector.secrets());
                all
            }
        }
    }
}

impl Fetcher {
    pub(crate) fn new(url: Url, connector: Connector, settings: &OAuth2) -> Self {
        Self {
            url,
            connector,
            client: settings.client.clone(),
            scope: settings.scope.clone(),
            parameters: settings.parameters.clone(),
        }
    }

    async fn fetch(&self, trace: &mut Trace) -> Result<Kept, Halt> {
        let proxy = self.connector.reading_proxy();
        let uri = if proxy.is_some() {
            self.url.absolute(|_| None)
        } else {
            self.url.relative(|_| None)
        };
        let mut request = request(Method::POST, &self.url, &uri, self.form())?;
        let fields = request.headers_mut();
        fields.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        if self.client.sent_in == CredentialsIn::Header {
            let basic = Zeroizing::new(format!("Basic {}", basic_of(&self.client).as_str()));
            fields.insert(AUTHORIZATION, sensitive(&basic)?);
        }
        authorize_at_proxy(&mut request, proxy)?;
        let stream = self.connector.open(trace).await?;
        trace.begin(StepName::Token, &self.connector.server());
        let answer = exchange::exchange(stream, request, None).await?;
        let body = Zeroizing::new(answer.body);
        if answer.status != StatusCode::OK {
            let answer = format!("the token server answered HTTP {} {}", answer.status, body.as_str());
            return Err(Halt::Refused {
                answer,
                blame: Blame::Gateway,
            });
        }
        let kept = kept(&body).map_err(|why| Halt::Broken(format!("the token server's answer {why}")))?;
        trace.done("HTTP 200, a token");
        Ok(kept)
    }

    fn form(&self) -> Zeroizing<String> {
        let mut form = Zeroizing::new(String::with_capacity(4096));
        form.push_str("grant_type=client_credentials");
        let mut add = |name: &str, value: &str| {
            form.push('&');
            escape::url(name, &mut form);
            form.push('=');
            escape::url(value, &mut form);
        };
        if !self.scope.is_empty() {
            add("scope", &self.scope);
        }
        if self.client.sent_in == CredentialsIn::Body {
            add("client_id", &self.client.id);
            add("client_secret", self.client.secret.expose());
        }
        self.parameters.iter().for_each(|(name, value)| add(name, value));
        form
    }
}

/// RFC 6749 section 2.3.1: both are encoded as in a form first.
fn basic_of(client: &ClientCredentials) -> Zeroizing<String> {
    let (mut id, mut secret) = (String::new(), Zeroizing::new(String::with_capacity(1024)));
    escape::url(&client.id, &mut id);
    escape::url(client.secret.expose(), &mut secret);
    basic(&id, &secret)
}

fn kept(body: &str) -> Result<Kept, &'static str> {
    let granted: Granted = serde_json::from_str(body).map_err(|_| "has no token that can be read")?;
    let token = granted.access_token.expose();
    if token.is_empty() || token.len() > TOKEN_BYTES || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("has a token that is empty, too long, or has characters that no header carries");
    }
    if granted
        .token_type
        .is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer"))
    {
        return Err("has a token that is not of the type bearer");
    }
    let seconds = match granted.expires_in {
        None => None,
        Some(Lifetime::Number(seconds)) => Some(seconds),
        Some(Lifetime::Text(text)) => text.parse().ok(),
    };
    let lifetime = seconds
        .map_or(TOKEN_LIFETIME, Duration::from_secs)
        .min(TOKEN_LIFETIME_MAX);
    Ok(Kept {
        until: Instant::now() + lifetime.saturating_sub(TOKEN_MARGIN),
        token: granted.access_token,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_is_a_token_or_says_why_not() {
        let lifetime = |body: &str| {
            kept(body)
                .ok()
                .map(|kept| kept.until.duration_since(Instant::now()).as_secs().div_ceil(10) * 10)
        };
        assert_eq!(
            lifetime(r#"{"access_token":"t","token_type":"Bearer","expires_in":3600}"#),
            Some(3570)
        );
        assert_eq!(lifetime(r#"{"access_token":"t","expires_in":"90"}"#), Some(60));
        assert_eq!(lifetime(r#"{"access_token":"t"}"#), Some(270));
        assert_eq!(lifetime(r#"{"access_token":"t","expires_in":10}"#), Some(0));
        for wrong in [
            "",
            "{}",
            r#"{"access_token":""}"#,
            "{\"access_token\":\"a\\r\\nb\"}",
            r#"{"access_token":"t","token_type":"mac"}"#,
        ] {
            assert!(kept(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(body in any::<String>(), seconds in any::<u64>()) {
            let _ = kept(&body);
            let _ = kept(&format!("{{\"access_token\":\"t\",\"expires_in\":{seconds}}}"));
        }
    }
}
