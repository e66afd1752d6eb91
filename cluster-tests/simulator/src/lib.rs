//! A whole cluster on one thread, one clock and one seed.
//!
//! Real are consensus (openraft with our stores, proposer, standing, membership), the replicated core and the login code. Simulated are
//! the network ([`network`]), the disk below the log ([`disk`]), clocks and entropy ([`clock`]), and the faults ([`faults`]). Each node has a runtime
//! of its own whose clock stands still; the world ([`world`]) lets one millisecond after the other pass, node by node. Whatever is
//! drawn by chance comes from the seed, also what libraries ask of the system (see `main.rs`), so that a seed can be run again, exactly.
//!
//! Not simulated: QUIC and TLS, the files below log, snapshots and segments, RADIUS packets. They have tests of their own.
#![forbid(unsafe_code)]

pub mod clients;
pub mod clock;
pub mod dice;
pub mod disk;
pub mod faults;
pub mod founding;
pub mod history;
pub mod host;
pub mod invariants;
pub mod network;
pub mod run;
pub mod sites;
pub mod trace;
pub mod world;
