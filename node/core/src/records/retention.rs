use minicbor::{Decode, Encode};

use crate::ids::Revision;

/// How much of the audit is kept. By default everything. Whole segments go, the oldest first, and never the open one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Retention {
    /// Segments whose newest record is older than this go, in ms.
    #[n(0)]
    pub max_age_ms: Option<u64>,
    /// While the records of closed segments have more bytes than this, the oldest segment goes.
    #[n(1)]
    pub max_bytes: Option<u64>,
    /// Moves with every change.
    #[n(2)]
    pub revision: Revision,
}
