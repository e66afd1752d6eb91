//! Changes that could lock somebody out: how carefully they are asked for, and what is answered.

use quorate_api::{CareQuery, Lockout, Lockouts, Previewed};
use quorate_app::{AdminError, Administrator, Care, Careful};
use quorate_core::State;

use crate::call::{Call, Reply};
use crate::failure::Failure;

/// How carefully the change is to be made, and by whom: for good, or until it is confirmed.
///
/// # Errors
/// `invalid`, when the query says both, or something else.
pub(super) fn asked<Req>(call: &Call<Req>) -> Result<(Care, Administrator), Failure> {
    let query: CareQuery = call.query()?;
    let administrator = call.site.administrator.until_confirmed(query.confirm_within_ms);
    let care = match (query.preview, query.allow_lockout) {
        (true, true) => {
            return Err(Failure::field(
                "preview",
                "excludes allow_lockout",
                "leave one of them out",
            ));
        }
        (true, false) => Care::Preview,
        (false, true) => Care::AllowLockout,
        (false, false) => Care::Careful,
    };
    Ok((care, administrator))
}

/// The object with its revision, or whom the change would lock out.
pub(super) fn reply<T, Res>(
    state: &State,
    careful: Careful<T>,
    show: impl FnOnce(T) -> Reply<Res>,
) -> Reply<Previewed<Res>> {
    match careful {
        Careful::Made(made) => show(made).map(Previewed::Made),
        Careful::Preview(found) => Reply::plain(Previewed::Preview(shape(state, &found))),
    }
}

/// Whom a change would lock out, by name.
fn shape(state: &State, found: &quorate_core::Lockouts) -> Lockouts {
    let first = found.first.iter().map(|(user, application)| Lockout {
        user: state
            .user(*user)
            .map_or_else(|| user.to_string(), |user| user.name.to_string()),
        application: state
            .application(*application)
            .map_or_else(|| application.to_string(), |application| application.name.to_string()),
    });
    Lockouts {
        would_lock_out: found.users,
        first: first.collect(),
    }
}

/// A refusal with the names of those whom the change would lock out.
pub(super) fn named(state: &State, error: AdminError) -> Failure {
    let found = match &error {
        AdminError::WouldLockOut(found) => Some(shape(state, found)),
        _ => None,
    };
    let mut failure = Failure::from(error);
    failure.problem.lockouts = found;
    failure
}
