//! Every byte of a log flipped, every cut made, every file removed: nothing acknowledged is ever
//! served wrong or silently missing.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;

use super::*;

/// Everything a log held when it was last acknowledged.
struct Acknowledged {
    entries: Vec<(LogId, Bytes)>,
    vote: Option<Vote>,
    purged: Option<LogId>,
}

/// A log with a bit of everything: votes, several chunks, a truncation, a purge, commits.
fn busy_log(dir: &Path) -> (DurableLog, Acknowledged) {
    let log = open(dir);
    append(&log, entries(1, 0..30)).unwrap();
    log.save_vote(Vote {
        term: 2,
        node: 7,
        committed: true,
    })
    .unwrap();
    log.truncate_from(26).unwrap();
    append(&log, entries(2, 26..50)).unwrap();
    log.save_committed(Some(id(2, 40))).unwrap();
    log.purge_upto(id(1, 14)).unwrap();
    append(&log, entries(2, 50..58)).unwrap();
    let acknowledged = Acknowledged {
        entries: all(&log),
        vote: log.vote(),
        purged: log.purged(),
    };
    (log, acknowledged)
}

fn refused(dir: &Path) -> LogOpenError {
    let before = content(dir);
    let Err(error) = DurableLog::open(dir, small()) else {
        panic!("a damaged log was opened")
    };
    assert!(error.is_quarantine(), "{error}");
    assert!(before == content(dir), "a quarantined log was changed: {error}");
    error
}

fn serves_all(dir: &Path, acknowledged: &Acknowledged) {
    let log = open(dir);
    same(&all(&log), &acknowledged.entries);
    assert_eq!((log.vote(), log.purged()), (acknowledged.vote, acknowledged.purged));
}

fn content(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files: Vec<_> = chunk_files(dir);
    files.extend(Some(dir.join("watermark")).filter(|path| path.exists()));
    files
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

/// Runs `check` with each byte of `path` changed in turn, always another bit.
fn for_each_flip(path: &Path, check: impl FnMut(u64)) {
    for_each_flip_from(path, 0, check);
}

fn for_each_flip_from(path: &Path, first: u64, mut check: impl FnMut(u64)) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    for at in first..file.metadata().unwrap().len() {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 1 << (at % 8)], at).unwrap();
        check(at);
        file.write_all_at(&byte, at).unwrap();
    }
}

#[test]
fn any_flipped_byte_of_a_closed_log_is_found_and_no_file_touched() {
    let dir = tempfile::tempdir().unwrap();
    let (log, acknowledged) = busy_log(dir.path());
    log.close().unwrap();
    let chunks = chunk_files(dir.path());
    assert!(chunks.len() >= 3, "closed chunks and an open one");
    for chunk in chunks {
        for_each_flip(&chunk, |_| drop(refused(dir.path())));
    }
    serves_all(dir.path(), &acknowledged);
}

#[test]
fn any_flipped_byte_of_a_running_log_is_found_once_the_watermark_has_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (_log, acknowledged) = busy_log(dir.path());
    wait_for_watermark(dir.path());
    let image = crash_image(dir.path());
    for chunk in chunk_files(image.path()) {
        for_each_flip(&chunk, |_| drop(refused(image.path())));
    }
    serves_all(image.path(), &acknowledged);
}

/// A crash while the watermark was behind: chunks of now, watermark of before so many were appended, each with a flush of its own.
///
/// The new entries share a chunk with those before, so that the log ends in an entry.
fn lagging_image(new: u64) -> (tempfile::TempDir, Acknowledged, u64) {
    lagging_image_of(&vec![1; new as usize])
}

/// The same with so many entries in each flush.
fn lagging_image_of(flushes: &[u64]) -> (tempfile::TempDir, Acknowledged, u64) {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = busy_log(dir.path());
    log.close().unwrap();
    let log = DurableLog::open(dir.path(), LogOptions::default()).unwrap();
    wait_for_watermark(dir.path());
    let behind = fs::read(dir.path().join("watermark")).unwrap();
    let mark = mark_on_disk(dir.path()).offset;
    let mut next = 58;
    for new in flushes {
        append(&log, entries(2, next..next + new)).unwrap();
        next += new;
    }
    let image = crash_image(dir.path());
    fs::write(image.path().join("watermark"), behind).unwrap();
    let acknowledged = Acknowledged {
        entries: all(&log),
        vote: log.vote(),
        purged: log.purged(),
    };
    (image, acknowledged, mark)
}

#[test]
fn past_the_watermark_only_damage_to_the_very_last_record_can_pass_for_a_torn_write() {
    for new in 1..=4 {
        let (image, acknowledged, mark) = lagging_image(new);
        let (_, payload) = acknowledged.entries.last().unwrap();
        let last_record = chunk_bytes_on_disk(image.path()) - record_bytes(payload);
        let mut passed = 0;
        for chunk in chunk_files(image.path()) {
            let start = start_of(&chunk);
            for_each_flip_from(&chunk, mark.saturating_sub(start), |at| {
                let copy = crash_image(image.path());
                match DurableLog::open(copy.path(), small()) {
                    Err(error) => assert!(error.is_quarantine(), "{error}"),
                    Ok(log) => {
                        assert!(start + at >= last_record);
                        same(&all(&log), &acknowledged.entries[..acknowledged.entries.len() - 1]);
                        passed += 1;
                    }
                }
            });
        }
        assert_eq!(
            passed,
            record_bytes(payload),
            "each byte of the last record, and no other"
        );
        serves_all(image.path(), &acknowledged);
    }
}

/// What one flush wrote was confirmed to nobody before all of it was there: a power cut may lose any sector of it and keep those behind.
#[test]
fn a_flush_that_lost_a_part_in_its_middle_is_cut_off_there() {
    let (image, acknowledged, mark) = lagging_image_of(&[6]);
    let before = acknowledged.entries.len() - 6;
    let chunk = chunk_files(image.path()).pop().unwrap();
    let start = start_of(&chunk);
    for_each_flip_from(&chunk, mark - start, |_| {
        let copy = crash_image(image.path());
        let log = open(copy.path());
        let served = all(&log);
        assert!(acknowledged.entries.starts_with(&served) && served.len() >= before);
        assert!(served.len() < acknowledged.entries.len());
        let next = log.last().unwrap().index + 1;
        append(&log, entries(3, next..next + 3)).unwrap();
        log.close().unwrap();
        same(&all(&open(copy.path())), &[served, entries(3, next..next + 3)].concat());
    });
    // What is written after it knows that it was there.
    let (image, _, mark) = lagging_image_of(&[6, 1]);
    let first_flush = chunk_bytes_on_disk(image.path()) - record_bytes(&entries(2, 64..65)[0].1);
    let mut found = 0;
    for_each_flip_from(&chunk_files(image.path()).pop().unwrap(), mark - start, |at| {
        if start + at < first_flush {
            refused(image.path());
            found += 1;
        }
    });
    assert!(found > 0);
}

/// Type, entry id, payload header, payload, checksum.
fn record_bytes(payload: &Bytes) -> u64 {
    let frame = 4 + record::ENTRY_ID_BYTES + record::PAYLOAD_HEADER_BYTES + 8;
    (frame + payload.len()) as u64
}

fn start_of(chunk: &Path) -> u64 {
    raft_log::chunked_wal::Config::parse_chunk_file_name(chunk.file_name().unwrap().to_str().unwrap()).unwrap()
}

#[test]
fn a_cut_before_the_watermark_is_refused_and_one_after_it_keeps_what_is_whole() {
    let (image, acknowledged, mark) = lagging_image(4);
    let chunk = chunk_files(image.path()).pop().unwrap();
    let start = start_of(&chunk);
    for length in 0..fs::metadata(&chunk).unwrap().len() {
        let copy = crash_image(image.path());
        let cut = chunk_files(copy.path()).pop().unwrap();
        File::options().write(true).open(cut).unwrap().set_len(length).unwrap();
        if start + length < mark {
            let error = refused(copy.path());
            assert!(matches!(error, LogOpenError::Short { .. }), "{error}");
            continue;
        }
        let log = open(copy.path());
        let served = all(&log);
        assert!(acknowledged.entries.starts_with(&served));
        assert!(served.len() >= acknowledged.entries.len() - 4);
        let next = log.last().unwrap().index + 1;
        append(&log, entries(3, next..next + 3)).unwrap();
        log.close().unwrap();
        same(&all(&open(copy.path())), &[served, entries(3, next..next + 3)].concat());
    }
}

#[test]
fn a_tail_of_zeros_or_of_half_a_record_is_cut_off() {
    let (image, acknowledged, _) = lagging_image(1);
    let chunk = chunk_files(image.path()).pop().unwrap();
    let sound = fs::read(&chunk).unwrap();
    let half = sound[sound.len() - 30..].to_vec();
    for tail in [vec![0; 1], vec![0; 4096], half, vec![0xff; 100]] {
        fs::write(&chunk, [sound.clone(), tail].concat()).unwrap();
        serves_all(image.path(), &acknowledged);
        fs::write(&chunk, &sound).unwrap();
    }
}

#[test]
fn a_new_chunk_that_was_never_written_is_cut_off() {
    let (image, acknowledged, _) = lagging_image(1);
    let end = chunk_bytes_on_disk(image.path());
    let name = raft_log::chunked_wal::Config::chunk_file_name(raft_log::ChunkId(end));
    for content in [Vec::new(), vec![0; 200]] {
        fs::write(image.path().join("chunks").join(&name), content).unwrap();
        serves_all(image.path(), &acknowledged);
    }
}

#[test]
fn a_missing_chunk_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (log, acknowledged) = busy_log(dir.path());
    log.close().unwrap();
    for chunk in chunk_files(dir.path()) {
        let aside = chunk.with_extension("aside");
        fs::rename(&chunk, &aside).unwrap();
        refused(dir.path());
        fs::rename(&aside, &chunk).unwrap();
    }
    let chunks = dir.path().join("chunks");
    fs::rename(&chunks, dir.path().join("aside")).unwrap();
    assert!(matches!(refused_without_chunks(dir.path()), LogOpenError::Short { .. }));
    fs::remove_dir(&chunks).unwrap();
    fs::rename(dir.path().join("aside"), &chunks).unwrap();
    serves_all(dir.path(), &acknowledged);
}

fn refused_without_chunks(dir: &Path) -> LogOpenError {
    match DurableLog::open(dir, small()) {
        Err(error) => error,
        Ok(_) => panic!("an emptied log was opened"),
    }
}

#[test]
fn a_log_that_was_set_back_to_an_older_copy_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, entries(1, 0..10)).unwrap();
    let older = crash_image(dir.path());
    append(&log, entries(1, 10..11)).unwrap();
    log.close().unwrap();
    fs::copy(dir.path().join("watermark"), older.path().join("watermark")).unwrap();
    assert!(matches!(refused(older.path()), LogOpenError::Short { .. }));
}

#[test]
fn either_slot_of_the_watermark_may_be_lost_but_not_both() {
    let dir = tempfile::tempdir().unwrap();
    let (log, acknowledged) = busy_log(dir.path());
    log.close().unwrap();
    let path = dir.path().join("watermark");
    let slot = limits::WATERMARK_SLOT_BYTES as usize;
    for lost in 0..2 {
        let sound = fs::read(&path).unwrap();
        let mut torn = sound.clone();
        torn[lost * slot + 20..][..40].fill(0xee);
        fs::write(&path, &torn).unwrap();
        let log_end = chunk_files(dir.path()).pop().unwrap();
        // At rest the slot that is left protects as much.
        let at = fs::metadata(&log_end).unwrap().len() - 1;
        flip(&log_end, at);
        refused(dir.path());
        flip(&log_end, at);
        serves_all(dir.path(), &acknowledged);
    }
    let mut torn = fs::read(&path).unwrap();
    torn[20] ^= 1;
    torn[slot + 20] ^= 1;
    fs::write(&path, torn).unwrap();
    assert!(matches!(refused(dir.path()), LogOpenError::NoWatermark { .. }));
    fs::remove_file(&path).unwrap();
    assert!(matches!(refused(dir.path()), LogOpenError::NoWatermark { .. }));
}

fn flip(path: &Path, at: u64) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

#[test]
fn a_byte_flipped_under_a_running_log_is_never_served() {
    let dir = tempfile::tempdir().unwrap();
    let (log, acknowledged) = busy_log(dir.path());
    log.close().unwrap();
    let log = open(dir.path());
    let chunks = chunk_files(dir.path());
    let mut found = 0;
    for chunk in &chunks[..chunks.len() - 1] {
        for_each_flip(chunk, |_| {
            for expected in &acknowledged.entries {
                let index = expected.0.index;
                match log.read(index..index + 1, usize::MAX) {
                    Ok(served) => assert_eq!(served, std::slice::from_ref(expected)),
                    Err(_) => found += 1,
                }
            }
        });
    }
    assert!(found > 1000, "the flips in live entries are noticed: {found}");
    same(&all(&log), &acknowledged.entries);
}
