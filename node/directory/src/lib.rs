//! The adapter that asks LDAP and Active Directory: who somebody is, whether a password is theirs, what a new password is to be.
//!
//! ```text
//! Directory ── bulkhead ── controllers, in order, each with its health ── Attempt ── Connection ── screen ── TLS ── controller
//!   authenticate, find, people, change_password, reset_password, write_back         ldap3          wire
//! examine: the same walk, step by step, with a sentence for each
//! ```
//!
//! - **One directory cannot slow another.** Each has its own bulkhead (`bulkhead.rs`): so many operations at once, so many waiting, and who
//!   comes after them is told [`Unavailable::Full`] at once. A controller that accepts and never answers fills its own bulkhead only.
//! - **Every operation has one deadline**, absolute, and fails over inside it: each controller gets its share of what is left, so that the
//!   last one still has time to answer (`attempt.rs`). No lock is held while anything is awaited.
//! - **A user's password is judged by the controller**: the name is searched for with the service account, then another connection binds as
//!   what was found. An empty password is never sent, for a controller would answer it with success (RFC 4513 §5.1.2).
//! - **What a controller sends is not believed to be LDAP.** The library that speaks it (ldap3) stops the process at the first malformed
//!   message, and keeps whatever it is sent; so every message passes `wire/screen.rs` first, which knows shape, size and depth.
//!
//! The crate knows no other crate of Quorate and nothing of users: the composition root joins it to the port of the use cases.
//!
//! Caveats
//! - ldap3 copies a password into the request it encodes and does not wipe that copy. Ours, and what passes the screen, are wiped.
//! - A bind that was sent and not answered may have been counted by its controller. The next controller is asked all the same, so one wrong
//!   password can count twice in a domain whose controller died that moment.
//! - Active Directory takes a former password for an hour after it was changed, in simple binds too (OldPasswordAllowedPeriod; Samba: `old
//!   password allowed period`). It does not say so in its answer, so neither can this crate.
//! - The host of a controller is resolved by the system's resolver, on a thread of its own: one at a time for each controller, so that a dead
//!   name server costs one thread.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may stop at the first surprise"))]

mod active_directory;
mod attempt;
mod bulkhead;
mod clock;
mod connection;
mod controller;
mod directory;
mod dn;
mod examine;
mod failure;
mod filter;
mod group_cache;
pub mod limits;
mod person;
mod ppolicy;
mod settings;
mod transport;
mod wire;

pub use bulkhead::Load;
pub use controller::{ControllerStatus, Health};
pub use directory::{
    AuthenticateError, ChangeError, Contact, Denied, Directory, FindError, NotUsable, PasswordRefused, People, Status,
    Unavailable, WriteBackError,
};
pub use examine::{Outcome, Step, StepReport};
pub use failure::{Diagnostic, Failure, Operation};
pub use filter::Fault as FilterFault;
pub use person::{AccountState, Group, PasswordWarning, Person};
pub use settings::{
    Attributes, Complaint, Controller, Groups, Kind, MemberIs, Problem, Security, ServiceAccount, Settings, Timeouts,
    Trust,
};
pub use transport::{CertificateRefused, Leaf};
