use std::sync::Arc;

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    bytes::{ByteSlice, ByteVec},
    encode::Write,
};

use crate::{
    audit::Head,
    codec::{self, Undecodable},
};

/// A closed part of the audit, identical on every node.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Segment {
    #[n(0)]
    number: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    base: Head,
    #[cbor(n(2), with = "minicbor::bytes")]
    head: Head,
    #[cbor(n(3), encode_with = "encode_records", decode_with = "decode_records")]
    records: Vec<Arc<[u8]>>,
}

impl Segment {
    pub(super) fn new(number: u64, base: Head, head: Head, records: Vec<Arc<[u8]>>) -> Self {
        Segment {
            number,
            base,
            head,
            records,
        }
    }

    /// Counts from 0: record `n` is in segment `n / RECORDS_PER_SEGMENT`.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The head before its first record.
    pub fn base(&self) -> Head {
        self.base
    }

    /// The head after its last record, as it claims; [`super::verify`] recomputes it.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Its records as they were hashed, oldest first.
    pub fn records(&self) -> &[Arc<[u8]>] {
        &self.records
    }

    /// The bytes of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::to_bytes(self)
    }

    /// The segment in a file's bytes; says nothing yet about whether it is genuine.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Undecodable> {
        codec::from_bytes(bytes)
    }
}

fn encode_records<C, W: Write>(
    records: &[Arc<[u8]>],
    e: &mut Encoder<W>,
    ctx: &mut C,
) -> Result<(), minicbor::encode::Error<W::Error>> {
    e.array(records.len() as u64)?;
    records
        .iter()
        .try_for_each(|record| <&ByteSlice>::from(&**record).encode(e, ctx))
}

fn decode_records<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Vec<Arc<[u8]>>, minicbor::decode::Error> {
    d.array_iter_with::<C, ByteVec>(ctx)?
        .map(|record| record.map(|bytes| Vec::from(bytes).into()))
        .collect()
}
