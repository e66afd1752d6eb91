//! The bytes of a log entry: the same in the log, on the wire and in memory, encoded once.
//!
//! ```text
//! blank       0
//! batch       1 ‖ stamp_ms u64 ‖ count u32 ‖ count × (length u32 ‖ command)     little-endian
//! membership  2 ‖ postcard of [`WireMembership`]
//! ```
//!
//! Decoding a batch copies nothing: commands are slices of the entry. Integrity is not checked
//! here; the log has checksums and the wire has TLS.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, Bytes, BytesMut};
use openraft::{EntryPayload, Membership, StoredMembership};
use quorate_storage::LogId;
use serde::{Deserialize, Serialize};

use crate::NodeInfo;
use crate::types::{Batch, Types, engine_log_id, stored_log_id};

const BLANK: u8 = 0;
const BATCH: u8 = 1;
const MEMBERSHIP: u8 = 2;
const BATCH_HEAD_BYTES: usize = 1 + 8 + 4;

/// Bytes a command takes beside its own in a batch.
pub const COMMAND_FRAME_BYTES: usize = 4;

/// An entry that is not one of ours, although its checksum was right.
#[derive(Debug, thiserror::Error)]
#[error("a log entry cannot be decoded: {0}")]
pub struct Malformed(&'static str);

/// Encodes one batch from several runs of commands.
pub fn encode<'a>(stamp_ms: u64, commands: impl Iterator<Item = &'a Bytes> + Clone) -> Bytes {
    let (count, bytes) = commands.clone().fold((0u32, 0), |(count, bytes), command| {
        (count + 1, bytes + COMMAND_FRAME_BYTES + command.len())
    });
    let mut out = BytesMut::with_capacity(BATCH_HEAD_BYTES + bytes);
    out.put_u8(BATCH);
    out.put_u64_le(stamp_ms);
    out.put_u32_le(count);
    for command in commands {
        out.put_u32_le(u32::try_from(command.len()).expect("invariant: commands are bounded"));
        out.put_slice(command);
    }
    out.freeze()
}

/// Stamp and commands of an encoded batch.
///
/// # Errors
/// When the framing does not add up.
pub fn decode(encoded: &Bytes) -> Result<(u64, Vec<Bytes>), Malformed> {
    if encoded.len() < BATCH_HEAD_BYTES || encoded[0] != BATCH {
        return Err(Malformed("not a batch"));
    }
    let stamp_ms = u64::from_le_bytes(encoded[1..9].try_into().expect("invariant: 8 bytes"));
    let count = u32::from_le_bytes(encoded[9..13].try_into().expect("invariant: 4 bytes")) as usize;
    if count > encoded.len() / COMMAND_FRAME_BYTES {
        return Err(Malformed("more commands than bytes"));
    }
    let mut rest = encoded.slice(BATCH_HEAD_BYTES..);
    let mut commands = Vec::with_capacity(count);
    for _ in 0..count {
        commands.push(take_framed(&mut rest).ok_or(Malformed("a command is cut"))?);
    }
    if rest.is_empty() {
        Ok((stamp_ms, commands))
    } else {
        Err(Malformed("bytes after the last command"))
    }
}

fn take_framed(rest: &mut Bytes) -> Option<Bytes> {
    let length = u32::from_le_bytes(rest.get(..4)?.try_into().ok()?) as usize;
    if rest.len() - 4 < length {
        return None;
    }
    let command = rest.slice(4..4 + length);
    *rest = rest.slice(4 + length..);
    Some(command)
}

/// The bytes of an entry's payload.
pub fn encode_payload(payload: &EntryPayload<Types>) -> Bytes {
    match payload {
        EntryPayload::Blank => Bytes::from_static(&[BLANK]),
        EntryPayload::Normal(batch) => batch.encoded.clone(),
        EntryPayload::Membership(membership) => {
            let bytes = postcard::to_extend(&WireMembership::of(membership), vec![MEMBERSHIP]);
            Bytes::from(bytes.expect("invariant: a membership serializes"))
        }
    }
}

/// The payload of an entry's bytes. A batch is not looked into.
///
/// # Errors
/// When the tag is unknown or a membership does not decode.
pub fn decode_payload(bytes: Bytes) -> Result<EntryPayload<Types>, Malformed> {
    match bytes.first() {
        Some(&BLANK) => Ok(EntryPayload::Blank),
        Some(&BATCH) => Ok(EntryPayload::Normal(Batch::stored(bytes))),
        Some(&MEMBERSHIP) => postcard::from_bytes::<WireMembership>(&bytes[1..])
            .map(|membership| EntryPayload::Membership(membership.into_engine()))
            .map_err(|_| Malformed("a membership does not decode")),
        Some(_) => Err(Malformed("an unknown tag")),
        None => Err(Malformed("empty")),
    }
}

/// A membership in a form of our own, so that an upgrade of the engine changes no stored byte.
#[derive(Serialize, Deserialize)]
pub struct WireMembership {
    configs: Vec<BTreeSet<u64>>,
    nodes: BTreeMap<u64, NodeInfo>,
}

impl WireMembership {
    pub fn of(membership: &Membership<u64, NodeInfo>) -> Self {
        Self {
            configs: membership.get_joint_config().clone(),
            nodes: membership.nodes().map(|(id, info)| (*id, info.clone())).collect(),
        }
    }

    pub fn into_engine(self) -> Membership<u64, NodeInfo> {
        Membership::new(self.configs, self.nodes)
    }
}

/// A membership with the position it was written at: what the machine keeps for us and what a
/// snapshot carries.
pub fn encode_stored_membership(stored: &StoredMembership<u64, NodeInfo>) -> Vec<u8> {
    let at = stored.log_id().as_ref().map(stored_log_id);
    postcard::to_stdvec(&(at, WireMembership::of(stored.membership()))).expect("invariant: a membership serializes")
}

/// The counterpart; no bytes are the empty membership.
///
/// # Errors
/// When the bytes do not decode.
pub fn decode_stored_membership(bytes: &[u8]) -> Result<StoredMembership<u64, NodeInfo>, Malformed> {
    if bytes.is_empty() {
        return Ok(StoredMembership::default());
    }
    let (at, membership): (Option<LogId>, WireMembership) =
        postcard::from_bytes(bytes).map_err(|_| Malformed("a stored membership does not decode"))?;
    Ok(StoredMembership::new(at.map(engine_log_id), membership.into_engine()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_comes_back_as_it_went() {
        let commands = [Bytes::from_static(b"one"), Bytes::new(), Bytes::from_static(b"three")];
        let encoded = encode(1_700_000_000_123, commands.iter());
        let (stamp_ms, decoded) = decode(&encoded).unwrap();
        assert_eq!(stamp_ms, 1_700_000_000_123);
        assert_eq!(decoded, commands);
    }

    #[test]
    fn every_cut_of_a_batch_is_refused() {
        let encoded = encode(7, [Bytes::from_static(b"one"), Bytes::from_static(b"two")].iter());
        for length in 0..encoded.len() {
            assert!(decode(&encoded.slice(..length)).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn a_count_beyond_the_bytes_is_refused() {
        let mut encoded = encode(7, [Bytes::from_static(b"one")].iter()).to_vec();
        encoded[9..13].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(decode(&Bytes::from(encoded)).is_err());
    }

    #[test]
    fn a_membership_comes_back_as_it_went() {
        let nodes = BTreeMap::from([
            (
                1,
                NodeInfo {
                    name: "a".into(),
                    ..NodeInfo::default()
                },
            ),
            (2, NodeInfo::default()),
        ]);
        let membership = Membership::new(vec![BTreeSet::from([1])], nodes);
        let payload = decode_payload(encode_payload(&EntryPayload::Membership(membership.clone()))).unwrap();
        assert!(matches!(payload, EntryPayload::Membership(decoded) if decoded == membership));
    }
}
