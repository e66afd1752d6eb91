//! The log under use, under damage and against a model.

mod damage;
mod model;
mod usage;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::watermark::{Mark, Watermark};
use super::*;

/// How long a condition may take before a test gives up on it.
const DEADLINE: Duration = Duration::from_secs(20);

/// Chunks so small that a few entries fill one.
fn small() -> LogOptions {
    LogOptions {
        chunk_bytes: 1500,
        cache_bytes: 0,
        ..LogOptions::default()
    }
}

fn open(dir: &Path) -> DurableLog {
    DurableLog::open(dir, small()).expect("a sound log opens")
}

fn id(term: u64, index: u64) -> LogId {
    LogId { term, node: 7, index }
}

/// An entry whose bytes nobody else's are.
fn entry(term: u64, index: u64) -> (LogId, Bytes) {
    let length = 40 + index as usize * 37 % 90;
    let bytes = (0..length)
        .map(|at| (at as u64 * 31 + index * 7 + term) as u8)
        .collect::<Vec<_>>();
    (id(term, index), bytes.into())
}

fn entries(term: u64, range: Range<u64>) -> Vec<(LogId, Bytes)> {
    range.map(|index| entry(term, index)).collect()
}

/// Appends and waits until it is durable.
fn append(log: &DurableLog, entries: Vec<(LogId, Bytes)>) -> io::Result<()> {
    let (sender, receiver) = mpsc::channel();
    log.append(entries, Box::new(move |result| sender.send(result).unwrap()));
    receiver.recv_timeout(DEADLINE).expect("every append is answered")
}

fn all(log: &DurableLog) -> Vec<(LogId, Bytes)> {
    log.read(0..u64::MAX, usize::MAX).expect("a sound log is readable")
}

/// Compares without printing every byte of every entry when it fails.
#[track_caller]
fn same(served: &[(LogId, Bytes)], expected: &[(LogId, Bytes)]) {
    let differs = served.iter().zip(expected).position(|(one, two)| one != two);
    assert!(
        served == expected,
        "{} entries served, {} expected, the first that differs is at {differs:?}",
        served.len(),
        expected.len()
    );
}

fn chunk_files(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir.join("chunks"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wal"))
        .collect();
    found.sort();
    found
}

/// The directory as a power cut would leave it if everything written had reached the disk.
fn crash_image(dir: &Path) -> tempfile::TempDir {
    let image = tempfile::tempdir().unwrap();
    fs::create_dir(image.path().join("chunks")).unwrap();
    for path in chunk_files(dir) {
        fs::copy(&path, image.path().join("chunks").join(path.file_name().unwrap())).unwrap();
    }
    fs::copy(dir.join("watermark"), image.path().join("watermark")).unwrap();
    image
}

fn mark_on_disk(dir: &Path) -> Mark {
    Watermark::read(&File::open(dir.join("watermark")).unwrap())
        .unwrap()
        .expect("one slot is sound")
        .1
}

fn chunk_bytes_on_disk(dir: &Path) -> u64 {
    let last = chunk_files(dir).pop().expect("there is a chunk");
    let name = last.file_name().unwrap().to_str().unwrap();
    raft_log::chunked_wal::Config::parse_chunk_file_name(name).unwrap() + fs::metadata(last).unwrap().len()
}

/// Waits until the watermark says that all of the log is flushed.
fn wait_for_watermark(dir: &Path) {
    let deadline = Instant::now() + DEADLINE;
    while mark_on_disk(dir).offset < chunk_bytes_on_disk(dir) {
        assert!(Instant::now() < deadline, "the watermark does not follow");
        std::thread::yield_now();
    }
}
