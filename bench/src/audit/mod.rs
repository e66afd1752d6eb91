//! The audit at ten million records: what writing them costs in memory, how long the index takes to build, and what a question costs
//! with files in memory and without.
//!
//! The real state machine, archive, care and reader, in this process and without consensus: logins of many users through many
//! clients are applied as fast as they go. Caveat: a question over HTTP takes a millisecond more.

mod history;
mod kept;
mod questions;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use cluster_tests::process::Usage;
use quorate_app::{ArchiveStanding, AuditArchive, AuditKeys};
use quorate_replica::{Archive, ArchiveCare, Published, SegmentPeers, View};
use quorate_storage::{PostingStore, SegmentStore};

use self::history::History;
use crate::table::{Table, megabytes, whole};

#[derive(Args)]
pub struct Options {
    /// Records to write
    #[arg(long, default_value_t = 10_000_000)]
    records: u64,
    /// Users who log in; a twentieth of them make half of the logins
    #[arg(long, default_value_t = 100_000)]
    users: u64,
    /// Where to write them; they stay there, and are not written again the next time. A temporary directory if absent
    #[arg(long)]
    dir: Option<std::path::PathBuf>,
    /// Stop when they are written
    #[arg(long, requires = "dir")]
    only_write: bool,
}

pub fn run(options: &Options) -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let dir = options.dir.as_deref().unwrap_or(temporary.path());
    let archive = open(dir)?;
    let published = match kept::load(dir)? {
        Some(state) => kept::publish(state),
        None => write(options, dir, &archive)?,
    };
    let history = History::of(&published, options.users);
    if options.only_write {
        archive.stop();
        return Ok(());
    }
    let indexing = build_index(&archive, &published)?;
    let standing = archive.standing(published.state().audit());
    sizes(dir, &standing, indexing)?;
    // As after a start: what is measured is what a node that has been restarted needs.
    archive.stop();
    drop(archive);
    let archive = open(dir)?;
    questions::ask_all(&archive, &published, &history, dir)?;
    verify(&archive, &published)?;
    archive.stop();
    Ok(())
}

fn write(options: &Options, dir: &Path, archive: &Arc<Archive>) -> Result<Arc<Published>> {
    let published = Arc::new(Published::new(View::empty()));
    let mut memory = Memory::default();
    let begun = Instant::now();
    history::write(options.records, options.users, &published, archive, || memory.look())?;
    let written = begun.elapsed();
    archive.flush()?;
    println!(
        "{} records in {:.0} s ({}/s, applied and written, no consensus)",
        whole(options.records as f64),
        written.as_secs_f64(),
        whole(options.records as f64 / written.as_secs_f64())
    );
    memory.print("while writing, MB resident after each tenth");
    kept::save(dir, &published.state())?;
    Ok(published)
}

fn open(dir: &Path) -> Result<Arc<Archive>> {
    let keys = AuditKeys::default();
    let index = PostingStore::open(&dir.join("index"), keys.version())?;
    Ok(Archive::start(SegmentStore::open(&dir.join("segments"))?, index, keys)?)
}

/// How long every segment takes to be read, checked and indexed on one processor.
fn build_index(archive: &Arc<Archive>, published: &Arc<Published>) -> Result<Duration> {
    let care = ArchiveCare::new(archive.clone(), published.clone(), Arc::new(Nobody));
    let mut memory = Memory::default();
    let tenth = (published.state().audit().seals().count() / 10).max(1);
    let begun = Instant::now();
    runtime()?.block_on(async {
        let mut steps = 0;
        while care.step().await {
            steps += 1;
            if steps % tenth == 0 {
                memory.look();
            }
        }
    });
    let took = begun.elapsed();
    memory.print("while the index was built, MB resident after each tenth");
    Ok(took)
}

fn sizes(dir: &Path, standing: &ArchiveStanding, indexing: Duration) -> Result<()> {
    ensure!(
        standing.indexed == standing.segments,
        "the index is not whole: {standing:?}"
    );
    let segments: u64 = fs::read_dir(dir.join("segments"))?
        .map(|entry| Ok(entry?.metadata()?.len()))
        .sum::<Result<u64>>()?;
    let mut table = Table::new(&["segments", "MB", "index files", "MB", "built in s (one processor)"]);
    table.row(vec![
        standing.segments.to_string(),
        megabytes(segments),
        fs::read_dir(dir.join("index"))?.count().to_string(),
        megabytes(standing.index_bytes),
        format!("{:.0}", indexing.as_secs_f64()),
    ]);
    table.print();
    Ok(())
}

fn verify(archive: &Arc<Archive>, published: &Arc<Published>) -> Result<()> {
    let reader = questions::reader(archive, published);
    let mut memory = Memory::default();
    let begun = Instant::now();
    let verified = runtime()?.block_on(reader.verify(None))?;
    println!(
        "verify: {} records in {:.1} s",
        whole(verified.chain.records as f64),
        begun.elapsed().as_secs_f64()
    );
    memory.look();
    memory.print("after it, MB resident");
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .context("a runtime")
}

/// Resident memory over time.
#[derive(Default)]
struct Memory(Vec<u64>);

impl Memory {
    fn look(&mut self) {
        self.0
            .extend(Usage::of(std::process::id()).map(|usage| usage.resident_bytes));
    }

    fn print(&self, what: &str) {
        let looks: Vec<String> = self
            .0
            .iter()
            .map(|bytes| format!("{:.0}", *bytes as f64 / 1e6))
            .collect();
        println!("{what}: {}\n", looks.join(" "));
    }
}

/// Nothing is missing, so nobody is asked.
struct Nobody;

#[async_trait::async_trait]
impl SegmentPeers for Nobody {
    fn others(&self) -> Vec<u64> {
        Vec::new()
    }

    async fn ask(&self, _node: u64, _question: bytes::Bytes) -> Option<bytes::Bytes> {
        None
    }
}
