//! Writing tokens as OATH CSV with a header: **in clear**, which is what that format is. PSKC is the encrypted way.
//!
//! A disabled token would be one in use wherever this is read, so the caller leaves it out; and the last code that was used is not
//! told, so that the reader takes it once more while its period lasts.

use zeroize::Zeroizing;

use crate::{csv::push_field, model::ImportedToken, model::TokenKind};

/// Tokens in clear, and what is not among them.
pub struct OathCsv {
    /// The table.
    pub text: Zeroizing<String>,
    /// Places in the given tokens of those that the format has no words for: YubiKeys in their own mode.
    pub left_out: Vec<usize>,
}

/// TOTP and HOTP tokens, with a header, in UTF-8.
#[must_use]
pub fn oath_csv(tokens: &[ImportedToken]) -> OathCsv {
    let mut text = Zeroizing::new(String::with_capacity(128 + tokens.len() * 160));
    text.push_str(
        "token_serial,token_secret_hex,token_type,algorithm,digits,period,counter,name,domain,token_name,issuer\n",
    );
    let mut left_out = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        let (kind, algorithm, digits, period, counter) = match &token.kind {
            TokenKind::Totp {
                algorithm,
                digits,
                period_s,
            } => ("totp", algorithm, digits, period_s.to_string(), String::new()),
            TokenKind::Hotp {
                algorithm,
                digits,
                counter,
            } => ("hotp", algorithm, digits, String::new(), counter.to_string()),
            TokenKind::YubikeyOtp { .. } => {
                left_out.push(place);
                continue;
            }
        };
        push_field(&mut text, &serial(token, place));
        text.push(',');
        for byte in token.secret.iter() {
            text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        let (owner, domain) = match &token.owner {
            Some(owner) => (owner.name.as_str(), owner.domain.as_deref().unwrap_or_default()),
            None => ("", ""),
        };
        let digits = digits.to_string();
        let fields = [
            kind,
            algorithm.name(),
            &digits,
            &period,
            &counter,
            owner,
            domain,
            token.name.as_deref().unwrap_or_default(),
            token.issuer.as_deref().unwrap_or_default(),
        ];
        for field in fields {
            text.push(',');
            push_field(&mut text, field);
        }
        text.push('\n');
    }
    OathCsv { text, left_out }
}

fn serial(token: &ImportedToken, place: usize) -> String {
    token.serial.clone().unwrap_or_else(|| format!("token-{}", place + 1))
}
