#![allow(
    clippy::single_range_in_vec_init,
    reason = "an index that covers one range is a list of one range"
)]

use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_core::audit::{ChangeKind, Entry};
use quorate_core::command::{SignHead, SummarizeRejects};
use quorate_core::limits::RECORDS_PER_SEGMENT;
use quorate_core::{ClientId, Command, Fingerprint};

use super::*;
use crate::administer::NewUser;
use crate::testing::{ROOT, Shelf, TestSigner, World};

const NODE: NodeId = NodeId(1);

fn reader_of(world: &World, shelf: &Arc<Shelf>) -> AuditReader {
    AuditReader::new(world.replica.clone(), shelf.clone(), Arc::new(TestSigner(NODE)), NODE)
}

fn reader(world: &World) -> AuditReader {
    reader_of(world, &Arc::default())
}

fn summary(n: u64) -> Command {
    Command::SummarizeRejects(SummarizeRejects {
        request: Fingerprint(u128::from(n).to_be_bytes()),
        node: NodeId(1 + n % 2),
        client: ClientId(n % 3),
        source: [192, 0, 2, 1].into(),
        from_ms: 0,
        to_ms: 0,
        rejects: 1 + n,
    })
}

/// A world with this many records, one every 20 ms. The founding is record 0.
fn world_of(records: u64) -> World {
    let world = World::founded();
    for n in 1..records {
        world.clock.advance_ms(20);
        world.replica.commit(&summary(n));
    }
    world
}

fn numbers(records: &[AuditRecord]) -> Vec<u64> {
    records.iter().map(|record| record.seq).collect()
}

fn newest(filter: AuditFilter) -> AuditQuery {
    AuditQuery {
        filter,
        range: 0..u64::MAX,
        order: Order::NewestFirst,
        limit: 4_000,
        deadline: Instant::now() + Duration::from_secs(60),
    }
}

/// All pages of a query.
async fn all(reader: &AuditReader, mut query: AuditQuery) -> Vec<u64> {
    let mut seen = Vec::new();
    loop {
        let page = reader.list(query.clone()).await.unwrap();
        assert_eq!(page.unavailable, 0);
        seen.extend(numbers(&page.records));
        query.range = page.left;
        if query.range.is_empty() {
            return seen;
        }
    }
}

#[tokio::test]
async fn pages_follow_each_other_across_segments() {
    let total = RECORDS_PER_SEGMENT + 10;
    let world = world_of(total);
    let shelf: Arc<Shelf> = Arc::default();
    // While the state still holds what it closed, and after the archive has taken it.
    for taken in [false, true] {
        if taken {
            shelf.take_from(&world.replica);
        }
        let reader = reader_of(&world, &shelf);
        let seen = all(&reader, newest(AuditFilter::default())).await;
        assert_eq!(seen, (0..total).rev().collect::<Vec<_>>());
        let seam = RECORDS_PER_SEGMENT - 2;
        let tail = reader
            .follow(seam, AuditFilter::default(), 1_000, Instant::now())
            .await
            .unwrap();
        assert_eq!(numbers(&tail.records), (seam..total).collect::<Vec<_>>());
        assert_eq!(tail.left, total..total);

        let verified = reader.verify(None).await.unwrap().chain;
        assert_eq!((verified.records, verified.head), (total, reader.head().head));
        assert!(matches!(
            reader.verify(Some([0; 32])).await,
            Err(AuditError::Chain(ChainFault::UnexpectedHead))
        ));
    }
}

/// Whatever part of it is indexed, and whether or not the index can be read, an answer is the same.
#[tokio::test]
async fn an_index_changes_no_answer() {
    const SEGMENTS: u64 = 2;
    let total = SEGMENTS * RECORDS_PER_SEGMENT + 100;
    let world = world_of(total);
    let shelf = Shelf::of(&world.replica);
    let reader = reader_of(&world, &shelf);
    let start_ms = world.replica.leader().stamp().ms - (total - 1) * 20;
    let at = |seq: u64| Some(start_ms + seq * 20);
    let filters = [
        AuditFilter {
            client: Some(ClientId(1)),
            ..AuditFilter::default()
        },
        AuditFilter {
            client: Some(ClientId(2)),
            node: Some(NodeId(1)),
            ..AuditFilter::default()
        },
        AuditFilter {
            kind: Some("cluster_founded".into()),
            ..AuditFilter::default()
        },
        AuditFilter {
            client: Some(ClientId(1)),
            since_ms: at(5_000),
            until_ms: at(9_000),
            ..AuditFilter::default()
        },
        AuditFilter {
            since_ms: at(8_190).map(|ms| ms + 1),
            until_ms: at(8_195),
            ..AuditFilter::default()
        },
        AuditFilter {
            result: Some(LoginResult::Accepted),
            ..AuditFilter::default()
        },
    ];
    let segment = RECORDS_PER_SEGMENT;
    let indexes = [
        vec![],
        vec![0..SEGMENTS * segment],
        vec![segment..2 * segment],
        vec![0..segment, segment..2 * segment],
    ];
    for filter in filters {
        let expected: Vec<u64> = {
            let walk = reader.walk();
            let matches = |seq: &u64| filter.matches(&walk.record(*seq).unwrap());
            (0..total).filter(matches).collect()
        };
        for index in &indexes {
            for damaged in [false, true] {
                *shelf.indexed.lock() = index.clone();
                shelf.index_is_damaged.store(damaged, Ordering::Relaxed);
                let mut seen = all(&reader, newest(filter.clone())).await;
                seen.reverse();
                assert_eq!(seen, expected, "{filter:?} with {index:?}");
                let oldest = AuditQuery {
                    order: Order::OldestFirst,
                    limit: 2_777,
                    ..newest(filter.clone())
                };
                assert_eq!(all(&reader, oldest).await, expected, "{filter:?} with {index:?}");
            }
        }
    }
    // With the index, no segment is read to find one record.
    *shelf.indexed.lock() = indexes[1].clone();
    shelf.index_is_damaged.store(false, Ordering::Relaxed);
    shelf.reads.store(0, Ordering::Relaxed);
    let founded = AuditFilter {
        kind: Some("cluster_founded".into()),
        ..AuditFilter::default()
    };
    assert_eq!(all(&reader, newest(founded)).await, [0]);
    assert_eq!(shelf.reads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn without_an_index_a_search_stops_at_its_deadline_and_is_continued() {
    let total = 2 * RECORDS_PER_SEGMENT + 5;
    let world = world_of(total);
    let reader = reader_of(&world, &Shelf::of(&world.replica));
    let query = AuditQuery {
        deadline: Instant::now() - Duration::from_secs(1),
        ..newest(AuditFilter {
            kind: Some("cluster_founded".into()),
            ..AuditFilter::default()
        })
    };
    let page = reader.list(query.clone()).await.unwrap();
    assert_eq!((page.records.len(), page.left), (0, 0..total));
    let again = AuditQuery {
        deadline: Instant::now() + Duration::from_secs(60),
        ..query
    };
    assert_eq!(all(&reader, again).await, [0]);
}

#[tokio::test]
async fn what_is_not_on_this_node_is_said_and_not_passed_over_in_silence() {
    let world = world_of(2 * RECORDS_PER_SEGMENT + 5);
    let shelf = Shelf::of(&world.replica);
    shelf.segments.lock().remove(&0);
    let reader = reader_of(&world, &shelf);
    for index in [vec![], vec![0..2 * RECORDS_PER_SEGMENT]] {
        *shelf.indexed.lock() = index;
        let query = AuditQuery {
            limit: 10_000,
            ..newest(AuditFilter {
                client: Some(ClientId(1)),
                until_ms: Some(u64::MAX),
                ..AuditFilter::default()
            })
        };
        let page = reader.list(query).await.unwrap();
        assert!(page.records.iter().all(|record| record.seq >= RECORDS_PER_SEGMENT));
        let of_client = (RECORDS_PER_SEGMENT..2 * RECORDS_PER_SEGMENT + 5).filter(|n| n % 3 == 1);
        assert_eq!(page.records.len(), of_client.count());
        // The index of the test knows nothing of a lost segment; the files of the real one do.
        let expected = if shelf.indexed.lock().is_empty() {
            RECORDS_PER_SEGMENT
        } else {
            0
        };
        assert_eq!(page.unavailable, expected);
    }
    assert!(matches!(
        reader.verify(None).await,
        Err(AuditError::Segment { number: 0, .. })
    ));
}

#[tokio::test]
async fn filters_narrow_and_combine() {
    let world = World::founded();
    for n in 1..=12 {
        world.replica.commit(&summary(n));
    }
    let new = NewUser {
        name: "Alice".to_owned(),
        ..NewUser::default()
    };
    let (alice, _) = world.admin.create_user(ROOT, new).await.unwrap();
    let reader = reader(&world);
    let list = async |filter: AuditFilter| reader.list(newest(filter)).await.unwrap().records;
    let by_client = AuditFilter {
        client: Some(ClientId(1)),
        ..AuditFilter::default()
    };
    assert_eq!(numbers(&list(by_client.clone()).await), [10, 7, 4, 1]);
    let by_client_and_node = AuditFilter {
        node: Some(NodeId(1)),
        ..by_client
    };
    assert_eq!(numbers(&list(by_client_and_node).await), [10, 4]);
    for filter in [
        AuditFilter {
            user: Some(alice.id),
            ..AuditFilter::default()
        },
        AuditFilter {
            user_name: Some(alice.name.clone()),
            ..AuditFilter::default()
        },
        AuditFilter {
            kind: Some("create_user".into()),
            ..AuditFilter::default()
        },
    ] {
        let records = list(filter).await;
        assert!(
            matches!(&records[..], [AuditRecord { entry: Entry::Changed(change), .. }]
            if change.kind == ChangeKind::CreateUser)
        );
    }
    let none = AuditFilter {
        result: Some(LoginResult::Accepted),
        ..AuditFilter::default()
    };
    assert_eq!(list(none).await, []);
}

#[tokio::test]
async fn a_follower_is_woken_by_the_next_record() {
    let world = World::founded();
    let reader = reader(&world);
    let deadline = Instant::now() + Duration::from_secs(30);
    let waiting = {
        let reader = reader.clone();
        tokio::spawn(async move { reader.follow(1, AuditFilter::default(), 100, deadline).await })
    };
    tokio::task::yield_now().await;
    world.replica.commit(&summary(1));
    let page = waiting.await.unwrap().unwrap();
    assert_eq!((numbers(&page.records), page.left.start), (vec![1], 2));
    let empty = reader
        .follow(2, AuditFilter::default(), 100, Instant::now())
        .await
        .unwrap();
    assert_eq!((empty.records, empty.left.start), (vec![], 2));
}

fn keeper(world: &World, node: NodeId) -> AuditKeeper {
    AuditKeeper::new(
        world.replica.clone(),
        Arc::new(TestSigner(node)),
        world.clock.clone(),
        node,
    )
}

#[tokio::test]
async fn heads_are_signed_once_and_a_forged_signature_is_found() {
    let world = world_of(RECORDS_PER_SEGMENT + 5);
    world.replica.take_commands();
    let reader = reader_of(&world, &Shelf::of(&world.replica));
    keeper(&world, NODE).look().await;
    keeper(&world, NODE).look().await;
    // Not a member: it has nothing to say.
    keeper(&world, NodeId(9)).look().await;
    let commands = world.replica.take_commands();
    assert!(matches!(&commands[..], [Command::SignHead(sign)] if sign.records == RECORDS_PER_SEGMENT));
    let verified = reader.verify(None).await.unwrap();
    assert_eq!(verified.signed.len(), 1);
    assert!(verified.signed[0].good && verified.signed[0].node == NODE);

    let [Command::SignHead(genuine)] = &commands[..] else {
        panic!()
    };
    let mut forged = genuine.signature.clone();
    forged.signature[0] ^= 1;
    world.replica.commit(&Command::SignHead(SignHead {
        signature: forged,
        ..genuine.clone()
    }));
    assert!(!reader.verify(None).await.unwrap().signed[0].good);
}

#[tokio::test]
async fn the_leader_gives_up_what_the_rule_says_and_the_rest_verifies_from_a_signed_checkpoint() {
    let world = world_of(3 * RECORDS_PER_SEGMENT + 5);
    let shelf = Shelf::of(&world.replica);
    let reader = reader_of(&world, &shelf);
    let day_ms = quorate_core::limits::RETENTION_AGE_MS_MIN;
    assert!(
        world
            .admin
            .set_retention(ROOT, None, Some(day_ms - 1), None)
            .await
            .is_err()
    );
    assert!(world.admin.set_retention(ROOT, None, None, Some(1)).await.is_err());
    world.admin.set_retention(ROOT, None, Some(day_ms), None).await.unwrap();
    keeper(&world, NODE).look().await;
    assert_eq!(world.replica.leader().audit().checkpoint().segment, 0);

    // A day after the last record of the second segment.
    world.clock.advance_ms(day_ms - (RECORDS_PER_SEGMENT + 3) * 20);
    keeper(&world, NODE).look().await;
    world.replica.commit(&summary(1));
    keeper(&world, NODE).look().await;
    let first = 2 * RECORDS_PER_SEGMENT;
    assert_eq!(world.replica.leader().audit().checkpoint().first_seq(), first);
    shelf.take_from(&world.replica);
    shelf.segments.lock().retain(|number, _| *number >= 2);

    let verified = reader.verify(None).await.unwrap();
    assert_eq!(verified.chain.first_seq, first);
    let signed: Vec<_> = verified
        .signed
        .iter()
        .map(|signed| (signed.records, signed.good))
        .collect();
    assert_eq!(signed, [(first, true), (3 * RECORDS_PER_SEGMENT, true)]);
    let seen = all(&reader, newest(AuditFilter::default())).await;
    assert_eq!(seen.last(), Some(&first));
    let pruned = AuditFilter {
        kind: Some("audit_pruned".into()),
        ..AuditFilter::default()
    };
    assert_eq!(all(&reader, newest(pruned)).await.len(), 1);
}
