//! What a node notices, as facts.

use std::path::PathBuf;

use quorate_alerts::Fact;
use quorate_app::ArchiveStanding;
use quorate_core::audit::{AuditRecord, Entry, LoginEntry};
use quorate_core::{Reason, State, Verdict};
use quorate_net::limits::QUORUM_FRESH_MS;
use quorate_raft::{RaftStatus, Role, Standing};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// Files are read again this often, in ms: an hour, against days of warning.
const READ_AGAIN_MS: u64 = 3_600_000;

/// Whether this node reaches a quorum, as far as it can tell without asking one.
pub fn quorum(status: &RaftStatus) -> Fact {
    let fresh = match status.role {
        Role::Leader => status.quorum_ack_age_ms.is_none_or(|age_ms| age_ms <= QUORUM_FRESH_MS),
        _ => true,
    };
    Fact::Quorum {
        held: status.leader.is_some() && fresh && status.standing != Standing::Alone,
    }
}

/// Whether this node stands aside because of its clock.
pub fn clock(status: &RaftStatus) -> Fact {
    let ahead_ms = status.clock.ahead_ms.unwrap_or_default();
    Fact::Clock {
        fenced_ahead_ms: (!status.clock.in_time).then_some(ahead_ms),
    }
}

/// Whether the audit is whole here. What is missing or damaged is fetched from other nodes within minutes, as long as one has it.
pub fn audit(standing: ArchiveStanding) -> Fact {
    let segments = match standing.missing {
        1 => "a segment is".to_owned(),
        several => format!("{several} segments are"),
    };
    let damaged = format!("{segments} missing or damaged on this node, and no other node has given them to it");
    Fact::Audit {
        damaged: (standing.missing > 0).then_some(damaged),
    }
}

/// What an audit record means to the rules.
pub fn of_record(state: &State, record: &AuditRecord) -> Vec<Fact> {
    let Entry::Login(login) = &record.entry else {
        return Vec::new();
    };
    let mut facts = vec![Fact::Login {
        accepted: login.verdict == Verdict::Accept,
    }];
    if locks(state, record, login) {
        let user = String::from_utf8_lossy(&login.facts.user_name).into_owned();
        facts.push(Fact::Locked { user });
    }
    facts
}

/// Whether this wrong code was the one that locked its user: a lock lasts as long as the policy says from the very moment of the record.
fn locks(state: &State, record: &AuditRecord, login: &LoginEntry) -> bool {
    let wrong = login.verdict == Verdict::Reject(Reason::WrongCode);
    let until_ms = login.user.and_then(|user| state.user(user)?.locked_until_ms);
    wrong && until_ms == Some(record.at_ms.saturating_add(state.policy().lock_ms))
}

/// The certificates that this node shows to others.
pub struct Certificates {
    /// What each is for, and its file: PEM, or DER.
    files: Vec<(&'static str, PathBuf)>,
    read_ms: Option<u64>,
}

impl Certificates {
    pub fn new(files: Vec<(&'static str, PathBuf)>) -> Self {
        Certificates { files, read_ms: None }
    }

    /// Until when each is valid; nothing while they were read a short while ago.
    pub fn facts(&mut self, now_ms: u64) -> Vec<Fact> {
        if self
            .read_ms
            .is_some_and(|read_ms| now_ms.abs_diff(read_ms) < READ_AGAIN_MS)
        {
            return Vec::new();
        }
        self.read_ms = Some(now_ms);
        let fact = |(name, file): &(&str, PathBuf)| match expiry_ms(file) {
            Some(expires_ms) => Some(Fact::Certificate {
                name: (*name).to_owned(),
                expires_ms,
            }),
            None => {
                tracing::warn!(file = %file.display(), "no certificate can be read for alerts");
                None
            }
        };
        self.files.iter().filter_map(fact).collect()
    }
}

/// The end of the first certificate's validity (RFC 5280 §4.1.2.5), in ms since 1970.
fn expiry_ms(file: &std::path::Path) -> Option<u64> {
    let bytes = std::fs::read(file).ok()?;
    let der = match CertificateDer::from_pem_slice(&bytes) {
        Ok(certificate) => certificate.to_vec(),
        Err(_) => bytes,
    };
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
    let seconds = certificate.validity().not_after.timestamp();
    Some(u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_of_the_audit_is_damage_and_what_is_not_indexed_is_not() {
        let standing = ArchiveStanding {
            segments: 5,
            indexed: 3,
            ..ArchiveStanding::default()
        };
        assert_eq!(audit(standing), Fact::Audit { damaged: None });
        let Fact::Audit { damaged: Some(what) } = audit(ArchiveStanding { missing: 2, ..standing }) else {
            panic!("two segments are missing");
        };
        assert!(what.starts_with("2 segments are missing"), "{what}");
    }

    /// Made for this test by `openssl req -x509`; its end by `openssl x509 -enddate`.
    const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIUCzfx2TqqBHadxwaKT0F+7Asu0sgwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAeFw0yNjExMjIxNjM0NTJaFw0yNzExMjIxNjM0NTJa
MA8xDTALBgNVBAMMBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARXK0xg
BiWXR4i2SeLcTmPIrHt0pEgLO/Ea25QT2gEoKXLHjVWO3XJ/0GH+dlZaifpFWGlH
1Vx6t6d6o+ts6aACo1MwUTAdBgNVHQ4EFgQURyZdkbscPOkR0JZZ3blknGv5eBkw
HwYDVR0jBBgwFoAURyZdkbscPOkR0JZZ3blknGv5eBkwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNIADBFAiBP/iYEstVD77QgKu5+KFMkVI+y8ONtxizUEk8o
vFXkKwIhAOlACRxpq6gwQ7fYf6GOKNgTXrvESF2O9wDWHWrPxDz2
-----END CERTIFICATE-----
";
    const EXPIRES_MS: u64 = 1_826_901_292_000;

    #[test]
    fn the_end_of_a_certificate_is_read_from_pem_and_from_der_and_once_an_hour() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        let der = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("PEM");
        std::fs::write(file("pem"), CERTIFICATE).expect("writable");
        std::fs::write(file("der"), &der).expect("writable");
        std::fs::write(file("neither"), "text").expect("writable");
        let files = ["pem", "der", "neither", "missing"].map(|name| (name, file(name)));
        let mut certificates = Certificates::new(files.to_vec());
        let expected = ["pem", "der"].map(|name| Fact::Certificate {
            name: name.to_owned(),
            expires_ms: EXPIRES_MS,
        });
        assert_eq!(certificates.facts(5), expected);
        assert_eq!(certificates.facts(READ_AGAIN_MS), []);
        assert_eq!(certificates.facts(READ_AGAIN_MS + 5), expected);
    }
}
