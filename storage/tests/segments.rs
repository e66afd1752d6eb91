//! Audit segments: written once, the same everywhere, and never read damaged.

use std::fs;

use quorate_storage::{SegmentError, SegmentStore};

#[test]
fn segments_are_read_back_and_listed_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = SegmentStore::open(dir.path()).unwrap();
    for seq in [3, 1, 20, 2] {
        store.write(seq, &vec![seq as u8; 1000]).unwrap();
    }
    let store = SegmentStore::open(dir.path()).unwrap();
    assert_eq!(store.list().unwrap(), [1, 2, 3, 20]);
    assert_eq!(store.read(20).unwrap().unwrap(), vec![20; 1000]);
    assert_eq!(store.read(4).unwrap(), None);
}

#[test]
fn writing_the_same_again_is_fine_and_writing_another_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = SegmentStore::open(dir.path()).unwrap();
    store.write(5, b"what happened").unwrap();
    store.write(5, b"what happened").unwrap();
    assert!(matches!(
        store.write(5, b"something else"),
        Err(SegmentError::Differs { .. })
    ));
    assert_eq!(store.read(5).unwrap().unwrap(), b"what happened");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn any_flipped_byte_or_cut_is_found_and_a_good_copy_heals_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = SegmentStore::open(dir.path()).unwrap();
    let body = (0..=255).collect::<Vec<u8>>();
    store.write(9, &body).unwrap();
    let path = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let sound = fs::read(&path).unwrap();
    for at in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 1 << (at % 8);
        for content in [&damaged, &sound[..at].to_vec()] {
            fs::write(&path, content).unwrap();
            assert!(matches!(store.read(9), Err(SegmentError::Damaged { .. })), "byte {at}");
        }
    }
    store.write(9, &body).unwrap();
    assert_eq!(store.read(9).unwrap().unwrap(), body);
}

#[test]
fn a_segment_under_another_number_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let store = SegmentStore::open(dir.path()).unwrap();
    store.write(1, b"one").unwrap();
    let path = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    fs::rename(
        &path,
        dir.path()
            .join(path.file_name().unwrap().to_str().unwrap().replace('1', "2")),
    )
    .unwrap();
    assert!(matches!(store.read(2), Err(SegmentError::Damaged { .. })));
}

#[test]
fn a_part_is_read_without_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let store = SegmentStore::open(dir.path()).unwrap();
    store.write(3, &(0..=255).collect::<Vec<u8>>()).unwrap();
    assert_eq!(store.read_range(3, 10..13).unwrap().unwrap(), [10, 11, 12]);
    assert_eq!(store.read_range(3, 250..300).unwrap(), None);
    assert_eq!(store.read_range(4, 0..1).unwrap(), None);
}

#[test]
fn what_is_removed_is_gone_and_what_is_set_aside_is_kept_under_another_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = SegmentStore::open(dir.path()).unwrap();
    store.write(1, b"one").unwrap();
    store.write(2, b"forged").unwrap();
    store.remove(1).unwrap();
    store.remove(1).unwrap();
    let aside = store.set_aside(2).unwrap();
    assert_eq!(store.list().unwrap(), []);
    assert!(fs::read(aside).unwrap().ends_with(b"forged"));
    store.write(2, b"genuine").unwrap();
    assert_eq!(store.read(2).unwrap().unwrap(), b"genuine");
}
