//! What must hold, whatever went wrong: one file each.
//!
//! Those that look at [`Evidence`] are asked at the end of a run, over everything clients were told and the cluster's own audit. The
//! others watch while it runs ([`Watch`]): they look at disks and states no client sees.

mod accept_is_durable;
mod acknowledged_survives;
mod audit_chain;
mod committed_never_changes;
mod disabled_is_refused;
mod equal_state;
mod leader_has_all;
mod lockout;
mod same_packet_same_verdict;
mod single_use;
mod terms_never_fall;
mod time_is_true;
mod time_never_falls;

use std::collections::BTreeMap;

use quorate_core::UserId;
use quorate_core::audit::AuditRecord;

use crate::history::History;
use crate::world::World;

/// What there is at the end of a run.
pub struct Evidence<'a> {
    pub history: &'a History,
    /// The whole audit, as the cluster agreed on it.
    pub audit: &'a [AuditRecord],
    pub users: &'a [UserId],
}

type Check = fn(&Evidence<'_>) -> Result<(), String>;

/// Checks that look back.
const AT_THE_END: [(&str, Check); 5] = [
    ("single_use", single_use::check),
    ("lockout", lockout::check),
    ("acknowledged_survives", acknowledged_survives::check),
    ("disabled_is_refused", disabled_is_refused::check),
    ("same_packet_same_verdict", same_packet_same_verdict::check),
];

/// The first that does not hold.
///
/// # Errors
/// Its name, and what was found.
pub fn check_all(evidence: &Evidence<'_>) -> Result<(), String> {
    for (name, check) in AT_THE_END {
        check(evidence).map_err(|found| format!("{name}: {found}"))?;
    }
    Ok(())
}

/// Checks that go along.
#[derive(Default)]
pub struct Watch {
    accept_is_durable: accept_is_durable::Watch,
    committed: committed_never_changes::Watch,
    leader: leader_has_all::Watch,
    state: equal_state::Watch,
    time: time_never_falls::Watch,
    terms: terms_never_fall::Watch,
}

impl Watch {
    /// After each millisecond.
    ///
    /// # Errors
    /// Name and finding of the first that does not hold.
    pub fn look(&mut self, world: &World) -> Result<(), String> {
        self.accept_is_durable
            .look(world)
            .map_err(|found| format!("accept_is_durable: {found}"))?;
        if world.now_ms().is_multiple_of(20) {
            self.committed
                .look(world)
                .map_err(|found| format!("committed_never_changes: {found}"))?;
            self.leader
                .look(world, &self.committed.ledger)
                .map_err(|found| format!("leader_has_all: {found}"))?;
            self.time
                .look(world)
                .map_err(|found| format!("time_never_falls: {found}"))?;
            time_is_true::look(world).map_err(|found| format!("time_is_true: {found}"))?;
            self.terms
                .look(world)
                .map_err(|found| format!("terms_never_fall: {found}"))?;
        }
        if world.now_ms().is_multiple_of(200) {
            self.state
                .look(world)
                .map_err(|found| format!("equal_state: {found}"))?;
        }
        Ok(())
    }

    /// When everything is at rest: states, and the audit of each.
    ///
    /// # Errors
    /// As [`Watch::look`].
    pub fn at_rest(&mut self, world: &World) -> Result<Vec<AuditRecord>, String> {
        self.state
            .look(world)
            .map_err(|found| format!("equal_state: {found}"))?;
        audit_chain::check(world).map_err(|found| format!("audit_chain: {found}"))
    }

    /// How many entries were committed.
    pub fn committed(&self) -> usize {
        self.committed.ledger.len()
    }

    /// A number that depends on everything that was committed.
    pub fn trace(&self) -> u64 {
        self.committed
            .ledger
            .values()
            .fold(0, |sum, Committed { id, hash, .. }| {
                sum.rotate_left(5) ^ hash ^ id.term ^ id.index
            })
    }
}

/// Committed entries by index.
pub type Ledger = BTreeMap<u64, Committed>;

/// A committed entry.
#[derive(Debug, Clone, Copy)]
pub struct Committed {
    pub id: quorate_raft::LogId,
    /// Of its content.
    pub hash: u64,
    /// Term and node of the leader under whom it was first seen to be committed; at the earliest, the one who committed it.
    pub under: (u64, u64),
}
