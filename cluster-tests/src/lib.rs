//! Clusters of real processes, the faults done to them, and what must hold meanwhile.
//!
//! [`with_cluster`] builds a cluster exactly as an operator does: `quorate init`, `join-token create`, `join` and
//! `run`, each a process of its own with a configuration file, a data directory and ports of its own. A test then
//! speaks to it from outside only: RADIUS (`crowd` for many logins, `radclient` for Debian's client), the admin
//! socket (`api`) and the command line (`node`). Faults are signals ([`Node::kill`], [`Node::pause`]) and firewalls
//! between network namespaces (`namespaces`).
//!
//! Caveats: kill -9 is a crash and not a power loss, since the kernel keeps what was written; the binary under test
//! must have been built before (`ops/test` does, or `cargo build -p quorate`); namespaces need root.
#![forbid(unsafe_code)]

pub mod api;
pub mod cluster;
pub mod crowd;
pub mod failover;
pub mod figures;
pub mod limits;
pub mod load;
pub mod namespaces;
pub mod node;
pub mod otp;
pub mod people;
pub mod ports;
pub mod process;
pub mod radclient;
pub mod wait;
pub mod wire;

pub use cluster::{Cluster, with_cluster};
pub use node::Node;
pub use people::Person;
