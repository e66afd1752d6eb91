//! Tokens.

use quorate_api::{
    AssignToken, ChangeToken, CreateToken, CreatedToken, Nothing, Page, PageQuery, ResyncToken, Token, TokenState,
    VerifyToken,
};
use quorate_core::{Standing, TokenId, TokenKind, Used, UserId, method};

use super::{paging, token_spec};
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::secret;
use crate::site::Site;

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<Token>> {
    let query: PageQuery = call.query()?;
    let user = call.site.administrator.find_user(call.name())?;
    let state = call.site.replica.state();
    let now_ms = call.site.clock.now_ms();
    // Oldest first; a cursor that is gone begins again, which at sixteen tokens is no harm.
    let after: Option<TokenId> = query.after.as_deref().and_then(|id| id.parse().ok());
    let seen = after
        .and_then(|after| user.tokens.iter().position(|id| *id == after))
        .map_or(0, |place| place + 1);
    let tokens = state.tokens_of(user.id).skip(seen);
    Ok(Reply::plain(paging::cut(
        tokens,
        &query,
        |token| shape(token, now_ms),
        |token| token.id.to_string(),
    )?))
}

pub(crate) async fn list_stock(call: Call<Nothing>) -> Answer<Page<Token>> {
    let query: PageQuery = call.query()?;
    let state = call.site.replica.state();
    let now_ms = call.site.clock.now_ms();
    let after: Option<TokenId> = query.after.as_deref().and_then(|id| id.parse().ok());
    let tokens = state.stock_after(after);
    Ok(Reply::plain(paging::cut(
        tokens,
        &query,
        |token| shape(token, now_ms),
        |token| token.id.to_string(),
    )?))
}

pub(crate) async fn create(call: Call<CreateToken>) -> Answer<CreatedToken> {
    let user = call.site.administrator.find_user(call.name())?.id;
    make(call, Some(user)).await
}

pub(crate) async fn create_stock(call: Call<CreateToken>) -> Answer<CreatedToken> {
    make(call, None).await
}

async fn make(call: Call<CreateToken>, user: Option<UserId>) -> Answer<CreatedToken> {
    let spec = token_spec::read(call.body)?;
    let now_ms = call.site.clock.now_ms();
    let (token, enrolment) = call
        .site
        .administrator
        .create_token(call.actor, user, spec)
        .await
        .map_err(seed_field)?;
    let shown = |secret: &Option<_>| secret.as_ref().map(secret::shown);
    let (aes_key, private_id) = enrolment.yubikey.unzip();
    let created = CreatedToken {
        token: shape(&token, now_ms),
        otpauth_uri: shown(&enrolment.otpauth_uri),
        secret_base32: shown(&enrolment.seed_base32),
        aes_key: shown(&aes_key),
        private_id: shown(&private_id),
        codes: enrolment.codes.iter().map(secret::shown).collect(),
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
    Ok(reply(&call.site, &*call.site.administrator.find_token(call.name())?))
}

pub(crate) async fn change(call: Call<ChangeToken>) -> Answer<Token> {
    let token = call.site.administrator.find_token(call.name())?;
    let ChangeToken { name, expires_ms } = call.body;
    let name = name.unwrap_or_else(|| token.name.to_string());
    let expires_ms = match expires_ms {
        None => token.expires_ms,
        Some(0) => None,
        Some(expires_ms) => Some(expires_ms),
    };
    Ok(reply(
        &call.site,
        &*call
            .site
            .administrator
            .change_token(call.actor, token.id, call.expected, name, expires_ms)
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
        &call.site,
        &*call
            .site
            .administrator
            .disable_token(call.actor, token, call.expected)
            .await?,
    ))
}

pub(crate) async fn enable(call: Call<Nothing>) -> Answer<Token> {
    let token = call.site.administrator.find_token(call.name())?.id;
    Ok(reply(
        &call.site,
        &*call
            .site
            .administrator
            .enable_token(call.actor, token, call.expected)
            .await?,
    ))
}

pub(crate) async fn lose(call: Call<Nothing>) -> Answer<Token> {
    let token = call.site.administrator.find_token(call.name())?.id;
    Ok(reply(
        &call.site,
        &*call
            .site
            .administrator
            .lose_token(call.actor, token, call.expected)
            .await?,
    ))
}

pub(crate) async fn verify(call: Call<VerifyToken>) -> Answer<Token> {
    let token = call.site.administrator.find_token(call.name())?.id;
    let code = secret::clear(&call.body.code);
    Ok(reply(
        &call.site,
        &*call
            .site
            .administrator
            .verify_token(call.actor, token, call.expected, &code)
            .await?,
    ))
}

pub(crate) async fn send(call: Call<Nothing>) -> Answer<Token> {
    let token = call.site.administrator.find_token(call.name())?.id;
    Ok(reply(
        &call.site,
        &*call.site.administrator.send_code(call.actor, token).await?,
    ))
}

pub(crate) async fn resync(call: Call<ResyncToken>) -> Answer<Token> {
    let token = call.site.administrator.find_token(call.name())?.id;
    let codes = call.body.codes.each_ref().map(secret::clear);
    Ok(reply(
        &call.site,
        &*call
            .site
            .administrator
            .resync_token(
                call.actor,
                token,
                call.expected,
                codes.each_ref().map(|code| code.as_str()),
            )
            .await?,
    ))
}

pub(crate) async fn assign(call: Call<AssignToken>) -> Answer<Token> {
    let token = call.site.administrator.find_token(call.name())?.id;
    let user = match &call.body.user {
        Some(user) => Some(call.site.administrator.find_user(user)?.id),
        None => None,
    };
    Ok(reply(
        &call.site,
        &*call
            .site
            .administrator
            .assign_token(call.actor, token, call.expected, user)
            .await?,
    ))
}

fn reply(site: &Site, token: &quorate_core::Token) -> Reply<Token> {
    Reply::revised(shape(token, site.clock.now_ms()), token.revision.0)
}

fn shape(token: &quorate_core::Token, now_ms: u64) -> Token {
    let mut shaped = Token {
        id: token.id.to_string(),
        user: (token.user != UserId(0)).then(|| token.user.to_string()),
        name: token.name.to_string(),
        kind: token_spec::api_kind(token.kind.code_kind()),
        algorithm: None,
        digits: None,
        period_s: None,
        drift: None,
        counter: None,
        public_id: None,
        uses_left: None,
        suspends_others: None,
        address: None,
        state: state(token, now_ms),
        expires_ms: token.expires_ms,
        revision: token.revision.0,
    };
    match token.kind {
        TokenKind::Totp {
            algorithm,
            digits,
            period_s,
        } => {
            shaped.algorithm = Some(token_spec::api_algorithm(algorithm));
            shaped.digits = Some(digits);
            shaped.period_s = Some(period_s);
            if let Used::Time { drift, .. } = token.used {
                shaped.drift = Some(drift);
            }
        }
        TokenKind::Hotp { algorithm, digits } => {
            shaped.algorithm = Some(token_spec::api_algorithm(algorithm));
            shaped.digits = Some(digits);
            shaped.counter = Some(token.used.next());
        }
        TokenKind::Yubikey { public_id } => shaped.public_id = Some(method::modhex(&public_id)),
        TokenKind::Recovery { codes } => {
            if let Used::Slots { spent } = token.used {
                shaped.uses_left = Some(u32::from(codes).saturating_sub(spent.count_ones()));
            }
        }
        TokenKind::Static | TokenKind::Registration => (),
        TokenKind::Sent { channel: _ } => shaped.address = Some(token.hint.to_string()),
        TokenKind::Temporary { uses, suspends } => {
            if let Used::Times { uses: used } = token.used {
                shaped.uses_left = Some(uses.saturating_sub(used));
            }
            shaped.suspends_others = Some(suspends);
        }
    }
    shaped
}

fn state(token: &quorate_core::Token, now_ms: u64) -> TokenState {
    match token.standing {
        _ if token.expired_at(now_ms) => TokenState::Expired,
        Standing::Unverified => TokenState::Unverified,
        Standing::Enabled => TokenState::Enabled,
        Standing::Disabled => TokenState::Disabled,
        Standing::Lost => TokenState::Lost,
    }
}
