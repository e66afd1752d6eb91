//! The mistakes people make, and the words they get. `golden/*.toml` beside this file are read as
//! they are; what is said about each is in the `.txt` of the same name. To accept a change of
//! words: `QUORATE_ACCEPT=1 cargo test -p quorate config`.

use std::path::{Path, PathBuf};

use super::*;

fn golden_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/golden")
}

#[test]
fn every_mistake_is_told_with_its_line_and_what_would_be_right() {
    let mut seen = 0;
    for entry in std::fs::read_dir(golden_folder()).expect("the folder is there") {
        let file = entry.expect("readable").path();
        if file.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&file).expect("readable");
        let name = Path::new(file.file_name().expect("has a name"));
        let said = match Config::from_text(name, &text) {
            Ok(_) => "no mistake\n".to_owned(),
            Err(e) => format!("{e}\n"),
        };
        let expected = file.with_extension("txt");
        if std::env::var_os("QUORATE_ACCEPT").is_some() {
            std::fs::write(&expected, &said).expect("writable");
        }
        let expected = std::fs::read_to_string(&expected).expect("has its .txt");
        assert_eq!(said, expected, "{}", file.display());
    }
    assert!(seen >= 5, "only {seen} golden files were found");
}

fn read(text: &str) -> Config {
    Config::from_text(Path::new("quorate.toml"), text).expect("right")
}

#[test]
fn an_empty_file_means_the_defaults() {
    let config = read("");
    assert_eq!(config.radius.listen, ["[::]:1812".parse().expect("valid")]);
    assert_eq!(config.https.listen, ["[::]:443".parse().expect("valid")]);
    assert_eq!(config.cluster.listen, "[::]:7443".parse().expect("valid"));
    assert_eq!(
        (config.cluster.heartbeat_ms, config.cluster.election_timeout_max_ms),
        (60, 300)
    );
    assert_eq!(config.key, KeySource::File("/etc/quorate/application.key".into()));
}

#[test]
fn what_is_shown_reads_back_the_same() {
    let mut config = read(
        r#"
        [node]
        name = "ankara-1"
        data_dir = "/srv/a \"quoted\" place"
        [radius]
        listen = ["192.0.2.1:1812", "[2001:db8::1]:1645"]
        [https]
        listen = "192.0.2.1:8443"
        certificate = "/c"
        key = "/k"
        [cluster]
        advertise = "mfa-1.example.org:7443"
        [key]
        passphrase_env = "QUORATE_PASSPHRASE"
        [[syslog]]
        address = "logs.example.org:6514"
        transport = "tls"
        ca = "/etc/quorate/syslog-ca.pem"
        server_name = "logs"
        certificate = "/c"
        key = "/k"
        facility = "local3"
        [[syslog]]
        address = "[2001:db8::1]:514"
        transport = "udp"
        [[alert]]
        rule = "failure_rate"
        count = 50
        percent = 80
        within_s = 60
        [[alert]]
        rule = "certificate_expires"
        days = 14
        interval_s = 86400
        [[webhook]]
        url = "https://alerts.example.org/quorate?x=1"
        secret_file = "/etc/quorate/webhook.secret"
        ca = "/ca"
        [[mail]]
        to = "operators@example.org"
        "#,
    );
    assert_eq!(
        (
            config.syslog.len(),
            config.alerts.len(),
            config.webhooks.len(),
            config.mails.len()
        ),
        (2, 2, 1, 1)
    );
    assert_eq!(read(&config.to_toml()), config);
    config.key = KeySource::SystemdCredential("quorate.key".into());
    config.cluster.advertise = None;
    config.https.certificate = None;
    assert_eq!(read(&config.to_toml()), config);
}

#[test]
fn a_missing_file_is_only_forgiven_where_nobody_named_it() {
    let missing = Path::new("/nonexistent/quorate.toml");
    assert!(matches!(
        Config::load(Some(missing)),
        Err(ConfigError::Unreadable { .. })
    ));
}

#[test]
fn an_explicit_address_is_what_others_are_told() {
    let advertised = |text: &str| read(text).advertised();
    assert_eq!(
        advertised("[cluster]\nlisten = \"10.0.0.1:7443\""),
        Ok("10.0.0.1:7443".into())
    );
    assert_eq!(
        advertised("[cluster]\nadvertise = \"mfa-1:7443\""),
        Ok("mfa-1:7443".into())
    );
}

#[test]
fn no_text_whatever_makes_it_panic() {
    let whole = std::fs::read_to_string(golden_folder().join("right.toml")).expect("readable");
    for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
        let _ = Config::from_text(Path::new("cut.toml"), &whole[..end]);
        let _ = Config::from_text(Path::new("cut.toml"), &whole[end..]);
    }
}
