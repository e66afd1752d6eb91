//! The format of a snapshot: a stream of records cut into checksummed blocks.
//!
//! ```text
//! file   = magic "QSNAP001" | Head block | Body blocks | End block | nothing more
//! block  = kind u32 | length u32 | crc32 u32 | payload            (all numbers big-endian)
//! Head   = 0 or 1, then term, node, index u64 of the last entry covered | metadata
//! Body   = a piece of the stream of records; a record = length u32 | bytes
//! End    = records u64 | stream bytes u64
//! ```
//!
//! A block's checksum starts from the checksum of the Head block and the block's number, so a block
//! that is moved, repeated or taken from another snapshot does not check, and a file that was cut
//! lacks its End. Reading verifies as it goes; nothing is handed out before its block has checked.

use std::io::{self, Read, Write};

use crate::{LogId, limits};

pub(super) const MAGIC: &[u8; 8] = b"QSNAP001";
const BLOCK_HEADER_BYTES: usize = 12;
const HEAD: u32 = 0x5148_6561;
const BODY: u32 = 0x5142_6f64;
const END: u32 = 0x5145_6e64;
/// A Head's payload before the metadata: a presence byte and a log id.
const HEAD_FIXED_BYTES: usize = 25;

/// Why bytes are not a snapshot, without the path.
#[derive(Debug)]
pub(super) enum Fault {
    Damaged { offset: u64, what: &'static str },
    Io(io::Error),
}

/// What the Head block says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) last: Option<LogId>,
    pub(super) meta: Vec<u8>,
}

/// Writes the format to `W`; gathers a block at a time, so `W` needs no buffer of its own.
#[derive(Debug)]
pub(super) struct Encoder<W> {
    out: W,
    seed: u32,
    number: u64,
    /// Room for the block header, then the payload gathered so far.
    block: Vec<u8>,
    records: u64,
    stream_bytes: u64,
    written_bytes: u64,
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(mut out: W, head: &Head) -> io::Result<Encoder<W>> {
        out.write_all(MAGIC)?;
        let mut encoder = Encoder {
            out,
            seed: 0,
            number: 0,
            block: vec![0; BLOCK_HEADER_BYTES],
            records: 0,
            stream_bytes: 0,
            written_bytes: MAGIC.len() as u64,
        };
        let last = head.last.unwrap_or_default();
        encoder.block.push(u8::from(head.last.is_some()));
        for number in [last.term, last.node, last.index] {
            encoder.block.extend_from_slice(&number.to_be_bytes());
        }
        encoder.block.extend_from_slice(&head.meta);
        encoder.seed = encoder.write_block(HEAD)?;
        Ok(encoder)
    }

    pub(super) fn record(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > limits::SNAPSHOT_RECORD_BYTES {
            let limit = limits::SNAPSHOT_RECORD_BYTES;
            return Err(io::Error::other(format!(
                "a record of {} bytes is over the limit of {limit}",
                bytes.len()
            )));
        }
        self.stream(&(bytes.len() as u32).to_be_bytes())?;
        self.stream(bytes)?;
        self.records += 1;
        Ok(())
    }

    /// Writes the End block; returns the writer and the bytes written in all.
    pub(super) fn finish(mut self) -> io::Result<(W, u64)> {
        if self.block.len() > BLOCK_HEADER_BYTES {
            self.write_block(BODY)?;
        }
        self.block.extend_from_slice(&self.records.to_be_bytes());
        self.block.extend_from_slice(&self.stream_bytes.to_be_bytes());
        self.write_block(END)?;
        Ok((self.out, self.written_bytes))
    }

    fn stream(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.stream_bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = BLOCK_HEADER_BYTES + limits::SNAPSHOT_BLOCK_BYTES - self.block.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() == BLOCK_HEADER_BYTES + limits::SNAPSHOT_BLOCK_BYTES {
                self.write_block(BODY)?;
            }
        }
        Ok(())
    }

    fn write_block(&mut self, kind: u32) -> io::Result<u32> {
        let length = (self.block.len() - BLOCK_HEADER_BYTES) as u32;
        let crc = checksum(self.seed, self.number, kind, &self.block[BLOCK_HEADER_BYTES..]);
        self.block[..4].copy_from_slice(&kind.to_be_bytes());
        self.block[4..8].copy_from_slice(&length.to_be_bytes());
        self.block[8..12].copy_from_slice(&crc.to_be_bytes());
        self.out.write_all(&self.block)?;
        self.written_bytes += self.block.len() as u64;
        self.number += 1;
        self.block.truncate(BLOCK_HEADER_BYTES);
        Ok(crc)
    }
}

/// Reads the format from `R`, verifying every block before it uses it.
#[derive(Debug)]
pub(super) struct Decoder<R> {
    input: R,
    offset: u64,
    seed: u32,
    number: u64,
    kind: u32,
    block: Vec<u8>,
    used: usize,
    records: u64,
    stream_bytes: u64,
}

impl<R: Read> Decoder<R> {
    /// Reads up to and including the Head.
    pub(super) fn new(input: R) -> Result<(Decoder<R>, Head), Fault> {
        let mut decoder = Decoder {
            input,
            offset: 0,
            seed: 0,
            number: 0,
            kind: HEAD,
            block: Vec::new(),
            used: 0,
            records: 0,
            stream_bytes: 0,
        };
        let mut magic = [0; MAGIC.len()];
        decoder.fill(&mut magic)?;
        if &magic != MAGIC {
            return Err(Fault::Damaged {
                offset: 0,
                what: "it does not begin like a snapshot of this format",
            });
        }
        decoder.seed = decoder.next_block()?;
        let head = decode_head(decoder.kind, &decoder.block).ok_or(Fault::Damaged {
            offset: MAGIC.len() as u64,
            what: "its first block is no head",
        })?;
        decoder.block.clear();
        Ok((decoder, head))
    }

    /// Puts the next record into `record`; false at the end, which has then been verified too.
    pub(super) fn next_record(&mut self, record: &mut Vec<u8>) -> Result<bool, Fault> {
        record.clear();
        if self.used == self.block.len() && !self.next_piece()? {
            return Ok(false);
        }
        let mut length = [0; 4];
        self.stream(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > limits::SNAPSHOT_RECORD_BYTES {
            return Err(self.damaged("a record is over the limit"));
        }
        record.resize(length, 0);
        self.stream(record)?;
        self.records += 1;
        Ok(true)
    }

    fn stream(&mut self, mut out: &mut [u8]) -> Result<(), Fault> {
        self.stream_bytes += out.len() as u64;
        while !out.is_empty() {
            if self.used == self.block.len() && !self.next_piece()? {
                return Err(self.damaged("it ends within a record"));
            }
            let now = out.len().min(self.block.len() - self.used);
            let (head, tail) = out.split_at_mut(now);
            head.copy_from_slice(&self.block[self.used..self.used + now]);
            self.used += now;
            out = tail;
        }
        Ok(())
    }

    /// Loads the next Body block; false when the End came instead and is right.
    fn next_piece(&mut self) -> Result<bool, Fault> {
        if self.kind == END {
            return Ok(false);
        }
        self.next_block()?;
        match self.kind {
            BODY if !self.block.is_empty() => Ok(true),
            END => self.check_end().map(|()| false),
            _ => Err(self.damaged("a block is of the wrong kind")),
        }
    }

    fn check_end(&mut self) -> Result<(), Fault> {
        let mut expected = self.records.to_be_bytes().to_vec();
        expected.extend_from_slice(&self.stream_bytes.to_be_bytes());
        if self.block != expected {
            return Err(self.damaged("its end does not count what came before"));
        }
        self.block.clear();
        self.used = 0;
        match self.input.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.damaged("something follows its end")),
            Err(error) => Err(Fault::Io(error)),
        }
    }

    /// Reads and verifies a block; returns its checksum.
    fn next_block(&mut self) -> Result<u32, Fault> {
        let mut header = [0; BLOCK_HEADER_BYTES];
        self.fill(&mut header)?;
        let [kind, length, crc] = [0, 4, 8].map(|at| {
            let mut word = [0; 4];
            word.copy_from_slice(&header[at..at + 4]);
            u32::from_be_bytes(word)
        });
        let limit = if kind == HEAD {
            limits::SNAPSHOT_RECORD_BYTES
        } else {
            limits::SNAPSHOT_BLOCK_BYTES
        };
        if length as usize > limit {
            return Err(self.damaged("a block is over the limit"));
        }
        let mut block = std::mem::take(&mut self.block);
        self.used = 0;
        block.resize(length as usize, 0);
        self.fill(&mut block)?;
        if checksum(self.seed, self.number, kind, &block) != crc {
            return Err(self.damaged("a block's checksum does not match"));
        }
        (self.block, self.kind) = (block, kind);
        self.number += 1;
        Ok(crc)
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), Fault> {
        self.input.read_exact(out).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("it is cut short"),
            _ => Fault::Io(error),
        })?;
        self.offset += out.len() as u64;
        Ok(())
    }

    fn damaged(&self, what: &'static str) -> Fault {
        Fault::Damaged {
            offset: self.offset,
            what,
        }
    }
}

fn decode_head(kind: u32, payload: &[u8]) -> Option<Head> {
    let (fixed, meta) = payload.split_at_checked(HEAD_FIXED_BYTES)?;
    let number = |at: usize| {
        fixed[at..at + 8]
            .iter()
            .fold(0_u64, |value, byte| value << 8 | u64::from(*byte))
    };
    let last = match (kind, fixed[0]) {
        (HEAD, 0) => None,
        (HEAD, 1) => Some(LogId {
            term: number(1),
            node: number(9),
            index: number(17),
        }),
        _ => return None,
    };
    Some(Head {
        last,
        meta: meta.to_vec(),
    })
}

fn checksum(seed: u32, number: u64, kind: u32, payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&seed.to_be_bytes());
    crc.update(&number.to_be_bytes());
    crc.update(&kind.to_be_bytes());
    crc.update(&(payload.len() as u32).to_be_bytes());
    crc.update(payload);
    crc.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(head: &Head, records: &[Vec<u8>]) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new(), head).unwrap();
        records.iter().for_each(|record| encoder.record(record).unwrap());
        let (bytes, length) = encoder.finish().unwrap();
        assert_eq!(bytes.len() as u64, length);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<(Head, Vec<Vec<u8>>), Fault> {
        let (mut decoder, head) = Decoder::new(bytes)?;
        let (mut records, mut record) = (Vec::new(), Vec::new());
        while decoder.next_record(&mut record)? {
            records.push(record.clone());
        }
        Ok((head, records))
    }

    fn head() -> impl Strategy<Value = Head> {
        let last = prop::option::of((any::<u64>(), any::<u64>(), any::<u64>()));
        (last, prop::collection::vec(any::<u8>(), 0..200)).prop_map(|(last, meta)| Head {
            last: last.map(|(term, node, index)| LogId { term, node, index }),
            meta,
        })
    }

    fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let small = prop::collection::vec(any::<u8>(), 0..300);
        let large = (60_000_usize..200_000, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]);
        prop::collection::vec(prop_oneof![8 => small, 1 => large], 0..20)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read(head in head(), records in records()) {
            let (read_head, read) = decode(&encode(&head, &records)).expect("sound");
            prop_assert_eq!(read_head, head);
            prop_assert_eq!(read, records);
        }

        #[test]
        fn no_changed_byte_goes_unnoticed(head in head(), records in records(), at in any::<prop::sample::Index>(), bits in 1_u8..) {
            let mut bytes = encode(&head, &records);
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
            prop_assert!(decode(&bytes).is_err());
        }

        #[test]
        fn no_cut_and_no_addition_goes_unnoticed(head in head(), records in records(), at in any::<prop::sample::Index>()) {
            let mut bytes = encode(&head, &records);
            prop_assert!(decode(&bytes[..at.index(bytes.len())]).is_err());
            bytes.push(0);
            prop_assert!(decode(&bytes).is_err());
        }

        #[test]
        fn noise_is_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let noise = [MAGIC.as_slice(), &bytes].concat();
            prop_assert!(decode(&noise).is_err());
        }
    }
}
