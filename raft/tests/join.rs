//! Who is let in: the join protocol, and connections between nodes.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use common::{Book, CLUSTER, Node, cluster, config, eventually, identity, soon};
use quorate_raft::pki::ClusterCa;
use quorate_raft::{ChangeError, JoinError, NodeInfo, Token, join};
use tokio::time::Instant;
use zeroize::Zeroizing;

const NOW_MS: u64 = 1_700_000_000_000;

fn newcomer() -> NodeInfo {
    NodeInfo {
        name: "newcomer".into(),
        ..NodeInfo::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_lets_one_node_in_and_it_becomes_a_voter() {
    let book = Book::new();
    let nodes = cluster(&book, 1, config()).await;
    nodes[0].propose("before").await.unwrap();
    let token = Token::parse(&book.token(1).to_text()).unwrap();
    let joined = join(&nodes[0].info.cluster, &token, newcomer(), NOW_MS).await.unwrap();
    assert_eq!(joined.secrets.as_slice(), b"the key ring");
    assert_eq!(joined.identity.cluster_id, CLUSTER);
    assert_eq!(joined.peers.keys().collect::<Vec<_>>(), [&1]);

    let node = Node::start(joined.identity, &book, config());
    node.raft.enter(joined.peers, soon(), &mut |_| {}).await.unwrap();
    assert!(node.has("before"));
    node.propose("from the newcomer").await.unwrap();
    eventually("both vote", || nodes[0].status().voters == [1, node.id]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_spent_once_even_when_used_twice_at_once() {
    let book = Book::new();
    let nodes = cluster(&book, 1, config()).await;
    let token = book.token(2);
    let address = &nodes[0].info.cluster;
    let (first, second) = tokio::join!(
        join(address, &token, newcomer(), NOW_MS),
        join(address, &token, newcomer(), NOW_MS),
    );
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
    let refused = [first, second].into_iter().find_map(Result::err).unwrap();
    assert!(matches!(refused, JoinError::Refused(reason) if reason.contains("already used")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_refuses_a_cluster_with_another_authority() {
    let (book, impostor) = (Book::new(), Book::new());
    let nodes = cluster(&impostor, 1, config()).await;
    let outcome = join(&nodes[0].info.cluster, &book.token(1), newcomer(), NOW_MS).await;
    assert!(matches!(outcome, Err(JoinError::WrongCluster { .. })));
    assert!(impostor.spent.lock().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_unknown_and_expired_tokens_are_refused_and_spend_nothing() {
    let book = Book::new();
    let nodes = cluster(&book, 1, config()).await;
    let address = &nodes[0].info.cluster;
    let forged = Token {
        secret: Zeroizing::new([0; 32]),
        ..book.token(1)
    };
    let unknown = book.token(55);
    let mut reasons = Vec::new();
    for token in [forged, unknown] {
        match join(address, &token, newcomer(), NOW_MS).await {
            Err(JoinError::Refused(reason)) => reasons.push(reason),
            other => panic!("expected a refusal, got {:?}", other.map(|_| ())),
        }
    }
    assert_eq!(
        reasons[0], reasons[1],
        "nothing tells a known token from an unknown one"
    );
    let expired = Token {
        expires_ms: NOW_MS,
        ..book.token(1)
    };
    assert!(matches!(
        join(address, &expired, newcomer(), NOW_MS).await,
        Err(JoinError::Expired)
    ));
    assert!(book.spent.lock().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_another_authority_is_not_heard() {
    let book = Book::new();
    let nodes = cluster(&book, 1, config()).await;
    // Same cluster id, same node id, other authority.
    let stranger = Node::start(identity(&ClusterCa::generate(CLUSTER).unwrap(), 2), &book, config());
    assert_not_heard(&nodes[0], &stranger).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_node_is_not_heard() {
    let book = Book::new();
    let nodes = cluster(&book, 1, config()).await;
    book.removed.lock().insert(2);
    let removed = Node::start(book.identity(2), &book, config());
    assert_not_heard(&nodes[0], &removed).await;
    eventually("it is counted", || nodes[0].status().counters.refused_connections > 0).await;
}

async fn assert_not_heard(member: &Node, stranger: &Node) {
    let peers = BTreeMap::from([(member.id, member.info.clone())]);
    let deadline = Instant::now() + Duration::from_secs(2);
    let entered = stranger.raft.enter(peers, deadline, &mut |_| {}).await;
    assert!(matches!(entered, Err(ChangeError::NoLeader | ChangeError::Unknown)));
    assert_eq!(member.status().nodes.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_not_who_it_is_taken_for_gets_nothing() {
    let book = Book::new();
    let nodes = cluster(&book, 1, config()).await;
    // Node 3 runs where node 2 is said to be.
    let other = Node::start(book.identity(3), &book, config());
    nodes[0].raft.add_learner(2, other.info.clone(), soon()).await.unwrap();
    nodes[0].propose("secret").await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(1);
    assert_eq!(nodes[0].raft.ask(2, Bytes::from_static(b"ping"), deadline).await, None);
    assert!(other.seen.lock().is_empty());
}
