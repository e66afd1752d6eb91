//! Other servers that a controller refers to (RFC 4511 §4.1.10, §4.5.3; RFC 4516), where an operator wants them followed.
//!
//! They are sent the service account's password, and a person's if the person is found there. So the connection is at least as protected
//! as the one over which they were named, their certificates have to be believed like any other, and only a few are asked.

use super::find::{Search, Sought};
use crate::{
    attempt::Attempt,
    connection::Connection,
    failure::Failure,
    limits::REFERRALS_MAX,
    settings::{Controller, Security},
};

/// Where somebody was found.
pub(crate) enum Whereabouts {
    /// At the controller that was asked.
    Here,
    /// At another server.
    Elsewhere(Controller),
}

impl Whereabouts {
    /// A connection to there on which nobody is logged in.
    pub(super) async fn connect(&self, attempt: &Attempt) -> Result<Connection, Failure> {
        match self {
            Self::Here => attempt.fresh().await,
            Self::Elsewhere(controller) => attempt.fresh_at(controller).await,
        }
    }
}

/// Asks those who were named, one after the other, until one knows. A server that cannot be asked is passed by: the one that named it
/// is well, and knows nobody of that name.
pub(super) async fn follow(attempt: &Attempt, addresses: &[String], search: &Search<'_>) -> Result<Sought, Failure> {
    let from = attempt.controller().security;
    let named = addresses.iter().filter_map(|address| Referral::read(address, from));
    for referral in named.take(REFERRALS_MAX) {
        match ask(attempt, &referral, search).await {
            Ok(Sought::None) => {}
            Ok(found) => return Ok(found),
            Err(failure) => {
                tracing::info!(server = %referral.server, %failure, "a server that was referred to cannot be asked");
            }
        }
    }
    Ok(Sought::None)
}

async fn ask(attempt: &Attempt, referral: &Referral, search: &Search<'_>) -> Result<Sought, Failure> {
    let mut connection = attempt.fresh_at(&referral.server).await?;
    attempt.log_in(&mut connection).await?;
    let base = referral.base.as_deref().unwrap_or(search.base);
    let found = connection.search(search.under(base), attempt.soon()).await?;
    let whereabouts = Whereabouts::Elsewhere(referral.server.clone());
    Ok(Sought::among(found.entries, whereabouts))
}

/// A server, and under which of its entries to search.
#[derive(Debug, PartialEq, Eq)]
struct Referral {
    server: Controller,
    base: Option<String>,
}

impl Referral {
    /// Nothing, for what is no LDAP URL or names no server.
    fn read(address: &str, from: Security) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let security = match (scheme.to_ascii_lowercase().as_str(), from) {
            ("ldaps", _) => Security::Ldaps,
            // From a protected connection never to one that is not.
            ("ldap", Security::Ldaps | Security::StartTls) => Security::StartTls,
            ("ldap", Security::Plain) => Security::Plain,
            _ => return None,
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = host_and_port(authority, security)?;
        let base = decoded(path.split('?').next()?)?;
        Some(Self {
            server: Controller { host, port, security },
            base: (!base.is_empty()).then_some(base),
        })
    }
}

fn host_and_port(authority: &str, security: Security) -> Option<(String, u16)> {
    let usual = match security {
        Security::Ldaps => 636,
        Security::StartTls | Security::Plain => 389,
    };
    // An address of IPv6 is in brackets, and has colons of its own.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

/// `%20` becomes what it stands for (RFC 3986 §2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_servers_are_read() {
        let read = Referral::read("ldap://dc2.example.com/ou=Some%20People,dc=x??sub", Security::Ldaps).unwrap();
        assert_eq!(read.server.to_string(), "ldap://dc2.example.com:389 (StartTLS)");
        assert_eq!(read.base.as_deref(), Some("ou=Some People,dc=x"));
        let read = Referral::read("LDAPS://[::1]:1636", Security::Plain).unwrap();
        assert_eq!(
            (read.server.to_string().as_str(), read.base),
            ("ldaps://[::1]:1636", None)
        );
        for wrong in ["http://x/", "ldap:///dc=x", "dc=x", "ldap://x:y/", "ldap://x/%4"] {
            assert_eq!(Referral::read(wrong, Security::Ldaps), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".{0,60}", rest in ".{0,60}") {
            let _ = Referral::read(&text, Security::Plain);
            let _ = Referral::read(&format!("ldap://{rest}"), Security::Plain);
        }
    }
}
