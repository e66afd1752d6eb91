//! Hashes of other products in their parts: scheme, cost, salt, digest. Who verifies them needs nothing of how they are written.

use zeroize::Zeroizing;

use super::PasswordScheme;
use crate::encoding::{self, bcrypt64, crypt64};

/// What Quorate takes of each (`quorate-seal` has the same, with reasons).
const BCRYPT_COST_MAX: u32 = 13;
const PBKDF2_ROUNDS_MAX: u32 = 1_000_000;
const PBKDF2_SHA512_ROUNDS_MAX: u32 = 500_000;
const SHA_CRYPT_ROUNDS_MAX: u32 = 700_000;
const YESCRYPT_LOG2_N_MAX: u32 = 14;
const SALT_BYTES_MAX: usize = 64;

/// How a digest of a password is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignScheme {
    /// MD5 of the password and the salt behind it, which may be empty; so are the other plain digests.
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    /// MD4 of the password in UTF-16, little-endian.
    Nt,
    /// PBKDF2 with HMAC; the cost is its iterations, the digest its first block.
    Pbkdf2Sha1,
    Pbkdf2Sha256,
    Pbkdf2Sha512,
    /// crypt(3); the cost is its rounds.
    Sha256Crypt,
    Sha512Crypt,
    /// The cost is the binary logarithm of its rounds.
    Bcrypt,
    /// With blocks of 4 KiB; the cost is the binary logarithm of N.
    Yescrypt,
}

/// A hash in its parts. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ForeignHash {
    pub scheme: ForeignScheme,
    /// 0 where the scheme has none.
    pub cost: u32,
    /// Empty where there is none.
    pub salt: Vec<u8>,
    pub digest: Zeroizing<Vec<u8>>,
}

impl ForeignHash {
    /// Whether a login may cost as much.
    pub(super) fn is_within_bounds(&self) -> bool {
        let cost_max = match self.scheme {
            ForeignScheme::Bcrypt => BCRYPT_COST_MAX,
            ForeignScheme::Pbkdf2Sha1 | ForeignScheme::Pbkdf2Sha256 => PBKDF2_ROUNDS_MAX,
            ForeignScheme::Pbkdf2Sha512 => PBKDF2_SHA512_ROUNDS_MAX,
            ForeignScheme::Sha256Crypt | ForeignScheme::Sha512Crypt => SHA_CRYPT_ROUNDS_MAX,
            ForeignScheme::Yescrypt => YESCRYPT_LOG2_N_MAX,
            ForeignScheme::Md5
            | ForeignScheme::Sha1
            | ForeignScheme::Sha256
            | ForeignScheme::Sha384
            | ForeignScheme::Sha512
            | ForeignScheme::Nt => 0,
        };
        self.cost <= cost_max && self.salt.len() <= SALT_BYTES_MAX
    }
}

/// The parts of a hash that has the form of its scheme; nothing of schemes that Quorate does not wrap.
pub(super) fn read(scheme: PasswordScheme, text: &str) -> Option<ForeignHash> {
    match scheme {
        PasswordScheme::Md5 | PasswordScheme::SaltedMd5 => plain(ForeignScheme::Md5, text, 16),
        PasswordScheme::Sha1 | PasswordScheme::SaltedSha1 => plain(ForeignScheme::Sha1, text, 20),
        PasswordScheme::Sha256 | PasswordScheme::SaltedSha256 => plain(ForeignScheme::Sha256, text, 32),
        PasswordScheme::Sha384 => plain(ForeignScheme::Sha384, text, 48),
        PasswordScheme::Sha512 | PasswordScheme::SaltedSha512 => plain(ForeignScheme::Sha512, text, 64),
        PasswordScheme::NtHash => nt(text),
        PasswordScheme::Pbkdf2 => pbkdf2(text),
        PasswordScheme::Sha256Crypt => sha_crypt(ForeignScheme::Sha256Crypt, text.strip_prefix("$5$")?),
        PasswordScheme::Sha512Crypt => sha_crypt(ForeignScheme::Sha512Crypt, text.strip_prefix("$6$")?),
        PasswordScheme::Bcrypt => bcrypt(text),
        PasswordScheme::Yescrypt => yescrypt(text.strip_prefix("$y$")?),
        PasswordScheme::Argon2id
        | PasswordScheme::Argon2Other
        | PasswordScheme::BcryptX
        | PasswordScheme::Scrypt
        | PasswordScheme::Md5Crypt
        | PasswordScheme::DesCrypt
        | PasswordScheme::LmHash
        | PasswordScheme::Other => None,
    }
}

/// `{NAME}` and base 64 of the digest and the salt behind it.
fn plain(scheme: ForeignScheme, text: &str, digest_len: usize) -> Option<ForeignHash> {
    let (_, encoded) = text.split_once('}')?;
    let bytes = encoding::base64(encoded)?;
    let (digest, salt) = bytes.split_at_checked(digest_len)?;
    Some(ForeignHash {
        scheme,
        cost: 0,
        salt: salt.to_vec(),
        digest: Zeroizing::new(digest.to_vec()),
    })
}

fn nt(text: &str) -> Option<ForeignHash> {
    let (_, digits) = text.split_once('}')?;
    let digest = encoding::hex(digits).filter(|digest| digest.len() == 16)?;
    Some(ForeignHash {
        scheme: ForeignScheme::Nt,
        cost: 0,
        salt: Vec::new(),
        digest,
    })
}

/// `rounds=N$salt$digest`, or without the rounds.
fn sha_crypt(scheme: ForeignScheme, text: &str) -> Option<ForeignHash> {
    let (cost, text) = match text.strip_prefix("rounds=") {
        Some(rest) => rest.split_once('$')?,
        None => ("5000", text),
    };
    let cost = decimal(cost).filter(|rounds| *rounds >= 1_000)?;
    let (salt, encoded) = text.split_once('$')?;
    let digest = crypt64(encoded)?;
    let order = match scheme {
        ForeignScheme::Sha256Crypt => sha256_crypt_order(),
        _ => sha512_crypt_order(),
    };
    let sound = salt.len() <= 16 && digest.len() == order.len();
    sound.then(|| {
        let mut sorted = Zeroizing::new(vec![0; order.len()]);
        for (from, to) in digest.iter().zip(order) {
            sorted[to] = *from;
        }
        ForeignHash {
            scheme,
            cost,
            salt: salt.as_bytes().to_vec(),
            digest: sorted,
        }
    })
}

/// Which byte of the digest each byte of the text is: crypt(3) writes three of them at once, the last one first, and turns them.
fn sha256_crypt_order() -> Vec<usize> {
    let threes = (0..10).flat_map(|n: usize| {
        let [a, b, c] = [n, n + 10, n + 20];
        match n % 3 {
            0 => [c, b, a],
            1 => [b, a, c],
            _ => [a, c, b],
        }
    });
    threes.chain([30, 31]).collect()
}

/// See [`sha256_crypt_order`].
fn sha512_crypt_order() -> Vec<usize> {
    let threes = (0..21).flat_map(|n: usize| {
        let [a, b, c] = [n, n + 21, n + 42];
        match n % 3 {
            0 => [c, b, a],
            1 => [a, c, b],
            _ => [b, a, c],
        }
    });
    threes.chain([63]).collect()
}

/// `$2b$10$`, 22 symbols of salt and 31 of the digest.
fn bcrypt(text: &str) -> Option<ForeignHash> {
    let (cost, rest) = text.get(4..)?.split_once('$')?;
    let cost = decimal(cost)
        .filter(|_| cost.len() == 2)
        .filter(|cost| (4..32).contains(cost))?;
    let (salt, digest) = rest.split_at_checked(22)?;
    let (salt, digest) = (bcrypt64(salt)?, bcrypt64(digest)?);
    (digest.len() == 23).then(|| ForeignHash {
        scheme: ForeignScheme::Bcrypt,
        cost,
        salt: salt.to_vec(),
        digest,
    })
}

/// `j9T$salt$digest`: the flavour that all distributions have, N as a symbol, and blocks of 4 KiB. What has more parameters is not taken.
fn yescrypt(text: &str) -> Option<ForeignHash> {
    let mut fields = text.split('$');
    let (parameters, salt, digest) = (fields.next()?, fields.next()?, fields.next()?);
    let n = parameters.strip_prefix('j')?.strip_suffix('T')?;
    let &[n] = n.as_bytes() else { return None };
    let cost = match n {
        b'.' => 1,
        b'/' => 2,
        digit @ b'0'..=b'9' => u32::from(digit - b'0') + 3,
        letter @ b'A'..=b'Z' => u32::from(letter - b'A') + 13,
        _ => return None,
    };
    let (salt, digest) = (crypt64(salt)?, crypt64(digest)?);
    let sound = fields.next().is_none() && cost >= 10 && !salt.is_empty() && digest.len() == 32;
    sound.then(|| ForeignHash {
        scheme: ForeignScheme::Yescrypt,
        cost,
        salt: salt.to_vec(),
        digest,
    })
}

/// As passlib and OpenLDAP, 389 Directory Server, or FreeRADIUS write it.
fn pbkdf2(text: &str) -> Option<ForeignHash> {
    let (name, rest) = match text.strip_prefix('$') {
        Some(text) => text.split_once('$')?,
        None => text.strip_prefix('{')?.split_once('}')?,
    };
    if let Some((function, rest)) = rest.split_once(':') {
        return freeradius_pbkdf2(function, rest);
    }
    match name.to_ascii_lowercase().as_str() {
        "pbkdf2" | "pbkdf2-sha1" => modular_pbkdf2(ForeignScheme::Pbkdf2Sha1, rest),
        "pbkdf2-sha256" => modular_pbkdf2(ForeignScheme::Pbkdf2Sha256, rest),
        "pbkdf2-sha512" => modular_pbkdf2(ForeignScheme::Pbkdf2Sha512, rest),
        "pbkdf2_sha256" => directory_server_pbkdf2(rest),
        _ => None,
    }
}

/// `29000$salt$digest`, in base 64 with `.` for `+`.
fn modular_pbkdf2(scheme: ForeignScheme, text: &str) -> Option<ForeignHash> {
    let mut fields = text.split('$');
    let (rounds, salt, digest) = (fields.next()?, fields.next()?, fields.next()?);
    let decode = |text: &str| encoding::base64(&Zeroizing::new(text.replace('.', "+")));
    let (salt, digest) = (decode(salt)?, decode(digest)?);
    fields.next().is_none().then_some(())?;
    pbkdf2_of(scheme, decimal(rounds)?, &salt, &digest)
}

/// Base 64 of four bytes of iterations, 64 of salt, and the digest.
fn directory_server_pbkdf2(text: &str) -> Option<ForeignHash> {
    let bytes = encoding::base64(text)?;
    let (rounds, rest) = bytes.split_first_chunk::<4>()?;
    let (salt, digest) = rest.split_at_checked(64)?;
    pbkdf2_of(ForeignScheme::Pbkdf2Sha256, u32::from_be_bytes(*rounds), salt, digest)
}

/// `HMACSHA2+256:AAAnEA:salt:digest`, all in base 64, iterations as four bytes.
fn freeradius_pbkdf2(function: &str, text: &str) -> Option<ForeignHash> {
    let scheme = match function {
        "HMACSHA1" => ForeignScheme::Pbkdf2Sha1,
        "HMACSHA2+256" => ForeignScheme::Pbkdf2Sha256,
        "HMACSHA2+512" => ForeignScheme::Pbkdf2Sha512,
        _ => return None,
    };
    let mut fields = text.split(':').map(encoding::base64);
    let (rounds, salt, digest) = (fields.next()??, fields.next()??, fields.next()??);
    fields.next().is_none().then_some(())?;
    pbkdf2_of(scheme, u32::from_be_bytes(rounds[..].try_into().ok()?), &salt, &digest)
}

/// Blocks of the output do not depend on each other: whoever has the first one right has all of them right.
fn pbkdf2_of(scheme: ForeignScheme, cost: u32, salt: &[u8], digest: &[u8]) -> Option<ForeignHash> {
    let block = match scheme {
        ForeignScheme::Pbkdf2Sha1 => 20,
        ForeignScheme::Pbkdf2Sha256 => 32,
        _ => 64,
    };
    Some(ForeignHash {
        scheme,
        cost: Some(cost).filter(|cost| *cost > 0)?,
        salt: salt.to_vec(),
        digest: Zeroizing::new(digest.get(..block)?.to_vec()),
    })
}

/// Digits alone: a sign is none.
fn decimal(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
