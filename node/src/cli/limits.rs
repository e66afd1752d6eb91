//! The limits of the command line, each with its reason.

use std::time::Duration;

/// A node answers a change within 10 s or says that the outcome is unknown; following the audit
/// waits up to 30 s for the next record. Nothing honest takes longer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(45);

/// Reading a whole audit takes a node 4 s per million records on one processor, and minutes for years of them.
pub const VERIFY_TIMEOUT: Duration = Duration::from_secs(840);

/// A page of 1,000 records is about 1 MB; more than this is not our node.
pub const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;

/// A synchronisation goes at the pace of the directory: a minute for a hundred thousand people, and shorter than the life of a connection.
pub const SYNC_TIMEOUT: Duration = Duration::from_secs(840);
