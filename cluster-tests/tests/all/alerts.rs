//! Alerts of real nodes, to a receiver in a process of its own that checks their signatures with its own arithmetic.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use cluster_tests::{Cluster, Ground, crowd::Login, limits, people, ports, radclient, wait, with_cluster_on};
use quorate_gateways::{ClosedPort, mail_server};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The receiver of the crate's own tests.
pub struct Receiver {
    pub address: SocketAddr,
    folder: TempDir,
    child: Child,
}

impl Receiver {
    pub fn started() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = ports::free_for(Ipv4Addr::LOCALHOST.into());
        fs::write(folder.path().join("secret"), "a secret of the cluster tests\n")?;
        fs::write(folder.path().join("behaviour"), "fine")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/alerts/tests/receiver.py");
        let log = File::create(folder.path().join("log"))?;
        let child = Command::new("python3")
            .arg(script)
            .arg(address.port().to_string())
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let receiver = Self { address, folder, child };
        wait::until_ok("the receiver to listen", limits::READY, || {
            Ok(TcpStream::connect(address).map(drop)?)
        })?;
        Ok(receiver)
    }

    pub fn secret_file(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    /// What it got, line by line, with signature and body as they came.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("received")
    }

    /// The alerts it got, each with a good signature and under the id that the header names.
    fn alerts(&self) -> Result<Vec<Value>> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut alerts = Vec::new();
        for line in whole.lines() {
            let request: Value = serde_json::from_str(line)?;
            ensure!(
                request["genuine"] == true && request["key"] == request["body"]["id"],
                "{request}"
            );
            alerts.push(request["body"].clone());
        }
        Ok(alerts)
    }

    /// Waits for an alert of this rule and phase for which `is_it` holds.
    pub fn until(&self, rule: &str, phase: &str, is_it: impl Fn(&Value) -> bool) -> Result<Value> {
        wait::until_ok(&format!("{rule} to be {phase}"), limits::VOTER, || {
            let alerts = self.alerts()?;
            let fits = |alert: &&Value| alert["rule"] == rule && alert["phase"] == phase && is_it(alert);
            alerts.iter().find(fits).cloned().with_context(|| format!("{alerts:?}"))
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn lockouts_are_told_once_by_the_leader_and_a_lost_quorum_by_who_lost_it() {
    let receiver = Receiver::started().expect("a receiver");
    let ground = Ground {
        sections: format!(
            "\n[[alert]]\nrule = \"lockouts\"\ncount = 2\nwithin_s = 600\n\
             \n[[alert]]\nrule = \"quorum_lost\"\nafter_s = 2\ninterval_s = 1\n\
             \n[[webhook]]\nurl = \"http://{}/quorate\"\nsecret_file = \"{}\"\n",
            receiver.address,
            receiver.secret_file().display()
        ),
        ..Ground::default()
    };
    with_cluster_on(ground, 3, |cluster| {
        lockouts(cluster, &receiver, 2)?;
        quorum(cluster, &receiver)
    });
}

/// Locks the codes of so many people, which is as many as the rule names.
pub fn lockouts(cluster: &Cluster, receiver: &Receiver, count: usize) -> Result<()> {
    let people = people::import(&cluster.api()?, "u", count)?;
    cluster.converged()?;
    let mut client = cluster.passcode_client();
    for attempt in 0..6 {
        for person in &people {
            let request = person.login_with(client.secret(), &person.wrong_code(attempt));
            client.send((), Login::with_retries(request, cluster.servers_from(attempt as usize)))?;
        }
        client.all_ended()?;
    }
    let alert = receiver.until("lockouts", "begun", |_| true)?;
    ensure!(alert["count"] == count && alert["urgency"] == "warning", "{alert}");
    Ok(())
}

/// Two of three are killed: the third says that it has no quorum, and that it has one again. Afterwards everything said is known,
/// and about the lockouts nobody spoke but the leader.
fn quorum(cluster: &mut Cluster, receiver: &Receiver) -> Result<()> {
    let left = cluster.follower()?;
    let name = cluster.nodes[left].name.clone();
    let killed: Vec<usize> = (0..3).filter(|node| *node != left).collect();
    for node in &killed {
        cluster.nodes[*node].kill()?;
    }
    let lost = receiver.until("quorum_lost", "begun", |alert| alert["node"] == name.as_str())?;
    ensure!(lost["urgency"] == "critical", "{lost}");
    for node in &killed {
        cluster.nodes[*node].start()?;
    }
    cluster.leader()?;
    receiver.until("quorum_lost", "over", |alert| {
        alert["node"] == name.as_str() && alert["since_ms"] == lost["since_ms"]
    })?;
    let alerts = receiver.alerts()?;
    let told = alerts
        .iter()
        .filter(|alert| alert["rule"] == "lockouts" && alert["phase"] == "begun")
        .count();
    ensure!(told == 1, "{alerts:?}");
    Ok(())
}

#[test]
fn a_gateway_and_a_directory_that_are_down_are_told_by_mail() {
    let mailbox = mail_server(&[], None);
    let ground = Ground {
        sections: "\n[[alert]]\nrule = \"gateway_down\"\nafter_s = 1\n\
                   \n[[alert]]\nrule = \"directory_down\"\nafter_s = 1\n\
                   \n[[mail]]\nto = \"operators@example.org\"\n"
            .to_owned(),
        ..Ground::default()
    };
    with_cluster_on(ground, 1, |cluster| {
        let (api, nobody) = (cluster.api()?, ClosedPort::new());
        let mail = json!({"name": "mail", "settings": {"kind": {"smtp": {
            "servers": [{"host": "127.0.0.1", "port": mailbox.port("port"), "tls": "none"}], "from": "quorate@example.org",
        }}}});
        api.post("/api/v1/gateways", &mail)?;
        let url = format!("http://127.0.0.1:{}/ok", nobody.number());
        let sms = json!({"name": "provider", "channels": ["sms"], "settings": {"kind": {"http": {"url": url}}}});
        api.post("/api/v1/gateways", &sms)?;
        let tested = api.post("/api/v1/gateways/provider/test", &json!({"address": "+491711234567"}))?;
        ensure!(tested["steps"][0]["outcome"] == "failed", "{tested}");
        let office = json!({"name": "office", "domain": "example.org", "settings": {
            "controllers": [format!("plain://127.0.0.1:{}", nobody.number())], "base": "dc=example", "account": "cn=quorate",
            "account_password": "secret",
        }});
        api.post("/api/v1/directories", &office)?;
        radclient::ask(cluster.nodes[0].radius, "alice@example.org", "secret", None)?;
        let letters: Vec<String> = mailbox
            .wait_for(2)
            .iter()
            .map(|letter| letter["content"].to_string())
            .collect();
        for about in ["gateway down (provider)", "directory down (office)"] {
            ensure!(
                letters.iter().any(|letter| letter.contains(about)),
                "{about}: {letters:?}"
            );
        }
        let metric = cluster.nodes[0].metric("quorate_gateway_up{gateway=\"provider\"}")?;
        ensure!(metric == 0.0, "{metric}");
        Ok(())
    });
}
