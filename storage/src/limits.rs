//! Every size, count and interval of this crate, with the reason for its value.

use std::time::Duration;

/// Size at which a log chunk is closed. The engine keeps all entries of the open chunk in memory,
/// and a chunk is the unit in which purged entries give their space back: small enough for both,
/// large enough that the extra fsync of a rotation is lost among thousands.
pub const LOG_CHUNK_BYTES: usize = 16 << 20;

/// Entries kept in memory beyond the open chunk. Followers that keep up read the open chunk only;
/// one that lags is served from the page cache.
pub const LOG_CACHE_BYTES: usize = 4 << 20;

/// Buffer with which the engine replays a chunk on opening; its own default of 64 MiB is larger
/// than a chunk.
pub const LOG_READ_BUFFER_BYTES: usize = 1 << 20;

/// Largest payload of one log entry. Batches are capped at 256 KiB above; this bound only keeps a
/// flipped bit from making us reserve gigabytes.
pub const LOG_PAYLOAD_BYTES: usize = 64 << 20;

/// Least time between two writes of the watermark while flushes follow each other. It bounds the
/// second stream of fsyncs to 200/s beside thousands on the commit path. What lies past the
/// watermark is still checked record by record; only damage to the very last one could pass for a
/// torn write.
pub const WATERMARK_INTERVAL: Duration = Duration::from_millis(5);

/// Bytes of one watermark slot: a whole page of its own, so that tearing one cannot touch the other.
pub const WATERMARK_SLOT_BYTES: u64 = 4096;

/// Payload of a full snapshot block: large enough that the 16 bytes of header vanish, small enough
/// that damage is found near where it is.
pub const SNAPSHOT_BLOCK_BYTES: usize = 64 << 10;

/// Largest record or metadata in a snapshot; keeps damaged lengths from reserving gigabytes.
pub const SNAPSHOT_RECORD_BYTES: usize = 64 << 20;

/// Largest audit segment. 8,192 records of a few hundred bytes are about 2 MiB.
pub const SEGMENT_BYTES: usize = 256 << 20;

/// Size of an identity file; anything larger is not one.
pub const IDENTITY_BYTES: u64 = 4096;

/// Beside the reserve there must be this share of it, and twice as much before it is taken again: at 20,000 logins a second the log grows
/// by less than 10 MB between two looks.
pub const RESERVE_BESIDE_SHARE: u64 = 4;
