//! What a node says when it cannot start, and that it survives what it should not be sent.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    os::unix::fs::{PermissionsExt, chown},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, Node, cluster::Sources, crowd::Crowd, limits, people, process, wait, wire::Request, with_cluster,
};

/// Debian's `nobody`, for what root would be allowed.
const NOBODY: u32 = 65534;

#[test]
fn a_port_in_use_is_a_sentence() {
    prepared(|_, node| {
        node.quorate(&["init"])?;
        for (port, taken) in [
            ("radius", node.radius),
            ("https", node.https),
            ("cluster", node.cluster),
        ] {
            let _udp = UdpSocket::bind(taken)?;
            let _tcp = TcpListener::bind(taken)?;
            let refused = node.try_quorate(&["run"])?;
            explains(&refused, &[&taken.port().to_string()]).with_context(|| format!("the {port} port is taken"))?;
        }
        Ok(())
    });
}

#[test]
fn a_port_without_permission_is_a_sentence() {
    prepared(|cluster, node| {
        let config = node.config().replace(&node.radius.to_string(), "127.0.0.1:812");
        fs::write(node.config_file(), config)?;
        node.quorate(&["init"])?;
        give_to_nobody(cluster)?;
        explains(&as_nobody(node, &["run"])?, &["812", "not permitted"])
    });
}

#[test]
fn an_unwritable_directory_is_a_sentence() {
    prepared(|cluster, node| {
        give_to_nobody(cluster)?;
        chown(&node.home, Some(0), Some(0))?;
        fs::set_permissions(&node.home, fs::Permissions::from_mode(0o555))?;
        explains(
            &as_nobody(node, &["init"])?,
            &["ermission", &node.home.to_string_lossy()],
        )
    });
}

#[test]
fn a_full_disk_is_a_sentence() {
    prepared(|_, node| {
        fs::create_dir(node.data_dir())?;
        // A disk of its own, too small for a node, in a mount namespace of its own.
        let script = "mount -t tmpfs -o size=32k none \"$0\" && exec \"$@\"";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", script])
            .arg(node.data_dir())
            .arg(process::quorate()?)
            .arg("init")
            .env("QUORATE_CONFIG", node.config_file());
        explains(&process::finish(command)?, &["o space left", "free some space"])
    });
}

#[test]
fn a_data_directory_of_another_node_or_cluster_or_of_nobody_is_refused() {
    with_cluster(2, |cluster| {
        let (first, second) = (&cluster.nodes[0], &cluster.nodes[1]);
        // A second process on the first node's directory: it is locked.
        explains(&first.try_quorate(&["run"])?, &[&first.data_dir().to_string_lossy()])?;
        // A second init does not touch what is there.
        explains(&first.try_quorate(&["init"])?, &[&first.data_dir().to_string_lossy()])?;
        // A directory that nobody initialised.
        let third = cluster.prepare(Ipv4Addr::LOCALHOST.into(), None)?;
        explains(&third.try_quorate(&["run"])?, &["quorate init"])?;
        // A join where a node is already.
        let (token, host) = (cluster.join_token(0)?, first.cluster.to_string());
        explains(
            &second.try_quorate(&["join", &host, "--token", &token])?,
            &[&second.data_dir().to_string_lossy()],
        )
    });
}

#[test]
fn another_clusters_key_or_directory_does_not_start() {
    let mut ours = Cluster::on_loopback(1).expect("a cluster");
    let mut theirs = Cluster::on_loopback(1).expect("another cluster");
    let check = |ours: &mut Cluster, theirs: &mut Cluster| -> Result<()> {
        ours.nodes[0].stop()?;
        theirs.nodes[0].stop()?;
        let (own, foreign) = (
            ours.nodes[0].home.join("application.key"),
            theirs.nodes[0].home.join("application.key"),
        );
        let kept = fs::read(&own)?;
        fs::copy(&foreign, &own)?;
        explains(&ours.nodes[0].try_quorate(&["run"])?, &["key"]).context("with the key of another cluster")?;
        fs::write(&own, kept)?;
        // The log of another cluster under our identity.
        let data = ours.nodes[0].data_dir();
        for part in ["log", "snapshots"] {
            let (from, to) = (theirs.nodes[0].data_dir().join(part), data.join(part));
            fs::rename(&to, data.join(format!("{part}.own")))?;
            copy_folder(&from, &to)?;
        }
        explains(&ours.nodes[0].try_quorate(&["run"])?, &["cluster"]).context("with the log of another cluster")?;
        for part in ["log", "snapshots"] {
            fs::remove_dir_all(data.join(part))?;
            fs::rename(data.join(format!("{part}.own")), data.join(part))?;
        }
        // Nothing was harmed by being refused.
        ours.restart(0)
    };
    if let Err(error) = check(&mut ours, &mut theirs) {
        ours.explain();
        panic!("{error:?}");
    }
}

#[test]
fn every_mistake_of_a_configuration_is_reported_at_once_with_its_line() {
    prepared(|_, node| {
        let text = "[node]\nname = \"bad name!\"\n\n[radius]\nlisten = [\"127.0.0.1\"]\n\n[cluster]\nheartbeat_ms = 5\n\n[nodes]\n";
        fs::write(node.config_file(), text)?;
        for command in [&["config", "check"][..], &["run"], &["init"]] {
            let refused = node.try_quorate(command)?;
            ensure!(
                refused.status.code() == Some(5),
                "{command:?} ended with {:?}",
                refused.status
            );
            explains(&refused, &["2", "5", "8", "10", "bad name!", "heartbeat_ms", "nodes"])?;
        }
        ensure!(
            !node.data_dir().exists(),
            "a refused configuration left a data directory behind"
        );
        Ok(())
    });
}

#[test]
fn the_command_line_and_the_api_reject_field_by_field_and_leave_nothing_behind() {
    with_cluster(1, |cluster| {
        let node = &cluster.nodes[0];
        let body = serde_json::json!({
            "name": "", "networks": ["not an address", "10.0.0.0/40"], "application": people::APPLICATION, "secret": "\u{7}",
        });
        let answer = node.api().ask("POST", "/api/v1/clients", Some(&body))?;
        ensure!(answer.status == 422, "{answer:?}");
        let fields = answer.body["errors"].as_array().context("the fields that are wrong")?;
        let named: Vec<&str> = fields.iter().filter_map(|field| field["field"].as_str()).collect();
        for field in ["name", "networks[0]", "networks[1]", "secret"] {
            ensure!(named.contains(&field), "{field} is not among {named:?}");
        }
        let refused = node.try_quorate(&["user", "create", "", "--no-password"])?;
        ensure!(refused.status.code() == Some(3), "an empty name: {refused:?}");
        let import = serde_json::json!({"users": [{"name": "good"}, {"name": "bad", "token": {"secret_base32": "!"}}]});
        let answer = node.api().ask("POST", "/api/v1/import/users", Some(&import))?;
        ensure!(answer.status == 422, "{answer:?}");
        let missing = node.try_quorate(&["user", "show", "good"])?;
        ensure!(
            missing.status.code() == Some(7),
            "half of a refused import stayed: {missing:?}"
        );
        Ok(())
    });
}

#[test]
fn packets_that_are_no_requests_are_dropped_counted_and_survived() {
    with_cluster(1, |cluster| {
        let mut person = people::import(&cluster.api()?, "u", 1)?.remove(0);
        let node = &cluster.nodes[0];
        let mut client = cluster.passcode_client();
        let good = person.login(client.secret());
        let mut unsigned = Request {
            datagram: good.datagram.clone(),
        };
        unsigned.datagram[25] ^= 1;
        let mut foreign: Crowd<()> = Crowd::new("not the secret", cluster.sources.passcode);
        let wrong_secret = Request::access(foreign.secret(), &person.name, b"123456", None);
        for rubbish in rubbish(&good.datagram) {
            let socket = UdpSocket::bind((cluster.sources.passcode, 0))?;
            socket.send_to(&rubbish, node.radius)?;
        }
        let before = drops(node)?;
        silent(cluster, &mut client, unsigned).context("a wrong Message-Authenticator")?;
        silent(cluster, &mut foreign, wrong_secret).context("a wrong secret")?;
        let mut stranger: Crowd<()> = Crowd::new(cluster_tests::cluster::SECRET, Ipv4Addr::new(127, 9, 9, 9).into());
        let request = person.login_with(stranger.secret(), "123456");
        silent(cluster, &mut stranger, request).context("an unknown client")?;
        wait::until_ok("the drops to be counted", limits::READY, || {
            let now = drops(node)?;
            ensure!(now >= before + 3.0, "{before} before, {now} after");
            Ok(())
        })?;
        let reply = cluster.ask(&mut client, 0, good)?.context("silence")?;
        ensure!(
            reply.is_accept(),
            "after all that, a right code was answered with {reply:?}"
        );
        let status = Request::status_server(client.secret());
        let reply = cluster
            .ask(&mut client, 0, status)?
            .context("no answer to Status-Server")?;
        ensure!(reply.is_accept(), "Status-Server was answered with {reply:?}");
        Ok(())
    });
}

/// Every truncation of a packet, every length field wrong, and noise.
fn rubbish(good: &[u8]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..good.len()).map(|length| good[..length].to_vec()).collect();
    for (at, value) in [(0, 0), (0, 255), (2, 255), (3, 19), (21, 0), (21, 1), (21, 255)] {
        let mut broken = good.to_vec();
        broken[at] = value;
        all.push(broken);
    }
    all.push(vec![0xff; 4096]);
    all.push(vec![1; 60_000]);
    all
}

/// No answer within the time in which a right request would long have had one.
fn silent(cluster: &Cluster, crowd: &mut Crowd<()>, request: Request) -> Result<()> {
    let mut once = cluster_tests::crowd::Login::once(request, cluster.nodes[0].radius);
    once.retry = limits::SILENCE;
    crowd.send((), once)?;
    let ended = crowd.all_ended()?;
    ensure!(
        ended.iter().all(|ended| ended.reply.is_none()),
        "it was answered: {ended:?}"
    );
    Ok(())
}

/// Everything dropped so far.
fn drops(node: &Node) -> Result<f64> {
    node.metric("quorate_radius_drops_total")
}

/// Runs `test` with a node that has a configuration and nothing else.
fn prepared(test: impl FnOnce(&Cluster, &Node) -> Result<()>) {
    let cluster = Cluster::empty(Sources::LOOPBACK).expect("a folder");
    let node = cluster
        .prepare(Ipv4Addr::LOCALHOST.into(), None)
        .expect("a configuration");
    if let Err(error) = test(&cluster, &node) {
        panic!("{error:?}");
    }
}

/// The command failed, in sentences that contain `words`, without a backtrace.
fn explains(refused: &Output, words: &[&str]) -> Result<()> {
    let said = process::text(refused);
    ensure!(!refused.status.success(), "it succeeded, saying {said}");
    ensure!(
        refused.status.code().is_some(),
        "it was killed by a signal, saying {said}"
    );
    ensure!(
        !said.contains("panicked") && !said.contains("backtrace"),
        "a backtrace: {said}"
    );
    for word in words {
        ensure!(said.contains(word), "nothing about {word:?} in: {said}");
    }
    Ok(())
}

/// Everything of the cluster's folder belongs to nobody from now on.
fn give_to_nobody(cluster: &Cluster) -> Result<()> {
    let mut command = Command::new("chown");
    command.args(["-R", &NOBODY.to_string()]).arg(cluster.folder());
    process::succeed(command).context("this test needs root").map(drop)
}

fn as_nobody(node: &Node, arguments: &[&str]) -> Result<Output> {
    // The binary is copied where nobody may read it: a home directory may be closed.
    let binary = node.home.parent().context("a folder")?.join("quorate");
    fs::copy(process::quorate()?, &binary)?;
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))?;
    let mut command = Command::new("setpriv");
    let id = NOBODY.to_string();
    command
        .args(["--reuid", &id, "--regid", &id, "--clear-groups"])
        .arg(binary)
        .args(arguments);
    command.env("QUORATE_CONFIG", node.config_file());
    process::finish(command)
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    let mut command = Command::new("cp");
    command.arg("-r").arg(from).arg(to);
    process::succeed(command).map(drop)
}
