//! Whose directory it is, and every sentence that says that it cannot be used.

use std::fs;
use std::path::Path;

use quorate_storage::{DataDir, DataDirError, Identity};

const HERE: Identity = Identity {
    cluster_id: [0xab; 16],
    node_id: 3,
};

fn sentence(result: Result<DataDir, DataDirError>) -> (DataDirError, String) {
    let error = result.expect_err("the directory is refused");
    let text = error.to_string();
    (error, text)
}

fn created() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    DataDir::create(dir.path(), HERE).expect("an empty directory is taken");
    dir
}

#[test]
fn a_directory_is_made_once_and_opened_ever_after() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("not/yet/there");
    let made = DataDir::create(&path, HERE).unwrap();
    assert_eq!((made.identity(), made.root()), (HERE, path.as_path()));
    drop(made);
    let opened = DataDir::open_as(&path, HERE).unwrap();
    for folder in [opened.log_dir(), opened.snapshots_dir(), opened.segments_dir()] {
        assert!(folder.is_dir());
    }
    drop(opened);
    let (error, text) = sentence(DataDir::create(&path, HERE));
    assert!(matches!(error, DataDirError::Exists { node_id: 3, .. }), "{text}");
}

#[test]
fn a_creation_that_was_cut_short_is_repeated() {
    let dir = created();
    fs::rename(dir.path().join("identity"), dir.path().join("identity.tmp")).unwrap();
    let (error, text) = sentence(DataDir::open(dir.path()));
    assert!(
        matches!(error, DataDirError::Missing { .. }) && text.contains("quorate init"),
        "{text}"
    );
    DataDir::create(dir.path(), HERE).unwrap();
    DataDir::open_as(dir.path(), HERE).unwrap();
}

#[test]
fn another_cluster_and_another_node_are_refused() {
    let dir = created();
    let (error, text) = sentence(DataDir::open_as(
        dir.path(),
        Identity {
            cluster_id: [1; 16],
            ..HERE
        },
    ));
    assert!(matches!(error, DataDirError::OtherCluster { .. }), "{text}");
    assert!(
        text.contains(&"ab".repeat(16)) && text.contains(&"01".repeat(16)),
        "{text}"
    );
    let (error, text) = sentence(DataDir::open_as(dir.path(), Identity { node_id: 4, ..HERE }));
    assert!(
        matches!(
            error,
            DataDirError::OtherNode {
                found: 3,
                expected: 4,
                ..
            }
        ),
        "{text}"
    );
}

#[test]
fn a_newer_format_is_refused_whatever_else_it_says() {
    let dir = created();
    let file = dir.path().join("identity");
    let text = fs::read_to_string(&file)
        .unwrap()
        .replace("quorate-format 1", "quorate-format 2");
    fs::write(&file, text + "and much that we do not know\n").unwrap();
    let (error, text) = sentence(DataDir::open(dir.path()));
    assert!(
        matches!(error, DataDirError::NewerFormat { found: 2, .. }) && text.contains("install"),
        "{text}"
    );
}

#[test]
fn any_changed_byte_of_the_identity_is_noticed() {
    let dir = created();
    let file = dir.path().join("identity");
    let sound = fs::read(&file).unwrap();
    for at in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 1 << (at % 7);
        fs::write(&file, damaged).unwrap();
        let (error, text) = sentence(DataDir::open(dir.path()));
        let noticed = matches!(error, DataDirError::Damaged { .. } | DataDirError::NewerFormat { .. });
        assert!(noticed, "byte {at}: {text}");
    }
    fs::write(&file, sound).unwrap();
    DataDir::open(dir.path()).unwrap();
}

#[test]
fn one_process_at_a_time_and_the_other_is_named() {
    let dir = created();
    let held = DataDir::open(dir.path()).unwrap();
    let (error, text) = sentence(DataDir::open(dir.path()));
    assert!(matches!(error, DataDirError::Locked { .. }), "{text}");
    assert!(text.contains(&std::process::id().to_string()), "{text}");
    drop(held);
    DataDir::open(dir.path()).unwrap();
}

#[test]
fn a_directory_of_somebody_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), b"years of work").unwrap();
    let (error, text) = sentence(DataDir::create(dir.path(), HERE));
    assert!(
        matches!(error, DataDirError::NotEmpty { .. }) && text.contains("thesis.tex"),
        "{text}"
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_path_that_cannot_be_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    let (_, text) = sentence(DataDir::create(&file.join("below"), HERE));
    assert!(
        text.starts_with("cannot create") && text.contains("a file is in the way"),
        "{text}"
    );
    let (error, _) = sentence(DataDir::open(Path::new("/nonexistent/quorate")));
    assert!(matches!(error, DataDirError::Missing { .. }));
    assert!(!Path::new("/nonexistent").exists());
}

const SUCCESSOR: Identity = Identity { node_id: 9, ..HERE };

/// A damaged node with something in every place, and its successor, ready to take over.
fn damaged() -> (tempfile::TempDir, DataDir, DataDir) {
    let dir = created();
    let damaged = DataDir::open(dir.path()).expect("a directory of ours");
    damaged.mark_diverged("another digest").expect("a directory of ours");
    let successor = damaged.begin_successor(SUCCESSOR).expect("a directory of ours");
    for (of, what) in [(&damaged, "old"), (&successor, "new")] {
        fs::create_dir_all(DataDir::certificates_in(of.root())).expect("a directory of ours");
        for folder in [
            of.log_dir(),
            of.snapshots_dir(),
            of.segments_dir(),
            of.index_dir(),
            DataDir::certificates_in(of.root()),
        ] {
            fs::write(folder.join("file"), what).expect("a directory of ours");
        }
    }
    (dir, damaged, successor)
}

fn is_succeeded(root: &Path) {
    let opened = DataDir::open_as(root, SUCCESSOR).expect("a directory of ours");
    assert_eq!(opened.diverged().expect("a directory of ours"), None);
    let aside = root.join("damaged-3");
    for folder in ["log", "snapshots", "segments", "index", "certificates"] {
        let read = |path: &Path| fs::read_to_string(path.join(folder).join("file")).expect("a directory of ours");
        assert_eq!((read(root).as_str(), read(&aside).as_str()), ("new", "old"), "{folder}");
    }
    assert_eq!(
        fs::read_to_string(aside.join("diverged")).expect("a directory of ours"),
        "another digest"
    );
    assert!(aside.join("identity").exists() && !root.join("successor").exists());
}

#[test]
fn a_damaged_node_gives_way_and_nothing_of_it_is_lost() {
    let (dir, damaged, successor) = damaged();
    damaged.give_way_to(successor).unwrap();
    is_succeeded(dir.path());
}

#[test]
fn a_successor_that_was_interrupted_before_it_counted_is_begun_again() {
    let (dir, damaged, successor) = damaged();
    drop((damaged, successor));
    let damaged = DataDir::open_as(dir.path(), HERE).unwrap();
    assert_eq!(damaged.diverged().unwrap().as_deref(), Some("another digest"));
    let successor = damaged.begin_successor(SUCCESSOR).unwrap();
    assert!(!successor.log_dir().join("file").exists());
}

/// The order in which the names move, as a power cut may interrupt it: each prefix of the moves is made by hand.
#[test]
fn a_successor_that_was_interrupted_while_it_moved_in_is_completed_on_opening() {
    let names = ["log", "snapshots", "segments", "index", "certificates", "identity"];
    for moves in 0..=2 * names.len() {
        let (dir, damaged, successor) = damaged();
        drop((damaged, successor));
        let root = dir.path();
        fs::write(root.join("successor/complete"), "3").unwrap();
        fs::create_dir_all(root.join("damaged-3")).unwrap();
        for at in 0..moves {
            let name = names[at / 2];
            let (from, to) = match at % 2 {
                0 => (root.join(name), root.join("damaged-3").join(name)),
                _ => (root.join("successor").join(name), root.join(name)),
            };
            fs::rename(from, to).unwrap();
        }
        is_succeeded(root);
    }
}

#[test]
fn of_damaged_nodes_only_the_last_is_kept() {
    let (dir, damaged, successor) = damaged();
    damaged.give_way_to(successor).unwrap();
    fs::create_dir_all(dir.path().join("damaged-2/log")).unwrap();
    fs::create_dir_all(dir.path().join("damaged-by-hand")).unwrap();
    DataDir::open(dir.path()).unwrap().forget_damaged().unwrap();
    assert!(!dir.path().join("damaged-2").exists());
    assert!(dir.path().join("damaged-3").exists() && dir.path().join("damaged-by-hand").exists());
}
