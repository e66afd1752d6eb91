//! The audit chain over several segments, and every way to tamper with it.

use crate::script;
use std::sync::Arc;

use quorate_core::{
    audit::{ChainFault, Checkpoint, Located, Segment, slots, verify},
    limits::RECORDS_PER_SEGMENT,
};
use script::World;
use sha2::{Digest, Sha256};

struct Archive {
    segments: Vec<Segment>,
    open: Vec<Arc<[u8]>>,
    head: [u8; 32],
}

impl Archive {
    /// A little more than three segments.
    fn new() -> Self {
        let mut world = World::new();
        world.run_line("genesis");
        let mut segments = Vec::new();
        for round in 0..RECORDS_PER_SEGMENT * 3 + 10 {
            // Requests are remembered for two minutes, so that time has to pass.
            world.run_line("wait 20ms");
            world.run_line(&format!("summarize vpn rejects={round}"));
            segments.extend(world.state.take_closed_segments());
        }
        let audit = world.state.audit();
        Archive {
            // Through their bytes, as they lie on disk.
            segments: segments
                .iter()
                .map(|segment| Segment::from_bytes(&segment.to_bytes()).unwrap())
                .collect(),
            open: audit.open_records().map(|(_, record)| record.clone()).collect(),
            head: audit.head(),
        }
    }

    fn check(&self) -> Result<u64, ChainFault> {
        self.check_from(Checkpoint::default())
    }

    fn check_from(&self, checkpoint: Checkpoint) -> Result<u64, ChainFault> {
        verify(checkpoint, &self.segments, &self.open, self.head).map(|verified| verified.records)
    }

    /// The segment with its bytes changed, by somebody who knows to make its checks fit again.
    fn tampered(&self, which: usize, tamper: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut segments = self.segments.clone();
        let mut bytes = segments[which].to_bytes();
        tamper(&mut bytes);
        make_checks_fit(&mut bytes);
        segments[which] = Segment::from_bytes(&bytes).expect("the tests change values and not structure");
        Archive {
            segments,
            open: self.open.clone(),
            head: self.head,
        }
    }
}

/// A whole segment's file: its records follow the header and their slots.
const SLOTS: usize = 76;
const RECORDS: usize = SLOTS + RECORDS_PER_SEGMENT as usize * 8;

fn make_checks_fit(bytes: &mut [u8]) {
    let mut begin = RECORDS;
    for slot in (SLOTS..RECORDS).step_by(8) {
        let end = RECORDS + u32::from_be_bytes(bytes[slot..slot + 4].try_into().unwrap()) as usize;
        let digest: [u8; 32] = Sha256::digest(&bytes[begin..end]).into();
        bytes[slot + 4..slot + 8].copy_from_slice(&digest[..4]);
        begin = end;
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).unwrap()
}

#[test]
fn segments_close_at_the_same_record_and_every_tampering_is_found() {
    let archive = Archive::new();
    assert_eq!(archive.segments.len(), 3);
    assert_eq!(archive.open.len(), 11);
    assert_eq!(archive.check(), Ok(RECORDS_PER_SEGMENT * 3 + 11));

    // A record edited, inside a segment and at its end.
    let first = archive.segments[1].records()[0].clone();
    let edited = archive.tampered(1, |bytes| {
        let place = find(bytes, &first) + first.len() - 1;
        bytes[place] ^= 1;
    });
    assert_eq!(edited.check(), Err(ChainFault::AlteredSegment { segment: 1 }));

    // Two records in each other's place.
    let second = archive.segments[1].records()[1].clone();
    assert_eq!(first.len(), second.len());
    let swapped = archive.tampered(1, |bytes| {
        let place = find(bytes, &first);
        let next = find(bytes, &second);
        bytes[place..place + first.len()].copy_from_slice(&second);
        bytes[next..next + first.len()].copy_from_slice(&first);
    });
    assert_eq!(
        swapped.check(),
        Err(ChainFault::MisplacedRecord {
            seq: RECORDS_PER_SEGMENT
        })
    );

    // A segment deleted, doubled, or of another chain.
    let without = |which: usize| {
        let segments = archive.segments.iter().enumerate().filter(|(place, _)| *place != which);
        Archive {
            segments: segments.map(|(_, segment)| segment.clone()).collect(),
            open: archive.open.clone(),
            head: archive.head,
        }
    };
    assert_eq!(
        without(1).check(),
        Err(ChainFault::MissingSegment { expected: 1, found: 2 })
    );
    assert_eq!(
        without(2).check(),
        Err(ChainFault::MisplacedRecord {
            seq: RECORDS_PER_SEGMENT * 2
        })
    );
    let base = archive.segments[2].base();
    let forked = archive.tampered(2, |bytes| {
        let place = find(bytes, &base);
        bytes[place] ^= 1;
    });
    assert_eq!(forked.check(), Err(ChainFault::BrokenLink { segment: 2 }));

    // The end cut off: the chain holds, but its head is not the one that was exported.
    let mut cut = without(usize::MAX);
    cut.open.pop();
    assert_eq!(cut.check(), Err(ChainFault::UnexpectedHead));
    cut.open.remove(0);
    assert_eq!(
        cut.check(),
        Err(ChainFault::MisplacedRecord {
            seq: RECORDS_PER_SEGMENT * 3
        })
    );

    // Without its first segment the audit is broken, unless a checkpoint says that a rule has given it up.
    assert_eq!(
        without(0).check(),
        Err(ChainFault::MissingSegment { expected: 0, found: 1 })
    );
    let checkpoint = Checkpoint {
        segment: 1,
        head: archive.segments[0].head(),
    };
    assert_eq!(without(0).check_from(checkpoint), Ok(RECORDS_PER_SEGMENT * 2 + 11));
    let elsewhere = Checkpoint {
        segment: 1,
        head: [0; 32],
    };
    assert_eq!(
        without(0).check_from(elsewhere),
        Err(ChainFault::BrokenLink { segment: 1 })
    );
}

#[test]
fn a_segment_is_known_by_its_heads_and_damage_does_not_even_decode() {
    let archive = Archive::new();
    let (former, segment) = (&archive.segments[0], &archive.segments[1]);
    assert_eq!(segment.is_genuine(1, former.head(), segment.head()), Ok(()));
    assert_eq!(
        segment.is_genuine(1, [0; 32], segment.head()),
        Err(ChainFault::BrokenLink { segment: 1 })
    );
    assert_eq!(
        segment.is_genuine(2, former.head(), segment.head()),
        Err(ChainFault::MissingSegment { expected: 2, found: 1 })
    );
    assert_eq!(
        segment.is_genuine(1, former.head(), [0; 32]),
        Err(ChainFault::UnexpectedHead)
    );
    // Another history of the same length, consistent in itself.
    let first = segment.records()[0].clone();
    let rewritten = archive.tampered(1, |bytes| {
        let place = find(bytes, &first) + first.len() - 1;
        bytes[place] ^= 1;
    });
    assert_eq!(
        rewritten.segments[1].is_genuine(1, former.head(), segment.head()),
        Err(ChainFault::AlteredSegment { segment: 1 })
    );

    let sound = segment.to_bytes();
    for at in (0..sound.len())
        .step_by(997)
        .chain([7, 75, SLOTS, RECORDS - 1, RECORDS])
    {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x10;
        let read = Segment::from_bytes(&damaged);
        // Number and heads are what it is compared by; everything else is under a check.
        assert_eq!(read.is_ok(), at < 72, "byte {at}");
        assert!(read.map_or(true, |read| read != *segment));
        assert!(Segment::from_bytes(&sound[..at]).is_err());
    }
}

#[test]
fn one_record_is_read_without_the_others_and_not_if_it_is_damaged() {
    let archive = Archive::new();
    let segment = &archive.segments[1];
    let mut file = segment.to_bytes();
    let locate = |file: &[u8], place: usize| {
        let range = slots(place);
        Located::from_slots(&file[range.start as usize..range.end as usize])
    };
    for place in [0, 1, 4_000, RECORDS_PER_SEGMENT as usize - 1] {
        let located = locate(&file, place).unwrap();
        let range = located.range.start as usize..located.range.end as usize;
        assert_eq!(file[range.clone()], *segment.records()[place]);
        assert!(located.holds(&file[range.clone()]));
        file[range.start] ^= 1;
        assert!(!located.holds(&file[range]));
    }
    // A damaged slot leads nowhere, or to bytes that do not fit.
    for byte in 0..16 {
        for bit in 0..8 {
            let mut damaged = file.clone();
            let slot = slots(2_000);
            damaged[slot.start as usize + byte] ^= 1 << bit;
            let Some(located) = locate(&damaged, 2_000) else {
                continue;
            };
            let range = located.range.start as usize..located.range.end as usize;
            let unused = (4..8).contains(&byte);
            assert_eq!(
                damaged.get(range).is_some_and(|bytes| located.holds(bytes)),
                unused,
                "{byte}.{bit}"
            );
        }
    }
}
