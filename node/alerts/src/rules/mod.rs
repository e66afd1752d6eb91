//! When somebody has to be told: rules, and a machine that keeps them from telling too often. Pure: time is passed in.
//!
//! ```text
//! Fact ──observe──▶ Watch (one for each rule) ──▶ Condition (one for each subject: on or off) ──due──▶ Alert: begun, continues, over
//! ```
//!
//! What is held down is never forgotten: it is counted, and the count goes with the next message. For one rule and subject there is at most
//! one message per interval that something began or goes on, and one that it is over.

mod alert;
mod condition;
mod fact;
mod machine;
mod rule;
mod watch;

pub use alert::{Alert, AlertId, Phase, Urgency};
pub use fact::Fact;
pub use machine::Machine;
pub use rule::{Rule, RuleKind};
