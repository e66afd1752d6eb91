//! Bytes and back. Everything that is replicated or stored is CBOR (RFC 8949) with explicit field numbers;
//! minicbor's derive writes arrays in a fixed order with the shortest integers, so equal values have equal bytes.
//!
//! Caveat: a decoder also takes other spellings of the same value. Where bytes must be *the* bytes (audit,
//! digest), hash what was written, never what was read and written again.

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

/// Bytes that are none of ours: written by a newer version, or damaged.
#[derive(Debug, thiserror::Error)]
#[error("undecodable bytes: {0}")]
pub struct Undecodable(String);

impl Undecodable {
    pub(crate) fn because(what: impl std::fmt::Display) -> Self {
        Undecodable(what.to_string())
    }
}

/// Room for all but the largest values: growing by and by costs more than the rest of encoding.
const USUAL_BYTES: usize = 512;

/// Encodes a value.
pub(crate) fn to_bytes<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    minicbor::encode(value, &mut bytes).expect("invariant: writing to memory does not fail");
    bytes.shrink_to_fit();
    bytes
}

/// Encodes a value of less than [`USUAL_BYTES`] that is a secret: nothing of it is moved, or left behind.
pub(crate) fn to_secret_bytes<T: Encode<()>>(value: &T) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(USUAL_BYTES));
    minicbor::encode(value, &mut *bytes).expect("invariant: writing to memory does not fail");
    bytes
}

/// Decodes exactly one value; bytes left over are an error.
pub(crate) fn from_bytes<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, Undecodable> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().map_err(Undecodable::because)?;
    match decoder.position() == bytes.len() {
        true => Ok(value),
        false => Err(Undecodable::because("bytes follow the value")),
    }
}
