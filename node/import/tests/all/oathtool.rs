//! Codes of imported secrets are those that oathtool makes from the secrets the fixtures were made with.

use std::process::Command;

use quorate_core::{
    OtpAlgorithm,
    otp::{code_text, hotp, timestep},
};
use quorate_import::{Algorithm, ImportedToken, TokenKind, read};

use crate::fixtures::{FIXTURES, Key, bytes, options};

const AT_S: u64 = 1_750_000_000;

/// Secret in hexadecimal, by serial: what was given to the products when the fixtures were made.
const SECRETS: [(&str, &str); 6] = [
    ("TOTP0001", "3132333435363738393031323334353637383930"),
    (
        "TOTP0002",
        "4141414141414141414141414141414141414141414141414141414141414141",
    ),
    ("TOTP0003", "5555555555555555555555555555555555555555"),
    ("HOTP0001", "6162636465666768696a6b6c6d6e6f7071727374"),
    (
        "TOKEN-1",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    ),
    ("TOKEN-2", "3132333435363738393031323334353637383930"),
];

fn code(token: &ImportedToken) -> String {
    let algorithm = |algorithm| match algorithm {
        Algorithm::Sha1 => OtpAlgorithm::Sha1,
        Algorithm::Sha256 => OtpAlgorithm::Sha256,
        Algorithm::Sha512 => OtpAlgorithm::Sha512,
    };
    match token.kind {
        TokenKind::Totp {
            algorithm: hash,
            digits,
            period_s,
        } => {
            let step = timestep(AT_S * 1_000, period_s);
            code_text(hotp(algorithm(hash), &token.secret, step, digits), digits)
        }
        TokenKind::Hotp {
            algorithm: hash,
            digits,
            counter,
        } => code_text(hotp(algorithm(hash), &token.secret, counter, digits), digits),
        TokenKind::YubikeyOtp { .. } => panic!("no code of a YubiKey is compared"),
    }
}

/// The tool's code, from the original secret and the imported parameters.
fn tool_code(token: &ImportedToken, secret: &str) -> String {
    let mut command = Command::new("oathtool");
    match token.kind {
        TokenKind::Totp {
            algorithm,
            digits,
            period_s,
        } => {
            command.arg(format!("--totp={}", algorithm.name())).args([
                "-d",
                &digits.to_string(),
                "-s",
                &format!("{period_s}s"),
                "-N",
                &format!("@{AT_S}"),
            ]);
        }
        TokenKind::Hotp { digits, counter, .. } => {
            command.args(["--hotp", "-d", &digits.to_string(), "-c", &counter.to_string()]);
        }
        TokenKind::YubikeyOtp { .. } => panic!("no code of a YubiKey is compared"),
    }
    let output = command.arg(secret).output().expect("oathtool runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("digits").trim().to_owned()
}

#[test]
fn codes_agree_with_oathtool() {
    let mut compared = 0;
    for (name, _, key) in FIXTURES {
        // These exports do not say the hash or the counter, which their reports say.
        if name.starts_with("privacyidea") && name.ends_with(".csv") && matches!(key, Key::None) {
            continue;
        }
        for token in &read(&bytes(name), &options(key)).unwrap().tokens {
            let serial = token.serial.as_deref().unwrap_or_default();
            let known = SECRETS.iter().find(|(known, _)| *known == serial);
            if let Some((_, secret)) = known {
                assert_eq!(code(token), tool_code(token, secret), "{name} {serial}");
                compared += 1;
            }
        }
    }
    // Four tokens in four files of privacyIDEA, two in four of python-pskc.
    assert_eq!(compared, 24);
}
