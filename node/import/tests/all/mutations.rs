//! Damaged files: bytes of every fixture are flipped, cut, doubled and replaced by what formats treat as their own. No reader panics, none
//! loops, and memory stays within bounds.

use proptest::prelude::*;
use quorate_import::{Format, Options, detect, read};
use zeroize::Zeroizing;

use crate::fixtures::{FIXTURES, bytes, options};

/// In all, over all fixtures.
const MUTATIONS: usize = 100_000;

/// What the process may have held at most when all is over: the large files of the other tests are in it.
const PEAK_KIB: u64 = 1_500_000;

/// A generator that is the same on every machine: a failure names its number.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below.max(1) as u64) as usize
    }
}

const PIECES: [&[u8]; 16] = [
    b"\"",
    b",",
    b";",
    b"\n",
    b"\r\n ",
    b"'",
    b"\\",
    b"(",
    b")",
    b"<",
    b">",
    b"&#x110000;",
    b"::",
    b"%",
    b"\xff",
    b"999999999999999999999",
];

fn damage(file: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.next(4) {
        let at = random.next(file.len());
        match random.next(5) {
            0 if !file.is_empty() => file[at] ^= 1 << random.next(8),
            1 => file.truncate(at),
            2 if !file.is_empty() => {
                let piece = file[at..(at + random.next(40)).min(file.len())].to_vec();
                let to = random.next(file.len());
                file.splice(to..to, piece);
            }
            3 if !file.is_empty() => {
                file.drain(at..(at + random.next(20)).min(file.len()));
            }
            _ => {
                let piece = PIECES[random.next(PIECES.len())];
                file.splice(at..at, piece.iter().copied());
            }
        }
    }
}

#[test]
fn damaged_fixtures_are_read_or_refused() {
    let (mut read_ones, mut refused) = (0, 0);
    for (name, format, key) in FIXTURES {
        let original = bytes(name);
        let mut options = options(key);
        options.format = Some(format);
        // Each try would compute the derivation of a key: 12,000 iterations.
        let rounds = if name.contains("password") {
            MUTATIONS / 400
        } else {
            MUTATIONS / (FIXTURES.len() - 1) + 1
        };
        for number in 0..rounds {
            let mut random = Random(number as u64);
            let mut file = original.clone();
            damage(&mut file, &mut random);
            let _ = detect(&file);
            match read(&file, &options) {
                Ok(import) => {
                    read_ones += 1;
                    let rows = &import.report.rows;
                    assert!(rows.len() <= file.len() + 1, "{name} {number}");
                    let last = file.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
                    assert!(rows.iter().all(|row| (1..=last).contains(&row.line)), "{name} {number}");
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(read_ones + refused >= MUTATIONS, "{read_ones} + {refused}");
    assert!(
        read_ones > MUTATIONS / 4 && refused > MUTATIONS / 20,
        "{read_ones} read, {refused} refused"
    );
    let peak = peak_kib();
    assert!(peak < PEAK_KIB, "{peak} KiB");
}

/// Every fixture as every other format: what an operator does who names the wrong one.
#[test]
fn files_of_another_format_are_no_panic() {
    for (name, _, key) in FIXTURES {
        for format in Format::ALL {
            let mut options = options(key);
            options.format = Some(format);
            let _ = read(&bytes(name), &options);
        }
    }
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("the peak");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number")
}

proptest! {
    #[test]
    fn no_bytes_panic_in_any_reader(input in proptest::collection::vec(any::<u8>(), 0..300), format in 0..Format::ALL.len(), key in proptest::collection::vec(any::<u8>(), 0..100)) {
        let options = Options {
            format: Some(Format::ALL[format]),
            key_file: Some(Zeroizing::new(key)),
            ..Options::default()
        };
        let _ = detect(&input);
        let _ = read(&input, &options);
    }
}
