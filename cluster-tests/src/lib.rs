//! Clusters of real processes, the faults done to them, and what must hold meanwhile.
//!
//! [`with_cluster`] builds a cluster exactly as an operator does: `quorate init`, `join-token create`, `join` and
//! `run`, each a process of its own with a configuration file, a data directory and ports of its own. A test then
//! speaks to it from outside only: RADIUS (`crowd` for many logins, `radclient` for Debian's client), the admin
//! socket (`api`) and the command line (`node`). Faults are signals ([`Node::kill`], [`Node::pause`]), firewalls
//! between network namespaces (`namespaces`), a relay on the links (`relay`), a disk that fails at the word of the test (`disk`), and
//! clocks that jump (`faketime`). [`trial`] puts a load beside a fault and says afterwards whether everything is as it must be; `chaos`
//! lets all faults overlap.
//!
//! Caveats: kill -9 is a crash and not a power loss, since the kernel keeps what was written, unless the node is on a [`disk::Disk`]; the
//! binary under test must have been built before (`ops/test` does, or `cargo build -p quorate`); namespaces and disks need root.
#![forbid(unsafe_code)]

pub mod api;
pub mod chaos;
pub mod cluster;
pub mod codes;
pub mod crowd;
// The simulator's: one source of chance for both.
#[path = "../simulator/src/dice.rs"]
pub mod dice;
pub mod disk;
pub mod failover;
pub mod faketime;
pub mod figures;
pub mod limits;
pub mod load;
pub mod namespaces;
pub mod node;
pub mod otp;
pub mod people;
pub mod ports;
pub mod process;
pub mod pulse;
pub mod radclient;
pub mod registrar;
pub mod relay;
pub mod rsyslog;
pub mod trial;
pub mod wait;
pub mod wire;

pub use cluster::{Cluster, Ground, with_cluster, with_cluster_on};
pub use node::Node;
pub use people::Person;
