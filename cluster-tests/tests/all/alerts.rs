//! Alerts of real nodes, to a receiver in a process of its own that checks their signatures with its own arithmetic.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use cluster_tests::{Cluster, Ground, crowd::Login, limits, people, ports, wait, with_cluster_on};
use serde_json::Value;
use tempfile::TempDir;

/// The receiver of the crate's own tests.
struct Receiver {
    address: SocketAddr,
    folder: TempDir,
    child: Child,
}

impl Receiver {
    fn started() -> Result<Self> {
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

    fn secret_file(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    /// The alerts it got, each with a good signature and under the id that the header names.
    fn alerts(&self) -> Result<Vec<Value>> {
        let text = fs::read_to_string(self.folder.path().join("received")).unwrap_or_default();
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
    fn until(&self, rule: &str, phase: &str, is_it: impl Fn(&Value) -> bool) -> Result<Value> {
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
        lockouts(cluster, &receiver)?;
        quorum(cluster, &receiver)
    });
}

fn lockouts(cluster: &Cluster, receiver: &Receiver) -> Result<()> {
    let people = people::import(&cluster.api()?, "u", 2)?;
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
    ensure!(alert["count"] == 2 && alert["urgency"] == "warning", "{alert}");
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
