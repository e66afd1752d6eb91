//! From text to [`Config`]: the one place that knows every section, key, range and default.

use std::path::{Path, PathBuf};

use quorate_alerts::syslog::{Facility, ServerSettings, Transport};
use quorate_alerts::{Rule, RuleKind, WebhookSettings, limits as alert_limits};
use quorate_delivery::MailAddress;
use toml::de::DeTable;

use super::{
    Api, Cluster, Config, ConfigError, DEFAULT_SOCKET, Https, KeySource, Limits, Log, LogLevel, Node, OwnCertificate,
    Radius, check,
    mistake::Mistakes,
    section::{Lines, Section, check_sections},
};

const SECTIONS: [&str; 8] = ["node", "radius", "https", "cluster", "key", "api", "log", "limits"];

/// Sections of which there may be several.
const LISTS: [&str; 4] = ["syslog", "alert", "webhook", "mail"];

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
    check_sections(document, &SECTIONS, &LISTS, mistakes);
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
    Section::each(document, "syslog", &mut lines, mistakes, |section| {
        read_syslog(section, &mut config.syslog);
    });
    Section::each(document, "alert", &mut lines, mistakes, |section| {
        read_alert(section, &mut config.alerts);
    });
    Section::each(document, "webhook", &mut lines, mistakes, |section| {
        read_webhook(section, &mut config.webhooks);
    });
    Section::each(document, "mail", &mut lines, mistakes, |section| {
        read_mail(section, &mut config.mails);
    });
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

fn read_syslog(mut section: Section<'_, '_>, servers: &mut Vec<ServerSettings>) {
    let address = section.text("address", "logs.example.org:6514");
    let transport = section.choice("transport", &Transport::ALL.map(|one| (one.label(), one)));
    for (key, right) in [
        ("address", "write address = \"logs.example.org:6514\""),
        ("transport", "write transport = \"tls\", or \"tcp\" or \"udp\""),
    ] {
        if !section.has(key) {
            section.complain(key, "is missing", right);
        }
    }
    let server = ServerSettings {
        facility: section.choice("facility", &Facility::ALL.map(|one| (one.label(), one))),
        ca: section.path("ca", "/etc/quorate/syslog-ca.pem"),
        server_name: section.text("server_name", "logs.example.org"),
        certificate: section.path("certificate", "/etc/quorate/syslog.crt"),
        key: section.path("key", "/etc/quorate/syslog.key"),
        ..ServerSettings::to(
            address.as_deref().unwrap_or_default(),
            transport.unwrap_or(Transport::Tls),
        )
    };
    if address.is_some() && transport.is_some() {
        check_syslog(&mut section, &server, servers);
        servers.push(server);
    }
    section.close();
}

fn check_syslog(section: &mut Section<'_, '_>, server: &ServerSettings, others: &[ServerSettings]) {
    for problem in server.check().err().unwrap_or_default() {
        // A path that is there and wrong was complained of when it was read.
        let is_there = section.has(problem.field);
        let both_are = section.has("certificate") && section.has("key");
        let read_wrong = match problem.field {
            "ca" => server.ca.is_none() && is_there,
            "certificate" | "key" => server.certificate.is_some() != server.key.is_some() && both_are,
            _ => false,
        };
        if read_wrong {
            continue;
        }
        section.complain(problem.field, &problem.problem, &problem.right);
    }
    let same = |other: &&ServerSettings| (&other.address, other.transport) == (&server.address, server.transport);
    if others.iter().any(|other| same(&other)) {
        section.complain(
            "address",
            "is a server that stands here already",
            "leave one of the two out",
        );
    }
    if others.len() == alert_limits::SERVERS_MAX {
        let most = format!("a node reports to {} servers at most", alert_limits::SERVERS_MAX);
        section.complain("address", "is one server too many", &most);
    }
}

fn read_alert(mut section: Section<'_, '_>, rules: &mut Vec<Rule>) {
    let kind = section.choice("rule", &RuleKind::ALL.map(|one| (one.label(), one)));
    if !section.has("rule") {
        section.complain("rule", "is missing", "write rule = \"quorum_lost\", or another");
    }
    let mut number = |key: &'static str, unit: &str| section.number(key, Rule::bounds(key), "the rule's own", unit);
    let small = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
    let mut rule = Rule {
        count: small(number("count", "events")),
        percent: small(number("percent", "percent")),
        within_s: number("within_s", "seconds"),
        days: small(number("days", "days")),
        hours: small(number("hours", "hours")),
        after_s: number("after_s", "seconds"),
        ..Rule::of(kind.unwrap_or(RuleKind::QuorumLost))
    };
    set(&mut rule.interval_s, number("interval_s", "seconds"));
    if kind.is_some() {
        for problem in rule.check().err().unwrap_or_default() {
            section.complain(problem.field, &problem.problem, &problem.right);
        }
        if rules.len() == alert_limits::RULES_MAX {
            section.complain("rule", "is one rule too many", "join some of them");
        }
        rules.push(rule);
    }
    section.close();
}

fn read_webhook(mut section: Section<'_, '_>, webhooks: &mut Vec<WebhookSettings>) {
    let url = section.text("url", "https://alerts.example.org/quorate");
    let secret_file = section.path("secret_file", "/etc/quorate/webhook.secret");
    for (key, right) in [
        ("url", "write url = \"https://alerts.example.org/quorate\""),
        (
            "secret_file",
            "write secret_file = \"/etc/quorate/webhook.secret\": what the receiver checks signatures with",
        ),
    ] {
        if !section.has(key) {
            section.complain(key, "is missing", right);
        }
    }
    let ca = section.path("ca", "/etc/quorate/webhook-ca.pem");
    if let (Some(url), Some(secret_file)) = (url, secret_file) {
        let webhook = WebhookSettings { url, secret_file, ca };
        for problem in webhook.check().err().unwrap_or_default() {
            section.complain(problem.field, &problem.problem, &problem.right);
        }
        if webhooks.len() == alert_limits::WEBHOOKS_MAX {
            section.complain("url", "is one receiver too many", "let one of them pass alerts on");
        }
        webhooks.push(webhook);
    }
    section.close();
}

fn read_mail(mut section: Section<'_, '_>, mails: &mut Vec<MailAddress>) {
    const RIGHT: &str = "write to = \"operators@example.org\"";
    match section.text("to", "operators@example.org") {
        Some(to) => match MailAddress::parse(&to) {
            Ok(to) if mails.len() < alert_limits::MAILS_MAX => mails.push(to),
            Ok(_) => section.complain("to", "is one mailbox too many", "write to a list of people"),
            Err(error) => section.complain("to", &format!("is no mail address: {error}"), RIGHT),
        },
        None if !section.has("to") => section.complain("to", "is missing", RIGHT),
        None => {}
    }
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
            syslog: Vec::new(),
            alerts: Vec::new(),
            webhooks: Vec::new(),
            mails: Vec::new(),
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
