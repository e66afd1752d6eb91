//! Every number that bounds this crate, each with its reason.

/// The image is brought up to date this often, in ms. It is a copy and no login waits for it: often enough that a clean stop has little
/// left to write, seldom enough that rows which change with every login are written once for many logins.
pub const IMAGE_INTERVAL_MS: u64 = 30_000;

/// Rows in one atomic write of the image when all of it is written anew: bounds the memory that takes.
pub const IMAGE_ROWS_PER_WRITE: usize = 10_000;

/// A peer sends an audit segment within this time, in ms: two megabytes over a slow line.
pub const SEGMENT_FETCH_MS: u64 = 5_000;
