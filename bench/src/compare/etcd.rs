//! Three etcd nodes as Debian packages them, with their defaults: every write is synced to the log of a majority before
//! it is answered.
//!
//! The load goes to the leader, which spares etcd the forwarding; clients that look for a way round a dead node use all.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use cluster_tests::{limits, ports, wait};
use tempfile::TempDir;

use super::{
    daemon::{self, Daemon},
    http,
    peer::{Codes, Roamer},
    system::{Client, NODES, System},
    txn::{Txn, USERS_AT_ONCE},
    wire::{self, Code, Connection, Verdict},
};
use crate::generator::Outcome;

/// Connections that carry the load. One would do; eight let the server read on both processors.
const CONNECTIONS: usize = 8;

const PATIENCE: Duration = Duration::from_secs(10);

pub struct Etcd {
    program: PathBuf,
    folder: TempDir,
    nodes: Vec<Node>,
    codes: Arc<Codes>,
    connections: Vec<Connection<Txn>>,
}

struct Node {
    daemon: Daemon,
    client: SocketAddr,
    peer: SocketAddr,
}

impl Etcd {
    /// Makes a cluster with `users` in it, and leaves it stopped.
    pub fn make(users: usize) -> Result<Self> {
        let program = daemon::need("etcd", "etcd")?;
        let folder = daemon::folder("etcd")?;
        let nodes = (1..=NODES).map(|n| Node {
            daemon: Daemon::new(folder.path().join(format!("n{n}.log"))),
            client: ports::free_for(Ipv4Addr::LOCALHOST.into()),
            peer: ports::free_for(Ipv4Addr::LOCALHOST.into()),
        });
        let mut etcd = Self {
            program,
            nodes: nodes.collect(),
            folder,
            codes: Codes::of(users),
            connections: Vec::new(),
        };
        etcd.start()?;
        etcd.enter(users)?;
        etcd.stop()?;
        Ok(etcd)
    }

    fn enter(&self, users: usize) -> Result<()> {
        let mut connection = Connection::open(self.nodes[self.leader()?].client, Txn::entering(), PATIENCE)?;
        for first in (0..users as u64).step_by(USERS_AT_ONCE) {
            let entered = connection.ask(Code { user: first, step: 0 }, PATIENCE)?;
            ensure!(entered == Verdict::Accepted, "etcd did not take the users");
        }
        Ok(())
    }

    fn command(&self, node: usize) -> Command {
        let Node { client, peer, .. } = &self.nodes[node];
        let members = self
            .nodes
            .iter()
            .enumerate()
            .map(|(n, node)| format!("n{}=http://{}", n + 1, node.peer));
        let mut command = Command::new(&self.program);
        command
            .args(["--name", &format!("n{}", node + 1)])
            .arg("--data-dir")
            .arg(self.folder.path().join(format!("n{}", node + 1)))
            .args(["--listen-client-urls", &format!("http://{client}")])
            .args(["--advertise-client-urls", &format!("http://{client}")])
            .args(["--listen-peer-urls", &format!("http://{peer}")])
            .args(["--initial-advertise-peer-urls", &format!("http://{peer}")])
            .args(["--initial-cluster", &members.collect::<Vec<_>>().join(",")])
            .args(["--log-level", "warn"]);
        command
    }

    /// A gauge of one node.
    fn metric(&self, node: usize, name: &str) -> Result<f64> {
        let answer = http::get(self.nodes[node].client, "/metrics", PATIENCE)?;
        let line = answer.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse().ok())
            .with_context(|| format!("etcd has no metric {name}"))
    }

    fn running(&self) -> impl Iterator<Item = usize> + '_ {
        (0..NODES).filter(|node| self.nodes[*node].daemon.pid().is_some())
    }

    /// Waits until `node` has a leader and answers a read through the quorum.
    fn until_member(&self, node: usize) -> Result<()> {
        wait::until_ok("an etcd node to be a member", limits::READY, || {
            let health = http::get(self.nodes[node].client, "/health", PATIENCE)?;
            ensure!(health.contains("\"true\""), "/health said {health}");
            Ok(())
        })
        .with_context(|| self.nodes[node].daemon.last_words())
    }
}

impl System for Etcd {
    fn name(&self) -> &'static str {
        "etcd"
    }

    fn start(&mut self) -> Result<()> {
        for node in 0..NODES {
            let command = self.command(node);
            self.nodes[node].daemon.start(command)?;
        }
        (0..NODES).try_for_each(|node| self.until_member(node))
    }

    fn stop(&mut self) -> Result<()> {
        self.connections.clear();
        self.nodes.iter_mut().try_for_each(|node| node.daemon.stop())
    }

    fn pids(&self) -> Result<Vec<u32>> {
        Ok(self.nodes.iter().filter_map(|node| node.daemon.pid()).collect())
    }

    fn prepare(&mut self, in_flight: usize, _lasts: Duration) -> Result<()> {
        let leader = self.nodes[self.leader()?].client;
        let connections = (0..CONNECTIONS.min(in_flight)).map(|_| Connection::open(leader, Txn::consuming(), PATIENCE));
        self.connections = connections.collect::<Result<_>>()?;
        Ok(())
    }

    fn drive(&mut self, in_flight: usize, lasts: Duration) -> Result<Outcome> {
        wire::drive(&mut self.connections, in_flight, lasts, || self.codes.fresh())
    }

    fn client(&mut self) -> Result<Box<dyn Client>> {
        let servers = self.nodes.iter().map(|node| node.client).collect();
        Ok(Box::new(Roamer::new(servers, Arc::clone(&self.codes), Txn::consuming)))
    }

    fn leader(&self) -> Result<usize> {
        wait::until("etcd to have a leader", limits::READY, || {
            self.running().find(|node| {
                self.metric(*node, "etcd_server_is_leader ")
                    .is_ok_and(|leads| leads > 0.0)
            })
        })
    }

    fn kill(&mut self, node: usize) -> Result<()> {
        self.nodes[node].daemon.kill()
    }

    fn revive(&mut self, node: usize) -> Result<()> {
        let command = self.command(node);
        self.nodes[node].daemon.start(command)?;
        self.until_member(node)
    }
}
