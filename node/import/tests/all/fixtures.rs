//! Files that other products wrote (see fixtures/README.md), and what is read of them: every fixture has a `.golden` beside it. After an
//! intended change, `UPDATE_GOLDEN=1 cargo test -p quorate-import` writes them anew, to be looked at before they are committed.

use std::{fs, path::PathBuf};

use quorate_import::{Format, Options, detect, dry_run, read};
use zeroize::Zeroizing;

use crate::shown;

/// A fixture, its format, and the key that opens it: a file, or the bytes themselves.
pub const FIXTURES: [(&str, Format, Key); 21] = [
    ("users.csv", Format::UsersCsv, Key::None),
    ("openldap.ldif", Format::Ldif, Key::None),
    ("privacyidea.csv", Format::PrivacyideaCsv, Key::None),
    ("privacyidea-base32.csv", Format::PrivacyideaCsv, Key::None),
    (
        "privacyidea.export",
        Format::PrivacyideaExport,
        Key::File("privacyidea.export.key"),
    ),
    (
        "privacyidea.sql",
        Format::PrivacyideaTables,
        Key::File("privacyidea.enckey"),
    ),
    (
        "privacyidea-tables.csv",
        Format::PrivacyideaTables,
        Key::File("privacyidea.enckey"),
    ),
    ("privacyidea.pskc", Format::Pskc, Key::File("privacyidea.pskc.key")),
    ("freeradius.csv", Format::Freeradius, Key::None),
    ("freeradius.sql", Format::Freeradius, Key::None),
    ("freeradius-complete.sql", Format::Freeradius, Key::None),
    ("python-pskc-aes128.pskc", Format::Pskc, Key::Counting(16)),
    ("python-pskc-aes192.pskc", Format::Pskc, Key::Counting(24)),
    ("python-pskc-aes256.pskc", Format::Pskc, Key::Counting(32)),
    (
        "python-pskc-password.pskc",
        Format::Pskc,
        Key::Password("invented password\n"),
    ),
    ("oath.csv", Format::OathCsv, Key::None),
    ("oath-header.csv", Format::OathCsv, Key::None),
    ("yubico-traditional.csv", Format::YubicoCsv, Key::None),
    ("yubico.csv", Format::YubicoCsv, Key::None),
    ("otpauth.txt", Format::Otpauth, Key::None),
    ("migration.txt", Format::Otpauth, Key::None),
];

#[derive(Clone, Copy)]
pub enum Key {
    None,
    File(&'static str),
    /// So many bytes, 0, 1, 2, …
    Counting(u8),
    Password(&'static str),
}

pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

pub fn bytes(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn options(key: Key) -> Options {
    let key = match key {
        Key::None => None,
        Key::File(name) => Some(bytes(name)),
        Key::Counting(len) => Some((0..len).collect()),
        Key::Password(text) => Some(text.as_bytes().to_vec()),
    };
    Options {
        key_file: key.map(Zeroizing::new),
        now_s: Some(1_800_000_000),
        ..Options::default()
    }
}

#[test]
fn every_fixture_is_read_as_it_was_looked_at() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut different = Vec::new();
    for (name, format, key) in FIXTURES {
        let input = bytes(name);
        assert_eq!(detect(&input), Some(format), "{name}");
        let import = read(&input, &options(key)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = shown::import(&import);
        let golden = path(&format!("{name}.golden"));
        if update {
            fs::write(golden, text).unwrap();
        } else if fs::read_to_string(golden).unwrap_or_default() != text {
            different.push(format!("{name}:\n{text}"));
        }
    }
    assert!(different.is_empty(), "not as in the golden files: {different:#?}");
}

#[test]
fn a_dry_run_gives_the_same_report() {
    for (name, format, key) in FIXTURES {
        let options = Options {
            format: Some(format),
            ..options(key)
        };
        let input = bytes(name);
        let import = read(&input, &options).unwrap();
        assert_eq!(dry_run(&input, &options).unwrap(), import.report, "{name}");
    }
}

#[test]
fn a_report_is_json_for_a_script() {
    let report = dry_run(&bytes("oath.csv"), &Options::default()).unwrap();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["format"], "oath-csv");
    assert_eq!(json["rows"][0]["outcome"], "ok");
    assert_eq!(json["rows"][0]["subject"], "OATH0001");
    assert_eq!(json["rows"][3]["outcome"], "wrong");
    assert_eq!(json["rows"][3]["field"], "secret");
    assert_eq!(json["rows"][3]["line"], 5);
    assert_eq!(serde_json::to_value(report.totals()).unwrap()["wrong"], 2);
}

/// What is secret in a fixture stands in no report about it.
#[test]
fn no_report_holds_a_secret() {
    for (name, _, key) in FIXTURES {
        let report = shown::report(&dry_run(&bytes(name), &options(key)).unwrap());
        for secret in [
            "GEZDGNBV",
            "gezd gnbv",
            "31323334353637383930",
            "6162636465",
            "correct horse",
            "0CB6948805",
            "$6$invented",
            "invented password",
            "MTIzNDU2Nzg5",
            "better than",
            "0f1e2d3c4b5a",
            "a1b2c3d4e5f6",
            "IFAUCQKB",
            "in the clear",
            "e1NTSEF9",
        ] {
            assert!(!report.contains(secret), "{name} shows {secret}");
        }
    }
}
