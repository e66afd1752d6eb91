//! Posting lists against a model in memory: whatever is asked, in either direction, merged or not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use quorate_storage::{PostingError, PostingStore, Span};

/// Postings by key, by their record's number.
type Model = BTreeMap<u64, Vec<u64>>;

const PART: u64 = 10_000;

fn write(store: &PostingStore, span: Span, model: &Model) {
    let mut writer = store.create(span).unwrap();
    for (key, records) in model {
        let own = records
            .iter()
            .filter(|record| (span.first..span.end()).contains(record));
        writer
            .add(*key, own.map(|record| (record - span.first) as u32))
            .unwrap();
    }
    writer.finish().unwrap();
}

fn part(number: u64) -> Span {
    Span {
        first: number * PART,
        records: PART,
    }
}

/// A key that all records have, one that every third has, and many that few have.
fn model(parts: u64) -> Model {
    let mut model = Model::new();
    for record in 0..parts * PART {
        model.entry(5).or_default().push(record);
        if record % 3 == 0 {
            model.entry(u64::MAX).or_default().push(record);
        }
        let rare = (record.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 5_000;
        model.entry(1_000 + rare * 7).or_default().push(record);
    }
    model
}

fn check(store: &PostingStore, span: Span, model: &Model, key: u64, bound: u64) {
    let none = Vec::new();
    let own: Vec<u64> = model
        .get(&key)
        .unwrap_or(&none)
        .iter()
        .copied()
        .filter(|record| (span.first..span.end()).contains(record))
        .collect();
    let postings = store.read(span).unwrap();
    let mut list = postings.list(key);
    let below = own.iter().rev().find(|record| **record <= bound).copied();
    assert_eq!(list.at_or_below(bound).unwrap(), below, "key {key} at or below {bound}");
    let above = own.iter().find(|record| **record >= bound).copied();
    assert_eq!(list.at_or_above(bound).unwrap(), above, "key {key} at or above {bound}");
}

#[test]
fn every_posting_is_found_from_either_end_before_and_after_merging() {
    let dir = tempfile::tempdir().unwrap();
    let store = PostingStore::open(dir.path(), 1).unwrap();
    let model = model(4);
    let parts: Vec<Span> = (0..4).map(part).collect();
    parts.iter().for_each(|part| write(&store, *part, &model));
    let whole = store.merge(&parts).unwrap();
    assert_eq!((whole.first, whole.end()), (0, 4 * PART));
    for key in [0, 4, 5, 6, 1_000, 1_007, 20_000, 35_993, 40_000, u64::MAX] {
        for span in parts.iter().chain([&whole]) {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            let postings = store.read(*span).unwrap();
            let mut list = postings.list(key);
            let mut next = span.first;
            while let Some(record) = list.at_or_above(next).unwrap() {
                up.push(record);
                next = record + 1;
            }
            let mut bound = Some(u64::MAX);
            while let Some(record) = bound.and_then(|bound| list.at_or_below(bound).unwrap()) {
                down.push(record);
                bound = record.checked_sub(1);
            }
            down.reverse();
            let own: Vec<u64> = model
                .get(&key)
                .into_iter()
                .flatten()
                .copied()
                .filter(|record| (span.first..span.end()).contains(record))
                .collect();
            assert_eq!(up, own, "key {key} upwards in {span:?}");
            assert_eq!(down, own, "key {key} downwards in {span:?}");
        }
    }
    assert_eq!(store.list().unwrap().len(), 5);
    parts[1..].iter().for_each(|part| store.remove(*part).unwrap());
    assert_eq!(store.list().unwrap(), [parts[0], whole]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_bound_is_answered_as_by_the_model(
        lists in proptest::collection::btree_map(any::<u64>(), proptest::collection::btree_set(0..2 * PART, 0..3_000), 0..6),
        bounds in proptest::collection::vec(0..2 * PART + 10, 20),
    ) {
        let model: Model = lists.into_iter().map(|(key, records)| (key, records.into_iter().collect())).collect();
        let dir = tempfile::tempdir().unwrap();
        let store = PostingStore::open(dir.path(), 1).unwrap();
        let parts = [part(0), part(1)];
        parts.iter().for_each(|part| write(&store, *part, &model));
        let whole = store.merge(&parts).unwrap();
        for key in model.keys().copied().chain([7]) {
            for bound in &bounds {
                check(&store, parts[1], &model, key, *bound);
                check(&store, whole, &model, key, *bound);
            }
        }
    }
}

#[test]
fn a_search_finds_what_all_keys_have_in_common_from_either_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = PostingStore::open(dir.path(), 1).unwrap();
    let model = model(2);
    let parts = [part(0), part(1)];
    parts.iter().for_each(|part| write(&store, *part, &model));
    let whole = store.merge(&parts).unwrap();
    for (span, range) in [(parts[1], 10_000..20_000), (whole, 0..20_000), (whole, 777..12_345)] {
        let postings = store.read(span).unwrap();
        for keys in [
            &[5][..],
            &[5, u64::MAX],
            &[1_000, 5],
            &[u64::MAX, 1_007, 5],
            &[1_000, 1_007],
            &[6, 5],
        ] {
            let mut common: Vec<u64> = range.clone().collect();
            for key in keys {
                let own = model.get(key).cloned().unwrap_or_default();
                common.retain(|record| own.binary_search(record).is_ok());
            }
            for ascending in [true, false] {
                let (mut all, mut three) = (Vec::new(), Vec::new());
                let mut take_all = |record| {
                    all.push(record);
                    true
                };
                postings.search(range.clone(), keys, ascending, &mut take_all).unwrap();
                let mut take_three = |record| {
                    three.push(record);
                    three.len() < 3
                };
                postings
                    .search(range.clone(), keys, ascending, &mut take_three)
                    .unwrap();
                if !ascending {
                    all.reverse();
                    three.reverse();
                }
                assert_eq!(all, common, "{keys:?} in {range:?}");
                let few = common.len().min(3);
                let expected = if ascending {
                    &common[..few]
                } else {
                    &common[common.len() - few..]
                };
                assert_eq!(three, expected);
            }
        }
    }
}

#[test]
fn no_damage_goes_unnoticed_and_another_version_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = PostingStore::open(dir.path(), 1).unwrap();
    let model = model(1);
    write(&store, part(0), &model);
    let path = only_file(dir.path());
    let sound = fs::read(&path).unwrap();
    let read_all = |store: &PostingStore| -> Result<(), PostingError> {
        let postings = store.read(part(0))?;
        for key in model.keys() {
            let mut list = postings.list(*key);
            let mut next = 0;
            while let Some(record) = list.at_or_above(next)? {
                next = record + 1;
            }
        }
        Ok(())
    };
    read_all(&store).unwrap();
    for at in (0..sound.len()).step_by(211).chain(sound.len() - 36..sound.len()) {
        let mut damaged = sound.clone();
        damaged[at] ^= 1 << (at % 8);
        for content in [&damaged, &sound[..at].to_vec()] {
            fs::write(&path, content).unwrap();
            assert!(
                matches!(read_all(&store), Err(PostingError::Damaged { .. })),
                "byte {at}"
            );
        }
    }
    fs::write(&path, &sound).unwrap();
    read_all(&store).unwrap();
    let newer = PostingStore::open(dir.path(), 2).unwrap();
    assert!(matches!(newer.read(part(0)), Err(PostingError::Damaged { .. })));
}

#[test]
fn what_a_crash_left_unfinished_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = PostingStore::open(dir.path(), 1).unwrap();
    let mut writer = store.create(part(0)).unwrap();
    writer.add(1, [1, 2, 3]).unwrap();
    drop(writer);
    assert_eq!(store.list().unwrap(), []);
    PostingStore::open(dir.path(), 1).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

fn only_file(dir: &Path) -> std::path::PathBuf {
    fs::read_dir(dir).unwrap().next().unwrap().unwrap().path()
}
