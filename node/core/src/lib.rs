//! The pure heart of Quorate: what the cluster has agreed on, and what may change it.
//!
//! Every node applies the same [`Command`]s in the same order. For each, [`decide`] looks at the [`State`] and says what
//! happens, as [`Event`]s, or why nothing does; [`evolve`] lets it happen. [`apply`] is the two together and what
//! the replica calls. All of it is deterministic and total: no clock, no randomness, no I/O, no floating point, no
//! hash-map order, no Unicode tables, and no input that makes it panic. Time arrives as a [`Stamp`] with each
//! command; random values travel inside commands; a [`Level`] says which rules hold at a log index.
//!
//! Where to look
//! - [`command`]: everything that can be written to the log, and how to add to it; [`change`]: what administrators may do.
//!   `command/verdict.rs` is the heart of the heart: in which order a login is judged.
//! - [`State`]: persistent maps, so that a clone is an unchanging instant that costs nothing; its image as rows.
//! - [`login`]: the conversation with one client, as a state machine that asks a shell for what it cannot do.
//! - [`Permission`]: what each role may do, one row each; `command/authority.rs` holds every change to it.
//! - [`plan`]: which application a login gets and what of it has to be proven, by rules, groups and networks.
//! - `pending.rs`: changes that are taken back by themselves unless they are confirmed.
//! - [`audit`]: the hash chain that every verdict and change is written to, in the same entry as its decision.
//! - [`method`]: what each kind of code is, one file each. [`otp`]: RFC 4226 and RFC 6238. [`limits`]: every bound, with its reason.
//!
//! Caveats
//! - Whatever an old input comes to is fixed by the golden scripts and frozen bytes under `tests/`. A different result
//!   needs a new level, and the old scripts go on running at the old one.
//! - Secrets arrive sealed and are never opened here. What is typed passes through [`login`] on its way to the shell.
//! - A refused command changes nothing, but time and forgetting: both go on with every command.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod audit;
pub mod change;
mod codec;
pub mod command;
mod decide;
mod digest;
mod event;
mod ids;
pub mod limits;
mod lockout;
pub mod login;
pub mod method;
pub mod names;
pub mod otp;
mod outcome;
mod pending;
mod permissions;
pub mod plan;
mod records;
mod state;

pub use self::{
    change::Change,
    codec::Undecodable,
    command::{Actor, Asker, CodeProof, Command, Failure, Judged, LoginFacts, Method},
    decide::{Decided, advance, apply, decide},
    event::{Event, PasswordDelay, PasswordSource, evolve},
    ids::{
        ApiTokenId, ApplicationId, ClientId, CodeId, ConversationId, DeviceId, DirectoryId, Fingerprint, GatewayId,
        JoinTokenId, Level, MalformedId, NodeId, PendingId, ProofDigest, Revision, RuleId, Sealed, Stamp, TokenId,
        UserId,
    },
    lockout::{Lockouts, lockouts},
    outcome::{Field, Outcome, Reason, Refusal, Verdict},
    permissions::Permission,
    records::{
        ApiToken, Application, Attribute, AttributeKind, AttributeTest, Browser, Channel, Cidr, Client, Cluster,
        CodeKind, CodeKinds, Cut, DefaultLanguage, Device, DeviceDigest, DeviceProof, Directory, Dispatch, Enrolment,
        Entrance, Factor, FactorKind, Former, Gateway, JoinToken, Local, MalformedCidr, MessageText, Mfa, Modes,
        Naming, Node, Origin, OtpAlgorithm, PasswordMemory, PasswordRules, Pending, Pin, Pins, Policy,
        RememberedPassword, Replacement, Report, Retention, Role, RoleRule, Rule, SentCode, Standing, Then, Token,
        TokenKind, Trust, Trusted, Used, User, UserName, When, is_multi_factor,
    },
    state::{DamagedImage, State, StateBuilder},
};
