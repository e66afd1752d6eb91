//! Several archives over real files, with peers that answer, lie or are silent.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use quorate_app::AuditFilter;
use quorate_core::change::SetRetention;
use quorate_core::command::Administer;
use quorate_core::command::{Genesis, PruneAudit, SummarizeRejects};
use quorate_core::{Actor, Change, ClientId, Command, Fingerprint, Level, NodeId, Sealed, Stamp, State, apply};

use super::*;
use crate::limits::SEGMENTS_PER_MERGE;
use crate::peer::SegmentService;
use crate::{ArchiveCare, Published, SegmentPeers, View};

const START_MS: u64 = 1_800_000_000_000;

/// A cluster's state, and the segments that it closed on the way.
struct History {
    state: State,
    segments: Vec<Arc<Segment>>,
}

impl History {
    fn of(segments: u64) -> Self {
        let mut history = Self {
            state: State::new(),
            segments: Vec::new(),
        };
        history.apply(&Command::Genesis(Genesis {
            cluster_id: [1; 16],
            ca_cert: b"certificate"[..].into(),
            ca_key: Sealed::from(b"key".to_vec()),
            node: NodeId(1),
            node_name: "one".into(),
            site: "".into(),
            key_digest: [0; 32],
        }));
        while (history.segments.len() as u64) < segments {
            let n = history.state.audit().next_seq();
            history.apply(&Command::SummarizeRejects(SummarizeRejects {
                request: Fingerprint(u128::from(n).to_be_bytes()),
                node: NodeId(1),
                client: ClientId(n % 1_000),
                source: [192, 0, 2, 1].into(),
                from_ms: 0,
                to_ms: 0,
                rejects: n,
            }));
        }
        history
    }

    fn apply(&mut self, command: &Command) {
        let ms = START_MS + self.state.audit().next_seq() * 20;
        apply(&mut self.state, Level::CURRENT, Stamp { ms }, &command.to_bytes()).unwrap();
        self.segments.extend(self.state.take_closed_segments());
    }

    fn published(&self) -> Arc<Published> {
        Arc::new(Published::new(View {
            state: Arc::new(self.state.clone()),
            applied: None,
            membership: Arc::from([]),
        }))
    }
}

/// One node's files.
struct Node {
    folder: tempfile::TempDir,
    archive: Arc<Archive>,
}

impl Node {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let archive = open(folder.path());
        Self { folder, archive }
    }

    /// With all segments, as a node that was there from the beginning.
    fn with(history: &History) -> Self {
        let node = Self::empty();
        history
            .segments
            .iter()
            .for_each(|segment| node.archive.write(segment.clone()));
        node.archive.flush().unwrap();
        node
    }

    fn restart(&mut self) {
        self.archive.stop();
        self.archive = open(self.folder.path());
    }

    fn file(&self, number: u64) -> PathBuf {
        self.folder.path().join(format!("segments/{number:020}.segment"))
    }

    fn index_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(self.folder.path().join("index"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        files
    }

    fn flip(&self, file: &PathBuf, at: usize) {
        let mut bytes = fs::read(file).unwrap();
        bytes[at] ^= 1;
        fs::write(file, bytes).unwrap();
    }

    fn care(&self, history: &History, peers: impl SegmentPeers) -> ArchiveCare {
        ArchiveCare::new(self.archive.clone(), history.published(), Arc::new(peers))
    }

    fn standing(&self, history: &History) -> ArchiveStanding {
        self.archive.standing(history.state.audit())
    }
}

fn open(folder: &std::path::Path) -> Arc<Archive> {
    let keys = AuditKeys::default();
    let index = PostingStore::open(&folder.join("index"), keys.version()).unwrap();
    Archive::start(SegmentStore::open(&folder.join("segments")).unwrap(), index, keys).unwrap()
}

/// Works until there is nothing to do.
async fn finish(care: &ArchiveCare) {
    while care.step().await {}
}

/// Other nodes: their archives, each of which may lie.
#[derive(Default)]
struct Others(Vec<(Arc<Archive>, AtomicBool)>);

impl Others {
    fn honest(nodes: &[&Node]) -> Self {
        Others(
            nodes
                .iter()
                .map(|node| (node.archive.clone(), AtomicBool::new(false)))
                .collect(),
        )
    }
}

#[async_trait]
impl SegmentPeers for Others {
    fn others(&self) -> Vec<u64> {
        (0..self.0.len() as u64).collect()
    }

    async fn ask(&self, node: u64, question: Bytes) -> Option<Bytes> {
        let (archive, lies) = &self.0[node as usize];
        let answer = SegmentService::new(archive.clone()).answer(&question).await;
        if !lies.load(Ordering::Relaxed) || answer.is_empty() {
            return Some(answer);
        }
        let mut altered = answer.to_vec();
        let last = altered.len() - 1;
        altered[last] ^= 1;
        Some(altered.into())
    }
}

fn search(archive: &Archive, range: Range<u64>, client: u64) -> io::Result<Vec<u64>> {
    let filter = AuditFilter {
        client: Some(ClientId(client)),
        ..AuditFilter::default()
    };
    let mut found = Vec::new();
    archive.search(range, &filter.keys(), Order::OldestFirst, &mut |seq| {
        found.push(seq);
        true
    })?;
    Ok(found)
}

#[tokio::test]
async fn a_node_that_joins_fetches_segments_by_hash_and_believes_no_other_bytes() {
    let history = History::of(3);
    let (old, liar, new) = (Node::with(&history), Node::with(&history), Node::empty());
    let peers = Others(vec![
        (liar.archive.clone(), AtomicBool::new(true)),
        (Node::empty().archive, AtomicBool::new(false)),
    ]);
    let care = new.care(&history, peers);
    finish(&care).await;
    assert_eq!(
        new.standing(&history).missing,
        3,
        "nothing that does not hash was taken over"
    );
    assert!(!new.file(0).exists());

    let peers = Others(vec![
        (liar.archive.clone(), AtomicBool::new(true)),
        (old.archive.clone(), AtomicBool::new(false)),
    ]);
    finish(&new.care(&history, peers)).await;
    let standing = new.standing(&history);
    assert_eq!((standing.missing, standing.checked, standing.indexed), (0, 3, 3));
    for number in 0..3 {
        assert_eq!(fs::read(new.file(number)).unwrap(), fs::read(old.file(number)).unwrap());
        assert_eq!(new.archive.segment(number).unwrap(), history.segments[number as usize]);
    }
    let record = new.archive.record(RECORDS_PER_SEGMENT + 77).unwrap();
    assert_eq!(record.seq, RECORDS_PER_SEGMENT + 77);
}

#[tokio::test]
async fn a_peer_gives_a_segment_for_its_hash_only() {
    let history = History::of(1);
    let node = Node::with(&history);
    let head = history.segments[0].head();
    assert!(node.archive.bytes(0, head).is_ok());
    assert!(node.archive.bytes(0, [0; 32]).is_err());
    assert!(node.archive.bytes(1, head).is_err());
}

#[tokio::test]
async fn whoever_reads_damage_gets_an_error_and_the_segment_is_fetched_again() {
    let history = History::of(2);
    let (whole, node) = (Node::with(&history), Node::with(&history));
    finish(&node.care(&history, Others::default())).await;
    let length = fs::read(node.file(1)).unwrap().len();
    let slot = 28 + 76 + 8 * 500 + 4;
    // A record, its slot, the end; and the whole file.
    for (at, seq) in [
        (length - 1, 2 * RECORDS_PER_SEGMENT - 1),
        (slot, RECORDS_PER_SEGMENT + 500),
    ] {
        node.flip(&node.file(1), at);
        assert!(node.archive.record(seq).is_err());
        assert_eq!(node.standing(&history).missing, 1);
        finish(&node.care(&history, Others::honest(&[&whole]))).await;
        assert_eq!(node.archive.record(seq).unwrap().seq, seq);
    }
    fs::remove_file(node.file(0)).unwrap();
    assert!(node.archive.segment(0).is_err());
    finish(&node.care(&history, Others::honest(&[&whole]))).await;
    assert_eq!(node.standing(&history).missing, 0);
    assert_eq!(node.archive.segment(0).unwrap(), history.segments[0]);
}

#[tokio::test]
async fn damage_and_forgery_that_nobody_reads_are_found_after_a_start() {
    let history = History::of(2);
    let another = {
        let mut another = History::of(0);
        another.apply(&Command::SummarizeRejects(SummarizeRejects {
            request: Fingerprint([9; 16]),
            node: NodeId(2),
            client: ClientId(666),
            source: [192, 0, 2, 2].into(),
            from_ms: 0,
            to_ms: 0,
            rejects: 1,
        }));
        while another.segments.is_empty() {
            let n = another.state.audit().next_seq();
            another.apply(&Command::SummarizeRejects(SummarizeRejects {
                request: Fingerprint(u128::from(n).to_be_bytes()),
                node: NodeId(1),
                client: ClientId(0),
                source: [192, 0, 2, 1].into(),
                from_ms: 0,
                to_ms: 0,
                rejects: n,
            }));
        }
        another
    };
    let (whole, mut node) = (Node::with(&history), Node::with(&history));
    // A sound file of another history, with a right checksum; and a flipped bit.
    fs::copy(Node::with(&another).file(0), node.file(0)).unwrap();
    node.flip(&node.file(1), 40_000);
    node.restart();
    finish(&node.care(&history, Others::default())).await;
    assert_eq!(node.standing(&history).missing, 2);
    finish(&node.care(&history, Others::honest(&[&whole]))).await;
    assert_eq!(node.standing(&history).missing, 0);
    for number in 0..2 {
        assert_eq!(node.archive.segment(number).unwrap(), history.segments[number as usize]);
    }
    assert!(
        node.file(0).with_extension("segment.rejected").exists(),
        "a forgery is kept as evidence"
    );
}

#[tokio::test]
async fn the_index_is_merged_survives_a_start_and_is_made_again_when_it_is_damaged() {
    let segments = 2 * SEGMENTS_PER_MERGE + 1;
    let history = History::of(segments);
    let mut node = Node::with(&history);
    assert!(search(&node.archive, 0..10, 5).is_err(), "nothing is indexed yet");
    let finds = |node: &Node| {
        for span in node.archive.indexed() {
            // Record 0 is the founding; every other is of the client of its number.
            let expected: Vec<u64> = span.clone().filter(|seq| seq % 1_000 == 5).collect();
            assert_eq!(search(&node.archive, span, 5).unwrap(), expected);
        }
    };
    finish(&node.care(&history, Others::default())).await;
    assert_eq!(node.standing(&history).indexed, segments);
    assert_eq!(node.index_files().len(), 3, "two that were merged, and one alone");
    finds(&node);

    node.restart();
    assert_eq!(
        node.standing(&history).indexed,
        segments,
        "it is not made again at every start"
    );
    finds(&node);

    let first = node.index_files()[0].clone();
    for at in [fs::read(&first).unwrap().len() - 1, 100] {
        node.flip(&first, at);
        if at == 100 {
            let failed = (0..1_000).any(|client| search(&node.archive, 0..RECORDS_PER_SEGMENT, client).is_err());
            assert!(failed, "a damaged page is noticed by whoever needs it");
        } else {
            node.restart();
        }
        assert_eq!(node.standing(&history).indexed, segments - SEGMENTS_PER_MERGE);
        finish(&node.care(&history, Others::default())).await;
        assert_eq!(node.standing(&history).indexed, segments);
        finds(&node);
    }
    // Of another version: all of it is made again.
    node.archive.stop();
    let index = PostingStore::open(&node.folder.path().join("index"), 77).unwrap();
    let segments = SegmentStore::open(&node.folder.path().join("segments")).unwrap();
    node.archive = Archive::start(segments, index, AuditKeys::default()).unwrap();
    assert_eq!(node.standing(&history).indexed, 0);
}

#[tokio::test]
async fn what_a_rule_gives_up_is_removed_from_disk() {
    let mut history = History::of(3);
    let node = Node::with(&history);
    finish(&node.care(&history, Others::default())).await;
    let day_ms = 86_400_000;
    history.apply(&Command::Administer(Administer {
        request: Fingerprint([8; 16]),
        actor: Actor::Root { uid: 0 },
        node: NodeId(1),
        changes: vec![Change::SetRetention(SetRetention {
            expected: None,
            max_age_ms: Some(day_ms),
            max_bytes: None,
        })],
    }));
    let later = Stamp {
        ms: START_MS + 2 * RECORDS_PER_SEGMENT * 20 + day_ms,
    };
    let prune = Command::PruneAudit(PruneAudit {
        node: NodeId(1),
        first_segment: 2,
    });
    apply(&mut history.state, Level::CURRENT, later, &prune.to_bytes()).unwrap();
    assert_eq!(history.state.audit().checkpoint().segment, 2);
    finish(&node.care(&history, Others::default())).await;
    assert!(!node.file(0).exists() && !node.file(1).exists() && node.file(2).exists());
    let standing = node.standing(&history);
    assert_eq!((standing.segments, standing.missing, standing.indexed), (1, 0, 1));
    // A merged file goes when all of it is given up.
    assert!(
        node.archive
            .indexed()
            .iter()
            .all(|span| span.end > 2 * RECORDS_PER_SEGMENT)
    );
    let head = history.segments[0].head();
    assert!(
        node.archive.bytes(0, head).is_err(),
        "nothing that was given up is given out"
    );
}
