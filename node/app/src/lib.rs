//! Use cases: what a node does for a RADIUS client, an administrator or an auditor, in terms of ports.
//!
//! ```text
//! net ──▶ Authenticator ──▶ core::login (pure)      one login: steps, passwords, codes, the proposed verdict
//! web ──▶ Administrator ──▶ core::Change            users, tokens, clients, applications, policy, access, nodes
//! web ──▶ AuditReader   ──▶ core::audit             list, follow, verify, take along
//!              │
//!              └──▶ ports: Replica, Clock, Entropy, Notifier, AuditArchive, HeadSigner     bound in `boot`, or to one State in a test
//! ```
//!
//! Everything secret passes through here and only here: it is opened to be compared, and sealed before it is
//! proposed. The crate has no socket and no file, and knows neither Raft nor HTTP.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may stop at the first surprise"))]

mod address;
mod administer;
mod audit;
mod authenticate;
mod base32;
mod client_secrets;
mod courier;
mod fields;
mod hash_queue;
pub mod limits;
mod names;
mod outages;
mod passwords;
mod ports;
mod propose;
mod secret_text;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_directory;

pub use administer::*;
pub use audit::{
    AuditError, AuditFilter, AuditKeeper, AuditKeys, AuditPage, AuditQuery, AuditReader, AuditStanding, HeadNow,
    LoginResult, SignedHead, VerifiedAudit,
};
pub use authenticate::*;
pub use client_secrets::{Candidate, ClientSecrets, Secrets};
pub use fields::FieldError;
pub use hash_queue::{HashFigures, HashLane, HashQueue, HashRefused};
pub use names::{NameProblem, Names};
pub use outages::{Notice, WatchedDirectories};
pub use passwords::{BrokenRule, broken_rules};
pub use ports::*;
pub use quorate_seal::{Argon2idParts, ForeignHash, ForeignScheme, PasswordVerifier};
