//! The audit chain over several segments, and every way to tamper with it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod script;
mod variants;

use std::sync::Arc;

use quorate_core::{
    audit::{ChainFault, Segment, verify},
    limits::RECORDS_PER_SEGMENT,
};
use script::World;

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
        verify(&self.segments, &self.open, self.head).map(|verified| verified.records)
    }

    /// The segment with its bytes changed, if it still is one.
    fn tampered(&self, which: usize, tamper: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut segments = self.segments.clone();
        let mut bytes = segments[which].to_bytes();
        tamper(&mut bytes);
        segments[which] = Segment::from_bytes(&bytes).expect("the tests change values and not structure");
        Archive {
            segments,
            open: self.open.clone(),
            head: self.head,
        }
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

    // Segments given up by a retention rule leave the rest verifiable.
    assert_eq!(without(0).check(), Ok(RECORDS_PER_SEGMENT * 2 + 11));
}
