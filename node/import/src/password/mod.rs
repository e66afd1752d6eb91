//! Password hashes: recognised, named, checked for their form, and never computed.
//!
//! Quorate keeps Argon2id, and only with parameters that its hash threads have memory for; what is in [`foreign`] it wraps in that.
//! Everything else is carried along under its name, so that whoever takes it in can say what becomes of it; a hash that cannot be
//! verified is reported.

mod foreign;

use data_encoding::BASE64_NOPAD;
use zeroize::Zeroizing;

pub use self::foreign::{ForeignHash, ForeignScheme};
use crate::{encoding, fields::clear_password, limits, model::ImportedPassword, report::Wrong};

/// Argon2id parameters that Quorate takes (`quorate-seal` has the same): KiB, passes, bytes of salt and of hash.
const ARGON2_MEMORY_KIB_MAX: u32 = 64 * 1024;
const ARGON2_PASSES_MAX: u32 = 16;
const ARGON2_SALT: usize = 16;
const ARGON2_HASH: usize = 32;

/// A password hash as text, with its scheme. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    /// What it is.
    pub scheme: PasswordScheme,
    /// As the file has it, with the prefix that names the scheme.
    pub text: Zeroizing<String>,
}

/// The parts of an Argon2id hash.
pub struct Argon2id {
    /// Work memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u8,
    /// The salt.
    pub salt: [u8; ARGON2_SALT],
    /// The hash.
    pub hash: Zeroizing<[u8; ARGON2_HASH]>,
}

impl Argon2id {
    /// The hash as text, as other products take it: `$argon2id$v=19$…`.
    #[must_use]
    pub fn hash(&self) -> PasswordHash {
        let (salt, tag) = (
            BASE64_NOPAD.encode(&self.salt),
            Zeroizing::new(BASE64_NOPAD.encode(&self.hash[..])),
        );
        let Argon2id {
            memory_kib,
            passes,
            lanes,
            ..
        } = self;
        let text = format!(
            "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${}",
            tag.as_str()
        );
        PasswordHash {
            scheme: PasswordScheme::Argon2id,
            text: Zeroizing::new(text),
        }
    }
}

/// The schemes that are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PasswordScheme {
    /// `$argon2id$` (RFC 9106).
    Argon2id,
    /// `$argon2i$`, `$argon2d$`.
    Argon2Other,
    /// `$2a$`, `$2b$`, `$2y$`.
    Bcrypt,
    /// `$2x$`: bcrypt of an old PHP, with its mistake.
    BcryptX,
    /// `$y$`, `$gy$`.
    Yescrypt,
    /// `$7$`, `$scrypt$`.
    Scrypt,
    /// `$6$`.
    Sha512Crypt,
    /// `$5$`.
    Sha256Crypt,
    /// `$1$`, `$apr1$`.
    Md5Crypt,
    /// Thirteen characters of the traditional crypt(3).
    DesCrypt,
    /// `$pbkdf2-…$`, `{PBKDF2…}`.
    Pbkdf2,
    /// `{SSHA}`.
    SaltedSha1,
    /// `{SHA}`.
    Sha1,
    /// `{SSHA256}`.
    SaltedSha256,
    /// `{SHA256}`.
    Sha256,
    /// `{SSHA384}`, `{SHA384}`.
    Sha384,
    /// `{SSHA512}`.
    SaltedSha512,
    /// `{SHA512}`.
    Sha512,
    /// `{SMD5}`.
    SaltedMd5,
    /// `{MD5}`.
    Md5,
    /// `{NT}`: MD4 of the password in UTF-16, as MS-CHAP needs it.
    NtHash,
    /// `{LANMAN}`.
    LmHash,
    /// Another `{…}` or `$…$`.
    Other,
}

impl PasswordScheme {
    /// The name for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PasswordScheme::Argon2id => "Argon2id",
            PasswordScheme::Argon2Other => "Argon2i or Argon2d",
            PasswordScheme::Bcrypt => "bcrypt",
            PasswordScheme::BcryptX => "$2x$ bcrypt",
            PasswordScheme::Yescrypt => "yescrypt",
            PasswordScheme::Scrypt => "scrypt",
            PasswordScheme::Sha512Crypt => "SHA-512 crypt",
            PasswordScheme::Sha256Crypt => "SHA-256 crypt",
            PasswordScheme::Md5Crypt => "MD5 crypt",
            PasswordScheme::DesCrypt => "DES crypt",
            PasswordScheme::Pbkdf2 => "PBKDF2",
            PasswordScheme::SaltedSha1 => "{SSHA}",
            PasswordScheme::Sha1 => "{SHA}",
            PasswordScheme::SaltedSha256 => "{SSHA256}",
            PasswordScheme::Sha256 => "{SHA256}",
            PasswordScheme::Sha384 => "{SSHA384} or {SHA384}",
            PasswordScheme::SaltedSha512 => "{SSHA512}",
            PasswordScheme::Sha512 => "{SHA512}",
            PasswordScheme::SaltedMd5 => "{SMD5}",
            PasswordScheme::Md5 => "{MD5}",
            PasswordScheme::NtHash => "NT",
            PasswordScheme::LmHash => "LM",
            PasswordScheme::Other => "unknown",
        }
    }
}

impl PasswordHash {
    /// Whether Quorate can check a password against it.
    #[must_use]
    pub fn is_verifiable(&self) -> bool {
        self.argon2id().is_some() || self.foreign().is_some()
    }

    /// Whether whoever reads it finds most passwords from it: one round of a quick function.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        match self.scheme {
            PasswordScheme::SaltedSha1
            | PasswordScheme::Sha1
            | PasswordScheme::SaltedSha256
            | PasswordScheme::Sha256
            | PasswordScheme::Sha384
            | PasswordScheme::SaltedSha512
            | PasswordScheme::Sha512
            | PasswordScheme::SaltedMd5
            | PasswordScheme::Md5
            | PasswordScheme::NtHash
            | PasswordScheme::LmHash
            | PasswordScheme::Md5Crypt
            | PasswordScheme::DesCrypt => true,
            PasswordScheme::Argon2id
            | PasswordScheme::Argon2Other
            | PasswordScheme::Bcrypt
            | PasswordScheme::BcryptX
            | PasswordScheme::Yescrypt
            | PasswordScheme::Scrypt
            | PasswordScheme::Sha512Crypt
            | PasswordScheme::Sha256Crypt
            | PasswordScheme::Pbkdf2
            | PasswordScheme::Other => false,
        }
    }

    /// What is computed of a password that Quorate wraps; `None` for any other, and for one that would cost too much.
    #[must_use]
    pub fn foreign(&self) -> Option<ForeignHash> {
        foreign::read(self.scheme, unwrapped(&self.text)).filter(ForeignHash::is_within_bounds)
    }

    /// The parts of an Argon2id hash that can be verified; `None` for any other.
    #[must_use]
    pub fn argon2id(&self) -> Option<Argon2id> {
        let mut parts = unwrapped(&self.text).strip_prefix("$argon2id$v=19$")?.split('$');
        let (parameters, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let [memory_kib, passes, lanes] = argon2_parameters(parameters)?;
        let salt = Zeroizing::new(BASE64_NOPAD.decode(salt.as_bytes()).ok()?);
        let hash = Zeroizing::new(BASE64_NOPAD.decode(hash.as_bytes()).ok()?);
        let lanes = u8::try_from(lanes).ok()?;
        let sound = parts.next().is_none()
            && lanes > 0
            && (8 * u32::from(lanes)..=ARGON2_MEMORY_KIB_MAX).contains(&memory_kib)
            && (1..=ARGON2_PASSES_MAX).contains(&passes);
        sound.then_some(Argon2id {
            memory_kib,
            passes,
            lanes,
            salt: salt[..].try_into().ok()?,
            hash: Zeroizing::new(hash[..].try_into().ok()?),
        })
    }
}

/// `m=19456,t=2,p=1`, in this order.
fn argon2_parameters(text: &str) -> Option<[u32; 3]> {
    let mut values = text.split(',');
    let mut value = |name: &str| values.next()?.strip_prefix(name)?.strip_prefix('=')?.parse().ok();
    let parameters = [value("m")?, value("t")?, value("p")?];
    values.next().is_none().then_some(parameters)
}

/// What a directory or a `password_hash` column holds: a hash by its prefix, or an NT hash, or a clear password marked as such.
///
/// # Errors
/// [`Wrong`] when the text names a scheme and has not its form, or names none.
pub(crate) fn hashed(field: &'static str, text: &str) -> Result<ImportedPassword, Wrong> {
    let text = text.trim();
    if let Some(clear) = braced(text, "CLEARTEXT").or_else(|| braced(text, "CLEAR")) {
        return clear_password(field, clear).map(ImportedPassword::Clear);
    }
    let scheme =
        scheme(text).ok_or_else(|| Wrong::new(field, "names no scheme: neither {…} nor $…$ is in front of it"))?;
    checked(field, scheme, text)
}

/// A hash of a scheme that is known from elsewhere.
pub(crate) fn checked(field: &'static str, scheme: PasswordScheme, text: &str) -> Result<ImportedPassword, Wrong> {
    if text.len() > limits::HASH_BYTES {
        return Err(Wrong::new(
            field,
            format!("is longer than {} bytes", limits::HASH_BYTES),
        ));
    }
    if !has_the_form(scheme, text) {
        return Err(Wrong::new(
            field,
            format!("begins like a {} hash and is none", scheme.name()),
        ));
    }
    Ok(ImportedPassword::Hash(PasswordHash {
        scheme,
        text: Zeroizing::new(text.to_owned()),
    }))
}

/// What stands behind `{NAME}`, whose case does not matter.
pub(crate) fn braced<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (found, rest) = text.strip_prefix('{')?.split_once('}')?;
    found.eq_ignore_ascii_case(name).then_some(rest)
}

/// A crypt(3) hash without the braces that a directory puts in front of it.
fn unwrapped(text: &str) -> &str {
    ["CRYPT", "ARGON2", "BCRYPT"]
        .iter()
        .find_map(|wrapper| braced(text, wrapper))
        .unwrap_or(text)
}

/// Prefixes of modular crypt formats.
const CRYPT: [(&str, PasswordScheme); 16] = [
    ("$argon2id$", PasswordScheme::Argon2id),
    ("$argon2i$", PasswordScheme::Argon2Other),
    ("$argon2d$", PasswordScheme::Argon2Other),
    ("$2a$", PasswordScheme::Bcrypt),
    ("$2b$", PasswordScheme::Bcrypt),
    ("$2x$", PasswordScheme::BcryptX),
    ("$2y$", PasswordScheme::Bcrypt),
    ("$y$", PasswordScheme::Yescrypt),
    ("$gy$", PasswordScheme::Yescrypt),
    ("$7$", PasswordScheme::Scrypt),
    ("$scrypt$", PasswordScheme::Scrypt),
    ("$6$", PasswordScheme::Sha512Crypt),
    ("$5$", PasswordScheme::Sha256Crypt),
    ("$1$", PasswordScheme::Md5Crypt),
    ("$apr1$", PasswordScheme::Md5Crypt),
    ("$pbkdf2", PasswordScheme::Pbkdf2),
];

/// Names in braces, as OpenLDAP and its kin write them.
const BRACED: [(&str, PasswordScheme); 19] = [
    ("SSHA", PasswordScheme::SaltedSha1),
    ("SHA", PasswordScheme::Sha1),
    ("SSHA256", PasswordScheme::SaltedSha256),
    ("SHA256", PasswordScheme::Sha256),
    ("SSHA384", PasswordScheme::Sha384),
    ("SHA384", PasswordScheme::Sha384),
    ("SSHA512", PasswordScheme::SaltedSha512),
    ("SHA512", PasswordScheme::Sha512),
    ("SMD5", PasswordScheme::SaltedMd5),
    ("MD5", PasswordScheme::Md5),
    ("NT", PasswordScheme::NtHash),
    ("NTHASH", PasswordScheme::NtHash),
    ("LANMAN", PasswordScheme::LmHash),
    ("PBKDF2", PasswordScheme::Pbkdf2),
    ("PBKDF2-SHA1", PasswordScheme::Pbkdf2),
    ("PBKDF2-SHA256", PasswordScheme::Pbkdf2),
    ("PBKDF2-SHA512", PasswordScheme::Pbkdf2),
    ("PBKDF2_SHA256", PasswordScheme::Pbkdf2),
    ("SASL", PasswordScheme::Other),
];

/// The scheme that a text names in front.
pub(crate) fn scheme(text: &str) -> Option<PasswordScheme> {
    let inner = unwrapped(text);
    if inner.len() < text.len() {
        return Some(crypt_scheme(inner).unwrap_or(PasswordScheme::Other));
    }
    if let Some((name, _)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        let known = BRACED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        return Some(known.map_or(PasswordScheme::Other, |(_, scheme)| *scheme));
    }
    text.starts_with('$')
        .then(|| crypt_scheme(text).unwrap_or(PasswordScheme::Other))
}

/// The scheme of what crypt(3) returns.
pub(crate) fn crypt_scheme(text: &str) -> Option<PasswordScheme> {
    let known = CRYPT.iter().find(|(prefix, _)| text.starts_with(prefix));
    known.map(|(_, scheme)| *scheme).or_else(|| {
        let traditional = text.len() == 13 && text.bytes().all(is_crypt_symbol);
        traditional.then_some(PasswordScheme::DesCrypt)
    })
}

fn has_the_form(scheme: PasswordScheme, text: &str) -> bool {
    let inner = unwrapped(text);
    let digest = |len: usize, salted: bool| has_digest(inner, len, salted);
    match scheme {
        PasswordScheme::Bcrypt
        | PasswordScheme::Yescrypt
        | PasswordScheme::Sha512Crypt
        | PasswordScheme::Sha256Crypt => foreign::read(scheme, inner).is_some(),
        PasswordScheme::BcryptX => inner.len() == 60 && inner.bytes().skip(7).all(is_crypt_symbol),
        PasswordScheme::Argon2id | PasswordScheme::Argon2Other => inner.split('$').count() == 6,
        PasswordScheme::SaltedSha1 => digest(20, true),
        PasswordScheme::Sha1 => digest(20, false),
        PasswordScheme::SaltedSha256 => digest(32, true),
        PasswordScheme::Sha256 => digest(32, false),
        PasswordScheme::Sha384 => digest(48, true) || digest(48, false),
        PasswordScheme::SaltedSha512 => digest(64, true),
        PasswordScheme::Sha512 => digest(64, false),
        PasswordScheme::SaltedMd5 => digest(16, true),
        PasswordScheme::Md5 => digest(16, false),
        PasswordScheme::NtHash | PasswordScheme::LmHash => {
            let digits = inner.rsplit('}').next().unwrap_or_default();
            encoding::hex(digits).is_some_and(|bytes| bytes.len() == 16)
        }
        PasswordScheme::DesCrypt => inner.len() == 13,
        PasswordScheme::Scrypt | PasswordScheme::Md5Crypt | PasswordScheme::Pbkdf2 => {
            inner.split('$').count() >= 4 || inner.starts_with('{')
        }
        PasswordScheme::Other => true,
    }
}

/// `{NAME}` and base 64 of a digest, with a salt of at least one byte behind it or none.
fn has_digest(text: &str, len: usize, salted: bool) -> bool {
    let Some((_, digest)) = text.split_once('}') else {
        return false;
    };
    encoding::base64(digest).is_some_and(|bytes| if salted { bytes.len() > len } else { bytes.len() == len })
}

fn is_crypt_symbol(symbol: u8) -> bool {
    symbol.is_ascii_alphanumeric() || matches!(symbol, b'.' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Result<(&'static str, bool), String> {
        match hashed("password", text) {
            Ok(ImportedPassword::Hash(hash)) => Ok((hash.scheme.name(), hash.is_verifiable())),
            Ok(ImportedPassword::Clear(_)) => Ok(("clear", true)),
            Err(wrong) => Err(wrong.sentence),
        }
    }

    #[test]
    fn schemes_are_known_by_what_stands_in_front() {
        for (text, name, taken) in [
            ("{SSHA}MTIzNDU2Nzg5MDEyMzQ1Njc4OTBzYWx0", "{SSHA}", true),
            ("{ssha}MTIzNDU2Nzg5MDEyMzQ1Njc4OTBzYWx0", "{SSHA}", true),
            ("{SHA}MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=", "{SHA}", true),
            ("{CRYPT}abcdefghijklm", "DES crypt", false),
            (
                "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
                "bcrypt",
                true,
            ),
            (
                "$2x$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
                "$2x$ bcrypt",
                false,
            ),
            ("{NT}0CB6948805F797BF2A82807973B89537", "NT", true),
            ("{LANMAN}0CB6948805F797BF2A82807973B89537", "LM", false),
            ("{PBKDF2-SHA256}10000$salt$hash", "PBKDF2", false),
            ("{SASL}alice@example.org", "unknown", false),
            (
                "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
                "Argon2i or Argon2d",
                false,
            ),
        ] {
            assert_eq!(named(text), Ok((name, taken)), "{text}");
        }
        assert_eq!(named("{CLEARTEXT}correct horse"), Ok(("clear", true)));
    }

    #[test]
    fn argon2id_is_verifiable_within_bounds() {
        let (salt, hash) = ("A".repeat(21) + "Q", "A".repeat(43));
        let text = |m: u32, t: u32, p: u32| format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${hash}");
        assert_eq!(named(&text(19_456, 2, 1)), Ok(("Argon2id", true)));
        let Ok(ImportedPassword::Hash(hash)) = hashed("password", &format!("{{ARGON2}}{}", text(19_456, 2, 1))) else {
            panic!("a hash");
        };
        let back = hash.argon2id().expect("its parts").hash();
        assert!(*back.text == text(19_456, 2, 1), "it is written as it was read");
        for beyond in [
            text(1 << 20, 2, 1),
            text(19_456, 17, 1),
            text(19_456, 2, 0),
            text(7, 1, 1),
        ] {
            assert_eq!(named(&beyond), Ok(("Argon2id", false)), "{beyond}");
        }
        assert_eq!(
            named("$argon2id$v=16$m=8,t=1,p=1$c2FsdA$aGFzaA"),
            Ok(("Argon2id", false))
        );
    }

    #[test]
    fn a_hash_without_its_form_is_wrong() {
        for text in [
            "{SSHA}c2hvcnQ=",
            "{SHA}!!!!",
            "$2y$10$short",
            "{NT}12",
            "$argon2id$",
            "secret",
            "",
            "{MD5}",
        ] {
            assert!(named(text).is_err(), "{text}");
        }
        assert!(named(&("{OTHER}".to_owned() + &"x".repeat(600))).is_err());
    }
}
