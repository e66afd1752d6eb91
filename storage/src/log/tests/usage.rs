//! What a caller may count on while nothing is broken, and after a plain crash.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn what_was_appended_is_read_back_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    assert_eq!(
        (log.last(), log.vote(), log.purged(), log.committed()),
        (None, None, None, None)
    );
    log.save_vote(Vote {
        term: 3,
        node: 7,
        committed: true,
    })
    .unwrap();
    append(&log, entries(3, 0..60)).unwrap();
    log.save_committed(Some(id(3, 50))).unwrap();
    same(&all(&log), &entries(3, 0..60));
    log.close().unwrap();

    let log = open(dir.path());
    same(&all(&log), &entries(3, 0..60));
    assert_eq!(log.last(), Some(id(3, 59)));
    assert_eq!(log.committed(), Some(id(3, 50)));
    assert_eq!(
        log.vote(),
        Some(Vote {
            term: 3,
            node: 7,
            committed: true
        })
    );
    assert!(chunk_files(dir.path()).len() > 3, "the entries fill several chunks");
}

#[test]
fn a_crash_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    for index in 0..40 {
        append(&log, entries(1, index..index + 1)).unwrap();
        log.save_vote(Vote {
            term: index + 1,
            node: 7,
            committed: false,
        })
        .unwrap();
        let image = crash_image(dir.path());
        let survivor = open(image.path());
        same(&all(&survivor), &entries(1, 0..index + 1));
        assert_eq!(survivor.vote().unwrap().term, index + 1);
    }
}

#[test]
fn a_log_goes_on_after_a_crash_and_after_a_clean_stop() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..8_u64 {
        let log = open(dir.path());
        same(&all(&log), &expected);
        let new = entries(1 + round, expected.len() as u64..expected.len() as u64 + 9);
        append(&log, new.clone()).unwrap();
        expected.extend(new);
        if round % 2 == 0 {
            log.close().unwrap();
        }
    }
}

#[test]
fn reading_is_bounded_by_bytes_but_returns_at_least_one() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, entries(1, 0..30)).unwrap();
    assert_eq!(log.read(4..30, 0).unwrap(), entries(1, 4..5));
    let two = entry(1, 4).1.len() + entry(1, 5).1.len();
    assert_eq!(log.read(4..30, two).unwrap(), entries(1, 4..6));
    assert_eq!(log.read(4..7, usize::MAX).unwrap(), entries(1, 4..7));
    assert_eq!(log.read(28..100, usize::MAX).unwrap(), entries(1, 28..30));
    assert!(log.read(30..100, usize::MAX).unwrap().is_empty());
    assert!(log.read(10..10, usize::MAX).unwrap().is_empty());
}

#[test]
fn truncating_makes_room_for_another_leaders_entries() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, entries(1, 0..30)).unwrap();
    log.truncate_from(30).unwrap();
    log.truncate_from(12).unwrap();
    append(&log, entries(2, 12..20)).unwrap();
    let expected = [entries(1, 0..12), entries(2, 12..20)].concat();
    same(&all(&log), &expected);
    drop(log);
    same(&all(&open(dir.path())), &expected);
}

#[test]
fn purging_gives_space_back_and_survives_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, entries(1, 0..100)).unwrap();
    let (bytes, files) = (log.bytes(), chunk_files(dir.path()).len());
    log.purge_upto(id(1, 79)).unwrap();
    log.purge_upto(id(1, 10)).unwrap();
    assert_eq!((log.purged(), log.last()), (Some(id(1, 79)), Some(id(1, 99))));
    same(&all(&log), &entries(1, 80..100));
    assert!(log.bytes() < bytes / 2);
    log.close().unwrap();
    assert!(chunk_files(dir.path()).len() < files / 2, "purged chunks are deleted");

    let log = open(dir.path());
    assert_eq!((log.purged(), log.last()), (Some(id(1, 79)), Some(id(1, 99))));
    same(&all(&log), &entries(1, 80..100));
}

#[test]
fn purging_past_the_end_moves_the_log_to_an_installed_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, entries(1, 0..20)).unwrap();
    log.purge_upto(id(4, 500)).unwrap();
    assert_eq!((log.purged(), log.last()), (Some(id(4, 500)), Some(id(4, 500))));
    assert!(all(&log).is_empty());
    append(&log, entries(4, 501..530)).unwrap();
    drop(log);
    same(&all(&open(dir.path())), &entries(4, 501..530));
}

#[test]
fn a_snapshot_of_another_history_leaves_none_of_ours_readable() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, entries(1, 0..20)).unwrap();
    log.purge_upto(id(2, 10)).unwrap();
    assert_eq!((log.last(), all(&log)), (Some(id(2, 10)), Vec::new()));
    drop(log);
    let log = open(dir.path());
    assert_eq!((log.last(), all(&log)), (Some(id(2, 10)), Vec::new()));
}

#[test]
fn what_does_not_follow_is_refused_and_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, entries(2, 0..5)).unwrap();
    log.save_vote(Vote {
        term: 5,
        node: 1,
        committed: false,
    })
    .unwrap();
    log.save_committed(Some(id(2, 3))).unwrap();
    let gap = [entries(2, 5..7), entries(2, 9..10)].concat();
    for wrong in [entries(2, 6..8), entries(1, 5..6), gap] {
        assert_eq!(append(&log, wrong).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
    let lower = Vote {
        term: 4,
        node: 9,
        committed: true,
    };
    assert_eq!(log.save_vote(lower).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(log.truncate_from(2).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    log.save_committed(Some(id(2, 1))).unwrap();
    log.save_committed(Some(id(9, 900))).unwrap();
    log.save_committed(None).unwrap();
    assert_eq!(log.committed(), Some(id(2, 3)));
    append(&log, entries(2, 5..9)).unwrap();
    drop(log);
    same(&all(&open(dir.path())), &entries(2, 0..9));
}

#[test]
fn the_observer_sees_each_append_once() {
    let dir = tempfile::tempdir().unwrap();
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    let on_fsync: FsyncObserver = Arc::new(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let log = DurableLog::open(dir.path(), LogOptions { on_fsync, ..small() }).unwrap();
    for index in 0..10 {
        append(&log, entries(1, index..index + 1)).unwrap();
    }
    log.save_vote(Vote::default()).unwrap();
    log.purge_upto(id(1, 3)).unwrap();
    log.close().unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 11);
}

#[test]
fn a_closed_log_refuses_and_answers_every_append() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, entries(1, 0..3)).unwrap();
    log.close().unwrap();
    log.close().unwrap();
    assert!(append(&log, entries(1, 3..4)).is_err());
    assert!(log.save_vote(Vote::default()).is_err());
    assert!(log.read(0..3, 100).is_err());
    assert_eq!(log.last(), None);
}

#[test]
fn a_log_is_opened_once_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let second = DurableLog::open(dir.path(), small());
    assert!(matches!(second, Err(LogOpenError::Locked { .. })));
    drop(log);
    open(dir.path());
}

#[test]
fn many_threads_append_in_turn_and_all_are_answered_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let (sender, receiver) = mpsc::channel();
    for index in 0..500_u64 {
        let sender = sender.clone();
        log.append(
            entries(1, index..index + 1),
            Box::new(move |result| sender.send(result.map(|()| index)).unwrap()),
        );
    }
    for index in 0..500 {
        assert_eq!(receiver.recv_timeout(DEADLINE).unwrap().unwrap(), index);
    }
    same(&all(&log), &entries(1, 0..500));
}
