//! What an attribute of `radcheck` means for an import.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::{
    encoding::{self, SecretAlphabet},
    fields,
    intake::RowRefusal,
    model::ImportedPassword,
    password::{self, PasswordScheme},
    quote::quoted,
    read::Options,
    report::Wrong,
};

pub(super) enum Meaning {
    Password(ImportedPassword),
    /// `Auth-Type := Reject`: nobody gets in under this name.
    Reject,
    TotpSecret(Zeroizing<Vec<u8>>),
}

/// Digests that rlm_pap compares with: in hexadecimal, in base 64 or as bytes (`0x…`). Scheme, its name in braces, digest, salted.
const DIGESTS: [(&str, PasswordScheme, &str, usize, bool); 16] = [
    ("MD5-Password", PasswordScheme::Md5, "MD5", 16, false),
    ("SMD5-Password", PasswordScheme::SaltedMd5, "SMD5", 16, true),
    ("SHA-Password", PasswordScheme::Sha1, "SHA", 20, false),
    ("SHA1-Password", PasswordScheme::Sha1, "SHA", 20, false),
    ("SSHA-Password", PasswordScheme::SaltedSha1, "SSHA", 20, true),
    ("SSHA1-Password", PasswordScheme::SaltedSha1, "SSHA", 20, true),
    ("SHA2-256-Password", PasswordScheme::Sha256, "SHA256", 32, false),
    ("SSHA2-256-Password", PasswordScheme::SaltedSha256, "SSHA256", 32, true),
    ("SHA2-384-Password", PasswordScheme::Sha384, "SHA384", 48, false),
    ("SSHA2-384-Password", PasswordScheme::Sha384, "SSHA384", 48, true),
    ("SHA2-512-Password", PasswordScheme::Sha512, "SHA512", 64, false),
    ("SSHA2-512-Password", PasswordScheme::SaltedSha512, "SSHA512", 64, true),
    ("SHA2-256-Digest", PasswordScheme::Sha256, "SHA256", 32, false),
    ("SHA2-512-Digest", PasswordScheme::Sha512, "SHA512", 64, false),
    ("NT-Password", PasswordScheme::NtHash, "NT", 16, false),
    ("LM-Password", PasswordScheme::LmHash, "LANMAN", 16, false),
];

/// Reads one row of `radcheck`.
pub(super) fn meaning(attribute: &str, op: &str, value: &str, options: &Options) -> Result<Meaning, RowRefusal> {
    let is = |name: &str| attribute.eq_ignore_ascii_case(name);
    let known = is("Auth-Type") || is("TOTP-Secret") || is("TOTP-Key") || is_password(attribute);
    if !known {
        return Err(RowRefusal::Skipped(not_taken_over(attribute, op)));
    }
    // Whatever the operator: nobody is let in who was kept out.
    if is("Auth-Type") && value.trim().eq_ignore_ascii_case("Reject") {
        return Ok(Meaning::Reject);
    }
    if !matches!(op, ":=" | "==" | "=" | "+=") {
        let sentence = format!("is {}; only := sets a value", quoted(op));
        return Err(Wrong::new("op", sentence).into());
    }
    if is("Auth-Type") {
        return Err(RowRefusal::skipped(format!(
            "Auth-Type {} has no counterpart",
            quoted(value)
        )));
    }
    if is("TOTP-Secret") {
        let secret = fields::token_secret("value", SecretAlphabet::Base32, value, &options.secret_bytes)?;
        return Ok(Meaning::TotpSecret(secret));
    }
    if is("TOTP-Key") {
        return Ok(Meaning::TotpSecret(totp_key(value, options)?));
    }
    Ok(Meaning::Password(password(attribute, value)?))
}

/// What is lost with an attribute. Conditions matter: without them the user may log in where they could not.
fn not_taken_over(attribute: &str, op: &str) -> String {
    let shown = quoted(attribute);
    if attribute.eq_ignore_ascii_case("Expiration") {
        format!("{shown} is not taken over: disable the user if the date has passed")
    } else if matches!(op, "==" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~" | "=*" | "!*") {
        format!("{shown} is a condition of the login, which is not taken over")
    } else {
        format!("{shown} is neither a password nor a TOTP secret")
    }
}

fn is_password(attribute: &str) -> bool {
    const OTHERS: [&str; 8] = [
        "Cleartext-Password",
        "User-Password",
        "Crypt-Password",
        "Password-With-Header",
        "PBKDF2-Password",
        "SHA2-Password",
        "SSHA2-Password",
        "Argon2-Password",
    ];
    let digests = DIGESTS.iter().map(|(name, ..)| *name);
    digests.chain(OTHERS).any(|name| name.eq_ignore_ascii_case(attribute))
}

fn password(attribute: &str, value: &str) -> Result<ImportedPassword, Wrong> {
    if let Some((_, scheme, name, len, salted)) = DIGESTS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(attribute))
    {
        return digest(value, *scheme, name, *len, *salted);
    }
    match attribute.to_ascii_lowercase().as_str() {
        "cleartext-password" | "user-password" => fields::clear_password("value", value).map(ImportedPassword::Clear),
        "crypt-password" => crypt(value),
        "password-with-header" if password::scheme(value).is_some() => password::hashed("value", value),
        // Without a header it is a clear password, for rlm_pap too.
        "password-with-header" => fields::clear_password("value", value).map(ImportedPassword::Clear),
        "sha2-password" => sha2(value, ["SHA256", "SHA384", "SHA512"], false),
        "ssha2-password" => sha2(value, ["SSHA256", "SSHA384", "SSHA512"], true),
        "argon2-password" => password::hashed("value", value),
        _ => password::checked("value", PasswordScheme::Pbkdf2, &with_header(value, "PBKDF2")),
    }
}

fn with_header(value: &str, name: &str) -> Zeroizing<String> {
    let value = value.trim();
    Zeroizing::new(match value.starts_with(['{', '$']) {
        true => value.to_owned(),
        false => format!("{{{name}}}{value}"),
    })
}

/// What crypt(3) returns.
fn crypt(value: &str) -> Result<ImportedPassword, Wrong> {
    let value = value.trim();
    let scheme = password::crypt_scheme(value).unwrap_or(PasswordScheme::Other);
    if scheme == PasswordScheme::Other && !value.starts_with('$') {
        return Err(Wrong::new("value", "is not what crypt(3) returns"));
    }
    password::checked("value", scheme, value)
}

/// A digest whose length tells its hash.
fn sha2(value: &str, names: [&str; 3], salted: bool) -> Result<ImportedPassword, Wrong> {
    let bytes = digest_bytes(value).ok_or_else(|| Wrong::new("value", "is not hexadecimal or base 64"))?;
    let (len, name) = match bytes.len() {
        32..48 => (32, names[0]),
        48..64 => (48, names[1]),
        64.. => (64, names[2]),
        len => {
            return Err(Wrong::new(
                "value",
                format!("has {len} bytes; a SHA-2 digest has 32 at least"),
            ));
        }
    };
    let scheme = password::scheme(&format!("{{{name}}}")).unwrap_or(PasswordScheme::Other);
    digest(value, scheme, name, len, salted)
}

/// A digest in the one form that everything else knows: `{NAME}` and base 64, or hexadecimal for NT and LM.
fn digest(
    value: &str,
    scheme: PasswordScheme,
    name: &str,
    len: usize,
    salted: bool,
) -> Result<ImportedPassword, Wrong> {
    let bytes = digest_bytes(value).ok_or_else(|| Wrong::new("value", "is not hexadecimal or base 64"))?;
    let right = if salted { bytes.len() > len } else { bytes.len() == len };
    if !right {
        let and = if salted { " and a salt" } else { "" };
        let sentence = format!("has {} bytes; a {} hash has {len}{and}", bytes.len(), scheme.name());
        return Err(Wrong::new("value", sentence));
    }
    let text = match scheme {
        PasswordScheme::NtHash | PasswordScheme::LmHash => data_encoding::HEXUPPER.encode(&bytes),
        _ => BASE64.encode(&bytes),
    };
    let text = Zeroizing::new(text);
    password::checked("value", scheme, &Zeroizing::new(format!("{{{name}}}{}", &*text)))
}

/// `0x` and hexadecimal, hexadecimal, or base 64, with or without the header in braces.
fn digest_bytes(value: &str) -> Option<Zeroizing<Vec<u8>>> {
    let value = value.trim();
    let value = match value.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some((_, rest)) => rest,
        None => value,
    };
    match value.strip_prefix("0x") {
        Some(digits) => encoding::hex(digits),
        None => encoding::hex(value).or_else(|| encoding::base64(value)),
    }
}

/// The key itself: bytes as hexadecimal with 0x in front, or as they are.
fn totp_key(value: &str, options: &Options) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    match value.strip_prefix("0x") {
        Some(digits) => fields::token_secret("value", SecretAlphabet::Hex, digits, &options.secret_bytes),
        None => fields::checked_secret(
            "value",
            Zeroizing::new(value.as_bytes().to_vec()),
            &options.secret_bytes,
        ),
    }
}
