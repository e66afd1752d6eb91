//! Every number of this crate, with its reason.

use std::ops::RangeInclusive;

/// Bytes of a file. A million users with a token each are about 200 MB of CSV.
pub const INPUT_BYTES: usize = 256 << 20;

/// Rows that are read and reported. A million users is what one cluster is meant to hold; a report of more would not be read either.
pub const ROWS: usize = 1_000_000;

/// Bytes of one row of CSV, one value of a dump or one attribute of LDIF that is read. The longest in the field is a user's list of
/// groups. It also bounds how far a quote that is never closed is followed.
pub const ROW_BYTES: usize = 64 << 10;

/// Columns of a table. Exports of directories have up to a hundred.
pub const COLUMNS: usize = 256;

/// Attribute lines of one LDIF entry. A group of a large site lists its members in as many.
pub const ENTRY_LINES: usize = 1_000_000;

/// Bytes of a user's, group's or domain's name: one RADIUS attribute (RFC 2865 section 5), as everywhere in Quorate.
pub const NAME_BYTES: usize = 253;

/// Bytes of a descriptive text (display name, mail address, token name, issuer). RFC 5321 section 4.5.3.1 bounds addresses to 256.
pub const TEXT_BYTES: usize = 256;

/// Groups of one user. Active Directory refuses a logon with more than 1,015.
pub const GROUPS_PER_USER: usize = 1_024;

/// Bytes of a clear password: what a RADIUS packet carries (RFC 2865 section 5.2) less a code in the same field.
pub const PASSWORD_BYTES: RangeInclusive<usize> = 1..=120;

/// Bytes of a password hash as text. The longest known, PBKDF2 with SHA-512 and a long salt, has about 250.
pub const HASH_BYTES: usize = 512;

/// Bytes of a token's secret that Quorate takes: RFC 4226 section 4 demands 16, and 64 is a SHA-512 block's worth.
pub const SECRET_BYTES: RangeInclusive<usize> = 16..=64;

/// Bytes of a secret that any reader decodes at all, whatever the caller asks for.
pub const SECRET_BYTES_MAX: usize = 256;

/// Digits of a code (RFC 4226 section 5.3: at least 6; more than 8 nobody types).
pub const DIGITS: RangeInclusive<u8> = 6..=8;

/// Seconds of a TOTP period that tokens in the field use.
pub const PERIOD_S: RangeInclusive<u32> = 15..=300;

/// Bytes of a YubiKey's public id: six by default, sixteen at most.
pub const YUBIKEY_PUBLIC_ID_BYTES: RangeInclusive<usize> = 1..=16;

/// Bytes of a YubiKey's AES key.
pub const YUBIKEY_KEY_BYTES: usize = 16;

/// Bytes of a key file. The longest is privacyIDEA's with 96 bytes, or some more keys behind it.
pub const KEY_FILE_BYTES: usize = 4_096;

/// Iterations of PBKDF2 that a file may ask for: about five seconds of a core. A file must not be able to ask for a week.
pub const PBKDF2_ITERATIONS_MAX: u32 = 5_000_000;

/// Iterations of PBKDF2 with HMAC-SHA-256 in files that are written: OWASP's advice for passwords.
pub const PBKDF2_ITERATIONS_WRITTEN: u32 = 600_000;

/// Bytes of a PBKDF2 salt that is read.
pub const SALT_BYTES_MAX: usize = 256;

/// Bytes of a PBKDF2 salt that is written (RFC 8018 section 4.1 asks for at least eight).
pub const SALT_BYTES_WRITTEN: usize = 16;

/// Nesting of XML elements. RFC 6030 needs nine.
pub const XML_DEPTH: usize = 32;

/// Elements in one part of a PSKC document that is held at once (a key package, the encryption key). RFC 6030 needs about thirty.
pub const XML_ELEMENTS: usize = 512;

/// Bytes of text and attributes in such a part: certificates are the longest.
pub const XML_PART_BYTES: usize = 256 << 10;

/// Accounts in one migration URI. A QR code holds about ten.
pub const MIGRATION_ACCOUNTS: usize = 1_000;

/// Bytes of a report's subject and of what a sentence quotes from the file.
pub const QUOTED_BYTES: usize = 100;

/// Notes about a whole file in a report: beyond it they are the same complaint again.
pub const NOTES: usize = 100;

/// Bytes at the beginning of a file that tell its format.
pub const DETECTED_BYTES: usize = 64 << 10;

/// Characters of a line of LDIF that is written (RFC 2849 note 10).
pub const LDIF_LINE: usize = 76;
