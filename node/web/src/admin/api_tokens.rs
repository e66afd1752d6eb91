//! API tokens.

use std::sync::Arc;

use quorate_api::{ApiToken, CreateApiToken, CreatedApiToken, Nothing, Page, PageQuery};

use super::{paging, roles};
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::secret;
use crate::site::Site;

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<ApiToken>> {
    let query: PageQuery = call.query()?;
    let state = call.site.replica.state();
    let after = query.after.as_deref();
    let tokens = state
        .api_tokens()
        .skip_while(|token| after.is_some_and(|after| &*token.name <= after));
    Ok(Reply::plain(paging::cut(
        tokens,
        &query,
        |token| shape(token),
        |token| token.name.to_string(),
    )?))
}

pub(crate) async fn create(call: Call<CreateApiToken>) -> Answer<CreatedApiToken> {
    let issued = call
        .site
        .administrator
        .create_api_token(call.actor, call.body.name, roles::role(call.body.role))
        .await?;
    let revision = issued.token.revision.0;
    let created = CreatedApiToken {
        api_token: shape(&issued.token),
        bearer: secret::shown(&issued.text),
    };
    Ok(Reply::revised(created, revision))
}

pub(crate) async fn show(call: Call<Nothing>) -> Answer<ApiToken> {
    let token = find(&call.site, call.name())?;
    Ok(Reply::revised(shape(&token), token.revision.0))
}

pub(crate) async fn delete(call: Call<Nothing>) -> Answer<Nothing> {
    let token = find(&call.site, call.name())?.id;
    call.site
        .administrator
        .delete_api_token(call.actor, token, call.expected)
        .await?;
    Ok(Reply::plain(Nothing))
}

fn find(site: &Site, text: &str) -> Result<Arc<quorate_core::ApiToken>, Failure> {
    let state = site.replica.state();
    let by_id = text.parse().ok().and_then(|id| state.api_token(id));
    let found = by_id.or_else(|| state.api_tokens().find(|token| &*token.name == text));
    found.cloned().ok_or_else(|| Failure::not_found("API token", text))
}

fn shape(token: &Arc<quorate_core::ApiToken>) -> ApiToken {
    ApiToken {
        id: token.id.to_string(),
        name: token.name.to_string(),
        enabled: token.enabled,
        role: roles::shown(token.role),
        revision: token.revision.0,
    }
}
