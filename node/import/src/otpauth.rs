//! Key URIs, as QR codes hold them: `otpauth://totp/Issuer:account?secret=…` and Google Authenticator's
//! `otpauth-migration://offline?data=…`, one per line. Empty lines and lines that begin with `#` are skipped.

use crate::{
    encoding::{self, SecretAlphabet},
    error::ImportError,
    fields::{self, OathParts},
    intake::{Intake, RowRefusal, Taken},
    limits,
    migration::{Batches, MIGRATION},
    model::ImportedToken,
    percent,
    quote::quoted,
    report::Wrong,
    text::lines,
};

const KEY_URI: &str = "otpauth://";

pub(crate) fn read(input: &[u8], intake: &mut Intake) -> Result<(), ImportError> {
    let mut batches = Batches::default();
    for (line, bytes) in lines(input) {
        let bytes = bytes.trim_ascii();
        if bytes.is_empty() || bytes.starts_with(b"#") {
            continue;
        }
        let place = intake.next_place(line);
        match crate::text::utf8("URI", bytes) {
            Ok(text) if starts_with(text, MIGRATION) => batches.read(text, line, intake)?,
            Ok(text) => {
                let (subject, taken) = key_uri(text, intake);
                intake.row(place, &subject, taken)?;
            }
            Err(wrong) => {
                intake.row(place, "", Err(wrong.into()))?;
            }
        }
    }
    batches.note_missing(intake);
    Ok(())
}

/// Whether a URI has this scheme, in any case.
pub(crate) fn starts_with(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
}

/// One URI; with the label for the report as far as it can be read.
fn key_uri(text: &str, intake: &Intake) -> (String, Result<Taken, RowRefusal>) {
    if text.len() > limits::ROW_BYTES || !starts_with(text, KEY_URI) {
        return (
            String::new(),
            Err(Wrong::new("URI", "does not begin with otpauth://").into()),
        );
    }
    let rest = &text[KEY_URI.len()..];
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (kind, label) = path.split_once('/').unwrap_or((path, ""));
    let label = percent::decode(label);
    let subject = label.clone().unwrap_or_default();
    (subject, token(kind, label, query, intake).map_err(RowRefusal::from))
}

fn token(kind: &str, label: Option<String>, query: &str, intake: &Intake) -> Result<Taken, Wrong> {
    let label = label.ok_or_else(|| Wrong::new("label", "has a broken percent encoding"))?;
    let query = Query::parse(query)?;
    let secret = query.secret.ok_or_else(|| Wrong::new("secret", "is missing"))?;
    let secret = fields::token_secret("secret", SecretAlphabet::Base32, &secret, &intake.options.secret_bytes)?;
    if kind.eq_ignore_ascii_case("hotp") && query.parts.counter.is_none() {
        return Err(Wrong::new("counter", "is missing; a HOTP URI must have one"));
    }
    let mut token = ImportedToken::new(query.parts.of_type("type", kind)?, secret);
    let notes = query.notes;
    label_into(&mut token, &label, query.issuer.as_deref())?;
    Ok(Taken {
        user: None,
        token: Some(token),
        notes,
    })
}

/// `Issuer:account`, with the issuer perhaps in the query, too.
pub(crate) fn label_into(token: &mut ImportedToken, label: &str, issuer: Option<&str>) -> Result<(), Wrong> {
    let (before, account) = match label.split_once(':') {
        Some((issuer, account)) => (Some(issuer.trim()), account.trim()),
        None => (None, label.trim()),
    };
    token.issuer = fields::description("issuer", issuer.or(before))?;
    if !account.is_empty() {
        token.name = fields::description("label", Some(account))?;
        token.owner = fields::user_name("label", account).ok();
    }
    Ok(())
}

#[derive(Default)]
struct Query {
    secret: Option<zeroize::Zeroizing<String>>,
    issuer: Option<String>,
    parts: OathParts,
    notes: Vec<String>,
}

impl Query {
    fn parse(text: &str) -> Result<Self, Wrong> {
        let mut query = Query::default();
        let mut seen: Vec<String> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()).take(limits::COLUMNS) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = name.to_ascii_lowercase();
            if seen.contains(&name) {
                return Err(Wrong::new("query", format!("has {} twice", quoted(&name))));
            }
            let value = percent::decode(value).map(zeroize::Zeroizing::new);
            let value = value
                .ok_or_else(|| Wrong::new("query", format!("has a broken percent encoding in {}", quoted(&name))))?;
            query.take(&name, value)?;
            seen.push(name);
        }
        Ok(query)
    }

    fn take(&mut self, name: &str, value: zeroize::Zeroizing<String>) -> Result<(), Wrong> {
        match name {
            "secret" => self.secret = Some(value),
            "issuer" => self.issuer = Some(value.to_string()),
            "algorithm" => self.parts.algorithm = Some(fields::algorithm("algorithm", &value)?),
            "digits" => self.parts.digits = Some(fields::digits("digits", &value)?),
            "period" => self.parts.period_s = Some(fields::period("period", &value)?),
            "counter" => self.parts.counter = Some(fields::number("counter", &value)?),
            "image" | "icon" | "color" | "lock" | "creator" => {}
            _ => self
                .notes
                .push(format!("parameter {} is not known and not read", quoted(name))),
        }
        Ok(())
    }
}

/// Writes the URI of a TOTP or HOTP token, for a QR code. `None` for other kinds. The label is the owner, or else the token's name or
/// serial. Holds the secret in clear: show it to its owner and keep it nowhere.
#[must_use]
pub fn otpauth_uri(token: &ImportedToken) -> Option<zeroize::Zeroizing<String>> {
    use crate::model::TokenKind;
    let (kind, algorithm, digits, moving) = match &token.kind {
        TokenKind::Totp {
            algorithm,
            digits,
            period_s,
        } => ("totp", algorithm, digits, format!("period={period_s}")),
        TokenKind::Hotp {
            algorithm,
            digits,
            counter,
        } => ("hotp", algorithm, digits, format!("counter={counter}")),
        TokenKind::YubikeyOtp { .. } => return None,
    };
    let owner = token.owner.as_ref().map(ToString::to_string);
    let account = owner.as_ref().or(token.name.as_ref()).or(token.serial.as_ref());
    let account = percent::encode(account.map_or("token", |account| account));
    let secret = encoding::to_base32(&token.secret);
    let mut uri = zeroize::Zeroizing::new(String::with_capacity(512));
    uri.push_str(KEY_URI);
    uri.push_str(kind);
    uri.push('/');
    if let Some(issuer) = &token.issuer {
        uri.push_str(&percent::encode(issuer));
        uri.push(':');
    }
    for part in [
        &account,
        "?secret=",
        &secret,
        "&algorithm=",
        algorithm.name(),
        "&digits=",
        &digits.to_string(),
        "&",
        &moving,
    ] {
        uri.push_str(part);
    }
    if let Some(issuer) = &token.issuer {
        uri.push_str("&issuer=");
        uri.push_str(&percent::encode(issuer));
    }
    Some(uri)
}
