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

/// Bytes of rows in one request of an import: half of what a node takes.
pub const IMPORT_PAGE_BYTES: usize = quorate_api::limits::BODY_MAX_BYTES / 2;

/// Passwords in one request of an import: at 30 to 40 ms on a node with one hash thread, two seconds of its ten, so that logins pass.
pub const IMPORT_PAGE_HASHES: usize = 50;

/// How often an import is ordered again while the node has no quorum or says nothing: a minute or so, longer than any failover.
pub const IMPORT_ORDERS: u32 = 8;

/// The pause before that.
pub const IMPORT_PAUSE: Duration = Duration::from_secs(1);

/// Bytes of a password or key in a file.
pub const KEY_FILE_BYTES: u64 = 4_096;
