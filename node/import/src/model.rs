//! What is imported: users and tokens, in terms that no product owns.
//!
//! Values are checked against this crate's [`limits`](crate::limits) and not folded: whether `Alice` and `alice` are one user, and
//! what a domain means, is known where they are taken in. What holds a secret has no `Debug` and is wiped.

use std::{collections::BTreeSet, fmt};

use zeroize::Zeroizing;

use crate::password::PasswordHash;

/// Whom a row names, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName {
    /// The domain or realm, if one was written.
    pub domain: Option<String>,
    /// The name in it: 1 to 253 bytes, without control characters or spaces at its ends.
    pub name: String,
}

impl UserName {
    /// The name as two spellings of one user have it in common, as far as ASCII goes.
    pub(crate) fn key(&self) -> UserName {
        UserName {
            domain: self.domain.as_ref().map(|domain| domain.to_ascii_lowercase()),
            name: self.name.to_ascii_lowercase(),
        }
    }
}

/// `name@domain`, or the name alone.
impl fmt::Display for UserName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.domain {
            Some(domain) => write!(to, "{}@{domain}", self.name),
            None => to.write_str(&self.name),
        }
    }
}

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedUser {
    /// The name to log in with.
    pub name: UserName,
    /// What people call them.
    pub display_name: Option<String>,
    /// Mail address, unchecked.
    pub mail: Option<String>,
    /// Mobile number, unchecked.
    pub mobile: Option<String>,
    /// Language tag (`de`, `pt-BR`), unchecked.
    pub language: Option<String>,
    /// Names of groups.
    pub groups: BTreeSet<String>,
    /// What the file holds of a password.
    pub password: Option<ImportedPassword>,
    /// A disabled user may not log in.
    pub enabled: bool,
}

impl ImportedUser {
    /// A user of whom nothing but the name is known.
    #[must_use]
    pub fn named(name: UserName) -> Self {
        Self {
            name,
            display_name: None,
            mail: None,
            mobile: None,
            language: None,
            groups: BTreeSet::new(),
            password: None,
            enabled: true,
        }
    }
}

/// A password, or what was kept instead of one.
#[derive(Clone, PartialEq, Eq)]
pub enum ImportedPassword {
    /// The password itself.
    Clear(Zeroizing<String>),
    /// A hash of it. Ask [`PasswordHash::is_verifiable`] before relying on it.
    Hash(PasswordHash),
}

/// The hash under an HMAC-based one-time code (RFC 6238 section 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC-SHA-1, what every authenticator understands.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

impl Algorithm {
    /// `SHA1`, `SHA256`, `SHA512`: as in URIs and headers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
        }
    }
}

/// How a token makes its codes. Has no `Debug`: a YubiKey's private id is a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenKind {
    /// Codes from the time (RFC 6238).
    Totp {
        /// The hash.
        algorithm: Algorithm,
        /// Digits of a code, 6 to 8.
        digits: u8,
        /// Seconds that a code lasts.
        period_s: u32,
    },
    /// Codes from a counter (RFC 4226).
    Hotp {
        /// The hash.
        algorithm: Algorithm,
        /// Digits of a code, 6 to 8.
        digits: u8,
        /// The counter of the next code that was not used.
        counter: u64,
    },
    /// Yubico OTP: a public id and 16 encrypted bytes, in modhex.
    YubikeyOtp {
        /// What stands in front of every code, decoded from modhex: 1 to 16 bytes.
        public_id: Vec<u8>,
        /// The secret id inside; absent where the product did not keep it.
        private_id: Option<Zeroizing<[u8; 6]>>,
        /// The last counters that were seen.
        counters: YubikeyCounters,
    },
}

/// A YubiKey's counters. A code is new if (session, uses) is greater than the last one's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct YubikeyCounters {
    /// How often it was plugged in.
    pub session: u16,
    /// Codes since then.
    pub uses: u8,
}

/// A source of one-time codes.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedToken {
    /// The number on its back, or what the other product called it.
    pub serial: Option<String>,
    /// Whose it is.
    pub owner: Option<UserName>,
    /// What the owner calls it.
    pub name: Option<String>,
    /// Who issued it, as authenticator applications show it.
    pub issuer: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// How it makes codes.
    pub kind: TokenKind,
    /// The seed, or a YubiKey's AES key.
    pub secret: Zeroizing<Vec<u8>>,
    /// The last TOTP timestep that was used, where the file says so: it and all before must not be accepted again.
    pub last_timestep: Option<u64>,
    /// Not before this second since 1970.
    pub valid_from_s: Option<i64>,
    /// Not after this second since 1970.
    pub valid_until_s: Option<i64>,
    /// A disabled token matches nothing.
    pub enabled: bool,
}

impl ImportedToken {
    /// A token of which nothing but kind and secret is known.
    #[must_use]
    pub fn new(kind: TokenKind, secret: Zeroizing<Vec<u8>>) -> Self {
        Self {
            serial: None,
            owner: None,
            name: None,
            issuer: None,
            manufacturer: None,
            kind,
            secret,
            last_timestep: None,
            valid_from_s: None,
            valid_until_s: None,
            enabled: true,
        }
    }
}

/// "TOTP (SHA1, 6 digits, 30 s)".
impl fmt::Display for TokenKind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenKind::Totp {
                algorithm,
                digits,
                period_s,
            } => write!(to, "TOTP ({}, {digits} digits, {period_s} s)", algorithm.name()),
            TokenKind::Hotp {
                algorithm,
                digits,
                counter,
            } => write!(to, "HOTP ({}, {digits} digits, counter {counter})", algorithm.name()),
            TokenKind::YubikeyOtp { counters, .. } => {
                write!(to, "Yubico OTP (session {}, use {})", counters.session, counters.uses)
            }
        }
    }
}
