//! Portable Symmetric Key Container (RFC 6030): the XML in which vendors deliver tokens, read and written.
//!
//! ```text
//! KeyContainer ─┬─ EncryptionKey   a key's name, or PBKDF2 and its parameters      key
//!               ├─ MACMethod       HMAC, its key encrypted under the above         key
//!               └─ KeyPackage …    device, key, algorithm, secret, counter         xml → package → read
//! ```
//!
//! What is encrypted must be AES-CBC under a pre-shared key or a password, and its ValueMAC is checked before anything is
//! decrypted. Keys that are encrypted to a certificate are refused row by row; signatures are not verified, which the report
//! says. Nothing is ever written in clear.
//!
//! Names of elements are compared without their namespaces and without case: privacyIDEA's export is XML that went through an HTML
//! parser. A document type is refused, so that there are no entities to expand.

mod key;
mod package;
mod read;
mod write;
mod xml;

pub use self::key::shared_key;
pub(crate) use self::read::read;
pub use self::write::{Protection, PskcDocument, PskcWriteError, pskc};
