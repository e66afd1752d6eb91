//! Users and tokens, taken along.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use quorate_api::{
    Argon2idHash, Confidential, ExportTokens, ExportUsers, ExportedToken, ExportedTokens, ExportedUser, ExportedUsers,
};
use quorate_app::{PasswordVerifier, TakenToken, TakenUser, limits};
use quorate_core::{Standing, TokenId, TokenKind, method};

use super::token_spec;
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::secret;

const CURSOR: &str = "the `next` of the answer before";

pub(crate) async fn users(call: Call<ExportUsers>) -> Answer<ExportedUsers> {
    let administrator = &call.site.administrator;
    let ExportUsers { after, password_hashes } = &call.body;
    let after = after
        .as_deref()
        .map(|name| administrator.names().fold(name))
        .transpose();
    let after = after.map_err(|problem| Failure::field("after", problem.to_string(), CURSOR))?;
    let taken = administrator
        .export_users(call.actor, after.as_ref(), *password_hashes)
        .await?;
    let last = taken.last().map(|taken| taken.user.name.to_string());
    Ok(Reply::plain(ExportedUsers {
        next: last.filter(|_| taken.len() == limits::EXPORTED_PER_COMMAND),
        users: taken.iter().map(user).collect(),
    }))
}

fn user(taken: &TakenUser) -> ExportedUser {
    let user = &taken.user;
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let kept = user.local.iter().flat_map(|local| local.groups.iter());
    let of_directory = user.origin.iter().flat_map(|origin| origin.groups.iter());
    let groups: std::collections::BTreeSet<String> = kept.chain(of_directory).map(ToString::to_string).collect();
    ExportedUser {
        name: user.name.name.to_string(),
        domain: said(&user.name.domain),
        display_name: user.display_name.to_string(),
        mail: taken.mail.as_ref().map(secret::shown),
        mobile: taken.mobile.as_ref().map(secret::shown),
        language: said(user.language()),
        groups: groups.into_iter().collect(),
        enabled: user.enabled,
        foreign_password: user.foreign_password,
        password_hash: taken.verifier.as_ref().and_then(hash),
    }
}

fn hash(verifier: &PasswordVerifier) -> Option<Argon2idHash> {
    let parts = verifier.parts()?;
    Some(Argon2idHash {
        memory_kib: parts.memory_kib,
        passes: parts.passes,
        lanes: parts.lanes,
        salt: Confidential::new(HEXLOWER.encode(&parts.salt)),
        hash: Confidential::new(HEXLOWER.encode(&parts.hash[..])),
    })
}

pub(crate) async fn tokens(call: Call<ExportTokens>) -> Answer<ExportedTokens> {
    let administrator = &call.site.administrator;
    let ExportTokens { user, after } = &call.body;
    let user = user.as_deref().map(|name| administrator.find_user(name)).transpose()?;
    let after = after.as_deref().map(str::parse::<TokenId>).transpose();
    let after = after.map_err(|_| Failure::field("after", "is no id of a token", CURSOR))?;
    let taken = administrator
        .export_tokens(call.actor, user.map(|user| user.id), after)
        .await?;
    Ok(Reply::plain(ExportedTokens {
        tokens: taken.tokens.iter().map(token).collect(),
        left_out: taken.left_out as u64,
        next: taken.next.map(|id| id.to_string()),
    }))
}

fn token(taken: &TakenToken) -> ExportedToken {
    let token = &taken.token;
    let (algorithm, digits, period_s, public_id) = match token.kind {
        TokenKind::Totp {
            algorithm,
            digits,
            period_s,
        } => (Some(algorithm), Some(digits), Some(period_s), None),
        TokenKind::Hotp { algorithm, digits } => (Some(algorithm), Some(digits), None, None),
        TokenKind::Yubikey { public_id } => (None, None, None, Some(method::modhex(&public_id))),
        TokenKind::Recovery { .. }
        | TokenKind::Static
        | TokenKind::Temporary { .. }
        | TokenKind::Registration
        | TokenKind::Sent { .. } => (None, None, None, None),
    };
    ExportedToken {
        id: token.id.to_string(),
        owner: taken.owner.as_ref().map(|owner| owner.name.to_string()),
        name: token.name.to_string(),
        kind: token_spec::api_kind(token.kind.code_kind()),
        algorithm: algorithm.map(token_spec::api_algorithm),
        digits,
        period_s,
        counter: token.used.next(),
        public_id,
        secret_base32: Confidential::new(BASE32_NOPAD.encode(&taken.secret)),
        enabled: token.standing == Standing::Enabled,
        expires_ms: token.expires_ms,
    }
}
