//! Values that many formats have in common, each with the sentence that says what is wrong with it.

use std::ops::RangeInclusive;

use zeroize::Zeroizing;

use crate::{
    encoding::{SecretAlphabet, secret},
    limits,
    model::{Algorithm, TokenKind, UserName},
    quote::quoted,
    report::Wrong,
};

/// A user's name: `name`, `name@domain` or `DOMAIN\name`.
pub(crate) fn user_name(field: &'static str, text: &str) -> Result<UserName, Wrong> {
    let (domain, name) = match (text.split_once('\\'), text.rsplit_once('@')) {
        (Some((domain, name)), _) | (None, Some((name, domain))) => (Some(domain), name),
        (None, None) => (None, text),
    };
    if [domain.unwrap_or_default(), name]
        .iter()
        .any(|part| part.contains(['\\', '@']))
    {
        return Err(Wrong::new(field, format!("{} has more than one domain", quoted(text))));
    }
    name_in(field, domain, name)
}

/// A name and the domain that another column has for it.
pub(crate) fn name_in(field: &'static str, domain: Option<&str>, name: &str) -> Result<UserName, Wrong> {
    let domain = domain.filter(|domain| !domain.is_empty());
    for part in [domain, Some(name)].into_iter().flatten() {
        checked_name(field, part)?;
    }
    if domain.map_or(0, str::len) + name.len() > limits::NAME_BYTES {
        return Err(Wrong::new(
            field,
            format!("is longer than {} bytes with its domain", limits::NAME_BYTES),
        ));
    }
    Ok(UserName {
        domain: domain.map(str::to_owned),
        name: name.to_owned(),
    })
}

/// A name of anything: neither empty nor long, no control characters, no blanks at its ends.
pub(crate) fn checked_name<'t>(field: &'static str, text: &'t str) -> Result<&'t str, Wrong> {
    if text.is_empty() {
        Err(Wrong::new(field, "is empty"))
    } else if text.len() > limits::NAME_BYTES {
        Err(Wrong::new(
            field,
            format!("is longer than {} bytes", limits::NAME_BYTES),
        ))
    } else if text.trim() != text || text.chars().any(char::is_control) {
        Err(Wrong::new(
            field,
            format!("{} has a control character or a blank at its end", quoted(text)),
        ))
    } else {
        Ok(text)
    }
}

/// A descriptive text. Line breaks, which spreadsheets keep in a cell, become blanks.
pub(crate) fn description(field: &'static str, text: Option<&str>) -> Result<Option<String>, Wrong> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.len() > limits::TEXT_BYTES {
        return Err(Wrong::new(
            field,
            format!("is longer than {} bytes", limits::TEXT_BYTES),
        ));
    }
    let text = text.replace("\r\n", " ").replace(['\n', '\t'], " ");
    if text.chars().any(char::is_control) {
        return Err(Wrong::new(field, format!("{} has a control character", quoted(&text))));
    }
    Ok(Some(text))
}

/// A clear password.
pub(crate) fn clear_password(field: &'static str, text: &str) -> Result<Zeroizing<String>, Wrong> {
    if limits::PASSWORD_BYTES.contains(&text.len()) {
        return Ok(Zeroizing::new(text.to_owned()));
    }
    let (least, most) = limits::PASSWORD_BYTES.into_inner();
    Err(Wrong::new(
        field,
        format!("has {} bytes; a password has {least} to {most}", text.len()),
    ))
}

/// A token's secret as text.
pub(crate) fn token_secret(
    field: &'static str,
    alphabet: SecretAlphabet,
    text: &str,
    bytes: &RangeInclusive<usize>,
) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    let secret = secret(alphabet, text).ok_or_else(|| Wrong::new(field, format!("is not {}", alphabet.name())))?;
    checked_secret(field, secret, bytes)
}

/// A token's secret of a length that is taken.
pub(crate) fn checked_secret(
    field: &'static str,
    secret: Zeroizing<Vec<u8>>,
    bytes: &RangeInclusive<usize>,
) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    if bytes.contains(&secret.len()) {
        return Ok(secret);
    }
    let sentence = format!(
        "has {} bytes; a secret has {} to {} (RFC 4226 section 4 asks for 16 at least)",
        secret.len(),
        bytes.start(),
        bytes.end()
    );
    Err(Wrong::new(field, sentence))
}

/// A whole number.
pub(crate) fn number(field: &'static str, text: &str) -> Result<u64, Wrong> {
    text.trim()
        .parse()
        .map_err(|_| Wrong::new(field, format!("{} is not a number", quoted(text))))
}

/// Digits of a code.
pub(crate) fn digits(field: &'static str, text: &str) -> Result<u8, Wrong> {
    digits_of(field, number(field, text)?)
}

pub(crate) fn digits_of(field: &'static str, number: u64) -> Result<u8, Wrong> {
    let digits = u8::try_from(number)
        .ok()
        .filter(|digits| limits::DIGITS.contains(digits));
    let (least, most) = limits::DIGITS.into_inner();
    digits.ok_or_else(|| Wrong::new(field, format!("is {number}; codes have {least} to {most} digits")))
}

/// Seconds of a TOTP period.
pub(crate) fn period(field: &'static str, text: &str) -> Result<u32, Wrong> {
    period_of(field, number(field, text)?)
}

pub(crate) fn period_of(field: &'static str, number: u64) -> Result<u32, Wrong> {
    let period = u32::try_from(number)
        .ok()
        .filter(|period| limits::PERIOD_S.contains(period));
    let (least, most) = limits::PERIOD_S.into_inner();
    period.ok_or_else(|| Wrong::new(field, format!("is {number}; a period has {least} to {most} seconds")))
}

/// A hash's name in any of its spellings: `sha1`, `HMAC-SHA-256`, `hmacWithSHA512`.
pub(crate) fn algorithm(field: &'static str, text: &str) -> Result<Algorithm, Wrong> {
    let plain: String = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|symbol| symbol.to_ascii_lowercase())
        .take(32)
        .collect();
    let name = plain.strip_prefix("hmac").unwrap_or(&plain);
    match name.strip_prefix("with").unwrap_or(name) {
        "sha1" | "sha" => Ok(Algorithm::Sha1),
        "sha256" | "sha2256" => Ok(Algorithm::Sha256),
        "sha512" | "sha2512" => Ok(Algorithm::Sha512),
        _ => Err(Wrong::new(
            field,
            format!("{} is not SHA1, SHA256 or SHA512", quoted(text)),
        )),
    }
}

/// A truth value as products write it.
pub(crate) fn truth(field: &'static str, text: &str) -> Result<bool, Wrong> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" | "enabled" | "active" => Ok(true),
        "0" | "false" | "f" | "no" | "n" | "off" | "disabled" | "inactive" => Ok(false),
        _ => Err(Wrong::new(field, format!("{} is neither yes nor no", quoted(text)))),
    }
}

/// What a format says of an HMAC-based token, each where it says so.
#[derive(Default)]
pub(crate) struct OathParts {
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) digits: Option<u8>,
    pub(crate) period_s: Option<u32>,
    pub(crate) counter: Option<u64>,
}

impl OathParts {
    /// SHA-1, six digits, 30 seconds where nothing is said (RFC 6238, RFC 4226, and every product).
    pub(crate) fn totp(&self) -> TokenKind {
        TokenKind::Totp {
            algorithm: self.algorithm.unwrap_or(Algorithm::Sha1),
            digits: self.digits.unwrap_or(6),
            period_s: self.period_s.unwrap_or(30),
        }
    }

    /// SHA-1, six digits, counter 0 where nothing is said.
    pub(crate) fn hotp(&self) -> TokenKind {
        TokenKind::Hotp {
            algorithm: self.algorithm.unwrap_or(Algorithm::Sha1),
            digits: self.digits.unwrap_or(6),
            counter: self.counter.unwrap_or(0),
        }
    }

    /// By the name of the type, in any product's spelling.
    pub(crate) fn of_type(&self, field: &'static str, name: &str) -> Result<TokenKind, Wrong> {
        match name.trim().to_ascii_lowercase().as_str() {
            "totp" | "time" | "time-based" | "oath-totp" => Ok(self.totp()),
            "hotp" | "hmac" | "event" | "counter" | "counter-based" | "oath-hotp" => Ok(self.hotp()),
            _ => Err(Wrong::new(field, format!("{} is not totp or hotp", quoted(name)))),
        }
    }
}

/// A secret as long as another hash's output hints that the hash was not SHA-1.
pub(crate) fn hash_note(said: bool, secret: &[u8]) -> Option<String> {
    let likely = match secret.len() {
        32 => "SHA-256",
        64 => "SHA-512",
        _ => return None,
    };
    (!said).then(|| {
        format!("the file does not say which hash; SHA-1 is assumed, though the secret is as long as for {likely}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without_domains() {
        let name = |text| user_name("name", text).map(|name| (name.domain.unwrap_or_default(), name.name));
        assert_eq!(name("alice"), Ok((String::new(), "alice".to_owned())));
        assert_eq!(name("alice@corp"), Ok(("corp".to_owned(), "alice".to_owned())));
        assert_eq!(name("CORP\\alice"), Ok(("CORP".to_owned(), "alice".to_owned())));
        for text in ["", "a@b@c", "a\\b@c", "a\nb", " a", "@corp"] {
            assert!(name(text).is_err(), "{text:?}");
        }
        assert!(name(&"a".repeat(254)).is_err());
    }

    #[test]
    fn hashes_in_every_spelling() {
        for (text, right) in [
            ("sha1", Algorithm::Sha1),
            ("HmacSHA256", Algorithm::Sha256),
            ("HMAC-SHA-512", Algorithm::Sha512),
            ("hmacWithSHA1", Algorithm::Sha1),
            ("SHA-256", Algorithm::Sha256),
        ] {
            assert_eq!(algorithm("algorithm", text), Ok(right));
        }
        assert!(algorithm("algorithm", "md5").is_err());
        assert!(algorithm("algorithm", "sha384").is_err());
    }

    #[test]
    fn numbers_out_of_bounds_say_the_bounds() {
        assert_eq!(
            digits("digits", "5").unwrap_err().sentence,
            "is 5; codes have 6 to 8 digits"
        );
        assert!(digits("digits", "-6").is_err());
        assert!(digits("digits", "262").is_err());
        assert!(period("period", "0").is_err());
        assert!(period("period", "4294967326").is_err());
        assert_eq!(period("period", " 60 "), Ok(60));
    }
}
