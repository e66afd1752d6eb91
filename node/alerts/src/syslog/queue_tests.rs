use proptest::prelude::*;

use super::*;

const AGE: Duration = Duration::from_secs(15);

fn entry(seq: u64) -> Entry {
    Entry {
        frame: seq.to_string().into_bytes().into(),
        seq: Some(seq),
        origin: Source::Offered,
    }
}

fn loss(gap: &Gap) -> Entry {
    Entry {
        frame: format!("lost {}", gap.count).into_bytes().into(),
        seq: None,
        origin: Source::Loss,
    }
}

fn texts(batch: &[Arc<[u8]>]) -> Vec<String> {
    batch
        .iter()
        .map(|frame| String::from_utf8_lossy(frame).into_owned())
        .collect()
}

#[test]
fn what_was_lost_is_said_in_its_place() {
    let mut queue = Queue::new(2, AGE);
    let now = Instant::now();
    let taken: Vec<bool> = (0..5).map(|seq| queue.offer(entry(seq), seq * 10, loss)).collect();
    assert_eq!(taken, [true, true, false, false, false]);
    assert_eq!(
        queue.gap,
        Some(Gap {
            count: 3,
            from_ms: 20,
            to_ms: 40,
            seqs: Some((2, 4)),
        })
    );
    queue.wrote(1, now);
    assert!(queue.offer(entry(5), 50, loss));
    assert_eq!(texts(&queue.batch(1_000, loss)), ["1", "lost 3", "5"]);
    assert_eq!(queue.counts().lost, 3);
}

#[test]
fn a_loss_is_said_even_if_nothing_follows() {
    let mut queue = Queue::new(1, AGE);
    for seq in 0..3 {
        queue.offer(entry(seq), 0, loss);
    }
    queue.wrote(1, Instant::now());
    assert!(!queue.is_drained());
    assert_eq!(texts(&queue.batch(1_000, loss)), ["lost 2"]);
    queue.wrote(1, Instant::now());
    assert!(queue.is_drained());
    assert_eq!(
        queue.counts(),
        Counts {
            sent: 1,
            repeated: 0,
            lost: 2
        }
    );
}

#[test]
fn a_broken_connection_repeats_what_is_young_and_takes_no_room_for_it() {
    let mut queue = Queue::new(2, AGE);
    let begin = Instant::now();
    queue.offer(entry(0), 0, loss);
    queue.wrote(1, begin);
    queue.offer(entry(1), 0, loss);
    queue.wrote(1, begin + AGE / 2);
    assert_eq!(queue.oldest_unsettled(begin + AGE / 2), Some(0));
    assert_eq!(queue.oldest_unsettled(begin + AGE), Some(1));
    assert!(queue.offer(entry(2), 0, loss) && queue.offer(entry(3), 0, loss));
    queue.broken(begin + AGE);
    assert!(queue.is_full(), "two were offered, whatever is repeated");
    assert_eq!(texts(&queue.batch(1_000, loss)), ["1", "2", "3"]);
    queue.wrote(3, begin + AGE);
    assert_eq!(
        queue.counts(),
        Counts {
            sent: 4,
            repeated: 1,
            lost: 0
        }
    );
    queue.arrived();
    assert_eq!(queue.oldest_unsettled(begin), None);
}

#[test]
fn what_is_kept_to_be_repeated_is_bounded_by_bytes() {
    let mut queue = Queue::new(10_000, AGE);
    let big = |seq| Entry {
        frame: vec![b'x'; 2_000].into(),
        ..entry(seq)
    };
    let now = Instant::now();
    for seq in 0..1_000 {
        queue.offer(big(seq), 0, loss);
    }
    queue.wrote(1_000, now);
    assert_eq!(queue.written.len(), limits::REPEAT_BYTES / 2_000);
    queue.broken(now);
    assert_eq!(queue.waiting.front().and_then(|entry| entry.seq), Some(1_000 - 524));
}

#[test]
fn a_batch_holds_about_so_many_bytes_and_at_least_one_message() {
    let mut queue = Queue::new(10, AGE);
    for seq in 100..105 {
        queue.offer(entry(seq), 0, loss);
    }
    assert_eq!(texts(&queue.batch(7, loss)), ["100", "101"]);
    assert_eq!(texts(&queue.batch(1, loss)), ["100"]);
}

proptest! {
    /// In any order of events: nothing is reordered but what is repeated, everything offered was written or is
    /// counted as lost, and the losses that are said add up to those that are counted.
    #[test]
    fn everything_is_written_or_counted(events in prop::collection::vec(0u8..10, 1..300), capacity in 1usize..20) {
        let mut queue = Queue::new(capacity, AGE);
        let mut now = Instant::now();
        let (mut offered, mut wire) = (0u64, Vec::new());
        let write = |queue: &mut Queue, wire: &mut Vec<String>, bytes, now| {
            let batch = queue.batch(bytes, loss);
            queue.wrote(batch.len(), now);
            wire.extend(texts(&batch));
            !batch.is_empty()
        };
        for event in events {
            match event {
                0..=4 => {
                    queue.offer(entry(offered), offered, loss);
                    offered += 1;
                }
                5..=7 => drop(write(&mut queue, &mut wire, usize::from(event), now)),
                8 => queue.broken(now),
                _ => now += AGE / 3,
            }
            prop_assert!(queue.len() <= capacity);
        }
        while write(&mut queue, &mut wire, 100, now) {}
        let mut fresh: Vec<u64> = wire.iter().filter_map(|text| text.parse().ok()).collect();
        let repeated = fresh.len();
        let mut highest = None;
        fresh.retain(|seq| {
            let new = highest.is_none_or(|highest| *seq > highest);
            highest = highest.max(Some(*seq));
            new
        });
        let counts = queue.counts();
        prop_assert_eq!(counts.sent, fresh.len() as u64);
        prop_assert_eq!(counts.repeated, (repeated - fresh.len()) as u64);
        prop_assert_eq!(counts.sent + counts.lost, offered);
        if counts.repeated == 0 {
            let said: u64 = wire.iter().filter_map(|text| text.strip_prefix("lost ")?.parse::<u64>().ok()).sum();
            prop_assert_eq!(said, counts.lost);
        }
        prop_assert!(queue.is_drained());
    }
}
