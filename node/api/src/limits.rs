//! The limits a client of the API can run into. Each is part of the contract; those that only
//! protect the server are in `quorate-web`.

/// Items on a page when the request does not say: a screenful for a person, a few kilobytes.
pub const PAGE_DEFAULT: u32 = 100;

/// Items on a page at most: about 500 KB of users, so one answer never holds the server for long.
pub const PAGE_MAX: u32 = 1_000;

/// Users in one import request. Even with long names a user with a token stays below 2 KB of JSON, so
/// a full request fits into [`BODY_MAX_BYTES`], and its two log entries into the request's deadline.
pub const IMPORT_MAX: usize = 500;

/// Bytes of a request body at most: a full import and room to spare.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;

/// Seconds that a request for audit records may wait for the next record: shorter than the idle
/// timeout of the usual proxies (60 s).
pub const FOLLOW_WAIT_MAX_S: u64 = 30;

/// Seconds that a join token lives when the request does not say: an hour is enough to walk to the
/// other machine, and too short for a token found in last week's chat.
pub const JOIN_TOKEN_LIFETIME_S: u64 = 3_600;
