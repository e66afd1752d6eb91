//! The audit of every node holds together, ends in the same head, and begins with the first record.

use std::sync::Arc;

use quorate_core::audit::{AuditRecord, Segment, verify};

use crate::world::World;

/// The records, as all agree on them.
pub fn check(world: &World) -> Result<Vec<AuditRecord>, String> {
    let mut agreed: Option<Vec<Arc<[u8]>>> = None;
    for host in &world.hosts {
        let Some(parts) = host.parts() else { continue };
        let state = parts.published.state();
        let open: Vec<Arc<[u8]>> = state.audit().open_records().map(|(_, bytes)| bytes.clone()).collect();
        let none: [Segment; 0] = [];
        let verified = verify(state.audit().checkpoint(), none, &open, state.audit().head())
            .map_err(|fault| format!("node {}: {fault}", host.id))?;
        if verified.records != state.audit().next_seq() {
            return Err(format!("node {} has {} records", host.id, verified.records));
        }
        let agreed = agreed.get_or_insert_with(|| open.clone());
        if *agreed != open {
            return Err(format!("node {} has another audit", host.id));
        }
    }
    let records = agreed.unwrap_or_default();
    let read = records.iter().map(|bytes| AuditRecord::from_bytes(bytes));
    read.collect::<Result<_, _>>().map_err(|error| error.to_string())
}
