//! The other direction: settings as a file. For `quorate config show` and for the demo's nodes.

use std::{fmt::Display, path::Path};

use quorate_alerts::{Rule, syslog::ServerSettings};

use super::{Config, KeySource};

impl Config {
    /// Every setting with its value; reading the text back gives the same settings.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        section(&mut out, "node");
        text(&mut out, "name", &self.node.name);
        text(&mut out, "site", &self.node.site);
        path(&mut out, "data_dir", &self.node.data_dir);
        section(&mut out, "radius");
        list(&mut out, "listen", &self.radius.listen);
        plain(&mut out, "receive_buffer_bytes", self.radius.receive_buffer_bytes);
        section(&mut out, "https");
        list(&mut out, "listen", &self.https.listen);
        if let Some(own) = &self.https.certificate {
            path(&mut out, "certificate", &own.chain_file);
            path(&mut out, "key", &own.key_file);
        }
        section(&mut out, "cluster");
        text(&mut out, "listen", &self.cluster.listen.to_string());
        if let Some(address) = &self.cluster.advertise {
            text(&mut out, "advertise", address);
        }
        plain(&mut out, "heartbeat_ms", self.cluster.heartbeat_ms);
        plain(
            &mut out,
            "election_timeout_min_ms",
            self.cluster.election_timeout_min_ms,
        );
        plain(
            &mut out,
            "election_timeout_max_ms",
            self.cluster.election_timeout_max_ms,
        );
        plain(&mut out, "clock_tolerance_ms", self.cluster.clock_tolerance_ms);
        plain(&mut out, "replace_damaged", self.cluster.replace_damaged);
        section(&mut out, "key");
        match &self.key {
            KeySource::File(file) => path(&mut out, "file", file),
            KeySource::SystemdCredential(name) => text(&mut out, "credential", name),
            KeySource::PassphraseEnv(name) => text(&mut out, "passphrase_env", name),
            KeySource::PassphraseFile(file) => path(&mut out, "passphrase_file", file),
        }
        section(&mut out, "api");
        path(&mut out, "socket", &self.api.socket);
        section(&mut out, "log");
        text(&mut out, "level", self.log.level.as_str());
        section(&mut out, "limits");
        plain(&mut out, "pending_requests", self.limits.pending_requests);
        plain(&mut out, "hash_threads", self.limits.hash_threads);
        plain(&mut out, "snapshot_after_log_mib", self.limits.snapshot_after_log_mib);
        plain(&mut out, "disk_reserve_mib", self.limits.disk_reserve_mib);
        for server in &self.syslog {
            syslog(&mut out, server);
        }
        for rule in &self.alerts {
            alert(&mut out, rule);
        }
        for webhook in &self.webhooks {
            out.push_str("\n[[webhook]]\n");
            text(&mut out, "url", &webhook.url);
            path(&mut out, "secret_file", &webhook.secret_file);
            if let Some(ca) = &webhook.ca {
                path(&mut out, "ca", ca);
            }
        }
        for mail in &self.mails {
            out.push_str("\n[[mail]]\n");
            text(&mut out, "to", mail.as_str());
        }
        out
    }
}

fn syslog(out: &mut String, server: &ServerSettings) {
    out.push_str("\n[[syslog]]\n");
    text(out, "address", &server.address);
    text(out, "transport", server.transport.label());
    if let Some(facility) = server.facility {
        text(out, "facility", facility.label());
    }
    let paths = [
        ("ca", &server.ca),
        ("certificate", &server.certificate),
        ("key", &server.key),
    ];
    for (key, file) in paths {
        if let Some(file) = file {
            path(out, key, file);
        }
    }
    if let Some(name) = &server.server_name {
        text(out, "server_name", name);
    }
}

fn alert(out: &mut String, rule: &Rule) {
    out.push_str("\n[[alert]]\n");
    text(out, "rule", rule.rule.label());
    let wide = |number: Option<u32>| number.map(u64::from);
    for (key, number) in [
        ("count", wide(rule.count)),
        ("percent", wide(rule.percent)),
        ("within_s", rule.within_s),
        ("days", wide(rule.days)),
        ("hours", wide(rule.hours)),
        ("after_s", rule.after_s),
        ("interval_s", Some(rule.interval_s)),
    ] {
        if let Some(number) = number {
            plain(out, key, number);
        }
    }
}

fn section(out: &mut String, name: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&format!("[{name}]\n"));
}

fn plain(out: &mut String, key: &str, value: impl Display) {
    out.push_str(&format!("{key} = {value}\n"));
}

fn text(out: &mut String, key: &str, value: &str) {
    plain(out, key, toml::Value::String(value.to_owned()));
}

fn path(out: &mut String, key: &str, value: &Path) {
    text(out, key, &value.to_string_lossy());
}

fn list<T: Display>(out: &mut String, key: &str, values: &[T]) {
    let values = values.iter().map(|value| toml::Value::String(value.to_string()));
    plain(out, key, toml::Value::Array(values.collect()));
}
