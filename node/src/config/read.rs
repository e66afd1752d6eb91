//! From text to [`Config`]: the one place that knows every section, key, range and default.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::{
    Api, Cluster, Config, ConfigError, DEFAULT_SOCKET, Https, KeySource, Limits, Log, LogLevel, Node, OwnCertificate,
    Radius, check,
    mistake::Mistakes,
    section::{Lines, Section, check_sections},
};

const SECTIONS: [&str; 8] = ["node", "radius", "https", "cluster", "key", "api", "log", "limits"];

/// A file longer than this is not a configuration of ours; lines are counted over and over.
const TEXT_MAX_BYTES: usize = 256 * 1024;

/// A Unix socket's path must fit `sun_path` with its final NUL.
const SOCKET_PATH_MAX_BYTES: usize = 107;

pub(super) fn read(file: &Path, text: &str) -> Result<Config, ConfigError> {
    let mut mistakes = Mistakes::in_text(text);
    let mut config = Config::defaults();
    config.file = Some(file.to_owned());
    if text.len() > TEXT_MAX_BYTES {
        mistakes.on_line(0, "", "the file is larger than 256 KiB", "it must be some other file");
    } else {
        let (document, syntax) = DeTable::parse_recoverable(text);
        for error in &syntax {
            mistakes.at(
                error.span().unwrap_or(0..0),
                "",
                format!("this is not TOML: {}", error.message().replace('\n', "; ")),
                "a setting is one line: name = value, with text in \"quotes\"",
            );
        }
        // What stands on a line that is not TOML was read as something that nobody wrote.
        let unreadable = mistakes.lines();
        read_sections(document.get_ref(), &mut config, &mut mistakes);
        mistakes.forget(|mistake| !mistake.setting.is_empty() && unreadable.contains(&mistake.line));
    }
    match mistakes.into_sorted() {
        found if found.is_empty() => Ok(config),
        found => Err(ConfigError::Mistakes {
            file: file.to_owned(),
            mistakes: found,
        }),
    }
}

fn read_sections<'t>(document: &DeTable<'t>, config: &mut Config, mistakes: &mut Mistakes<'t>) {
    let mut lines = Lines::new();
    check_sections(document, &SECTIONS, mistakes);
    read_node(Section::open(document, "node", &mut lines, mistakes), &mut config.node);
    read_radius(
        Section::open(document, "radius", &mut lines, mistakes),
        &mut config.radius,
    );
    read_https(
        Section::open(document, "https", &mut lines, mistakes),
        &mut config.https,
    );
    read_cluster(
        Section::open(document, "cluster", &mut lines, mistakes),
        &mut config.cluster,
    );
    read_key(Section::open(document, "key", &mut lines, mistakes), &mut config.key);
    read_api(Section::open(document, "api", &mut lines, mistakes), &mut config.api);
    read_log(Section::open(document, "log", &mut lines, mistakes), &mut config.log);
    read_limits(
        Section::open(document, "limits", &mut lines, mistakes),
        &mut config.limits,
    );
    check::across(config, &lines, mistakes);
}

fn read_node(mut section: Section<'_, '_>, node: &mut Node) {
    if let Some(name) = section.text("name", "ankara-1") {
        match is_label(&name) {
            true => node.name = name,
            false => section.complain("name", &format!("\"{name}\" is not a node name"), LABEL),
        }
    }
    if let Some(site) = section.text("site", "ankara") {
        match is_label(&site) {
            true => node.site = site,
            false => section.complain("site", &format!("\"{site}\" is not a site name"), LABEL),
        }
    }
    set(&mut node.data_dir, section.path("data_dir", "/var/lib/quorate"));
    section.close();
}

fn read_radius(mut section: Section<'_, '_>, radius: &mut Radius) {
    set(&mut radius.listen, section.addresses("listen", "[::]:1812"));
    let default = u64::from(radius.receive_buffer_bytes);
    // Below 64 KiB a burst of a hundred requests is lost; above 256 MiB the kernel would refuse.
    let bytes = section.number("receive_buffer_bytes", 65_536..=268_435_456, default, "bytes");
    set(
        &mut radius.receive_buffer_bytes,
        bytes.and_then(|n| u32::try_from(n).ok()),
    );
    section.close();
}

fn read_https(mut section: Section<'_, '_>, https: &mut Https) {
    set(&mut https.listen, section.addresses("listen", "[::]:443"));
    let chain = section.path("certificate", "/etc/quorate/tls.crt");
    let key = section.path("key", "/etc/quorate/tls.key");
    match (section.has("certificate"), section.has("key")) {
        (true, false) => section.complain(
            "certificate",
            "has no key beside it",
            "add key = \"/etc/quorate/tls.key\", or leave both out and the cluster's CA issues a certificate",
        ),
        (false, true) => section.complain(
            "key",
            "has no certificate beside it",
            "add certificate = \"/etc/quorate/tls.crt\", or leave both out and the cluster's CA issues one",
        ),
        _ => {}
    }
    if let (Some(chain_file), Some(key_file)) = (chain, key) {
        https.certificate = Some(OwnCertificate { chain_file, key_file });
    }
    section.close();
}

fn read_cluster(mut section: Section<'_, '_>, cluster: &mut Cluster) {
    set(&mut cluster.listen, section.address("listen", "[::]:7443"));
    if let Some(text) = section.text("advertise", "10.0.0.1:7443") {
        match is_host_port(&text) {
            true => cluster.advertise = Some(text),
            false => section.complain(
                "advertise",
                &format!("\"{text}\" is not HOST:PORT"),
                "write the address other nodes dial, as in \"10.0.0.1:7443\" or \"mfa-1.example.org:7443\"",
            ),
        }
    }
    // A heartbeat is also the deadline of one append to a peer: under 10 ms no disk keeps up;
    // over 5 s a dead leader would be missed for half a minute.
    let heartbeat = section.number("heartbeat_ms", 10..=5_000, cluster.heartbeat_ms, "milliseconds");
    set(&mut cluster.heartbeat_ms, heartbeat);
    let (min, max) = (cluster.election_timeout_min_ms, cluster.election_timeout_max_ms);
    set(
        &mut cluster.election_timeout_min_ms,
        section.number("election_timeout_min_ms", 20..=30_000, min, "milliseconds"),
    );
    set(
        &mut cluster.election_timeout_max_ms,
        section.number("election_timeout_max_ms", 30..=60_000, max, "milliseconds"),
    );
    // Below half a second probes over a wide network cannot tell; above a timestep a wrong clock would judge codes.
    let tolerance = section.number(
        "clock_tolerance_ms",
        500..=30_000,
        cluster.clock_tolerance_ms,
        "milliseconds",
    );
    set(&mut cluster.clock_tolerance_ms, tolerance);
    let replace = section.flag("replace_damaged", cluster.replace_damaged);
    set(&mut cluster.replace_damaged, replace);
    section.close();
}

fn read_key(mut section: Section<'_, '_>, key: &mut KeySource) {
    let sources = [
        section
            .path("file", "/etc/quorate/application.key")
            .map(KeySource::File),
        section
            .text("credential", "quorate.key")
            .map(KeySource::SystemdCredential),
        section
            .text("passphrase_env", "QUORATE_PASSPHRASE")
            .map(KeySource::PassphraseEnv),
        section
            .path("passphrase_file", "/etc/quorate/passphrase")
            .map(KeySource::PassphraseFile),
    ];
    let names = ["file", "credential", "passphrase_env", "passphrase_file"];
    let present: Vec<&'static str> = names.into_iter().filter(|name| section.has(name)).collect();
    if present.len() > 1 {
        section.complain(
            present[1],
            &format!(
                "the key would come from {} places: {}",
                present.len(),
                present.join(", ")
            ),
            "keep one of them",
        );
    }
    set(key, sources.into_iter().flatten().next());
    section.close();
}

fn read_api(mut section: Section<'_, '_>, api: &mut Api) {
    if let Some(path) = section.path("socket", DEFAULT_SOCKET) {
        let bytes = path.as_os_str().len();
        match bytes <= SOCKET_PATH_MAX_BYTES {
            true => api.socket = path,
            false => section.complain(
                "socket",
                &format!("the path has {bytes} bytes, and a socket's path may have {SOCKET_PATH_MAX_BYTES}"),
                &format!("write a shorter path, as in \"{DEFAULT_SOCKET}\""),
            ),
        }
    }
    section.close();
}

fn read_log(mut section: Section<'_, '_>, log: &mut Log) {
    let levels = LogLevel::ALL.map(|level| (level.as_str(), level));
    set(&mut log.level, section.choice("level", &levels));
    section.close();
}

fn read_limits(mut section: Section<'_, '_>, limits: &mut Limits) {
    let pending = section.number("pending_requests", 64..=1_000_000, limits.pending_requests, "requests");
    set(
        &mut limits.pending_requests,
        pending.and_then(|n| u32::try_from(n).ok()),
    );
    let threads = section.number("hash_threads", 1..=256, "one per processor", "threads");
    set(&mut limits.hash_threads, threads.and_then(|n| u32::try_from(n).ok()));
    let log = section.number(
        "snapshot_after_log_mib",
        1..=65_536,
        limits.snapshot_after_log_mib,
        "MiB",
    );
    set(
        &mut limits.snapshot_after_log_mib,
        log.and_then(|n| u32::try_from(n).ok()),
    );
    let reserve = section.number("disk_reserve_mib", 1..=65_536, limits.disk_reserve_mib, "MiB");
    set(
        &mut limits.disk_reserve_mib,
        reserve.and_then(|n| u32::try_from(n).ok()),
    );
    section.close();
}

impl Config {
    /// What an empty file means.
    fn defaults() -> Config {
        let any = |port| std::net::SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port));
        Config {
            file: None,
            node: Node {
                name: host_name(),
                site: "default".to_owned(),
                data_dir: PathBuf::from("/var/lib/quorate"),
            },
            radius: Radius {
                listen: vec![any(1812)],
                receive_buffer_bytes: quorate_net::limits::RECEIVE_BUFFER_BYTES as u32,
            },
            https: Https {
                listen: vec![any(443)],
                certificate: None,
            },
            cluster: Cluster {
                listen: any(7443),
                advertise: None,
                heartbeat_ms: 60,
                election_timeout_min_ms: 150,
                election_timeout_max_ms: 300,
                clock_tolerance_ms: 5_000,
                replace_damaged: true,
            },
            key: KeySource::File(PathBuf::from("/etc/quorate/application.key")),
            api: Api {
                socket: PathBuf::from(DEFAULT_SOCKET),
            },
            log: Log { level: LogLevel::Info },
            limits: Limits {
                pending_requests: 16_384,
                hash_threads: std::thread::available_parallelism()
                    .map_or(1, |n| u32::try_from(n.get()).unwrap_or(256).min(256)),
                snapshot_after_log_mib: 64,
                disk_reserve_mib: 128,
            },
        }
    }
}

const LABEL: &str = "use 1 to 63 letters, digits, dots and hyphens, beginning with a letter or digit";

fn is_label(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
}

fn is_host_port(text: &str) -> bool {
    if text
        .parse::<std::net::SocketAddr>()
        .is_ok_and(|a| a.port() != 0 && !a.ip().is_unspecified())
    {
        return true;
    }
    match text.rsplit_once(':') {
        Some((host, port)) => {
            is_label(host)
                && host.parse::<std::net::IpAddr>().is_err()
                && port.parse::<u16>().is_ok_and(|port| port != 0)
        }
        None => false,
    }
}

/// The host's name where it is a valid node name, else `node`.
fn host_name() -> String {
    let name = rustix::system::uname();
    match name.nodename().to_str() {
        Ok(name) if is_label(name) => name.to_owned(),
        _ => "node".to_owned(),
    }
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}
