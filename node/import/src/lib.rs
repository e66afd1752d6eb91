//! Readers and writers of what other products keep: users and tokens.
//!
//! ```text
//!            ┌─ users_csv ─ ldif ─ freeradius ──────────────┐            ┌─ users
//! bytes ─ detect ─ privacyidea (csv, export, tables) ───────┼─ intake ───┼─ tokens
//!            └─ pskc ─ oath_csv ─ yubico_csv ─ otpauth ─────┘            └─ report, a line per row
//! ```
//!
//! [`read`] takes a file's bytes and gives [`Import`]: users and tokens in terms of no product, and a [`Report`] of what became of every
//! row. [`dry_run`] gives the report alone. A wrong row never stops the reading of the others; only a file that encloses everything
//! (XML, an encrypted envelope) can be wrong as a whole.
//!
//! The crate is pure. It opens no file, asks no clock and draws no randomness: what it needs of them is given. It knows nothing of
//! Quorate's state, of who is there already and of what a domain means; whoever takes an import in decides that.
//!
//! What is read comes from outside and may be anything. Sizes and counts are bounded ([`limits`]), no input makes a reader
//! panic, XML has no entities to expand, and what a file asks to compute (PBKDF2) has an upper bound. Memory is proportional to the
//! input, of which [`limits::INPUT_BYTES`] are taken.
//!
//! Caveats
//! - Secrets are wiped where this crate holds them. The input itself is the caller's, and so is wiping it.
//! - Names are checked, not folded: `Alice` and `alice` in one file are found to be double as far as ASCII goes.
//! - A hash is carried along and not computed, so a wrong hash of the right form is found at the first login.

#![forbid(unsafe_code)]

mod columns;
mod crypto;
mod csv;
mod date;
mod detect;
mod dn;
mod encoding;
mod error;
mod fields;
mod format;
mod freeradius;
mod intake;
mod ldif;
pub mod limits;
mod migration;
mod model;
mod oath_csv;
mod oath_csv_write;
mod otpauth;
mod password;
mod percent;
mod privacyidea;
mod protobuf;
mod pskc;
mod quote;
mod read;
mod report;
mod sql;
mod text;
mod users_csv;
mod users_csv_write;
mod yubico_csv;

pub use detect::detect;
pub use error::ImportError;
pub use format::{Format, NoSuchFormat};
pub use ldif::ldif;
pub use model::{Algorithm, ImportedPassword, ImportedToken, ImportedUser, TokenKind, UserName, YubikeyCounters};
pub use oath_csv_write::{OathCsv, oath_csv};
pub use otpauth::otpauth_uri;
pub use password::{Argon2id, ForeignHash, ForeignScheme, PasswordHash, PasswordScheme};
pub use pskc::{Protection, PskcDocument, PskcWriteError, pskc, shared_key};
pub use read::{Import, Options, dry_run, read};
pub use report::{Outcome, Report, RowReport, Totals};
pub use users_csv_write::{Hashes, users_csv};
