//! Snapshots in their folder: verified, superseded, received, damaged.

use std::io::{Read, Seek, SeekFrom};

use super::*;

fn at(index: u64) -> Option<LogId> {
    Some(LogId {
        term: 2,
        node: 5,
        index,
    })
}

fn records(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| vec![number as u8; number % 70]).collect()
}

fn write(store: &SnapshotStore, last: Option<LogId>, records: &[Vec<u8>]) -> Arc<SnapshotFile> {
    let mut writer = store.create(last, b"members").unwrap();
    records.iter().for_each(|record| writer.record(record).unwrap());
    writer.finish().unwrap()
}

fn read(file: &Arc<SnapshotFile>) -> Result<Vec<Vec<u8>>, SnapshotError> {
    file.records()?.collect()
}

fn raw(file: &SnapshotFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.open_raw().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, file.len_bytes());
    bytes
}

fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_snapshot_is_found_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    assert!(SnapshotStore::open(dir.path()).unwrap().latest().unwrap().is_none());
    // Records of all sizes, some over several blocks.
    let mut content = records(500);
    content.push(vec![9; 3 * limits::SNAPSHOT_BLOCK_BYTES + 1]);
    write(&SnapshotStore::open(dir.path()).unwrap(), at(41), &content);

    let found = SnapshotStore::open(dir.path()).unwrap().latest().unwrap().unwrap();
    assert_eq!((found.last(), found.meta()), (at(41), b"members".as_slice()));
    assert_eq!(read(&found).unwrap(), content);
}

#[test]
fn an_empty_state_is_a_snapshot_too() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(&SnapshotStore::open(dir.path()).unwrap(), None, &[]);
    assert_eq!((file.last(), read(&file).unwrap()), (None, Vec::<Vec<u8>>::new()));
}

#[test]
fn the_newest_supersedes_but_a_file_in_use_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    let old = write(&store, at(10), &records(5));
    let new = write(&store, at(20), &records(6));
    assert_eq!(names(dir.path()).len(), 2);
    assert_eq!(read(&old).unwrap(), records(5));
    drop(old);
    assert_eq!(names(dir.path()).len(), 1);
    assert_eq!(store.latest().unwrap().unwrap().last(), new.last());

    // One that was begun earlier and ends later does not set the state back.
    let late = write(&store, at(15), &records(7));
    assert_eq!(store.latest().unwrap().unwrap().last(), at(20));
    assert_eq!(read(&late).unwrap(), records(7));
    drop(late);
    drop(new);
    assert_eq!(
        SnapshotStore::open(dir.path())
            .unwrap()
            .latest()
            .unwrap()
            .unwrap()
            .last(),
        at(20)
    );
    assert_eq!(names(dir.path()).len(), 1);
}

#[test]
fn what_is_unfinished_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    let mut writer = store.create(at(1), b"").unwrap();
    writer.record(b"half").unwrap();
    drop(writer);
    let mut incoming = store.receive().unwrap();
    incoming.write(b"half").unwrap();
    drop(incoming);
    assert!(names(dir.path()).is_empty());

    // The same after a crash, which drops nothing.
    std::mem::forget(store.create(at(1), b"").unwrap());
    assert_eq!(names(dir.path()).len(), 1);
    SnapshotStore::open(dir.path()).unwrap();
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_received_snapshot_is_the_same_snapshot() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sent = write(&SnapshotStore::open(here.path()).unwrap(), at(77), &records(900));
    let store = SnapshotStore::open(there.path()).unwrap();
    let mut incoming = store.receive().unwrap();
    raw(&sent).chunks(1000).for_each(|piece| incoming.write(piece).unwrap());
    let adopted = incoming.adopt().unwrap();
    assert_eq!((adopted.last(), adopted.meta()), (sent.last(), sent.meta()));
    assert_eq!(read(&adopted).unwrap(), records(900));
    assert_eq!(
        SnapshotStore::open(there.path())
            .unwrap()
            .latest()
            .unwrap()
            .unwrap()
            .last(),
        at(77)
    );
}

#[test]
fn any_flipped_byte_is_found_on_opening_on_reading_and_on_receiving() {
    let dir = tempfile::tempdir().unwrap();
    let content = records(40);
    let store = SnapshotStore::open(dir.path()).unwrap();
    let held = write(&store, at(9), &content);
    let sound = raw(&held);
    let mut file = File::options().write(true).open(&held.path).unwrap();
    for position in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[position] ^= 1 << (position % 8);
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&damaged).unwrap();

        assert!(
            newest_whole(dir.path()).unwrap().is_none(),
            "served with byte {position} flipped"
        );
        let reading = read(&held);
        assert!(
            matches!(reading, Err(SnapshotError::Damaged { .. })),
            "read with byte {position} flipped"
        );
        let mut incoming = store.receive().unwrap();
        incoming.write(&damaged).unwrap();
        assert!(matches!(incoming.adopt(), Err(SnapshotError::Damaged { .. })));
    }
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(&sound).unwrap();
    assert_eq!(names(dir.path()).len(), 1, "nothing that was refused stays behind");
    assert_eq!(read(&newest_whole(dir.path()).unwrap().unwrap()).unwrap(), content);
}

#[test]
fn any_cut_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    let held = write(&store, at(9), &records(40));
    let sound = raw(&held);
    for length in 0..sound.len() {
        fs::write(&held.path, &sound[..length]).unwrap();
        assert!(newest_whole(dir.path()).unwrap().is_none());
        assert!(read(&held).is_err());
    }
    fs::write(&held.path, &sound).unwrap();
    assert!(newest_whole(dir.path()).unwrap().is_some());
}

#[test]
fn a_damaged_snapshot_is_left_alone_and_the_one_before_it_used() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    let old = write(&store, at(10), &records(5));
    let new = write(&store, at(20), &records(5));
    let mut damaged = raw(&new);
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&new.path, &damaged).unwrap();
    let found = newest_whole(dir.path()).unwrap().unwrap();
    assert_eq!(found.last(), old.last());
    assert_eq!(fs::read(&new.path).unwrap(), damaged);
}

#[test]
fn blocks_of_another_snapshot_do_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    let big = vec![vec![1; 1000]; 200];
    let (one, two) = (raw(&write(&store, at(10), &big)), raw(&write(&store, at(11), &big)));
    assert_eq!(one.len(), two.len());
    let mut mixed = one[..100_000].to_vec();
    mixed.extend_from_slice(&two[100_000..]);
    let mut incoming = store.receive().unwrap();
    incoming.write(&mixed).unwrap();
    assert!(matches!(incoming.adopt(), Err(SnapshotError::Damaged { .. })));
}
