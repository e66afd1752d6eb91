//! Every number of this crate, with its reason.

/// Bytes of an XChaCha20 nonce: long enough to be drawn at random for ever.
pub const NONCE_LEN: usize = 24;

/// Bytes of a Poly1305 tag.
pub const TAG_LEN: usize = 16;

/// Bytes of the key id in front of every sealed value.
pub const KEY_ID_LEN: usize = 4;

/// What sealing adds to a plain text, in bytes.
pub const SEAL_OVERHEAD: usize = KEY_ID_LEN + NONCE_LEN + TAG_LEN;

/// Bytes of an application key.
pub const KEY_LEN: usize = 32;

/// Keys in one ring. A rotation needs two; eight leave room for rotations whose re-encryption never ended, and
/// bound what a hand-edited key file can cost.
pub const MAX_KEYS: usize = 8;

/// Longest State attribute: RFC 2865 section 5.24 allows one, and an attribute's value holds at most 253 bytes.
pub const MAX_STATE_ATTRIBUTE_LEN: usize = 253;

/// Argon2id work memory in KiB (19 MiB), the first choice of OWASP's password storage advice with two passes, one lane.
pub const ARGON2_MEMORY_KIB: u32 = 19 * 1024;

/// Argon2id passes over that memory.
pub const ARGON2_PASSES: u32 = 2;

/// Argon2id lanes: one thread computes one hash; parallelism is across logins.
pub const ARGON2_LANES: u32 = 1;

/// The most work memory a stored verifier may ask for, in KiB: 64 MiB per hash thread still fits beside the rest of
/// a small node, so parameters can be raised once without an upgrade being needed first.
pub const MAX_ARGON2_MEMORY_KIB: u32 = 64 * 1024;

/// The most passes a stored verifier may ask for: beyond it a login would outlast its NAS's patience.
pub const MAX_ARGON2_PASSES: u32 = 16;

/// Bytes of salt: RFC 9106 section 3.1 recommends 16.
pub const SALT_LEN: usize = 16;

/// Bytes of an Argon2 tag.
pub const PASSWORD_HASH_LEN: usize = 32;

/// Argon2id passes over [`MAX_ARGON2_MEMORY_KIB`] for a passphrase: about half a second, once per start.
pub const PASSPHRASE_PASSES: u32 = 4;

/// The most work that what another product made of a password may ask for: each about half a second of a core, some twenty times what a
/// password of our own costs. Files bring these numbers, and each login pays for them until the password was right once. This one is the
/// binary logarithm of bcrypt's rounds.
pub const MAX_BCRYPT_COST: u32 = 13;

/// Iterations of PBKDF2 with SHA-1 and SHA-256: what OWASP asks for lies below, and what Django does.
pub const MAX_PBKDF2_ROUNDS: u32 = 1_000_000;

/// The same with SHA-512, whose iterations cost five times as much where the processor has instructions for the others.
pub const MAX_PBKDF2_SHA512_ROUNDS: u32 = 500_000;

/// Rounds of SHA-2 crypt: passlib writes 656,000, everybody else 5,000. Its work grows with the password: the longest one that can be
/// typed takes a second.
pub const MAX_SHA_CRYPT_ROUNDS: u32 = 700_000;

/// The binary logarithm of yescrypt's N, of blocks of 4 KiB: 64 MiB, as [`MAX_ARGON2_MEMORY_KIB`]. Distributions write 12.
pub const MAX_YESCRYPT_LOG2_N: u32 = 14;

/// Bytes of another product's salt. The longest in the field have 64 (389 Directory Server).
pub const MAX_FOREIGN_SALT_LEN: usize = 64;

/// Bytes of a password that is compared with another product's hash: what RADIUS carries (RFC 2865, section 5.2). The work of SHA-2 crypt grows
/// with the square of them.
pub const MAX_FOREIGN_PASSWORD_LEN: usize = 128;

/// Bytes of a password that bcrypt looks at; its NUL at the end is not counted.
pub const BCRYPT_PASSWORD_LEN: usize = 72;
