//! openraft's two stores, on top of `quorate-storage` and the [`Machine`](crate::Machine).

mod log;
mod machine_thread;
mod state;

pub use log::{LogGauges, LogStore};
pub use machine_thread::{FixedIndexes, MachineThread};
pub use state::{StateStore, leave_snapshot, meta_of};

#[cfg(test)]
mod suite;
