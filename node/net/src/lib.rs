//! The loops over client sockets, and the only ones: RADIUS over UDP.
//!
//! One datagram, in order (`docs/architecture.md` follows it through the whole house):
//!
//! 1. `socket.rs` takes a batch from the kernel and remembers at which of our addresses each
//!    datagram arrived, so that the answer leaves from there.
//! 2. `intake.rs` is the ladder of suspicion, without waiting and without a task: decode, who may
//!    have sent it (`clients.rs`), Message-Authenticator, duplicate, parse. What falls off is
//!    counted by reason (`drops.rs`) and logged at a limited rate. Nobody is answered here but
//!    those who proved to know a secret.
//! 3. `judge.rs` is one task per login, bounded in number: asks the port [`Logins`], signs what it
//!    decides, remembers it for retransmissions, sends it. Nothing leaves more than ten seconds
//!    after its request came.
//!
//! [`RadiusServer::start`] binds and starts all of it; [`AppLogins`] joins the port to the use cases.
//!
//! Silence means one of: not a packet, not from a client we know, not signed as demanded, a copy of
//! what is being judged, too many at once, no quorum, too late. Everything else is answered.
//!
//! Caveats:
//! - Without Message-Authenticator (a client may be configured so) nothing tells who sent a packet:
//!   the most specific client's first secret is taken, and a wrong secret looks like a wrong password.
//! - An Access-Accept is never repeated from memory: a copy of an accepted request is judged again,
//!   and the replicated fingerprint gives it the same verdict, unless a disable voided it.
//! - Several sockets share a port by `SO_REUSEPORT`. Before that, the port is bound once exclusively,
//!   so that a second process is refused and does not silently take half of the packets.

#![forbid(unsafe_code)]

pub mod limits;

mod app_logins;
mod clients;
mod crowd;
mod drops;
mod intake;
mod judge;
mod labels;
mod metrics;
mod port;
mod server;
mod socket;

pub use app_logins::AppLogins;
pub use drops::DropReason;
pub use metrics::Metrics;
pub use port::{Candidate, Logins};
pub use server::{Config, RadiusServer};
pub use socket::BindError;
