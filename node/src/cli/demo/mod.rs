//! `quorate demo`: three nodes on this machine, a user, a token and two RADIUS clients, in one
//! command. Nothing in it is special: the nodes are child processes of this same binary, made with
//! `init`, `join-token create` and `join`, and filled through the API as anyone would.
//!
//! - [`plan`] is what the demo remembers in its directory: ports, secrets, how far it got. So it
//!   can be stopped, or killed, at any moment and started again.
//! - [`children`] starts the nodes and watches them. A node that dies, by `kill -9` for instance, is
//!   what the demo is for: it says so and goes on. The nodes die with the demo, however it ends.
//! - [`content`] creates what a login needs; [`crowd`] creates users by the thousand.
//! - [`report`] prints it all, for a person or as one line of JSON.
//!
//! Caveat: everything here listens on loopback, and the secrets are printed. It is for trying out.

mod children;
mod content;
mod crowd;
mod plan;
mod report;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use quorate_api::{ClusterStatus, Method, NodeRole, endpoints};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Context,
    api::Api,
    exit::{Done, Exit, Failure},
    output::{Format, say},
};
use children::Children;
use plan::{Home, Plan};

/// A node on a slow disk, in a debug build, with a million users to load from a log.
const READY_TIMEOUT: Duration = Duration::from_secs(300);

/// How long between two looks at a node that is starting.
const POLL: Duration = Duration::from_millis(50);

/// Start three nodes on this machine and show how to log in
///
/// Three processes with their own data directories, real fsync and real QUIC, on loopback. Creates
/// a user with a password and a TOTP token and two RADIUS clients, and prints everything needed to
/// log in, with a QR code for a phone. Goes on until Ctrl-C, which stops all three; started again,
/// it goes on where it was.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate demo
  quorate demo --fresh --dir /tmp/try
  quorate demo --users 1000 --json | head -1 | jq .nodes

Kill the leader while you log in: its process id is printed. The other two go on.
The directory is $XDG_STATE_HOME/quorate/demo (~/.local/state/quorate/demo) unless --dir names one.")]
pub struct Demo {
    /// Where the nodes' data, logs and settings go
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Delete what an earlier demo left in the directory, and start over
    #[arg(long)]
    fresh: bool,
    /// Also create users u000001, u000002, … with one token each; they are written to users.csv
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    users: u32,
}

impl Demo {
    pub async fn perform(self, context: &Context) -> Done {
        let home = Home::open(self.dir, self.fresh)?;
        let mut plan = home.plan()?;
        let mut children = Children::of(&home)?;
        // Listening begins before the first child runs, so that no Ctrl-C can leave one behind.
        let mut stop = Stop::listen()?;
        let raised = tokio::select! {
            raised = raise(&home, &mut plan, &mut children, self.users) => raised,
            () = stop.told() => Err(Failure::new(Exit::Failed, "stopped before all nodes were ready; start it again to go on")),
        };
        let result = match raised {
            Ok(status) => {
                present(context.format, &home, &plan, &children, &status);
                attend(&plan, &home, &mut children, &mut stop).await
            }
            Err(failure) => Err(failure),
        };
        children.stop_all().await;
        result
    }
}

/// Makes, starts and fills the cluster, from wherever an earlier demo left off.
async fn raise(home: &Home, plan: &mut Plan, children: &mut Children, users: u32) -> Done<ClusterStatus> {
    plan.ports_are_free().await?;
    for index in 0..plan.nodes.len() {
        home.write_settings(plan, index)?;
    }
    if !plan.nodes[0].made {
        found(home, plan, children).await?;
    }
    // Nodes that are members already start together: none of them has a quorum alone.
    for index in (0..plan.nodes.len()).filter(|index| plan.nodes[*index].made) {
        children.start(plan, index)?;
    }
    for index in (0..plan.nodes.len()).filter(|index| plan.nodes[*index].made) {
        ready(&home.api(index), children, index).await?;
    }
    for index in 1..plan.nodes.len() {
        if !plan.nodes[index].made {
            add(home, plan, children, index).await?;
        }
    }
    let status = all_vote(home, plan, children).await?;
    let api = home.api(0);
    content::create(&api, home, plan).await?;
    crowd::create(&api, home, plan, users).await?;
    Ok(status)
}

async fn found(home: &Home, plan: &mut Plan, children: &mut Children) -> Done {
    tell("founding the cluster: quorate init");
    home.discard_data(0)?;
    children.command(0, &["init"], &[]).await?;
    std::fs::copy(crate::boot::ca_file(&home.data_dir(0)), home.ca_file())
        .map_err(|e| Failure::system("cannot copy the cluster's ca.pem", e))?;
    plan.nodes[0].made = true;
    home.remember(plan)
}

async fn add(home: &Home, plan: &mut Plan, children: &mut Children, index: usize) -> Done {
    let number = index + 1;
    tell(&format!(
        "adding node {number}: quorate join-token create, quorate join"
    ));
    home.discard_data(index)?;
    let token = home
        .api(0)
        .tell(
            endpoints::CREATE_JOIN_TOKEN,
            &[],
            &quorate_api::CreateJoinToken::default(),
        )
        .await?;
    let contact = plan.nodes[0].cluster.to_string();
    children
        .command(
            index,
            &["join", &contact],
            &[("QUORATE_JOIN_TOKEN", token.token.expose())],
        )
        .await?;
    plan.nodes[index].made = true;
    home.remember(plan)?;
    children.start(plan, index)?;
    ready(&home.api(index), children, index).await
}

/// Until the node says that it can judge logins.
async fn ready(api: &Api, children: &mut Children, index: usize) -> Done {
    let deadline = tokio::time::Instant::now() + READY_TIMEOUT;
    loop {
        if let Ok((200, _)) = api.exchange(Method::Get, "/readyz", None::<&()>).await {
            return Ok(());
        }
        children.must_live(index)?;
        if tokio::time::Instant::now() > deadline {
            return Err(Failure::new(
                Exit::Unavailable,
                format!("node {} is not ready after {} s", index + 1, READY_TIMEOUT.as_secs()),
            )
            .advise(format!("its log: {}", children.log_of(index).display())));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Until every node is a voter and one of them leads.
async fn all_vote(home: &Home, plan: &Plan, children: &mut Children) -> Done<ClusterStatus> {
    let deadline = tokio::time::Instant::now() + READY_TIMEOUT;
    loop {
        if let Ok(status) = home.api(0).ask(endpoints::SHOW_CLUSTER, &[]).await {
            let voters = status
                .nodes
                .iter()
                .filter(|node| node.role != NodeRole::Learner)
                .count();
            if voters == plan.nodes.len() && status.leader.is_some() && status.quorum {
                return Ok(status);
            }
        }
        for index in 0..plan.nodes.len() {
            children.must_live(index)?;
        }
        if tokio::time::Instant::now() > deadline {
            return Err(Failure::new(
                Exit::Unavailable,
                format!(
                    "the three nodes did not become voters within {} s",
                    READY_TIMEOUT.as_secs()
                ),
            )
            .advise(format!("their logs are in {}", home.path().display())));
        }
        tokio::time::sleep(POLL).await;
    }
}

fn present(format: Format, home: &Home, plan: &Plan, children: &Children, status: &ClusterStatus) {
    match format {
        Format::Json => say(report::json_line(home, plan, children, status)),
        Format::Text => say(report::text(home, plan, children, status)),
    }
}

/// Until told to stop; says what happens to the nodes meanwhile.
async fn attend(plan: &Plan, home: &Home, children: &mut Children, stop: &mut Stop) -> Done {
    loop {
        tokio::select! {
            () = stop.told() => {
                tell("stopping all nodes");
                return Ok(());
            }
            (index, how) = children.next_end() => {
                tell(&report::ended(plan, home, index, &how, children.running()));
                // One node alone elects nobody.
                if children.running() >= 2
                    && let Some(leader) = leader_among(home, plan, children).await
                {
                    tell(&format!("{} (pid {}) leads", plan.nodes[leader].name, children.pid(leader).unwrap_or_default()));
                }
            }
        }
    }
}

/// Who leads, asked of those that live, once they have agreed.
async fn leader_among(home: &Home, plan: &Plan, children: &Children) -> Option<usize> {
    /// An election takes well under a second; without a quorum there will be none.
    const PATIENCE: Duration = Duration::from_secs(3);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < deadline {
        for index in (0..plan.nodes.len()).filter(|index| children.pid(*index).is_some()) {
            let status = home.api(index).ask(endpoints::SHOW_CLUSTER, &[]).await;
            let leader = status.ok().filter(|s| s.quorum).and_then(|s| leader_index(plan, &s));
            if leader.is_some_and(|leader| children.pid(leader).is_some()) {
                return leader;
            }
        }
        tokio::time::sleep(POLL).await;
    }
    None
}

/// Which of our nodes leads. They are recognised by their addresses; ids are the cluster's affair.
fn leader_index(plan: &Plan, status: &ClusterStatus) -> Option<usize> {
    let leader = status.nodes.iter().find(|node| Some(node.id) == status.leader)?;
    plan.nodes
        .iter()
        .position(|node| node.cluster.to_string() == leader.cluster)
}

/// What is said on the way goes to standard error: standard output is for the result.
fn tell(sentence: &str) {
    eprintln!("{sentence}");
}

/// Ctrl-C and SIGTERM.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn listen() -> Done<Stop> {
        let listen = |kind| signal(kind).map_err(|e| Failure::system("cannot listen for signals", e));
        Ok(Stop {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// `path` as the shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@=".contains(c);
    match text.chars().all(plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}
