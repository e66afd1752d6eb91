//! A damaged node becomes another one, if the cluster is well without it.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{Book, Node, cluster, config, eventually, leader_of, soon};
use quorate_raft::pki::NodeKey;
use quorate_raft::replacement::{ReplacementError, ask};
use quorate_raft::{Identity, NodeInfo, Successor};

/// A node that cannot run any more: what it has left.
struct Damaged {
    identity: Identity,
    info: NodeInfo,
    key: NodeKey,
}

impl Damaged {
    fn of(node: &Node) -> Self {
        Damaged {
            identity: node.identity.clone(),
            info: node.info.clone(),
            key: NodeKey::generate().unwrap(),
        }
    }

    async fn ask(&self, peers: &BTreeMap<u64, NodeInfo>) -> Result<Successor, ReplacementError> {
        let anywhere = "127.0.0.1:0".parse().unwrap();
        ask(
            &self.identity,
            &self.key.csr_der().unwrap(),
            &self.info,
            anywhere,
            peers,
        )
        .await
    }

    async fn ask_until_granted(&self, peers: &BTreeMap<u64, NodeInfo>) -> Successor {
        let deadline = soon();
        loop {
            match self.ask(peers).await {
                Ok(successor) => return successor,
                Err(ReplacementError::NotNow(why)) => assert!(tokio::time::Instant::now() < deadline, "{why}"),
                Err(other) => panic!("{other}"),
            }
        }
    }
}

fn addresses(nodes: &[Node]) -> BTreeMap<u64, NodeInfo> {
    nodes.iter().map(|node| (node.id, node.info.clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_node_comes_back_under_a_new_id_and_the_old_one_is_out() {
    let book = Book::new();
    let mut nodes = cluster(&book, 3, config()).await;
    nodes[0].propose("before").await.unwrap();
    let leader = leader_of(&nodes).await;
    let gone = nodes.remove(leader);
    let damaged = Damaged::of(&gone);
    drop(gone);
    let peers = addresses(&nodes);
    let successor = damaged.ask_until_granted(&peers).await;

    let identity = Identity {
        node_id: successor.node_id,
        certificate_der: successor.certificate_der,
        private_key_der: damaged.key.private_key_der(),
        ..damaged.identity.clone()
    };
    let node = Node::start_in_place_of(damaged.info.clone(), identity, &book, config());
    node.raft.enter(peers, soon(), &mut |_| {}).await.unwrap();
    let mut voters: Vec<u64> = nodes.iter().map(|node| node.id).chain([node.id]).collect();
    voters.sort_unstable();
    nodes.push(node);
    for node in &nodes {
        eventually("three voters", || node.status().voters == voters).await;
        // No second change was needed to take it out.
        assert!(!node.status().nodes.contains_key(&damaged.identity.node_id));
        node.propose_until_known("after").await;
    }
    assert!(nodes.last().unwrap().has("before"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_runs_is_not_replaced() {
    let book = Book::new();
    let nodes = cluster(&book, 3, config()).await;
    let leader = leader_of(&nodes).await;
    for node in nodes
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != leader)
        .map(|(_, node)| node)
    {
        let refused = Damaged::of(node).ask(&addresses(&nodes)).await.unwrap_err();
        assert!(matches!(&refused, ReplacementError::NotNow(_)), "{refused}");
        assert!(
            refused.to_string().contains("answers the cluster's probes"),
            "{refused}"
        );
    }
    assert!(book.places.lock().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_of_the_others_nobody_is_replaced() {
    let book = Book::new();
    let mut nodes = cluster(&book, 3, config()).await;
    let leader = leader_of(&nodes).await;
    nodes.swap(0, leader);
    let peers = addresses(&nodes);
    let damaged: Vec<Damaged> = nodes.drain(1..).map(|node| Damaged::of(&node)).collect();
    // While the lonely node thinks that it leads, and after.
    for _ in 0..3 {
        for damaged in &damaged {
            let refused = damaged.ask(&peers).await.unwrap_err();
            assert!(matches!(&refused, ReplacementError::NotNow(_)), "{refused}");
        }
    }
    assert!(book.places.lock().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_member_gets_no_successor() {
    let book = Book::new();
    let nodes = cluster(&book, 3, config()).await;
    let stranger = Damaged {
        identity: book.identity(9),
        info: NodeInfo::default(),
        key: NodeKey::generate().unwrap(),
    };
    let refused = stranger.ask(&addresses(&nodes)).await.unwrap_err();
    assert!(matches!(&refused, ReplacementError::Refused(_)), "{refused}");

    book.removed.lock().insert(2);
    let removed = Damaged::of(nodes.iter().find(|node| node.id == 2).unwrap());
    let refused = removed.ask(&addresses(&nodes)).await.unwrap_err();
    assert!(!matches!(&refused, ReplacementError::Start(_)), "{refused}");
    assert!(book.places.lock().is_empty());
}
