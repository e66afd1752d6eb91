//! Every number that bounds this crate, each with its reason.

use std::time::Duration;

/// A peer sends a piece of an audit segment within this time, in ms: three megabytes over a slow line.
pub const SEGMENT_FETCH_MS: u64 = 5_000;

/// Bytes of a segment in one answer: a frame between nodes has 4 MiB at most. Most segments are one piece.
pub const SEGMENT_PIECE_BYTES: usize = 3 << 20;

/// Largest segment that is fetched: 8,192 records of the largest size.
pub const SEGMENT_BYTES: usize = 8_192 * (16_384 + 8) + 76;

/// When nobody had a missing segment, it is asked for again after this time: a node is down, or has not fetched it itself.
pub const FETCH_AGAIN: Duration = Duration::from_secs(5);

/// How often the archive is looked at while there is nothing to do. Whoever stumbles over damage waits this long for the repair to begin.
pub const CARE_INTERVAL: Duration = Duration::from_secs(1);

/// Every segment on disk is read and checked this often: often enough that not all copies of one rot unnoticed, seldom
/// enough that reading years of them costs nothing.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// Index files that are merged into one: half a million records in one file of a few megabytes. A search over ten million opens twenty
/// of them, and less than this of those not yet merged.
#[cfg(not(test))]
pub const SEGMENTS_PER_MERGE: u64 = 64;

/// Few, so that a test comes to it.
#[cfg(test)]
pub const SEGMENTS_PER_MERGE: u64 = 2;

/// How long a node has to judge a login that was passed to it, in milliseconds, before another is asked: two of them fit into the life of a
/// login.
pub const PASSED_LOGIN_MS: u64 = 4_000;
