use std::time::Duration;

use quorate_core::audit::{ChangeKind, Entry};
use quorate_core::command::SummarizeRejects;
use quorate_core::{ClientId, Command, Fingerprint, NodeId, limits as core_limits};

use super::*;
use crate::administer::NewUser;
use crate::testing::{NoArchive, ROOT, World};

fn reader(world: &World) -> AuditReader {
    AuditReader::new(world.replica.clone(), Arc::new(NoArchive))
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

fn numbers(records: &[AuditRecord]) -> Vec<u64> {
    records.iter().map(|record| record.seq).collect()
}

#[tokio::test]
async fn pages_follow_each_other_across_segments() {
    let world = World::founded();
    let total = core_limits::RECORDS_PER_SEGMENT + 10;
    // The founding is record 0.
    for n in 1..total {
        world.replica.commit(&summary(n));
    }
    let reader = reader(&world);
    let mut query = AuditQuery {
        limit: 1000,
        ..AuditQuery::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = reader.list(query.clone()).await.unwrap();
        seen.extend(numbers(&page.records));
        query.before = page.next_before;
        if query.before.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..total).rev().collect::<Vec<_>>());

    let near_the_seam = reader.follow(
        core_limits::RECORDS_PER_SEGMENT - 2,
        AuditFilter::default(),
        Instant::now(),
    );
    let tail = near_the_seam.await.unwrap();
    assert_eq!(tail.records.len(), 12);
    assert_eq!(tail.next, total);

    let verified = reader.verify(None).await.unwrap();
    assert_eq!(verified.records, total);
    assert_eq!(verified.head, reader.head().0);
    assert!(matches!(
        reader.verify(Some([0; 32])).await,
        Err(AuditError::Chain(ChainFault::UnexpectedHead))
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
    let list = async |filter: AuditFilter| {
        let query = AuditQuery {
            filter,
            ..AuditQuery::default()
        };
        reader.list(query).await.unwrap().records
    };
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
        tokio::spawn(async move { reader.follow(1, AuditFilter::default(), deadline).await })
    };
    tokio::task::yield_now().await;
    world.replica.commit(&summary(1));
    let tail = waiting.await.unwrap().unwrap();
    assert_eq!((numbers(&tail.records), tail.next), (vec![1], 2));
    let empty = reader.follow(2, AuditFilter::default(), Instant::now()).await.unwrap();
    assert_eq!((empty.records, empty.next), (vec![], 2));
}
