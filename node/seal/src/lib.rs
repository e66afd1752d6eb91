//! Sealing: what keeps every secret unreadable outside a running node.
//!
//! One-time-code seeds, RADIUS secrets and every verifier (a six-digit code's hash falls to a laptop at once) are
//! encrypted field by field *before* they enter a replicated command. So the log, snapshots, audit
//! segments and backups hold no secret in clear, and a stolen disk gives nothing away without the key ring.
//!
//! ```text
//! KeyRing ── key 1 ── HMAC ─┬─ "field"  ─ XChaCha20-Poly1305 of one field of one record     (seal, open)
//!    │                      ├─ "state"  ─ XChaCha20-Poly1305 of the RADIUS State attribute  (seal_state, open_state)
//!    │                      └─ "proof"  ─ HMAC-SHA-256 of a completed challenge's answer    (digest_proof)
//!    └───── key 2 (current: everything new is sealed under it; older keys only open)
//! ```
//!
//! A sealed value is `key id (4) ‖ nonce (24) ‖ ciphertext ‖ tag (16)`. Its associated data names the field and the
//! record, so a sealed password moved to another user, or a seed put where a password belongs, does not open.
//!
//! The crate is pure: nonces, salts and keys are given by the caller, who has the entropy port. It may not read a
//! clock, a file or randomness.
//!
//! Caveats
//! - A nonce of 24 random bytes never repeats in practice; a caller that reuses one breaks the seal.
//! - Argon2's work memory is wiped when it is dropped, not between two passwords: the next one overwrites it.
//! - Passwords are bytes. Nothing here folds case or composes Unicode: what the NAS sent is what is compared.

#![forbid(unsafe_code)]

mod field;
mod foreign;
mod key_ring;
mod key_text;
pub mod limits;
mod passphrase;
mod password;
mod proof;
mod secret;
mod state_attribute;

pub use field::{Aad, Field, SealError};
pub use foreign::{ForeignHash, ForeignScheme};
pub use key_ring::{Key, KeyId, KeyRing};
pub use key_text::KeyTextError;
pub use limits::{NONCE_LEN, SEAL_OVERHEAD};
pub use passphrase::{PassphraseError, PassphraseKey};
pub use password::{Argon2idParts, HashMemory, InvalidVerifier, PasswordVerifier};
pub use secret::{Secret, constant_time_eq};
pub use state_attribute::StateBinding;
