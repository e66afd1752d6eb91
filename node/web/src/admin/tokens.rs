//! Tokens.

use std::sync::Arc;

use quorate_api::{Algorithm, ChangeToken, CreateToken, CreatedToken, Nothing, Page, PageQuery, Token};
use quorate_app::{Enrolment, TokenSpec};
use quorate_core::{OtpAlgorithm, TokenId, TokenKind};

use super::paging;
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::secret;

/// What a token is called when nobody named it.
const NAME: &str = "authenticator";

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<Token>> {
    let query: PageQuery = call.query()?;
    let user = call.site.administrator.find_user(call.name())?;
    let state = call.site.replica.state();
    // Oldest first; a cursor that is gone begins again, which at sixteen tokens is no harm.
    let after: Option<TokenId> = query.after.as_deref().and_then(|id| id.parse().ok());
    let seen = after
        .and_then(|after| user.tokens.iter().position(|id| *id == after))
        .map_or(0, |place| place + 1);
    let tokens = state.tokens_of(user.id).skip(seen);
    Ok(Reply::plain(paging::cut(
        tokens,
        &query,
        |token| shape(token),
        |token| token.id.to_string(),
    )?))
}

pub(crate) async fn create(call: Call<CreateToken>) -> Answer<CreatedToken> {
    let user = call.site.administrator.find_user(call.name())?.id;
    let CreateToken {
        name,
        algorithm,
        digits,
        period_s,
        secret_base32,
    } = call.body;
    let name = if name.is_empty() { NAME.to_owned() } else { name };
    let seed = secret_base32
        .as_ref()
        .map(|text| secret::seed("secret_base32", text))
        .transpose()?;
    let spec = TokenSpec {
        name,
        kind: kind(algorithm, digits, period_s),
        seed,
    };
    let (token, enrolment) = call
        .site
        .administrator
        .create_token(call.actor, user, spec)
        .await
        .map_err(seed_field)?;
    let Enrolment {
        otpauth_uri,
        seed_base32,
        ..
    } = &enrolment;
    let created = CreatedToken {
        token: shape(&token),
        otpauth_uri: secret::shown(otpauth_uri),
        secret_base32: secret::shown(seed_base32),
    };
    Ok(Reply::revised(created, token.revision.0))
}

/// The use case knows a seed in bytes; this API, in base32.
fn seed_field(error: quorate_app::AdminError) -> Failure {
    let mut failure = Failure::from(error);
    for error in &mut failure.problem.errors {
        if let Some(stem) = error.field.strip_suffix("seed") {
            error.field = format!("{stem}secret_base32");
        }
    }
    failure
}

pub(crate) async fn show(call: Call<Nothing>) -> Answer<Token> {
    Ok(reply(&call.site.administrator.find_token(call.name())?))
}

pub(crate) async fn change(call: Call<ChangeToken>) -> Answer<Token> {
    let token = call.site.administrator.find_token(call.name())?;
    let name = call.body.name.unwrap_or_else(|| token.name.to_string());
    Ok(reply(
        &call
            .site
            .administrator
            .change_token(call.actor, token.id, call.expected, name)
            .await?,
    ))
}

pub(crate) async fn delete(call: Call<Nothing>) -> Answer<Nothing> {
    let token = call.site.administrator.find_token(call.name())?.id;
    call.site
        .administrator
        .delete_token(call.actor, token, call.expected)
        .await?;
    Ok(Reply::plain(Nothing))
}

pub(crate) async fn disable(call: Call<Nothing>) -> Answer<Token> {
    let token = call.site.administrator.find_token(call.name())?.id;
    Ok(reply(
        &call
            .site
            .administrator
            .disable_token(call.actor, token, call.expected)
            .await?,
    ))
}

pub(crate) async fn enable(call: Call<Nothing>) -> Answer<Token> {
    let token = call.site.administrator.find_token(call.name())?.id;
    Ok(reply(
        &call
            .site
            .administrator
            .enable_token(call.actor, token, call.expected)
            .await?,
    ))
}

/// The kind of a token, with what authenticator apps expect for what was not said.
pub(super) fn kind(algorithm: Algorithm, digits: Option<u8>, period_s: Option<u32>) -> TokenKind {
    let TokenKind::Totp {
        digits: usual_digits,
        period_s: usual_period_s,
        ..
    } = TokenKind::DEFAULT;
    TokenKind::Totp {
        algorithm: match algorithm {
            Algorithm::Sha1 => OtpAlgorithm::Sha1,
            Algorithm::Sha256 => OtpAlgorithm::Sha256,
            Algorithm::Sha512 => OtpAlgorithm::Sha512,
        },
        digits: digits.unwrap_or(usual_digits),
        period_s: period_s.unwrap_or(usual_period_s),
    }
}

fn reply(token: &Arc<quorate_core::Token>) -> Reply<Token> {
    Reply::revised(shape(token), token.revision.0)
}

fn shape(token: &quorate_core::Token) -> Token {
    let TokenKind::Totp {
        algorithm,
        digits,
        period_s,
    } = token.kind;
    Token {
        id: token.id.to_string(),
        user: token.user.to_string(),
        name: token.name.to_string(),
        algorithm: match algorithm {
            OtpAlgorithm::Sha1 => Algorithm::Sha1,
            OtpAlgorithm::Sha256 => Algorithm::Sha256,
            OtpAlgorithm::Sha512 => Algorithm::Sha512,
        },
        digits,
        period_s,
        enabled: token.enabled,
        revision: token.revision.0,
    }
}
