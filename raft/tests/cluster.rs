//! Three nodes in one process: writes from anywhere, leaders that go, nodes that come and go.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use common::{Book, Node, cluster, config, eventually, leader_of, soon};
use quorate_raft::{ChangeError, Config, Entering, ProposeError, Standing};
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_proposed_at_any_node_is_applied_once_at_every_node() {
    let book = Book::new();
    let nodes = cluster(&book, 3, config()).await;
    for node in &nodes {
        let index = node.propose(&format!("from {}", node.id)).await.unwrap();
        for other in &nodes {
            assert!(other.raft.wait_applied(index, soon()).await);
            assert_eq!(other.count(&format!("from {}", node.id)), 1);
        }
    }
    assert_eq!(*nodes[0].seen.lock(), *nodes[1].seen.lock());
    assert_eq!(*nodes[0].seen.lock(), *nodes[2].seen.lock());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_wait_share_an_entry() {
    let book = Book::new();
    let nodes = cluster(&book, 3, config()).await;
    let mut proposals = tokio::task::JoinSet::new();
    for number in 0..3_000u32 {
        let raft = nodes[(number % 3) as usize].raft.clone();
        proposals.spawn(async move {
            let command = Bytes::from(format!("{number:0250}"));
            raft.propose(command, soon()).await.unwrap()
        });
    }
    let mut outcomes = BTreeSet::new();
    while let Some(committed) = proposals.join_next().await {
        // The outcome is the command's ordinal in the log: each exactly one of its own.
        assert!(outcomes.insert(committed.unwrap().outcome));
    }
    assert_eq!(outcomes.len(), 3_000);
    let leader = &nodes[leader_of(&nodes).await];
    let counters = leader.status().counters;
    assert_eq!(counters.entry_commands, 3_000);
    assert!(counters.entries < 1_500, "batched: {} entries", counters.entries);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_others_go_on_when_the_leader_stops() {
    let book = Book::new();
    let mut nodes = cluster(&book, 3, config()).await;
    nodes[1].propose("before").await.unwrap();
    let leader = leader_of(&nodes).await;
    let stopped = nodes.remove(leader);
    // Dropped, not shut down: as if killed.
    drop(stopped.raft);
    nodes[0].propose_until_known("after").await;
    eventually("both have both", || {
        nodes.iter().all(|node| node.has("before") && node.has("after"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_nodes_have_everything_and_vote_again() {
    let book = Book::new();
    let mut nodes = cluster(&book, 3, config()).await;
    for number in 0..50 {
        nodes[number % 3].propose(&format!("command {number}")).await.unwrap();
    }
    let mut restarted = Vec::new();
    for node in nodes.drain(..) {
        restarted.push(node.restart().await);
    }
    // Not any node: one may still send to the leader's former life, and then cannot know what became of it.
    let leader = leader_of(&restarted).await;
    restarted[leader].propose("after the restart").await.unwrap();
    for node in &restarted {
        eventually("all is there", || node.has("after the restart")).await;
        assert_eq!(node.seen.lock().len(), 51);
        eventually("full standing", || node.status().standing == Standing::Full).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_whose_disk_lost_acknowledged_entries_gets_them_back() {
    let book = Book::new();
    let mut nodes = cluster(&book, 3, config()).await;
    let leader = leader_of(&nodes).await;
    let follower = nodes.remove((leader + 1) % 3);
    follower.propose("kept").await.unwrap();
    let (stopped, earlier) = follower.stop_and_copy().await;
    let follower = stopped.start();
    for number in 0..20 {
        follower.propose_until_known(&format!("lost {number}")).await;
    }
    // The disk forgets everything since the copy, and says nothing.
    let (mut stopped, _) = follower.stop_and_copy().await;
    stopped.dir = earlier;
    let follower = stopped.start();
    eventually("all is back", || {
        (0..20).all(|number| follower.has(&format!("lost {number}")))
    })
    .await;
    eventually("it votes again", || follower.status().standing == Standing::Full).await;
    follower.propose_until_known("after").await;
    eventually("the others too", || nodes.iter().all(|node| node.has("after"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_node_learns_catches_up_and_votes_and_another_leaves() {
    let book = Book::new();
    let mut nodes = cluster(&book, 3, config()).await;
    for number in 0..200 {
        nodes[number % 3].propose(&format!("command {number}")).await.unwrap();
    }
    let fourth = Node::start(book.identity(4), &book, config());
    let mut steps = Vec::new();
    let peers = BTreeMap::from([(2, nodes[1].info.clone())]);
    fourth
        .raft
        .enter(peers, soon(), &mut |step| steps.push(step))
        .await
        .unwrap();
    assert_eq!(steps.first(), Some(&Entering::Asked));
    assert_eq!(steps.last(), Some(&Entering::Voter));
    assert!(fourth.has("command 0") && fourth.has("command 199"));
    eventually("four voters", || fourth.status().voters == [1, 2, 3, 4]).await;
    nodes.push(fourth);

    // The leader itself leaves: it hands over first.
    let leader = leader_of(&nodes).await;
    let leaving = nodes.remove(leader);
    nodes[0].raft.remove(leaving.id, soon()).await.unwrap();
    let remaining: Vec<u64> = nodes.iter().map(|node| node.id).collect();
    for node in &nodes {
        eventually("three voters", || node.status().voters == remaining).await;
    }
    // Fenced off: what it asks is no longer answered.
    book.removed.lock().insert(leaving.id);
    let outcome = leaving
        .raft
        .propose(Bytes::from_static(b"ghost"), Instant::now() + Duration::from_secs(2))
        .await;
    assert!(outcome.is_err());
    nodes[0].propose("without it").await.unwrap();
    assert!(nodes.iter().all(|node| !node.has("ghost")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_far_behind_gets_a_snapshot() {
    let book = Book::new();
    let small = Config {
        keep_entries: 10,
        ..config()
    };
    let nodes = cluster(&book, 2, small.clone()).await;
    for number in 0..600 {
        nodes[number % 2].propose(&format!("command {number}")).await.unwrap();
    }
    for node in &nodes {
        node.raft.snapshot().await;
        eventually("the log is purged", || {
            node.status().purged.is_some_and(|at| at.index > 300)
        })
        .await;
    }
    let third = Node::start(book.identity(3), &book, small);
    let peers = BTreeMap::from([(1, nodes[0].info.clone())]);
    third.raft.enter(peers, soon(), &mut |_| {}).await.unwrap();
    assert_eq!(third.seen.lock().len(), 600);
    assert_eq!(third.status().counters.snapshots_received, 1);

    // What came as a snapshot survives a restart as one.
    let third = third.restart().await;
    third.propose("after").await.unwrap();
    eventually("all 601", || third.seen.lock().len() == 601).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_is_handed_over_and_nothing_is_lost_meanwhile() {
    let book = Book::new();
    let nodes = cluster(&book, 3, config()).await;
    let leader = leader_of(&nodes).await;
    let mut load = tokio::task::JoinSet::new();
    for number in 0..300 {
        let raft = nodes[number % 3].raft.clone();
        load.spawn(async move {
            tokio::time::sleep(Duration::from_millis(number as u64 * 5)).await;
            raft.propose(Bytes::from(format!("command {number}")), soon()).await
        });
    }
    let successor = nodes[leader].raft.hand_over(soon()).await.unwrap();
    assert!(successor.is_some_and(|successor| successor != nodes[leader].id));
    while let Some(outcome) = load.join_next().await {
        outcome.unwrap().unwrap();
    }
    eventually("all 300", || nodes[leader].seen.lock().len() == 300).await;
    for number in 0..300 {
        assert_eq!(nodes[leader].count(&format!("command {number}")), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_barrier_at_any_node_shows_what_was_written_before_at_another() {
    let book = Book::new();
    let nodes = cluster(&book, 3, config()).await;
    for round in 0..10 {
        let written = format!("round {round}");
        nodes[round % 3].propose(&written).await.unwrap();
        let reader = &nodes[(round + 1) % 3];
        reader.raft.barrier(soon()).await.unwrap();
        assert!(reader.has(&written));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_nothing_is_committed_and_nobody_campaigns() {
    let book = Book::new();
    let mut nodes = cluster(&book, 3, config()).await;
    nodes[0].propose("before").await.unwrap();
    let lonely = nodes.remove(leader_of(&nodes).await);
    nodes.clear();
    eventually("it notices", || lonely.status().standing == Standing::Alone).await;
    let patience = || Instant::now() + Duration::from_secs(1);
    let outcome = lonely.raft.propose(Bytes::from_static(b"alone"), patience()).await;
    assert!(matches!(outcome, Err(ProposeError::Unknown | ProposeError::NoLeader)));
    assert!(lonely.raft.barrier(patience()).await.is_err());
    assert!(!lonely.has("alone"));

    // A follower that is alone raises no term.
    let lonely = lonely.restart().await;
    let term = lonely.status().term;
    let outcome = lonely.raft.propose(Bytes::from_static(b"alone"), patience()).await;
    assert_eq!(outcome, Err(ProposeError::NoLeader));
    assert_eq!(lonely.status().term, term);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_state_is_another_is_found_and_stops() {
    let book = Book::new();
    let often = Config {
        digest_every: 16,
        ..config()
    };
    let mut nodes = cluster(&book, 2, often.clone()).await;
    let third = Node::start_misreading(book.identity(3), &book, often, Some("command 7"));
    let peers = BTreeMap::from([(1, nodes[0].info.clone())]);
    third.raft.enter(peers, soon(), &mut |_| {}).await.unwrap();
    nodes.push(third);
    for number in 0..64 {
        nodes[number % 2]
            .propose_until_known(&format!("command {number}"))
            .await;
    }
    let odd = nodes.pop().unwrap();
    eventually("it stops", || odd.status().diverged && odd.status().fatal.is_some()).await;
    for node in &nodes {
        eventually("the others see it", || node.status().others_diverged == [3]).await;
        node.propose_until_known("and go on").await;
        assert!(!node.status().diverged);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_voter_cannot_be_removed_and_strangers_cannot_be_promoted() {
    let book = Book::new();
    let nodes = cluster(&book, 1, config()).await;
    assert!(matches!(
        nodes[0].raft.remove(1, soon()).await,
        Err(ChangeError::Refused(_))
    ));
    assert!(matches!(
        nodes[0].raft.promote(77, soon()).await,
        Err(ChangeError::Refused(_))
    ));
    book.removed.lock().insert(5);
    let removed = nodes[0].raft.add_learner(5, nodes[0].info.clone(), soon()).await;
    assert!(matches!(removed, Err(ChangeError::Refused(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_too_large_is_refused_and_the_largest_is_not() {
    let book = Book::new();
    let nodes = cluster(&book, 3, config()).await;
    let largest = quorate_raft::limits::MAX_COMMAND_BYTES;
    let refused = nodes[1].raft.propose(Bytes::from(vec![1; largest + 1]), soon()).await;
    assert_eq!(refused, Err(ProposeError::TooLarge));
    for node in &nodes {
        node.raft.propose(Bytes::from(vec![1; largest]), soon()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applications_ask_each_other() {
    let book = Book::new();
    let nodes = cluster(&book, 2, config()).await;
    let answer = nodes[0].raft.ask(2, Bytes::from_static(b"ping"), soon()).await.unwrap();
    assert_eq!(answer, [&1u64.to_be_bytes()[..], b"ping"].concat());
}
