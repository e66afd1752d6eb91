//! Three MariaDB servers with Galera as Debian packages them, each commit synced to the disk of the node that answers.
//!
//! What Galera promises is less than the others do: a transaction is *certified* when the group has agreed on its place
//! in the order and every node holds it in memory; only the node that answers has it on disk by then
//! (`innodb_flush_log_at_trx_commit=1`), the others apply and sync it afterwards. Power lost by all at once may lose on two
//! of three nodes what was acknowledged.
//!
//! All writes go to one node, as its makers advise; that one is the primary here. A node that was killed first finds
//! its position (`--wsrep-recover`, as Debian's service does) and then asks the group for what it missed.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use cluster_tests::{ports, process, wait};
use tempfile::TempDir;

use super::{
    daemon::{self, Daemon},
    mysql::Mysql,
    peer::{Codes, Roamer},
    system::{Client, NODES, System},
    wire::{self, Connection},
};
use crate::generator::Outcome;

const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";

/// Rows in one statement of the first filling.
const ROWS_AT_ONCE: usize = 5_000;

const PATIENCE: Duration = Duration::from_secs(10);

/// A node that joins: recovery, rsync's own waits and what it missed take it ten seconds.
const JOIN: Duration = Duration::from_secs(120);

pub struct Galera {
    programs: Programs,
    folder: TempDir,
    nodes: Vec<Node>,
    codes: Arc<Codes>,
    connections: Vec<Connection<Mysql>>,
    primary: usize,
}

struct Programs {
    server: PathBuf,
    client: PathBuf,
    install: PathBuf,
}

struct Node {
    daemon: Daemon,
    client: SocketAddr,
    group: SocketAddr,
    increments: SocketAddr,
    states: SocketAddr,
}

impl Galera {
    /// Makes a cluster with `users` in it, and leaves it stopped.
    pub fn make(users: usize) -> Result<Self> {
        let programs = Programs {
            server: daemon::need("mariadbd", "galera")?,
            client: daemon::need("mariadb", "galera")?,
            install: daemon::need("mariadb-install-db", "galera")?,
        };
        daemon::need("rsync", "galera")?;
        ensure!(
            Path::new(PROVIDER).is_file(),
            "galera-4 is not installed: run `ops/peers galera`"
        );
        let folder = daemon::folder("galera")?;
        let port = || ports::free_for(Ipv4Addr::LOCALHOST.into());
        let nodes = (1..=NODES).map(|n| Node {
            daemon: Daemon::new(folder.path().join(format!("n{n}.log"))),
            client: port(),
            group: port(),
            increments: port(),
            states: port(),
        });
        let mut galera = Self {
            programs,
            nodes: nodes.collect(),
            folder,
            codes: Codes::of(users),
            connections: Vec::new(),
            primary: 0,
        };
        galera.found(users)?;
        Ok(galera)
    }

    /// Fills the first node alone, and gives the others copies of its files: they join with nothing missing.
    fn found(&mut self, users: usize) -> Result<()> {
        let mut install = Command::new(&self.programs.install);
        install
            .arg("--no-defaults")
            .arg(format!("--datadir={}", self.data(0).display()))
            .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg(format!("--user={}", account()));
        process::succeed(install)?;
        self.launch(0, &["--wsrep-cluster-address=gcomm://"])?;
        self.until_member(0, 1)?;
        self.sql(0, "CREATE DATABASE bench")?;
        self.sql(
            0,
            "CREATE TABLE bench.codes (user BIGINT UNSIGNED PRIMARY KEY, last_step BIGINT UNSIGNED NOT NULL)",
        )?;
        for first in (0..users).step_by(ROWS_AT_ONCE) {
            let last = (first + ROWS_AT_ONCE).min(users) - 1;
            self.sql(
                0,
                &format!("INSERT INTO bench.codes SELECT seq, 0 FROM bench.seq_{first}_to_{last}"),
            )?;
        }
        self.nodes[0].daemon.stop()?;
        for node in 1..NODES {
            let mut copy = Command::new("cp");
            copy.arg("-a").arg(self.data(0)).arg(self.data(node));
            process::succeed(copy)?;
        }
        Ok(())
    }

    fn data(&self, node: usize) -> PathBuf {
        self.folder.path().join(format!("n{}", node + 1))
    }

    fn command(&self, node: usize) -> Command {
        let Node {
            client,
            group,
            increments,
            states,
            ..
        } = &self.nodes[node];
        let data = self.data(node);
        let mut command = Command::new(&self.programs.server);
        command
            .arg("--no-defaults")
            .arg(format!("--user={}", account()))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}/sock", data.display()))
            .arg(format!("--pid-file={}/pid", data.display()))
            .args([
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--max-connections=4000",
            ])
            .arg(format!("--port={}", client.port()))
            .args([
                "--default-storage-engine=InnoDB",
                "--binlog-format=ROW",
                "--innodb-autoinc-lock-mode=2",
            ])
            .args(["--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=512M"])
            .args(["--wsrep-on=ON", "--wsrep-sst-method=rsync"])
            .arg(format!("--wsrep-provider={PROVIDER}"))
            .arg(format!("--wsrep-node-name=n{}", node + 1))
            .arg(format!("--wsrep-node-address={group}"))
            .arg(format!("--wsrep-sst-receive-address={states}"))
            .arg(format!(
                "--wsrep-provider-options=gmcast.listen_addr=tcp://{group};ist.recv_addr={increments};gcache.size=256M"
            ));
        command
    }

    fn launch(&mut self, node: usize, more: &[&str]) -> Result<()> {
        let mut command = self.command(node);
        command.args(more);
        self.nodes[node].daemon.start(command)
    }

    /// `--wsrep-cluster-address` of a node that joins the others.
    fn group(&self) -> String {
        let group: Vec<String> = self.nodes.iter().map(|node| node.group.to_string()).collect();
        format!("--wsrep-cluster-address=gcomm://{}", group.join(","))
    }

    fn join(&mut self, node: usize, more: &[&str]) -> Result<()> {
        let group = self.group();
        let members = self.pids()?.len() + 1;
        self.launch(node, &[&[&group[..]], more].concat())?;
        self.until_member(node, members)
    }

    /// Waits until `node` is synced in a group of `members`.
    fn until_member(&self, node: usize, members: usize) -> Result<()> {
        wait::until_ok("a MariaDB server to be synced", JOIN, || {
            let status = self.sql(
                node,
                "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_size', 'wsrep_local_state_comment')",
            )?;
            let words: Vec<&str> = status.split_whitespace().collect();
            let says = |name: &str, value: &str| words.windows(2).any(|pair| pair == [name, value]);
            ensure!(
                says("wsrep_cluster_size", &members.to_string()) && says("wsrep_local_state_comment", "Synced"),
                "it says {words:?}"
            );
            Ok(())
        })
        .with_context(|| self.nodes[node].daemon.last_words())
    }

    /// Runs a statement with Debian's client, for what is not measured.
    pub fn sql(&self, node: usize, statement: &str) -> Result<String> {
        let port = self.nodes[node].client.port();
        let mut client = Command::new(&self.programs.client);
        client
            .args(["--no-defaults", "-h127.0.0.1", "-uroot", "-N", "-B", "-e", statement])
            .arg(format!("-P{port}"));
        process::succeed(client)
    }

    /// Where the primary listens.
    pub fn address(&self) -> SocketAddr {
        self.nodes[self.primary].client
    }
}

impl System for Galera {
    fn name(&self) -> &'static str {
        "Galera"
    }

    /// The first node was the last to end, so it may begin the group again.
    fn start(&mut self) -> Result<()> {
        self.primary = 0;
        self.launch(0, &["--wsrep-cluster-address=gcomm://"])?;
        self.until_member(0, 1)?;
        (1..NODES).try_for_each(|node| self.join(node, &[]))
    }

    fn stop(&mut self) -> Result<()> {
        self.connections.clear();
        self.nodes.iter_mut().rev().try_for_each(|node| node.daemon.stop())
    }

    fn pids(&self) -> Result<Vec<u32>> {
        Ok(self.nodes.iter().filter_map(|node| node.daemon.pid()).collect())
    }

    fn prepare(&mut self, in_flight: usize, _lasts: Duration) -> Result<()> {
        while self.connections.len() < in_flight {
            self.connections
                .push(Connection::open(self.address(), Mysql::new(), PATIENCE)?);
        }
        Ok(())
    }

    fn drive(&mut self, in_flight: usize, lasts: Duration) -> Result<Outcome> {
        let outcome = wire::drive(&mut self.connections[..in_flight], in_flight, lasts, || {
            self.codes.fresh()
        })?;
        if outcome.lost > 0 {
            // An answer may still be on its way on one of them.
            self.connections.clear();
        }
        Ok(outcome)
    }

    fn client(&mut self) -> Result<Box<dyn Client>> {
        let servers = self.nodes.iter().map(|node| node.client).collect();
        Ok(Box::new(Roamer::new(servers, Arc::clone(&self.codes), Mysql::new)))
    }

    fn leader(&self) -> Result<usize> {
        Ok(self.primary)
    }

    /// The next node is the primary from now on.
    fn kill(&mut self, node: usize) -> Result<()> {
        self.connections.clear();
        self.primary = (node + 1) % NODES;
        self.nodes[node].daemon.kill()
    }

    fn revive(&mut self, node: usize) -> Result<()> {
        let mut recover = self.command(node);
        recover.args([&self.group()[..], "--wsrep-recover"]);
        let said = process::text(&process::finish(recover)?);
        let position = said.lines().find_map(|line| line.split_once("Recovered position: "));
        let (_, position) = position.with_context(|| format!("MariaDB found no position: {said}"))?;
        self.join(node, &[&format!("--wsrep-start-position={}", position.trim())])
    }
}

/// MariaDB, and the rsync it calls, do not work as root: Debian's account for it, if we are root.
fn account() -> String {
    if rustix::process::geteuid().is_root() {
        "mysql".to_owned()
    } else {
        std::env::var("USER").unwrap_or_default()
    }
}
