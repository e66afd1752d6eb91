//! Checks across settings: each value is right alone, but not beside the others.

use std::net::SocketAddr;

use super::{Config, mistake::Mistakes, section::Lines};

pub(super) fn across(config: &Config, lines: &Lines, mistakes: &mut Mistakes<'_>) {
    election_outlasts_heartbeats(config, lines, mistakes);
    ports_are_distinct(config, lines, mistakes);
    for (receiver, is_there) in [
        ("webhook.url", !config.webhooks.is_empty()),
        ("mail.to", !config.mails.is_empty()),
    ] {
        if is_there && !lines.contains_key("alert.rule") {
            let line = line_of(lines, &[receiver]);
            let right = "add an [[alert]] with a rule, as in rule = \"quorum_lost\"".to_owned();
            mistakes.on_line(
                line,
                receiver,
                "has nothing to be told: there is no rule".to_owned(),
                right,
            );
        }
    }
}

/// A follower must miss two heartbeats before it campaigns, or every slow fsync is an election.
fn election_outlasts_heartbeats(config: &Config, lines: &Lines, mistakes: &mut Mistakes<'_>) {
    let cluster = &config.cluster;
    let (heartbeat, min, max) = (
        cluster.heartbeat_ms,
        cluster.election_timeout_min_ms,
        cluster.election_timeout_max_ms,
    );
    if min < heartbeat * 2 {
        let line = line_of(lines, &["cluster.election_timeout_min_ms", "cluster.heartbeat_ms"]);
        mistakes.on_line(
            line,
            "cluster.election_timeout_min_ms",
            format!(
                "{min} is less than two heartbeats of {heartbeat} ms: followers would campaign against a living leader"
            ),
            format!("write at least {}, or a smaller heartbeat_ms", heartbeat * 2),
        );
    }
    if max <= min {
        let line = line_of(
            lines,
            &["cluster.election_timeout_max_ms", "cluster.election_timeout_min_ms"],
        );
        mistakes.on_line(
            line,
            "cluster.election_timeout_max_ms",
            format!("{max} is not above election_timeout_min_ms = {min}: candidates would collide"),
            format!("write about twice the minimum: {}", min * 2),
        );
    }
}

/// RADIUS and cluster are both UDP; HTTPS is TCP and only conflicts with itself.
fn ports_are_distinct(config: &Config, lines: &Lines, mistakes: &mut Mistakes<'_>) {
    let mut udp: Vec<(&str, SocketAddr)> = Vec::new();
    udp.extend(config.radius.listen.iter().map(|a| ("radius.listen", *a)));
    udp.push(("cluster.listen", config.cluster.listen));
    let tcp: Vec<(&str, SocketAddr)> = config.https.listen.iter().map(|a| ("https.listen", *a)).collect();
    for (transport, sockets) in [("UDP", udp), ("TCP", tcp)] {
        for (i, (setting, address)) in sockets.iter().enumerate() {
            for (other, earlier) in &sockets[..i] {
                if overlap(*address, *earlier) {
                    mistakes.on_line(
                        line_of(lines, &[setting, other]),
                        *setting,
                        format!("{address} and {earlier} ({other}) are the same {transport} port"),
                        "give one of them another port or another address".to_owned(),
                    );
                }
            }
        }
    }
}

/// Whether both cannot be bound at once; `[::]` takes the port of IPv4 too.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let everything = |x: SocketAddr| x.ip().is_unspecified() && x.is_ipv6();
    let all_of_family = |x: SocketAddr, y: SocketAddr| x.ip().is_unspecified() && x.is_ipv4() == y.is_ipv4();
    a.port() == b.port()
        && (a.ip() == b.ip() || everything(a) || everything(b) || all_of_family(a, b) || all_of_family(b, a))
}

/// The line of the first setting that is in the file; 0 when both are defaults.
fn line_of(lines: &Lines, settings: &[&str]) -> usize {
    settings
        .iter()
        .find_map(|setting| lines.get(*setting).copied())
        .unwrap_or(0)
}
