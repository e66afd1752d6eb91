//! What the demo prints once all three nodes are ready.

use std::path::Path;

use quorate_api::ClusterStatus;
use serde::Serialize;

use super::{
    children::Children,
    content::{BOTH_STEPS_FROM, PASSCODE_FROM},
    leader_index,
    plan::{Home, Plan},
    quoted,
};
use crate::cli::{otpauth, output::Table, terminal};

/// The line of `--json`. Scripts depend on these names.
#[derive(Serialize)]
struct Line<'a> {
    nodes: Vec<Node>,
    secret: &'a str,
    user: &'a str,
    password: &'a str,
    otpauth_uri: String,
    seed_base32: &'a str,
    ca_file: String,
    dir: String,
    /// Source addresses of the two RADIUS clients; both use `secret`.
    source_both_steps: &'static str,
    source_passcode_only: &'static str,
    users: u32,
    users_file: Option<String>,
}

#[derive(Serialize)]
struct Node {
    id: u64,
    name: String,
    pid: u32,
    radius: String,
    https: String,
    cluster: String,
    leader: bool,
    socket: String,
    config: String,
}

pub fn json_line(home: &Home, plan: &Plan, children: &Children, status: &ClusterStatus) -> String {
    let line = Line {
        nodes: nodes(home, plan, children, status),
        secret: &plan.secret,
        user: &plan.user,
        password: &plan.password,
        otpauth_uri: otpauth::uri(&plan.user, &plan.seed_base32),
        seed_base32: &plan.seed_base32,
        ca_file: home.ca_file().display().to_string(),
        dir: home.path().display().to_string(),
        source_both_steps: BOTH_STEPS_FROM,
        source_passcode_only: PASSCODE_FROM,
        users: plan.crowd,
        users_file: (plan.crowd > 0).then(|| home.users_file().display().to_string()),
    };
    serde_json::to_string(&line).expect("invariant: the line serialises")
}

fn nodes(home: &Home, plan: &Plan, children: &Children, status: &ClusterStatus) -> Vec<Node> {
    let leader = leader_index(plan, status);
    let node = |(index, node): (usize, &super::plan::NodePlan)| {
        let cluster = node.cluster.to_string();
        let member = status.nodes.iter().find(|member| member.cluster == cluster);
        Node {
            id: member.map_or(0, |member| member.id),
            name: node.name.clone(),
            pid: children.pid(index).unwrap_or_default(),
            radius: node.radius.to_string(),
            https: node.https.to_string(),
            cluster,
            leader: leader == Some(index),
            socket: home.socket(index).display().to_string(),
            config: home.settings_file(index).display().to_string(),
        }
    };
    plan.nodes.iter().enumerate().map(node).collect()
}

pub fn text(home: &Home, plan: &Plan, children: &Children, status: &ClusterStatus) -> String {
    let nodes = nodes(home, plan, children, status);
    let quorate = program(children.exe());
    let uri = otpauth::uri(&plan.user, &plan.seed_base32);
    let mut out = format!(
        "Three nodes are ready, in {}\n\n{}\n",
        home.path().display(),
        table(&nodes).render("")
    );
    if let Some(qr) = terminal::qr(&uri) {
        out += &format!("\nScan this with any authenticator app:\n\n{qr}\n");
    }
    out += &format!(
        "\n{uri}\n\nuser           {}\npassword       {}\nshared secret  {}\n",
        plan.user, plan.password, plan.secret
    );
    out += &logins(&nodes, plan, &quorate);
    out += &faults(&nodes, home, &quorate);
    if plan.crowd > 0 {
        out += &format!(
            "\n{} users u000001 … are in {}\n  (made in bulk: they share one password and one precomputed hash of it)\n",
            plan.crowd,
            home.users_file().display()
        );
    }
    out += "\nCtrl-C stops all three; the same command starts them again, --fresh starts over.";
    out
}

fn table(nodes: &[Node]) -> Table {
    let mut table = Table::new(&["NODE", "PID", "RADIUS (UDP)", "HTTPS", "ROLE"]);
    for node in nodes {
        table.row(vec![
            node.name.clone(),
            node.pid.to_string(),
            node.radius.clone(),
            format!("https://{}", node.https),
            if node.leader { "leader" } else { "voter" }.to_owned(),
        ]);
    }
    table
}

fn logins(nodes: &[Node], plan: &Plan, quorate: &str) -> String {
    let (user, password, secret, seed) = (&plan.user, &plan.password, &plan.secret, &plan.seed_base32);
    let (first, second) = (&nodes[0].radius, &nodes[1].radius);
    format!(
        "
The current code, without a phone (a code works once; the next one comes within 30 s):
  {quorate} code {seed}
  oathtool --totp -b {seed}

Log in, the password first and then the code:
  {quorate} radius test --server {first} --server {second} --user {user} --password {password} --secret {secret}
The same with the code computed:
  {quorate} radius test --server {first} --server {second} --user {user} --password {password} --secret {secret} --seed {seed}
In one step, password and code in one field, with FreeRADIUS's tools:
  radtest {user} \"{password}$({quorate} code {seed})\" {second} 0 {secret}
The code alone: a second RADIUS client, {PASSCODE_FROM}, with the same secret, is passcode-only
(requests from {BOTH_STEPS_FROM} are two-step or one-step):
  {quorate} radius test --server {first} --source {PASSCODE_FROM} --mode passcode-only --user {user} --secret {secret} --seed {seed}
  echo \"User-Name={user},User-Password=$({quorate} code {seed}),Message-Authenticator=0x00,Packet-Src-IP-Address={PASSCODE_FROM}\" | radclient {first} auth {secret}
"
    )
}

fn faults(nodes: &[Node], home: &Home, quorate: &str) -> String {
    let leader = nodes.iter().find(|node| node.leader).unwrap_or(&nodes[0]);
    let other = nodes.iter().find(|node| node.name != leader.name).unwrap_or(leader);
    format!(
        "
{} leads. Kill it, and log in at another node:
  kill -9 {}
Look inside:
  {quorate} status --socket {}
  {quorate} audit follow --socket {}
The cluster's authority, for HTTPS: {}
",
        leader.name,
        leader.pid,
        quoted(Path::new(&other.socket)),
        quoted(Path::new(&other.socket)),
        home.ca_file().display()
    )
}

/// What is said when a node ends, and how to get it back.
pub fn ended(plan: &Plan, home: &Home, index: usize, how: &str, running: usize) -> String {
    let exe = std::env::current_exe().unwrap_or_else(|_| "quorate".into());
    let rest = match running {
        0 => "no node is left",
        1 => "the one that is left has no quorum, so it answers no login",
        _ => "the other two go on",
    };
    format!(
        "{} {how}; {rest}. Start it again in another terminal:\n  {} run --config {}",
        plan.nodes[index].name,
        program(&exe),
        quoted(&home.settings_file(index))
    )
}

/// How to call this program from the shell the user sits in.
fn program(exe: &Path) -> String {
    let in_path = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|dir| dir.join("quorate").canonicalize().is_ok_and(|found| found == exe))
    });
    if in_path {
        return "quorate".to_owned();
    }
    let here = std::env::current_dir().ok();
    match here.and_then(|here| exe.strip_prefix(here).ok().map(Path::to_owned)) {
        Some(relative) => quoted(&relative),
        None => quoted(exe),
    }
}
