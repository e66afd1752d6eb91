//! Core's state as consensus drives it: one thread, log order, no lock.
//!
//! Applying is `core::apply` per command. Readers see nothing of a run of entries until all of it is applied (`publish`), and no
//! outcome is handed out before: whoever is told "disabled" finds the user disabled.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use quorate_core::{Level, Stamp, State, apply};
use quorate_raft::{Frozen, Machine};
use quorate_storage::LogId;

use crate::archive::Archive;
use crate::published::{Published, View};
use crate::rows::{read_record, write_record};

/// What to do when the log holds something this node cannot apply. It must not return to serving.
pub type Halt = Box<dyn Fn(&str) + Send>;

/// The one writer of the replicated state.
pub struct StateMachine {
    state: State,
    applied: Option<LogId>,
    membership: Arc<[u8]>,
    published: Arc<Published>,
    archive: Arc<Archive>,
    halt: Halt,
}

impl StateMachine {
    /// Goes on from what is published.
    pub fn new(published: Arc<Published>, archive: Arc<Archive>, halt: Halt) -> Self {
        let view = published.view();
        StateMachine {
            state: (*view.state).clone(),
            applied: view.applied,
            membership: view.membership,
            published,
            archive,
            halt,
        }
    }

    fn view(&self) -> View {
        View {
            state: Arc::new(self.state.clone()),
            applied: self.applied,
            membership: self.membership.clone(),
        }
    }
}

impl Machine for StateMachine {
    fn apply(&mut self, at: LogId, stamp_ms: u64, commands: &[Bytes]) -> Vec<Bytes> {
        let stamp = Stamp { ms: stamp_ms };
        let mut outcomes = Vec::with_capacity(commands.len());
        #[cfg(feature = "mutants")]
        let mut kept = None;
        for command in commands {
            #[cfg(feature = "mutants")]
            if quorate_mutants::is_planted(quorate_mutants::Mutant::HalfABatch)
                && outcomes.len() * 2 >= commands.len().max(2)
            {
                kept.get_or_insert_with(|| self.state.clone());
            }
            match apply(&mut self.state, Level::CURRENT, stamp, command) {
                Ok(outcome) => outcomes.push(Bytes::from(outcome.to_bytes())),
                Err(error) => (self.halt)(&format!(
                    "entry {} holds a command that does not decode: {error}",
                    at.index
                )),
            }
        }
        #[cfg(feature = "mutants")]
        if let Some(kept) = kept {
            self.state = kept;
        }
        self.applied = Some(at);
        for segment in self.state.take_closed_segments() {
            self.archive.write(segment);
        }
        outcomes
    }

    fn note(&mut self, at: LogId, membership: Option<&[u8]>) {
        self.applied = Some(at);
        if let Some(membership) = membership {
            self.membership = membership.into();
        }
    }

    fn applied(&self) -> (Option<LogId>, Vec<u8>) {
        (self.applied, self.membership.to_vec())
    }

    fn freeze(&self) -> Box<dyn Frozen> {
        Box::new(FrozenState {
            state: self.state.clone(),
            archive: self.archive.clone(),
        })
    }

    fn install(
        &mut self,
        at: Option<LogId>,
        membership: &[u8],
        records: &mut dyn Iterator<Item = io::Result<Vec<u8>>>,
    ) -> io::Result<()> {
        let rows = records.map(|record| record.and_then(read_record));
        self.state = crate::rows::state_from_rows(rows)?;
        self.applied = at;
        self.membership = membership.into();
        self.publish();
        Ok(())
    }

    fn publish(&mut self) {
        self.published.publish(self.view());
    }
}

/// Never, but for a planted bug.
fn is_left_out(_key: &[u8]) -> bool {
    #[cfg(feature = "mutants")]
    return quorate_mutants::is_planted(quorate_mutants::Mutant::SnapshotWithoutATable) && _key.first() == Some(&10);
    #[cfg(not(feature = "mutants"))]
    false
}

/// One instant, being written out.
struct FrozenState {
    state: State,
    archive: Arc<Archive>,
}

impl Frozen for FrozenState {
    fn write(self: Box<Self>, record: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        self.state
            .rows()
            .filter(|(key, _)| !is_left_out(key))
            .try_for_each(|(key, value)| record(&write_record(&key, &value)))
    }

    /// The snapshot holds only the open segment's records: the closed ones must be on disk before it counts.
    fn before_publish(&self) -> io::Result<()> {
        self.archive.flush()
    }
}
