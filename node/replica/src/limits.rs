//! Every number that bounds this crate, each with its reason.

/// A peer sends an audit segment within this time, in ms: two megabytes over a slow line.
pub const SEGMENT_FETCH_MS: u64 = 5_000;
