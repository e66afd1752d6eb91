#![forbid(unsafe_code)]
//! Everything a node keeps on disk. It carries bytes and knows neither consensus nor users.
//!
//! Three kinds of fsynced files:
//!
//! | what | kept by | after a power cut |
//! |---|---|---|
//! | log and vote | [`DurableLog`] | all that was confirmed, or the node says that it is not |
//! | snapshots | [`SnapshotStore`] | the newest whole one |
//! | closed audit segments | [`SegmentStore`] | every one that was written |
//!
//! And one kind that is derived from them, and made again when it is damaged: [`PostingStore`], which finds records in segments.
//!
//! Two rules run through all of it. *Nothing is served that has not checked*: every byte read back
//! is under a checksum, lengths included. *Damage is never repaired by forgetting*: only what was
//! certainly not confirmed is ever cut off; otherwise files stay as they are and an error says so.
//!
//! [`Reserve`] keeps room free for all of them.
//!
//! [`DataDir`] ties the three to one node of one cluster and to one process.

mod datadir;
mod durable;
mod ids;
pub mod limits;
mod log;
mod postings;
mod reserve;
mod segments;
mod snapshot;

pub use datadir::{DataDir, DataDirError, FORMAT, Identity};
pub use durable::write_whole;
pub use ids::{LogId, Vote};
pub use log::{Done, DurableLog, FsyncObserver, LogOpenError, LogOptions};
pub use postings::{PostingError, PostingList, PostingStore, PostingWriter, Postings, Span};
pub use reserve::{Reserve, Room};
pub use segments::{SegmentError, SegmentStore};
pub use snapshot::{Incoming, SnapshotError, SnapshotFile, SnapshotStore, SnapshotWriter};
