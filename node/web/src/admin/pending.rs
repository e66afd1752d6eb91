//! Changes that wait for their confirmation.

use quorate_api::{ConfirmQuery, Nothing, Page, PendingChange};
use quorate_app::Administrator;
use quorate_core::{Actor, State};

use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;

/// Who makes the change that is asked for: for good, or until it is confirmed.
///
/// # Errors
/// `invalid`, when the query says something else.
pub(super) fn administrator<Req>(call: &Call<Req>) -> Result<Administrator, Failure> {
    let query: ConfirmQuery = call.query()?;
    Ok(call.site.administrator.until_confirmed(query.confirm_within_ms))
}

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<PendingChange>> {
    Ok(Reply::plain(Page {
        items: waiting(&call.site.replica.state()),
        next: None,
    }))
}

pub(crate) async fn confirm(call: Call<Nothing>) -> Answer<PendingChange> {
    let administrator = &call.site.administrator;
    let pending = administrator.find_pending(call.name())?;
    administrator.confirm_change(call.actor, pending.id).await?;
    Ok(Reply::plain(shape(&pending)))
}

pub(crate) async fn take_back(call: Call<Nothing>) -> Answer<PendingChange> {
    let administrator = &call.site.administrator;
    let pending = administrator.find_pending(call.name())?;
    administrator.take_back_change(call.actor, pending.id).await?;
    Ok(Reply::plain(shape(&pending)))
}

/// All that waits, the next to be taken back first.
pub(super) fn waiting(state: &State) -> Vec<PendingChange> {
    let mut waiting: Vec<PendingChange> = state.pending().map(|pending| shape(pending)).collect();
    waiting.sort_by_key(|pending| pending.until_ms);
    waiting
}

fn shape(pending: &quorate_core::Pending) -> PendingChange {
    PendingChange {
        id: pending.id.to_string(),
        change: pending.kind.label().to_owned(),
        object: pending.object().to_string(),
        name: pending.name.to_string(),
        actor: match pending.actor {
            Actor::Root { uid } => format!("uid {uid}"),
            Actor::ApiToken { id, .. } => id.to_string(),
            Actor::Directory { id } => id.to_string(),
            Actor::Owner { user } => user.to_string(),
        },
        changed_ms: pending.changed_ms,
        until_ms: pending.until_ms,
        revision: pending.revision.0,
    }
}
