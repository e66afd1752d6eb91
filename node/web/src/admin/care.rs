//! Changes that could lock somebody out: how carefully they are asked for, and what is answered.

use quorate_api::{CareQuery, Lockout, Lockouts, Previewed};
use quorate_app::{AdminError, Administrator, Care};
use quorate_core::State;

use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;

/// Who makes the change that is asked for: as carefully as is asked, and for good or until it is confirmed.
///
/// # Errors
/// `invalid`, when the query says both, or something else.
pub(super) fn asked<Req>(call: &Call<Req>) -> Result<Administrator, Failure> {
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
    Ok(administrator.with_care(care))
}

/// The object with its revision, or whom the change would lock out; by name, as this state knows them.
pub(super) fn reply<T, Res>(
    state: &State,
    made: Result<T, AdminError>,
    show: impl FnOnce(T) -> Reply<Res>,
) -> Answer<Previewed<Res>> {
    match made {
        Ok(made) => Ok(show(made).map(Previewed::Made)),
        Err(AdminError::Previewed(found)) => Ok(Reply::previewed(Previewed::Preview(shape(state, &found)))),
        Err(AdminError::WouldLockOut(found)) => {
            let lockouts = shape(state, &found);
            let mut failure = Failure::from(AdminError::WouldLockOut(found));
            failure.problem.lockouts = Some(lockouts);
            Err(failure)
        }
        Err(error) => Err(error.into()),
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
