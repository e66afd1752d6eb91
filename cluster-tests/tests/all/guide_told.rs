//! The guide's chapters on syslog and alerts: their files are taken as they stand there, with the example's servers in the place of those
//! that they name, and what is promised arrives.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use cluster_tests::{Cluster, limits, rsyslog::Rsyslog, wait, with_cluster};
use quorate_directories::Authority;

use crate::{
    alerts::{self, Receiver},
    guide::{Stage, block, blocks, perform},
};

#[test]
fn the_chapter_on_syslog_works_as_it_is_written() {
    with_cluster(1, |cluster| {
        let authority = Authority::new("Example CA")?;
        let certified = authority.certify(&["127.0.0.1"])?;
        let files = [
            ("ca.pem", authority.pem.as_str()),
            ("logs.pem", &certified.certificate_pem),
            ("logs.key", &certified.key_pem),
        ];
        let written = block("syslog", "rsyslog")?;
        let over_tls = Rsyslog::configured(&files, |folder, port| {
            let folder = folder.display().to_string();
            written
                .replace("/etc/rsyslog.d", &folder)
                .replace("/var/log", &folder)
                .replace("port=\"6514\"", &format!("address=\"127.0.0.1\" port=\"{port}\""))
        })?;
        let over_udp = Rsyslog::started()?;
        let section = block("syslog", "toml")?
            .replace("logs.example.org:6514", &over_tls.address.to_string())
            .replace("192.0.2.7:514", &over_udp.address.to_string())
            .replace("/etc/quorate/syslog-ca.pem", &path(&over_tls.folder().join("ca.pem")));
        configured(cluster, "syslog", &section)?;
        cluster.nodes[0].quorate(&["user", "create", "alice", "--no-password"])?;
        wait::until_ok("the record over TLS and over UDP", limits::VOTER, || {
            let log = fs::read_to_string(over_tls.folder().join("quorate.log"))?;
            ensure!(log.contains("quorate") && log.contains("alice"), "over TLS: {log}");
            let arrived = over_udp.arrived()?;
            let created = |message: &&serde_json::Value| message["id"] == "create_user";
            ensure!(arrived.iter().filter(created).count() == 1, "over UDP: {arrived:?}");
            Ok(())
        })
    });
}

#[test]
fn the_chapter_on_alerts_works_as_it_is_written() {
    let receiver = Receiver::started().expect("a receiver");
    with_cluster(1, |cluster| {
        let sections = blocks("alerts", "toml")?
            .join("\n")
            .replace("https://alerts.example.org", &format!("http://{}", receiver.address))
            .replace("/etc/quorate/webhook.secret", &path(&receiver.secret_file()));
        configured(cluster, "alerts", &sections)?;
        alerts::lockouts(cluster, &receiver, 10)?;
        the_example_of_a_receiver_knows_what_is_genuine(&receiver)
    });
}

/// Writes a chapter's sections into the node's configuration, runs its commands, and starts the node with it.
fn configured(cluster: &mut Cluster, chapter: &str, sections: &str) -> Result<()> {
    cluster.nodes[0].sections = format!("\n{sections}\n");
    cluster.nodes[0].write_config()?;
    perform(cluster, chapter, &Stage::default())?;
    cluster.nodes[0].stop()?;
    cluster.restart(0)
}

/// The function in the chapter, over what arrived, as it came and altered.
fn the_example_of_a_receiver_knows_what_is_genuine(receiver: &Receiver) -> Result<()> {
    let program = format!(
        "import hashlib, hmac, json, sys, time\n{}\n\
         request = json.loads(open(sys.argv[1]).readline())\n\
         secret = open(sys.argv[2], 'rb').read().strip()\n\
         header, body = request['signature'], request['raw'].encode()\n\
         assert genuine(header, body, secret), 'it is genuine'\n\
         assert not genuine(header, body + b' ', secret), 'it was altered'\n\
         assert not genuine(header, body, b'another secret'), 'it is another secret'\n",
        block("alerts", "python")?
    );
    let ran = Command::new("python3")
        .arg("-c")
        .arg(program)
        .arg(receiver.file())
        .arg(receiver.secret_file())
        .output()
        .context("python3")?;
    ensure!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Ok(())
}

fn path(file: &Path) -> String {
    file.display().to_string()
}
