//! The configuration file: what one node needs to know before it can reach the others.
//!
//! Everything that belongs to the cluster (users, clients, policies) lives in the replicated state
//! and is changed with the admin commands; this file holds only what differs from machine to
//! machine. Every setting has a default, so that an empty file is a valid one.
//!
//! [`Config::load`] reports every mistake of a file at once, each with its line and with what would
//! be right ([`ConfigError`]); a node never starts on a file that has one. From there on the values are
//! plain data: nobody checks them a second time, and no library of the workspace sees these types
//! (`boot` hands each part its own piece).
//!
//! Caveat: loading proves that the text is right, not that the machine agrees (a port may be in
//! use, a certificate missing). `quorate doctor` looks at the machine.

mod advertise;
mod check;
mod mistake;
mod read;
mod section;
#[cfg(test)]
mod tests;
mod write;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

pub use mistake::ConfigError;

/// Where the file is unless `--config` or `QUORATE_CONFIG` says otherwise.
pub const DEFAULT_FILE: &str = "/etc/quorate/quorate.toml";

/// Where the root-only admin socket is unless `[api] socket` says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/quorate/quorate.sock";

/// The settings of one node, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file they were read from; `None` when there was none and every setting is a default.
    pub file: Option<PathBuf>,
    pub node: Node,
    pub radius: Radius,
    pub https: Https,
    pub cluster: Cluster,
    pub key: KeySource,
    pub api: Api,
    pub log: Log,
    pub limits: Limits,
    /// `[[syslog]]`: servers that get this node's audit records.
    pub syslog: Vec<quorate_alerts::syslog::ServerSettings>,
    /// `[[alert]]`: what somebody wants to be told about.
    pub alerts: Vec<quorate_alerts::Rule>,
    /// `[[webhook]]`: who is told.
    pub webhooks: Vec<quorate_alerts::WebhookSettings>,
    /// `[[mail]]`: who is told by mail, through the cluster's gateways.
    pub mails: Vec<quorate_delivery::MailAddress>,
}

/// `[node]`: who this node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Shown in `quorate status`, in metrics and in the audit. Default: the host's name.
    pub name: String,
    /// The place it stands in; nodes of one site share site-wide settings.
    pub site: String,
    /// Log, snapshots, audit segments and state image. Never shared between nodes.
    pub data_dir: PathBuf,
}

/// `[radius]`: the authentication port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Radius {
    /// UDP addresses; `[::]:1812` serves IPv4 too.
    pub listen: Vec<SocketAddr>,
    /// SO_RCVBUF asked of the kernel, in bytes; bursts wait here.
    pub receive_buffer_bytes: u32,
}

/// `[https]`: API, health and metrics over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Https {
    pub listen: Vec<SocketAddr>,
    /// PEM chain and key of an own certificate; without them the cluster's CA issues one.
    pub certificate: Option<OwnCertificate>,
}

/// A certificate the operator brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCertificate {
    pub chain_file: PathBuf,
    pub key_file: PathBuf,
}

/// `[cluster]`: consensus between the nodes (QUIC, so UDP).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    pub listen: SocketAddr,
    /// HOST:PORT at which the other nodes reach this one; see [`Config::advertised`].
    pub advertise: Option<String>,
    /// How often a leader says that it lives, in milliseconds. Must exceed a round trip plus an fsync.
    pub heartbeat_ms: u64,
    /// A follower that hears nothing campaigns after a random time in this range, in milliseconds.
    pub election_timeout_min_ms: u64,
    pub election_timeout_max_ms: u64,
    /// How far a node's clock may be from the cluster's time before the node judges no time-based codes and leads no more, in ms.
    pub clock_tolerance_ms: u64,
    /// Whether this node, when its log or state is found damaged, asks the cluster to go on under a new number with an empty
    /// directory. If not, it ends and waits for an operator.
    pub replace_damaged: bool,
}

/// `[key]`: where the application key comes from, under which every secret is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A key file. `quorate init` and `quorate join` create it, readable by its owner only.
    File(PathBuf),
    /// The name of a systemd credential (`LoadCredential=`), found in `$CREDENTIALS_DIRECTORY`.
    SystemdCredential(String),
    /// The name of an environment variable that holds a passphrase.
    PassphraseEnv(String),
    /// A file whose first line is a passphrase.
    PassphraseFile(PathBuf),
}

/// `[api]`: the admin socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    pub socket: PathBuf,
}

/// `[log]`: what goes to standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub level: LogLevel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// `[limits]`: how much of the machine one node may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// RADIUS requests that may wait; further ones are dropped and counted, and the NAS asks again.
    pub pending_requests: u32,
    /// Threads that hash passwords, each with a block of 19 MiB. Default: one per processor.
    pub hash_threads: u32,
    /// Log written since the last snapshot that starts the next one, in MiB.
    pub snapshot_after_log_mib: u32,
    /// Room kept free in the data directory, in MiB: when the disk has filled up to it, the node steps aside until there is room again.
    pub disk_reserve_mib: u32,
}

impl Config {
    /// Reads `path`, or all defaults when no path was asked for and the default file is missing.
    ///
    /// # Errors
    /// The file cannot be read, or has mistakes: all of them.
    pub fn load(path: Option<&Path>) -> Result<Config, ConfigError> {
        let file = path.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(file) {
            Ok(text) => Config::from_text(file, &text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && path.is_none() => {
                let mut config = Config::from_text(file, "")?;
                config.file = None;
                Ok(config)
            }
            Err(source) => Err(ConfigError::Unreadable {
                file: file.to_owned(),
                source,
            }),
        }
    }

    /// The settings in `text`; `file` is only for messages.
    ///
    /// # Errors
    /// All mistakes of the text, in the order of their lines.
    pub fn from_text(file: &Path, text: &str) -> Result<Config, ConfigError> {
        read::read(file, text)
    }

    /// HOST:PORT at which the other nodes reach this one: `cluster.advertise`, else the address of
    /// `cluster.listen`, else the address this machine uses towards the outside.
    ///
    /// # Errors
    /// A sentence that says which setting is needed when the address cannot be told.
    pub fn advertised(&self) -> Result<String, String> {
        advertise::advertised(&self.cluster)
    }
}

impl LogLevel {
    const ALL: [LogLevel; 5] = [
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Trace,
    ];

    /// The name used in the file, which is also the name `tracing` knows.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}
