//! `quorate status`, `drain`, `leave` and `remove`: the cluster and its nodes.

use clap::Args;
use quorate_api::{AuditExtent, ClusterStatus, GatewayHealth, GatewayState, NodeRole, NodeStatus, endpoints};

use crate::cli::{
    Context,
    admin::{confirm, done, or_dash, pending},
    api::Connection,
    exit::{Done, Exit, Failure},
    output::{Table, duration, facts, utc},
};

/// Show the cluster as one node sees it
///
/// Ends with 0 while that node reaches a quorum, and with 4 while it does not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate status
  quorate status --json | jq '.nodes[] | {id, role, lag}'
  quorate status >/dev/null || echo \"no quorum here\"")]
pub struct Status {
    #[command(flatten)]
    at: Connection,
}

impl Status {
    pub async fn perform(self, context: &Context) -> Done {
        let status = self.at.api(context)?.ask(endpoints::SHOW_CLUSTER, &[]).await?;
        context.format.show(&status, text);
        match status.quorum {
            true => Ok(()),
            false => Err(Failure::new(
                Exit::Unavailable,
                "this node reaches no quorum now, so it answers no login",
            )
            .advise("more than half of the voters must run and reach each other (cluster port, UDP)")),
        }
    }
}

/// Give leadership to another node before maintenance
///
/// Afterwards the node can be stopped or restarted without an election. A node that does not lead
/// has nothing to give, and says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, an upgrade without a gap:
  quorate drain && systemctl restart quorate && quorate status")]
pub struct Drain {
    #[command(flatten)]
    at: Connection,
}

impl Drain {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.at.api(context)?;
        let before = api.ask(endpoints::SHOW_CLUSTER, &[]).await?;
        if before.leader != Some(before.node) {
            done(
                context.format,
                format!("node {} does not lead; it can be stopped as it is", before.node),
            );
            return Ok(());
        }
        let after = api.ask(endpoints::HAND_OVER, &[]).await?;
        match after.leader {
            Some(leader) if leader != after.node => {
                done(
                    context.format,
                    format!("node {leader} leads now; node {} can be stopped", after.node),
                );
                Ok(())
            }
            _ => Err(Failure::new(Exit::Unavailable, "no other voter could take over")
                .advise("is one running and caught up? quorate status")),
        }
    }
}

/// Take this node out of the cluster for good
///
/// Gives leadership away if it leads, then removes itself. Its data directory is of no use
/// afterwards: a node that comes back joins anew, with an empty directory and another id.
#[derive(Debug, Args)]
pub struct Leave {
    #[command(flatten)]
    at: Connection,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Leave {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.at.api(context)?;
        let status = api.ask(endpoints::SHOW_CLUSTER, &[]).await?;
        confirm(
            self.yes,
            &format!(
                "Node {} leaves the cluster for good.{}",
                status.node,
                what_is_left(&status, status.node)
            ),
        )?;
        if status.leader == Some(status.node) && status.nodes.len() > 1 {
            api.ask(endpoints::HAND_OVER, &[]).await?;
        }
        api.order(endpoints::REMOVE_NODE, &[&status.node.to_string()]).await?;
        done(
            context.format,
            format!("node {} has left; stop it and delete its data directory", status.node),
        );
        Ok(())
    }
}

/// Remove another node, for instance one that is lost
///
/// It is fenced off from then on, and its id is never used again.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, a node lost its disk:
  quorate remove ankara-2
  quorate join-token create        # and join its replacement")]
pub struct Remove {
    /// Its name or number, as in `quorate status`
    node: String,
    #[command(flatten)]
    at: Connection,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Remove {
    pub async fn perform(self, context: &Context) -> Done {
        let api = self.at.api(context)?;
        let status = api.ask(endpoints::SHOW_CLUSTER, &[]).await?;
        let id = find(&status, &self.node)?;
        confirm(
            self.yes,
            &format!("Node {id} is removed for good.{}", what_is_left(&status, id)),
        )?;
        api.order(endpoints::REMOVE_NODE, &[&id.to_string()]).await?;
        done(context.format, format!("node {id} is removed"));
        Ok(())
    }
}

fn find(status: &ClusterStatus, wanted: &str) -> Done<u64> {
    let matches: Vec<&NodeStatus> = status
        .nodes
        .iter()
        .filter(|node| node.name == wanted || node.id.to_string() == wanted)
        .collect();
    match matches.as_slice() {
        [node] => Ok(node.id),
        [] => Err(Failure::new(Exit::NotFound, format!("no node is called {wanted}"))
            .advise(format!("there are: {}", names(status)))),
        _ => Err(
            Failure::new(Exit::Refused, format!("several nodes are called {wanted}"))
                .advise(format!("use the number: {}", names(status))),
        ),
    }
}

fn names(status: &ClusterStatus) -> String {
    let names = status.nodes.iter().map(|node| format!("{} ({})", node.name, node.id));
    names.collect::<Vec<_>>().join(", ")
}

/// What a removal does to the number of failures the cluster survives.
fn what_is_left(status: &ClusterStatus, without: u64) -> String {
    let voters = status
        .nodes
        .iter()
        .filter(|node| node.id != without && node.role != NodeRole::Learner)
        .count();
    match voters {
        0 => " It is the last voter, and nothing will answer.".to_owned(),
        n => format!(" {n} voters stay, which survive the loss of {}.", (n - 1) / 2),
    }
}

fn role(role: NodeRole) -> &'static str {
    match role {
        NodeRole::Leader => "leader",
        NodeRole::Voter => "voter",
        NodeRole::Learner => "learner",
    }
}

fn clock(status: &ClusterStatus) -> String {
    match status.clock_ahead_ms {
        None => "the cluster's time is not known yet".to_owned(),
        Some(ahead_ms) if status.clock_in_time => format!("in time ({ahead_ms:+} ms)"),
        Some(ahead_ms) => format!("WRONG by {ahead_ms:+} ms: set it; this node judges no time-based codes"),
    }
}

fn disk(status: &ClusterStatus) -> String {
    let free = status
        .disk_free_bytes
        .map_or("?".to_owned(), |bytes| (bytes >> 20).to_string());
    if status.disk_short {
        format!("FULL ({free} MiB left): make room; this node takes on nothing new")
    } else if status.disk_waiting_ms > 1_000 {
        format!("STALLED: a write has waited for {} ms", status.disk_waiting_ms)
    } else {
        format!("{free} MiB free")
    }
}

fn text(status: &ClusterStatus) -> String {
    let mut table = Table::new(&["NODE", "NAME", "SITE", "ROLE", "BEHIND", "RADIUS", "HTTPS", "CLUSTER"]);
    for node in &status.nodes {
        let here = if node.id == status.node { "*" } else { "" };
        table.row(vec![
            format!("{}{here}", node.id),
            node.name.clone(),
            node.site.clone(),
            role(node.role).to_owned(),
            node.lag.map_or("-".to_owned(), |entries| entries.to_string()),
            node.radius.clone(),
            node.https.clone(),
            node.cluster.clone(),
        ]);
    }
    let head = facts(&[
        ("cluster", status.cluster_id.clone()),
        ("quorum", if status.quorum { "yes" } else { "NO" }.to_owned()),
        (
            "leader",
            status.leader.map_or("none known".to_owned(), |id| id.to_string()),
        ),
        ("term", status.term.to_string()),
        ("clock", clock(status)),
        ("disk", disk(status)),
        ("audit", audit(&status.audit)),
        (
            "log",
            format!(
                "last {}, committed {}, applied {}, snapshot {}",
                status.last_log_index,
                status.committed_index,
                status.applied_index,
                status
                    .snapshot_index
                    .map_or("none".to_owned(), |index| index.to_string())
            ),
        ),
    ]);
    let waiting = match status.pending_changes.as_slice() {
        [] => String::new(),
        waiting => format!(
            "\n\nChanges that are taken back unless they are confirmed (quorate confirm):\n{}",
            pending::table(waiting)
        ),
    };
    let gateways = match status.gateways.as_slice() {
        [] => String::new(),
        gateways => format!("\n\nGateways, as this node has seen them:\n{}", gateway_table(gateways)),
    };
    format!(
        "{head}\n\n{}\n\n* the node that answered{gateways}{waiting}",
        table.render("no nodes")
    )
}

fn gateway_table(gateways: &[GatewayHealth]) -> String {
    let mut table = Table::new(&["GATEWAY", "KIND", "CARRIES", "STATE", "LAST ERROR"]);
    for gateway in gateways {
        let error = match gateway.last_error_ms {
            Some(at_ms) => format!("{} UTC: {}", utc(at_ms), gateway.last_error),
            None => or_dash(&gateway.last_error),
        };
        table.row(vec![
            gateway.name.clone(),
            or_dash(&gateway.kind),
            gateway.channels.join(", "),
            gateway_state(gateway),
            error,
        ]);
    }
    table.render("")
}

fn gateway_state(gateway: &GatewayHealth) -> String {
    match (gateway.state, gateway.backing_off_ms) {
        (GatewayState::Up, _) => "up".to_owned(),
        (GatewayState::Unasked, _) => "not asked yet".to_owned(),
        (GatewayState::Down, _) => "DOWN".to_owned(),
        (GatewayState::BackingOff, None) => "DOWN, backing off".to_owned(),
        (GatewayState::BackingOff, Some(ms)) => format!("DOWN, backing off for {}", duration(ms)),
        (GatewayState::Disabled, _) => "disabled".to_owned(),
    }
}

fn audit(extent: &AuditExtent) -> String {
    let records = format!("{} records", extent.records);
    let missing = match extent.missing_segments {
        0 => String::new(),
        missing => format!(", {missing} segments missing here and being fetched"),
    };
    let index = extent.index.map_or(String::new(), |index| {
        format!(", index being built ({} of {} segments)", index.indexed, index.of)
    });
    format!("{records}{missing}{index}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(voters: u64) -> ClusterStatus {
        let node = |id| NodeStatus {
            id,
            name: format!("n{id}"),
            site: "here".into(),
            role: if id == 1 { NodeRole::Leader } else { NodeRole::Voter },
            cluster: String::new(),
            radius: String::new(),
            https: String::new(),
            lag: None,
        };
        ClusterStatus {
            cluster_id: "00".into(),
            node: 1,
            leader: Some(1),
            term: 1,
            quorum: true,
            last_log_index: 1,
            committed_index: 1,
            applied_index: 1,
            snapshot_index: None,
            clock_in_time: true,
            clock_ahead_ms: Some(0),
            disk_short: false,
            disk_free_bytes: Some(1 << 30),
            disk_waiting_ms: 0,
            audit: AuditExtent {
                records: 1,
                missing_segments: 0,
                index: None,
            },
            pending_changes: Vec::new(),
            gateways: Vec::new(),
            nodes: (1..=voters).map(node).collect(),
        }
    }

    #[test]
    fn a_removal_says_what_the_rest_survives() {
        assert_eq!(
            what_is_left(&status(4), 4),
            " 3 voters stay, which survive the loss of 1."
        );
        assert_eq!(
            what_is_left(&status(3), 3),
            " 2 voters stay, which survive the loss of 0."
        );
        assert!(what_is_left(&status(1), 1).contains("last voter"));
    }

    #[test]
    fn a_gateway_says_how_it_stands_and_what_went_wrong_last() {
        let gateway = |name: &str, state, backing_off_ms, last_error: &str, last_error_ms| GatewayHealth {
            name: name.into(),
            kind: "http".into(),
            channels: vec!["sms".into()],
            state,
            backing_off_ms,
            last_error: last_error.into(),
            last_error_ms,
        };
        let status = ClusterStatus {
            gateways: vec![
                gateway(
                    "first",
                    GatewayState::BackingOff,
                    Some(5_000),
                    "unreachable",
                    Some(1_760_000_000_000),
                ),
                gateway("second", GatewayState::Up, None, "", None),
            ],
            ..status(1)
        };
        let text = text(&status);
        let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("GATEWAY")).collect();
        let wanted = [
            "GATEWAY  KIND  CARRIES  STATE                      LAST ERROR",
            "first    http  sms      DOWN, backing off for 5 s  2025-10-09 08:53:20 UTC: unreachable",
            "second   http  sms      up                         -",
        ];
        assert_eq!(lines, wanted);
    }

    #[test]
    fn a_node_is_found_by_name_and_by_number() {
        assert_eq!(find(&status(3), "n2").expect("there"), 2);
        assert_eq!(find(&status(3), "3").expect("there"), 3);
        let failure = find(&status(3), "n9").expect_err("not there");
        assert_eq!(failure.exit, Exit::NotFound);
    }
}
