//! What other products make of a password: computed again, never kept.
//!
//! Much of it is weak (one round, no salt) and falls to anybody who reads it. So a verifier holds Argon2id *of* it: what was made of the password is
//! the password of that Argon2id. What is known of such a verifier is only how the other product came to it: scheme, cost and salt.
//!
//! ```text
//! password ── scheme, cost, salt of the other product ──▶ digest ── Argon2id, parameters and salt of ours ──▶ compared
//! ```
//!
//! Caveats
//! - C libraries end a password at its first NUL, and bcrypt repeats it: a password with a NUL in it is never right.
//! - bcrypt looks at 72 bytes: whatever follows them, the password is right.

use md4::Md4;
use md5::{Digest, Md5};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::limits::{
    BCRYPT_PASSWORD_LEN, MAX_BCRYPT_COST, MAX_FOREIGN_PASSWORD_LEN, MAX_FOREIGN_SALT_LEN, MAX_PBKDF2_ROUNDS,
    MAX_PBKDF2_SHA512_ROUNDS, MAX_SHA_CRYPT_ROUNDS, MAX_YESCRYPT_LOG2_N,
};
use crate::password::InvalidVerifier;

/// How another product makes a digest of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ForeignScheme {
    /// MD5 of the password and the salt behind it, which may be empty; so are the other plain digests.
    Md5 = 1,
    Sha1 = 2,
    Sha256 = 3,
    Sha384 = 4,
    Sha512 = 5,
    /// MD4 of the password in UTF-16, little-endian, as Windows keeps it.
    Nt = 6,
    /// PBKDF2 (RFC 8018) with HMAC; of its output, the first block. The cost is its iterations.
    Pbkdf2Sha1 = 7,
    Pbkdf2Sha256 = 8,
    Pbkdf2Sha512 = 9,
    /// `$5$` and `$6$` of crypt(3). The cost is its rounds.
    Sha256Crypt = 10,
    Sha512Crypt = 11,
    /// `$2a$`, `$2b$` and `$2y$` of crypt(3). The cost is the binary logarithm of its rounds.
    Bcrypt = 12,
    /// `$y$` of crypt(3) with blocks of 4 KiB. The cost is the binary logarithm of N.
    Yescrypt = 13,
}

impl ForeignScheme {
    const ALL: [ForeignScheme; 13] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Nt,
        Self::Pbkdf2Sha1,
        Self::Pbkdf2Sha256,
        Self::Pbkdf2Sha512,
        Self::Sha256Crypt,
        Self::Sha512Crypt,
        Self::Bcrypt,
        Self::Yescrypt,
    ];

    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| *scheme as u8 == number)
    }

    /// Bytes of what it makes.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Md5 | Self::Nt => 16,
            Self::Sha1 | Self::Pbkdf2Sha1 => 20,
            Self::Bcrypt => 23,
            Self::Sha256 | Self::Pbkdf2Sha256 | Self::Sha256Crypt | Self::Yescrypt => 32,
            Self::Sha384 => 48,
            Self::Sha512 | Self::Pbkdf2Sha512 | Self::Sha512Crypt => 64,
        }
    }

    /// Which costs and how many bytes of salt are taken.
    fn takes(self, cost: u32, salt_len: usize) -> bool {
        let (costs, salts) = match self {
            Self::Md5 | Self::Sha1 | Self::Sha256 | Self::Sha384 | Self::Sha512 => (0..=0, 0..=MAX_FOREIGN_SALT_LEN),
            Self::Nt => (0..=0, 0..=0),
            Self::Pbkdf2Sha1 | Self::Pbkdf2Sha256 => (1..=MAX_PBKDF2_ROUNDS, 0..=MAX_FOREIGN_SALT_LEN),
            Self::Pbkdf2Sha512 => (1..=MAX_PBKDF2_SHA512_ROUNDS, 0..=MAX_FOREIGN_SALT_LEN),
            // The least rounds and the longest salt are those of crypt(3).
            Self::Sha256Crypt | Self::Sha512Crypt => (1_000..=MAX_SHA_CRYPT_ROUNDS, 0..=16),
            Self::Bcrypt => (4..=MAX_BCRYPT_COST, 16..=16),
            // Below this its variant with a hash in front of it begins to differ, and nobody writes it.
            Self::Yescrypt => (10..=MAX_YESCRYPT_LOG2_N, 1..=MAX_FOREIGN_SALT_LEN),
        };
        costs.contains(&cost) && salts.contains(&salt_len)
    }
}

/// What another product made of a password, and how. Wiped when dropped.
pub struct ForeignHash {
    pub(crate) recipe: Recipe,
    pub(crate) digest: Zeroizing<Vec<u8>>,
}

impl ForeignHash {
    /// A digest of a scheme, within this crate's limits.
    ///
    /// # Errors
    /// [`InvalidVerifier`] for a digest of the wrong length, and for costs beyond the limits: whoever brings them would choose what
    /// each login costs.
    pub fn new(
        scheme: ForeignScheme,
        cost: u32,
        salt: &[u8],
        digest: Zeroizing<Vec<u8>>,
    ) -> Result<Self, InvalidVerifier> {
        if digest.len() != scheme.digest_len() {
            return Err(InvalidVerifier);
        }
        Ok(Self {
            recipe: Recipe::new(scheme, cost, salt)?,
            digest,
        })
    }
}

/// How another product comes from a password to its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    scheme: ForeignScheme,
    cost: u32,
    salt: Box<[u8]>,
}

impl Recipe {
    /// Bytes of the longest one, encoded.
    pub(crate) const MAX_LEN: usize = 5 + MAX_FOREIGN_SALT_LEN;

    fn new(scheme: ForeignScheme, cost: u32, salt: &[u8]) -> Result<Self, InvalidVerifier> {
        match scheme.takes(cost, salt.len()) {
            true => Ok(Self {
                scheme,
                cost,
                salt: salt.into(),
            }),
            false => Err(InvalidVerifier),
        }
    }

    /// What the other product would have made of this password. What it would never have taken has no digest; a digest of the right length
    /// comes back all the same, for the work after it to be done.
    pub(crate) fn digest(&self, password: &[u8]) -> (Zeroizing<Vec<u8>>, bool) {
        let mut out = Zeroizing::new(vec![0; self.scheme.digest_len()]);
        let possible = password.len() <= MAX_FOREIGN_PASSWORD_LEN && self.compute(password, &mut out).is_some();
        (out, possible)
    }

    /// Whether all of a password was looked at, if it was right.
    pub(crate) fn looks_at_all_of(&self, password: &[u8]) -> bool {
        self.scheme != ForeignScheme::Bcrypt || password.len() <= BCRYPT_PASSWORD_LEN
    }

    fn compute(&self, password: &[u8], out: &mut [u8]) -> Option<()> {
        let salt = &*self.salt;
        match self.scheme {
            ForeignScheme::Md5 => salted::<Md5>(password, salt, out),
            ForeignScheme::Sha1 => salted::<Sha1>(password, salt, out),
            ForeignScheme::Sha256 => salted::<Sha256>(password, salt, out),
            ForeignScheme::Sha384 => salted::<Sha384>(password, salt, out),
            ForeignScheme::Sha512 => salted::<Sha512>(password, salt, out),
            ForeignScheme::Nt => salted::<Md4>(&utf16(password)?, &[], out),
            ForeignScheme::Pbkdf2Sha1 => pbkdf2_hmac::<Sha1>(password, salt, self.cost, out),
            ForeignScheme::Pbkdf2Sha256 => pbkdf2_hmac::<Sha256>(password, salt, self.cost, out),
            ForeignScheme::Pbkdf2Sha512 => pbkdf2_hmac::<Sha512>(password, salt, self.cost, out),
            ForeignScheme::Sha256Crypt => {
                let params = sha_crypt::Params::new(self.cost).ok()?;
                out.copy_from_slice(&*Zeroizing::new(sha_crypt::sha256_crypt(
                    c_text(password)?,
                    salt,
                    params,
                )));
            }
            ForeignScheme::Sha512Crypt => {
                let params = sha_crypt::Params::new(self.cost).ok()?;
                out.copy_from_slice(&*Zeroizing::new(sha_crypt::sha512_crypt(
                    c_text(password)?,
                    salt,
                    params,
                )));
            }
            ForeignScheme::Bcrypt => {
                let salt = salt.try_into().ok()?;
                // The NUL at its end belongs to the key, if it has room.
                let mut key = Zeroizing::new([c_text(password)?, &[0]].concat());
                key.truncate(BCRYPT_PASSWORD_LEN);
                out.copy_from_slice(&Zeroizing::new(bcrypt::bcrypt(self.cost, salt, &key))[..out.len()]);
            }
            ForeignScheme::Yescrypt => {
                let params = yescrypt::Params::new(yescrypt::Mode::default(), 1 << self.cost, 32, 1).ok()?;
                yescrypt::yescrypt(c_text(password)?, salt, &params, out).ok()?;
            }
        }
        Some(())
    }

    /// Scheme, cost, salt. Integers are big-endian.
    pub(crate) fn encode_into(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.scheme as u8);
        bytes.extend_from_slice(&self.cost.to_be_bytes());
        bytes.extend_from_slice(&self.salt);
    }

    /// Reads what [`encode_into`](Self::encode_into) wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, InvalidVerifier> {
        let (head, salt) = bytes.split_first_chunk::<5>().ok_or(InvalidVerifier)?;
        let scheme = ForeignScheme::of_number(head[0]).ok_or(InvalidVerifier)?;
        Self::new(scheme, u32::from_be_bytes([head[1], head[2], head[3], head[4]]), salt)
    }
}

fn salted<D: Digest>(password: &[u8], salt: &[u8], out: &mut [u8]) {
    out.copy_from_slice(&D::new().chain_update(password).chain_update(salt).finalize());
}

fn utf16(password: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(password).ok()?;
    // As long as it can get, so that no copy of it is left behind.
    let mut units = Zeroizing::new(Vec::with_capacity(2 * password.len()));
    text.encode_utf16()
        .for_each(|unit| units.extend_from_slice(&unit.to_le_bytes()));
    Some(units)
}

/// A password that a C library takes whole.
fn c_text(password: &[u8]) -> Option<&[u8]> {
    (!password.contains(&0)).then_some(password)
}
