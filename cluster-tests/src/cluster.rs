//! A cluster made with the commands an operator types, a RADIUS client of each kind, and its faults.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    api::Api,
    crowd::{Crowd, Login},
    disk::Disk,
    faketime::{Clocks, FakeClock},
    limits,
    node::Node,
    people,
    relay::Relay,
    wait,
    wire::{Reply, Request},
};

/// Every RADIUS client of a test shares this secret.
pub const SECRET: &str = "testing the cluster 123";

/// Where the RADIUS clients send from: each kind has an address of its own.
#[derive(Clone, Copy, Debug)]
pub struct Sources {
    /// Two-step and one-step.
    pub gateway: IpAddr,
    /// A second client of the same kind.
    pub other_gateway: IpAddr,
    /// Passcode-only.
    pub passcode: IpAddr,
}

impl Sources {
    pub const LOOPBACK: Self = Self {
        gateway: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1)),
        other_gateway: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3)),
        passcode: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
    };
}

pub struct Cluster {
    pub nodes: Vec<Node>,
    pub sources: Sources,
    pub ground: Ground,
    folder: TempDir,
}

/// What nodes that are made from now on stand on, so that a test can shake it.
#[derive(Default)]
pub struct Ground {
    /// Between all nodes.
    pub relay: Option<Relay>,
    /// Each node's data directory is a [`Disk`].
    pub disks: bool,
    /// Each node has a [`FakeClock`] with these clocks.
    pub clocks: Option<Clocks>,
    /// Further sections of each node's configuration.
    pub sections: String,
}

/// Runs `test` on a fresh cluster of `size` voters on loopback. A test that fails shows what the nodes said last.
///
/// # Panics
/// When the test fails, with its error.
pub fn with_cluster(size: usize, test: impl FnOnce(&mut Cluster) -> Result<()>) {
    with_cluster_on(Ground::default(), size, test);
}

/// The same on another ground.
///
/// # Panics
/// When the test fails, with its error.
pub fn with_cluster_on(ground: Ground, size: usize, test: impl FnOnce(&mut Cluster) -> Result<()>) {
    let mut cluster = Cluster::empty(Sources::LOOPBACK).expect("a folder for the cluster");
    cluster.ground = ground;
    let result = cluster
        .grow_to(size)
        .context("building the cluster")
        .and_then(|()| test(&mut cluster));
    if let Err(error) = result {
        cluster.explain();
        panic!("{error:?}");
    }
}

impl Cluster {
    pub fn empty(sources: Sources) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("quorate-").tempdir()?;
        Ok(Self {
            nodes: Vec::new(),
            sources,
            ground: Ground::default(),
            folder,
        })
    }

    /// `size` voters on loopback, ready, with the RADIUS clients.
    pub fn on_loopback(size: usize) -> Result<Self> {
        let mut cluster = Self::empty(Sources::LOOPBACK)?;
        cluster.grow_to(size)?;
        Ok(cluster)
    }

    fn grow_to(&mut self, size: usize) -> Result<()> {
        self.found(Ipv4Addr::LOCALHOST.into(), None)?;
        for _ in 1..size {
            self.join(Ipv4Addr::LOCALHOST.into(), None)?;
        }
        Ok(())
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `quorate init` and `quorate run`; then the application and the RADIUS clients. Waits until it is ready.
    pub fn found(&mut self, ip: IpAddr, namespace: Option<String>) -> Result<()> {
        let mut node = self.prepare(ip, namespace)?;
        node.quorate(&["init"])?;
        node.start()?;
        self.nodes.push(node);
        self.nodes[0].ready()?;
        let api = self.nodes[0].api();
        people::make_application(&api)?;
        let Sources {
            gateway,
            other_gateway,
            passcode,
        } = self.sources;
        people::make_client(&api, "gateway", gateway, SECRET, false)?;
        people::make_client(&api, "other-gateway", other_gateway, SECRET, false)?;
        people::make_client(&api, "passcode-only", passcode, SECRET, true)
    }

    /// `quorate join-token create` on a node that runs, `quorate join` and `quorate run` on a new one. Waits until it
    /// is a voter, and gives its place in [`Cluster::nodes`].
    pub fn join(&mut self, ip: IpAddr, namespace: Option<String>) -> Result<usize> {
        let member = self.running().next().context("no node runs")?;
        let (token, host) = (self.join_token(member)?, self.nodes[member].cluster.to_string());
        let mut node = self.prepare(ip, namespace)?;
        node.quorate(&["join", &host, "--token", &token])?;
        node.start()?;
        self.nodes.push(node);
        let newest = self.nodes.len() - 1;
        self.until_voter(newest)?;
        Ok(newest)
    }

    /// A join token, made by `member`.
    pub fn join_token(&self, member: usize) -> Result<String> {
        let made = self.nodes[member].json(&["join-token", "create", "--json"])?;
        Ok(made["token"]
            .as_str()
            .context("join-token create --json names no token")?
            .to_owned())
    }

    /// A node with a configuration and nothing else.
    pub fn prepare(&self, ip: IpAddr, namespace: Option<String>) -> Result<Node> {
        let at = self.nodes.len();
        let name = format!("n{}", at + 1);
        let mut node = Node::prepare(&self.folder.path().join(&name), &name, ip, namespace)?;
        if let Some(relay) = &self.ground.relay {
            node.advertise = Some(relay.front(at, node.cluster));
        }
        if self.ground.disks {
            fs::create_dir(node.data_dir())?;
            node.disk = Some(Disk::mount(&node.data_dir())?);
        }
        if let Some(which) = self.ground.clocks {
            node.clock = Some(FakeClock::new(&node.home, which)?);
        }
        node.sections.clone_from(&self.ground.sections);
        node.write_config()?;
        Ok(node)
    }

    /// Waits until `node` is ready and every node that runs counts it among the voters.
    pub fn until_voter(&self, node: usize) -> Result<()> {
        self.nodes[node].ready()?;
        let id = self.nodes[node].id()?;
        wait::until_ok(&format!("node {id} to become a voter"), limits::VOTER, || {
            self.running().try_for_each(|seen_by| {
                let status = self.nodes[seen_by].status()?;
                let role = role_of(&status, id).with_context(|| format!("no node {id} in {status}"))?;
                anyhow::ensure!(matches!(role, "leader" | "voter"), "node {id} is a {role}");
                Ok(())
            })
        })
    }

    /// Places of the nodes whose process exists.
    pub fn running(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(|at| self.nodes[*at].is_running())
    }

    /// The place of the leader: a running node that says so itself and reaches a quorum.
    pub fn leader(&self) -> Result<usize> {
        wait::until("a leader", limits::READY, || {
            self.running().find(|at| {
                self.nodes[*at].status().is_ok_and(|status| {
                    status["leader"] == status["node"] && status["node"].is_u64() && status["quorum"] == true
                })
            })
        })
    }

    /// The place of some node that does not lead.
    pub fn follower(&self) -> Result<usize> {
        let leader = self.leader()?;
        self.running().find(|at| *at != leader).context("the leader is alone")
    }

    /// Waits until every running node has applied what the furthest had when this was called.
    pub fn converged(&self) -> Result<()> {
        let everyone: Vec<usize> = self.running().collect();
        let applied = everyone
            .iter()
            .map(|at| self.nodes[*at].applied())
            .collect::<Result<Vec<u64>>>()?;
        let furthest = applied.into_iter().max().unwrap_or(0);
        for at in everyone {
            wait::until_ok(&format!("n{} to apply {furthest}", at + 1), limits::READY, || {
                let applied = self.nodes[at].applied()?;
                anyhow::ensure!(applied >= furthest, "it has applied {applied}");
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Starts a node that was killed, and waits until it is ready.
    pub fn restart(&mut self, node: usize) -> Result<()> {
        self.nodes[node].start()?;
        self.nodes[node].ready()
    }

    /// The API of some running node.
    pub fn api(&self) -> Result<Api> {
        Ok(self.nodes[self.running().next().context("no node runs")?].api())
    }

    /// The API of some running node other than this one.
    pub fn api_but(&self, node: usize) -> Result<Api> {
        let other = self.running().find(|at| *at != node).context("no other node runs")?;
        Ok(self.nodes[other].api())
    }

    /// RADIUS addresses of all nodes, running or not: what a NAS has in its list.
    pub fn servers(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.radius).collect()
    }

    /// The same list, beginning with another node each time.
    pub fn servers_from(&self, first: usize) -> Vec<SocketAddr> {
        let mut servers = self.servers();
        let first = first % servers.len();
        servers.rotate_left(first);
        servers
    }

    pub fn gateway<Tag>(&self) -> Crowd<Tag> {
        Crowd::new(SECRET, self.sources.gateway)
    }

    pub fn other_gateway<Tag>(&self) -> Crowd<Tag> {
        Crowd::new(SECRET, self.sources.other_gateway)
    }

    pub fn passcode_client<Tag>(&self) -> Crowd<Tag> {
        Crowd::new(SECRET, self.sources.passcode)
    }

    /// One request to one node; `None` is silence.
    pub fn ask(&self, crowd: &mut Crowd<()>, node: usize, request: Request) -> Result<Option<Reply>> {
        crowd.send((), Login::once(request, self.nodes[node].radius))?;
        Ok(crowd.all_ended()?.pop().and_then(|ended| ended.reply))
    }

    /// Shows what the nodes said last; with `QUORATE_TEST_KEEP` set, keeps their files.
    pub fn explain(&mut self) {
        for node in &self.nodes {
            eprintln!("--- {} ({}):\n{}\n", node.name, node.home.display(), node.last_words());
        }
        if std::env::var_os("QUORATE_TEST_KEEP").is_some() {
            self.folder.disable_cleanup(true);
            eprintln!("kept {}", self.folder.path().display());
        }
    }
}

/// The kind of the audit record of an accepted login.
pub const ACCEPTED: &str = "login_accepted";

/// Every audit record of a user, oldest first.
pub fn audit(api: &Api, user: &str) -> Result<Vec<Value>> {
    audit_of(api, &format!("user={user}"))
}

/// Every audit record that a query (`user=…`, `kind=…`) finds, oldest first.
pub fn audit_of(api: &Api, query: &str) -> Result<Vec<Value>> {
    let (mut records, mut after) = (Vec::new(), 0);
    loop {
        let page = api.get(&format!("/api/v1/audit?{query}&limit=1000&after={after}"))?;
        records.extend(
            page["items"]
                .as_array()
                .context("an audit page has items")?
                .iter()
                .cloned(),
        );
        if page["more"] != true {
            return Ok(records);
        }
        after = page["next"].as_u64().context("an audit page has next")?;
    }
}

/// The names of all users.
pub fn user_names(api: &Api) -> Result<BTreeSet<String>> {
    let (mut names, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = api.get(&format!("/api/v1/users?limit=1000{after}"))?;
        let items = page["items"].as_array().context("a page has items")?;
        names.extend(items.iter().filter_map(|user| user["name"].as_str()).map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(names),
        }
    }
}

/// The role of node `id` in an answer of `/api/v1/cluster`.
pub fn role_of(status: &Value, id: u64) -> Option<&str> {
    status["nodes"].as_array()?.iter().find(|node| node["id"] == id)?["role"].as_str()
}
