#![forbid(unsafe_code)]
//! Consensus for Quorate: a replicated log of opaque commands, its transport, and how nodes come
//! and go.
//!
//! The engine is openraft 0.9; nothing of it is visible outside this crate. Around it stand the
//! things it leaves to its user, and those it lacks:
//!
//! | module | what it is |
//! |---|---|
//! | [`Raft`] | the handle: start, propose, read, change the membership, stop |
//! | `proposer` | many commands in one entry, from any node; *unknown* unless certain |
//! | `store` | openraft's log and state machine on `quorate-storage` and a [`Machine`] |
//! | `transport` | QUIC with mutual TLS; one stream per RPC; snapshots apart |
//! | [`ports`] | network, log and threads, for which a simulation has its own |
//! | `campaign` | the election timer, and the pre-vote that openraft lacks |
//! | `digest` | nodes compare their states; the odd one out stops |
//! | `disk` | room and speed of the disk, and stepping aside where they fail |
//! | `fence` | whether this node's clock can be believed, and what time the cluster has |
//! | `standing`, `ledger` | who may vote: not a node that lost what it had acknowledged, nor one that reaches nobody |
//! | `membership` | learner, voter, removal, hand-over, linearizable reads |
//! | [`join`](mod@join), [`pki`] | how a machine with a token becomes a node |
//! | [`replacement`] | how a damaged node becomes another one |
//!
//! A node runs on threads of its own (a small runtime, one thread for the machine, those of the
//! log), so that no password hash and no flood of logins delays a heartbeat.
//!
//! Caveats. A lost flush is only noticed while somebody who received the acknowledgement is up.
//! Time for leases is the monotonic clock; the wall clock is only written into entries, and compared.

mod batch;
mod campaign;
pub mod config;
mod digest;
mod disk;
pub mod errors;
mod fence;
pub mod join;
mod ledger;
pub mod limits;
mod machine;
mod membership;
mod node;
pub mod pki;
pub mod ports;
mod proposer;
mod raft;
pub mod replacement;
mod shared;
pub mod signing;
mod standing;
mod start;
mod status;
mod store;
mod transport;
mod types;

pub use config::Config;
pub use disk::DiskStanding;
pub use errors::{BarrierError, ChangeError, ProposeError, StartError};
pub use fence::ClockStanding;
pub use join::{Admission, AdmissionError, Admitted, JoinError, Joined, Successor, Token, TokenError, join};
pub use machine::{Frozen, Machine, PeerService, WallClock};
pub use node::{Identity, NodeInfo};
pub use quorate_storage::LogId;
pub use raft::{Committed, Deps, Entering, Raft};
pub use start::Ground;
pub use status::{Counters, RaftStatus, Role, Standing};
