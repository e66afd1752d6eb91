//! Settings for real directories, and waiting.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "every test uses its part, and may stop at the first surprise"
)]

use std::{future::Future, net::SocketAddr, time::Duration};

use quorate_directories::{Authority, SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd};
use quorate_directory::{
    Attributes, Controller, Directory, Groups, Kind, Security, ServiceAccount, Settings, Timeouts, Trust,
};
use tokio::time::Instant;
use zeroize::Zeroizing;

/// A deadline that nothing should need.
pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

pub fn secret(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.to_owned())
}

pub fn controller(address: SocketAddr, security: Security) -> Controller {
    Controller {
        host: address.ip().to_string(),
        port: address.port(),
        security,
    }
}

/// One slapd over TLS, with a certificate that fits.
pub fn slapd() -> (Authority, Slapd) {
    let authority = Authority::new("Example CA").unwrap();
    let slapd = Slapd::start(&authority.certify(&["127.0.0.1"]).unwrap()).unwrap();
    (authority, slapd)
}

pub fn settings(authority: &Authority, slapds: &[&Slapd]) -> Settings {
    let controllers = slapds
        .iter()
        .map(|slapd| controller(slapd.tls_address(), Security::Ldaps));
    Settings {
        name: "example".to_owned(),
        domain: "example.org".to_owned(),
        kind: Kind::Ldap,
        controllers: controllers.collect(),
        trust: Trust::Authority(authority.pem.clone()),
        account: ServiceAccount {
            name: SERVICE.to_owned(),
            password: secret(SERVICE_PASSWORD),
        },
        base: SUFFIX.to_owned(),
        user_filter: "(&(objectClass=inetOrgPerson)(uid={name}))".to_owned(),
        member_filter: None,
        attributes: Attributes::usual(Kind::Ldap),
        groups: Some(Groups::usual(Kind::Ldap)),
        referrals: false,
        timeouts: Timeouts::default(),
        width: 16,
    }
}

pub fn directory(authority: &Authority, slapds: &[&Slapd]) -> Directory {
    Directory::new(settings(authority, slapds)).unwrap()
}

/// Asks again and again until the answer is this.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let deadline = soon();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
