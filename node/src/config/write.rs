//! The other direction: settings as a file. For `quorate config show` and for the demo's nodes.

use std::{fmt::Display, path::Path};

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
        out
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
