use std::time::Duration;

use super::*;

const ALICE: HashLane = HashLane {
    client: ClientId(1),
    user: 1,
};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

fn bytes(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.as_bytes().to_vec())
}

#[tokio::test]
async fn a_password_is_computed_and_verified() {
    let queue = HashQueue::with_threads(1).unwrap();
    let verifier = queue.compute(ALICE, bytes("right"), [1; 16], soon()).await.unwrap();
    let verifier = Arc::new(verifier);
    assert_eq!(
        queue.verify(ALICE, verifier.clone(), bytes("right"), soon()).await,
        Ok(true)
    );
    assert_eq!(queue.verify(ALICE, verifier, bytes("wrong"), soon()).await, Ok(false));
    assert_eq!(queue.figures().computed_total, 3);
    assert_eq!((queue.figures().waiting, queue.figures().in_flight), (0, 0));
}

/// A queue without threads holds still, so that what waits can be counted.
#[tokio::test]
async fn a_full_lane_is_told_from_a_full_queue() {
    let queue = HashQueue {
        shared: Arc::new(Shared::new(1)),
        threads: 0,
        in_place: false,
    };
    let submit = |client: u64, user: u64| {
        let (answer, answered) = oneshot::channel();
        let lane = HashLane {
            client: ClientId(client),
            user,
        };
        let job = Job::Verify {
            verifier: Arc::new(PasswordVerifier::dummy()),
            password: bytes("x"),
            answer,
        };
        queue.submit(lane, job).map(|()| answered)
    };
    for _ in 0..limits::HASHES_WAITING_PER_USER {
        submit(1, 1).unwrap();
    }
    assert_eq!(submit(1, 1).err(), Some(HashRefused::LaneFull));
    let mut user = 2;
    while queue.figures().waiting < limits::HASHES_WAITING_PER_CLIENT_AND_THREAD {
        submit(1, user).unwrap();
        user += 1;
    }
    assert_eq!(
        submit(1, user).err(),
        Some(HashRefused::LaneFull),
        "the client's share is used up"
    );
    while queue.figures().waiting < limits::HASHES_WAITING_PER_THREAD {
        submit(2, user).unwrap();
        user += 1;
    }
    assert_eq!(submit(3, 1).err(), Some(HashRefused::Overloaded));
    let figures = queue.figures();
    assert_eq!((figures.refused_lane_total, figures.refused_overload_total), (2, 1));
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_hashed() {
    let shared = Arc::new(Shared::new(1));
    let queue = HashQueue {
        shared: Arc::clone(&shared),
        threads: 1,
        in_place: false,
    };
    let verifier = Arc::new(PasswordVerifier::dummy());
    let late = queue.verify(ALICE, verifier.clone(), bytes("x"), Instant::now()).await;
    assert_eq!(late, Err(HashRefused::Overloaded));
    // Only now does a thread begin: the first is abandoned, the second is not.
    std::thread::spawn(move || shared.work());
    assert_eq!(queue.verify(ALICE, verifier, bytes("x"), soon()).await, Ok(false));
    assert_eq!(queue.figures().computed_total, 1);
}

#[tokio::test]
async fn many_at_once_are_all_answered() {
    let queue = Arc::new(HashQueue::with_threads(2).unwrap());
    let verifier = Arc::new(queue.compute(ALICE, bytes("right"), [1; 16], soon()).await.unwrap());
    let mut under_way = tokio::task::JoinSet::new();
    for user in 0..24 {
        let (queue, verifier) = (Arc::clone(&queue), Arc::clone(&verifier));
        let lane = HashLane {
            client: ClientId(user % 3),
            user: user % 8,
        };
        let password = bytes(if user % 2 == 0 { "right" } else { "wrong" });
        under_way.spawn(async move { (user, queue.verify(lane, verifier, password, soon()).await) });
    }
    for (user, matched) in under_way.join_all().await {
        assert_eq!(matched, Ok(user % 2 == 0));
    }
}
