//! `quorate doctor`: is this machine fit to be a node, and is the node on it well?

use std::{
    net::{SocketAddr, TcpListener, UdpSocket},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use clap::Args;
use quorate_api::{Method, Readiness, endpoints};
use serde::Serialize;

use super::{
    Context,
    api::Api,
    exit::{Done, Exit, Failure},
    output::{Table, facts},
};
use crate::config::{Config, KeySource};

/// Check this machine and the node on it, and say what to do
///
/// Looks at the configuration, the files, the ports, the node and its cluster. Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate doctor
  quorate doctor --json | jq '.[] | select(.ok | not)'

Ends with 0 when all is well, 1 when something is not.")]
pub struct Doctor {}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    found: String,
    /// What to do, where something is wrong.
    advice: String,
}

impl Doctor {
    pub async fn perform(self, context: &Context) -> Done {
        let config = context.config()?;
        let mut findings = vec![data_directory(&config), application_key(&config)];
        findings.extend(node(&config).await);
        context.format.show(&findings, |findings| text(findings));
        match findings.iter().filter(|finding| !finding.ok).count() {
            0 => Ok(()),
            n => Err(Failure::new(
                Exit::Failed,
                format!("{n} of {} checks found something", findings.len()),
            )),
        }
    }
}

fn good(check: &'static str, found: impl Into<String>) -> Finding {
    Finding {
        check,
        ok: true,
        found: found.into(),
        advice: String::new(),
    }
}

fn bad(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding {
        check,
        ok: false,
        found: found.into(),
        advice: advice.into(),
    }
}

fn data_directory(config: &Config) -> Finding {
    let path = &config.node.data_dir;
    match mode_of(path) {
        Err(e) => bad(
            "data directory",
            format!("{}: {e}", path.display()),
            "quorate init makes it for a new cluster, quorate join for one more node",
        ),
        Ok(mode) if mode & 0o022 != 0 => bad(
            "data directory",
            format!("{} can be written to by others ({mode:04o})", path.display()),
            format!("chmod go-w {}", path.display()),
        ),
        Ok(_) => good("data directory", path.display().to_string()),
    }
}

fn application_key(config: &Config) -> Finding {
    let check = "application key";
    let file = match &config.key {
        KeySource::File(file) | KeySource::PassphraseFile(file) => file,
        KeySource::SystemdCredential(name) => {
            return good(check, format!("credential {name}, known only to the service"));
        }
        KeySource::PassphraseEnv(name) => return good(check, format!("passphrase in ${name} of the service")),
    };
    match mode_of(file) {
        Err(e) => bad(
            check,
            format!("{}: {e}", file.display()),
            "quorate init and quorate join make it; without it nothing sealed can be read",
        ),
        Ok(mode) if mode & 0o077 != 0 => bad(
            check,
            format!("{} is open to others ({mode:04o})", file.display()),
            format!("chmod 600 {}", file.display()),
        ),
        Ok(_) => good(check, file.display().to_string()),
    }
}

fn mode_of(path: &Path) -> std::io::Result<u32> {
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o7777)
}

/// A running node is asked; for one that is not, its ports are tried.
async fn node(config: &Config) -> Vec<Finding> {
    let api = Api::at_socket(config.api.socket.clone());
    let Ok((_, body)) = api.exchange(Method::Get, "/readyz?verbose", None::<&()>).await else {
        let mut findings = vec![bad(
            "node",
            format!("nobody listens at {}", config.api.socket.display()),
            "systemctl start quorate (or: quorate run)",
        )];
        findings.extend(ports(config));
        return findings;
    };
    let mut findings = vec![good("node", "running")];
    if let Ok(readiness) = serde_json::from_slice::<Readiness>(&body) {
        findings.extend(readiness.checks.into_iter().map(|check| match check.ok {
            true => good("ready", format!("{}: {}", check.name, check.detail)),
            false => bad(
                "ready",
                format!("{}: {}", check.name, check.detail),
                "quorate status shows the other nodes; the node's log says more",
            ),
        }));
    }
    findings.push(cluster(&api).await);
    findings
}

async fn cluster(api: &Api) -> Finding {
    match api.ask(endpoints::SHOW_CLUSTER, &[]).await {
        Err(e) => bad("cluster", e.message, "quorate status"),
        Ok(status) if !status.quorum => bad(
            "cluster",
            "no quorum",
            "more than half of the voters must run and reach each other over the cluster port (UDP)",
        ),
        Ok(status) if status.nodes.len() < 3 => bad(
            "cluster",
            format!("{} nodes", status.nodes.len()),
            "three nodes survive the loss of one: quorate join-token create",
        ),
        Ok(status) => good(
            "cluster",
            format!(
                "{} nodes, leader {}",
                status.nodes.len(),
                status.leader.map_or("unknown".into(), |id| id.to_string())
            ),
        ),
    }
}

fn ports(config: &Config) -> Vec<Finding> {
    let udp = |address: &SocketAddr| UdpSocket::bind(address).map(drop);
    let tcp = |address: &SocketAddr| TcpListener::bind(address).map(drop);
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(config.radius.listen.iter().map(|a| port("RADIUS port", a, udp(a))));
    findings.extend(config.https.listen.iter().map(|a| port("HTTPS port", a, tcp(a))));
    findings.push(port(
        "cluster port",
        &config.cluster.listen,
        udp(&config.cluster.listen),
    ));
    findings
}

fn port(check: &'static str, address: &SocketAddr, tried: std::io::Result<()>) -> Finding {
    match tried {
        Ok(()) => good(check, format!("{address} is free")),
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => bad(
            check,
            format!("{address}: not allowed"),
            "ports below 1024 need root or CAP_NET_BIND_SERVICE, which the systemd unit gives",
        ),
        Err(e) => bad(
            check,
            format!("{address}: {e}"),
            format!("who has it: ss -lnp 'sport = :{}'", address.port()),
        ),
    }
}

fn text(findings: &[Finding]) -> String {
    let mut table = Table::new(&["", "CHECK", "FOUND"]);
    for finding in findings {
        table.row(vec![
            if finding.ok { "ok" } else { "NO" }.to_owned(),
            finding.check.to_owned(),
            finding.found.clone(),
        ]);
    }
    let advice: Vec<(&str, String)> = findings
        .iter()
        .filter(|f| !f.ok)
        .map(|f| (f.check, f.advice.clone()))
        .collect();
    match advice.is_empty() {
        true => table.render(""),
        false => format!("{}\n\n{}", table.render(""), facts(&advice)),
    }
}
