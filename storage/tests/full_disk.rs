//! A full disk and a read-only one, for real: small file systems in a mount namespace of their own.
//!
//! Each test runs itself again inside `unshare --mount`; where the kernel forbids that, it says so
//! and proves nothing.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use quorate_storage::{DataDir, DurableLog, Identity, LogId, LogOptions, SegmentStore, SnapshotStore, Vote};

const INSIDE: &str = "QUORATE_TEST_SMALL_DISK";

/// Runs `test` on a file system of `kilobytes`; returns its root when inside.
fn on_small_disk(test: &str, kilobytes: u32) -> Option<PathBuf> {
    if let Ok(root) = env::var(INSIDE) {
        return Some(root.into());
    }
    let root = tempfile::tempdir().expect("a temporary directory");
    let script =
        format!("mount -t tmpfs -o size={kilobytes}k none \"${INSIDE}\" && exec \"$0\" --exact \"$1\" --nocapture");
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user"]).env(INSIDE, root.path());
        command
    };
    if !unshare()
        .args(["sh", "-c", "mount -t tmpfs none \"$QUORATE_TEST_SMALL_DISK\""])
        .status()
        .is_ok_and(|it| it.success())
    {
        eprintln!("skipped: this system allows no mount namespace, so no small disk can be made");
        return None;
    }
    let status = unshare()
        .args(["sh", "-c", &script])
        .arg(env::current_exe().expect("the path of this test"))
        .arg(test)
        .status()
        .expect("unshare runs");
    assert!(status.success(), "{test} failed on the small disk");
    None
}

fn append(log: &DurableLog, index: u64) -> std::io::Result<()> {
    let (sender, receiver) = mpsc::channel();
    let id = LogId {
        term: 1,
        node: 1,
        index,
    };
    log.append(
        vec![(id, vec![index as u8; 4000].into())],
        Box::new(move |result| sender.send(result).expect("the test still waits")),
    );
    receiver
        .recv_timeout(Duration::from_secs(20))
        .expect("every append is answered")
}

#[test]
fn a_log_on_a_full_disk_answers_every_append_and_keeps_what_it_acknowledged() {
    let test = "a_log_on_a_full_disk_answers_every_append_and_keeps_what_it_acknowledged";
    let Some(root) = on_small_disk(test, 512) else { return };
    let options = || LogOptions {
        chunk_bytes: 50_000,
        ..LogOptions::default()
    };
    let log = DurableLog::open(&root.join("log"), options()).unwrap();
    let acknowledged = (0..1000).take_while(|index| append(&log, *index).is_ok()).count() as u64;
    assert!((50..130).contains(&acknowledged), "{acknowledged}");
    // It has stepped aside for good: no append, no vote.
    let later = append(&log, acknowledged + 1).unwrap_err().to_string();
    assert!(later.contains("has failed"), "{later}");
    assert!(
        log.save_vote(Vote {
            term: 9,
            node: 9,
            committed: false
        })
        .is_err()
    );
    drop(log);

    // A restart on the disk that is still full loses nothing, whether or not it can start.
    if let Err(error) = DurableLog::open(&root.join("log"), options()) {
        assert!(!error.is_quarantine(), "{error}");
    }
    // With room again, all that was acknowledged is there, and the log goes on.
    assert!(
        Command::new("mount")
            .args(["-o", "remount,size=4m"])
            .arg(&root)
            .status()
            .unwrap()
            .success()
    );
    let log = DurableLog::open(&root.join("log"), options()).unwrap();
    assert!(log.read(0..u64::MAX, usize::MAX).unwrap().len() as u64 >= acknowledged);
    append(&log, log.last().unwrap().index + 1).unwrap();
    assert_eq!(log.vote(), None);
}

#[test]
fn everything_else_says_that_the_disk_is_full_and_leaves_nothing_half_done() {
    let test = "everything_else_says_that_the_disk_is_full_and_leaves_nothing_half_done";
    let Some(root) = on_small_disk(test, 600) else { return };
    let advice = "free some space";

    let snapshots = SnapshotStore::open(&root.join("snapshots")).unwrap();
    let mut writer = snapshots.create(None, b"").unwrap();
    let full = (0..100)
        .find_map(|_| writer.record(&[1; 50_000]).err())
        .expect("the disk is full")
        .to_string();
    assert!(full.contains(advice), "{full}");
    drop(writer);
    assert_eq!(fs::read_dir(root.join("snapshots")).unwrap().count(), 0);

    let segments = SegmentStore::open(&root.join("segments")).unwrap();
    let full = segments.write(1, &vec![1; 1_000_000]).unwrap_err().to_string();
    assert!(full.contains(advice), "{full}");
    assert_eq!(fs::read_dir(root.join("segments")).unwrap().count(), 0);
    segments.write(1, &vec![1; 100_000]).unwrap();

    fs::write(root.join("ballast"), vec![0; 1_000_000]).unwrap_err();
    let full = DataDir::create(
        &root.join("node"),
        Identity {
            cluster_id: [1; 16],
            node_id: 1,
        },
    )
    .unwrap_err()
    .to_string();
    assert!(full.contains(advice), "{full}");
    let Err(full) = DurableLog::open(&root.join("log"), LogOptions::default()) else {
        panic!("no room for a log")
    };
    assert!(full.to_string().contains(advice) && !full.is_quarantine(), "{full}");
}

#[test]
fn a_read_only_disk_is_a_sentence() {
    let Some(root) = on_small_disk("a_read_only_disk_is_a_sentence", 4000) else {
        return;
    };
    let path = root.join("node");
    DataDir::create(
        &path,
        Identity {
            cluster_id: [1; 16],
            node_id: 1,
        },
    )
    .unwrap();
    assert!(
        Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&root)
            .status()
            .unwrap()
            .success()
    );
    let refused = DataDir::open(&path).unwrap_err().to_string();
    assert!(refused.contains("make the data directory writable"), "{refused}");
    let refused = DataDir::create(
        &root.join("other"),
        Identity {
            cluster_id: [1; 16],
            node_id: 1,
        },
    )
    .unwrap_err();
    assert!(
        refused.to_string().contains("make the data directory writable"),
        "{refused}"
    );
}
