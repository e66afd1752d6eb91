//! A token to be made, from the shape it has on the wire.

use data_encoding::HEXLOWER_PERMISSIVE;
use quorate_api::{Algorithm, Confidential, CreateToken, TokenKind};
use quorate_app::{Material, TokenSpec, limits};
use quorate_core::{Channel, CodeKind, OtpAlgorithm, method};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::secret;

/// What authenticator apps expect where nothing is said.
const USUAL_DIGITS: u8 = 6;
/// See [`USUAL_DIGITS`].
const USUAL_PERIOD_S: u32 = 30;

/// What a token is called when nobody named it.
const fn usual_name(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Totp => "authenticator",
        TokenKind::Hotp => "fob",
        TokenKind::Yubikey => "YubiKey",
        TokenKind::Recovery => "recovery codes",
        TokenKind::Static => "static code",
        TokenKind::Temporary => "temporary code",
        TokenKind::Registration => "registration code",
        TokenKind::Sms => "SMS",
        TokenKind::Email => "e-mail",
        TokenKind::Voice => "call",
    }
}

/// # Errors
/// `invalid`, naming a field that cannot be read or does not belong to the kind.
pub(super) fn read(body: CreateToken) -> Result<TokenSpec, Failure> {
    refuse_strangers(&body)?;
    let kind = kind(&body)?;
    let material = material(&body)?;
    Ok(TokenSpec {
        name: match body.name.is_empty() {
            true => usual_name(body.kind).to_owned(),
            false => body.name,
        },
        kind,
        material,
        verified: body.verified,
        counter: body.counter.unwrap_or(0),
        expires_ms: body.expires_ms,
    })
}

/// What is said of another kind would be lost silently.
fn refuse_strangers(body: &CreateToken) -> Result<(), Failure> {
    use TokenKind::{Email, Hotp, Recovery, Sms, Static, Temporary, Totp, Voice, Yubikey};
    let said: [(&str, bool, &[TokenKind]); 12] = [
        ("address", body.address.is_some(), &[Sms, Email, Voice]),
        ("algorithm", body.algorithm.is_some(), &[Totp, Hotp]),
        ("digits", body.digits.is_some(), &[Totp, Hotp]),
        ("period_s", body.period_s.is_some(), &[Totp]),
        ("secret_base32", body.secret_base32.is_some(), &[Totp, Hotp]),
        ("counter", body.counter.is_some(), &[Totp, Hotp, Yubikey]),
        ("public_id", body.public_id.is_some(), &[Yubikey]),
        ("private_id", body.private_id.is_some(), &[Yubikey]),
        ("aes_key", body.aes_key.is_some(), &[Yubikey]),
        ("count", body.count.is_some(), &[Recovery]),
        ("code", body.code.is_some(), &[Static, Temporary]),
        (
            "uses",
            body.uses.is_some() || body.suspends_others.is_some(),
            &[Temporary],
        ),
    ];
    match said
        .iter()
        .find(|(_, said, kinds)| *said && !kinds.contains(&body.kind))
    {
        Some((field, _, _)) => Err(Failure::field(*field, "is not for this kind of token", "leave it out")),
        None => Ok(()),
    }
}

fn kind(body: &CreateToken) -> Result<quorate_core::TokenKind, Failure> {
    let algorithm = body.algorithm.unwrap_or_default();
    Ok(match body.kind {
        TokenKind::Totp => totp(algorithm, body.digits, body.period_s),
        TokenKind::Hotp => quorate_core::TokenKind::Hotp {
            algorithm: core_algorithm(algorithm),
            digits: body.digits.unwrap_or(USUAL_DIGITS),
        },
        TokenKind::Yubikey => quorate_core::TokenKind::Yubikey {
            public_id: public_id(body.public_id.as_deref())?,
        },
        TokenKind::Recovery => quorate_core::TokenKind::Recovery {
            codes: body.count.unwrap_or(limits::RECOVERY_CODES),
        },
        TokenKind::Static => quorate_core::TokenKind::Static,
        TokenKind::Temporary => quorate_core::TokenKind::Temporary {
            uses: body.uses.unwrap_or(limits::TEMPORARY_USES),
            suspends: body.suspends_others.unwrap_or(false),
        },
        TokenKind::Registration => quorate_core::TokenKind::Registration,
        TokenKind::Sms => sent(Channel::Sms),
        TokenKind::Email => sent(Channel::Email),
        TokenKind::Voice => sent(Channel::Voice),
    })
}

const fn sent(channel: Channel) -> quorate_core::TokenKind {
    quorate_core::TokenKind::Sent { channel }
}

/// A TOTP token, with what authenticator apps expect for what was not said.
pub(super) fn totp(algorithm: Algorithm, digits: Option<u8>, period_s: Option<u32>) -> quorate_core::TokenKind {
    quorate_core::TokenKind::Totp {
        algorithm: core_algorithm(algorithm),
        digits: digits.unwrap_or(USUAL_DIGITS),
        period_s: period_s.unwrap_or(USUAL_PERIOD_S),
    }
}

fn public_id(letters: Option<&str>) -> Result<[u8; 6], Failure> {
    letters
        .and_then(|letters| method::of_modhex(letters.as_bytes()))
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| {
            let hint = "the first twelve letters of any code of the key";
            Failure::field("public_id", "is missing or not in modhex", hint)
        })
}

fn material(body: &CreateToken) -> Result<Material, Failure> {
    if let Some(seed) = &body.secret_base32 {
        return Ok(Material::Seed(secret::seed("secret_base32", seed)?));
    }
    if let Some(address) = &body.address {
        return Ok(Material::Address(secret::clear(address)));
    }
    if let Some(code) = &body.code {
        return Ok(Material::Code(secret::clear(code)));
    }
    match (&body.aes_key, &body.private_id) {
        (Some(key), Some(private_id)) => Ok(Material::Yubikey {
            key: hexadecimal("aes_key", key)?,
            private_id: hexadecimal("private_id", private_id)?,
        }),
        (None, None) => Ok(Material::Drawn),
        (Some(_), None) => Err(Failure::field("private_id", "is missing", "it belongs to the AES key")),
        (None, Some(_)) => Err(Failure::field(
            "aes_key",
            "is missing",
            "it belongs to the private identity",
        )),
    }
}

fn hexadecimal(field: &str, text: &Confidential) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match HEXLOWER_PERMISSIVE.decode(text.expose().as_bytes()) {
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        Err(_) => Err(Failure::field(
            field,
            "is not hexadecimal",
            "digits and the letters a to f",
        )),
    }
}

const fn core_algorithm(algorithm: Algorithm) -> OtpAlgorithm {
    match algorithm {
        Algorithm::Sha1 => OtpAlgorithm::Sha1,
        Algorithm::Sha256 => OtpAlgorithm::Sha256,
        Algorithm::Sha512 => OtpAlgorithm::Sha512,
    }
}

pub(super) const fn api_algorithm(algorithm: OtpAlgorithm) -> Algorithm {
    match algorithm {
        OtpAlgorithm::Sha1 => Algorithm::Sha1,
        OtpAlgorithm::Sha256 => Algorithm::Sha256,
        OtpAlgorithm::Sha512 => Algorithm::Sha512,
    }
}

pub(super) const fn api_kind(kind: CodeKind) -> TokenKind {
    match kind {
        CodeKind::Totp => TokenKind::Totp,
        CodeKind::Hotp => TokenKind::Hotp,
        CodeKind::Yubikey => TokenKind::Yubikey,
        CodeKind::Recovery => TokenKind::Recovery,
        CodeKind::Static => TokenKind::Static,
        CodeKind::Temporary => TokenKind::Temporary,
        CodeKind::Registration => TokenKind::Registration,
        CodeKind::Sms => TokenKind::Sms,
        CodeKind::Email => TokenKind::Email,
        CodeKind::Voice => TokenKind::Voice,
    }
}
