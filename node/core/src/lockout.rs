//! Whom changes would lock out: the decision on a copy of the state, and who could log in before and could not after.
//!
//! "Could log in" is what can be known without what people type: nobody is barred, each factor that is asked for has
//! something to prove it with, and there are as many factors as the user needs. Locks and delays pass by themselves and do
//! not count. It is a reader's question (the whole state is looked through for a change that concerns everybody), so nothing
//! in the log asks it.

use std::collections::BTreeSet;

use crate::{
    change::Change,
    command::{Administer, Command},
    decide::decide,
    event::evolve,
    ids::{ApplicationId, Level, TokenId, UserId},
    method,
    outcome::{Outcome, Refusal},
    records::{Application, Factor, Token, User, is_multi_factor},
    state::State,
};

/// Whom changes would lock out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lockouts {
    /// How many users would lose an application that they can use now.
    pub users: u64,
    /// The first of them, by name, each with the first application that would be lost.
    pub first: Vec<(UserId, ApplicationId)>,
}

/// An application as users of a client meet it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Door {
    application: ApplicationId,
    client_checks_password: bool,
}

/// Whom this command would lock out if it were the next one; at most `bound` of them by name.
///
/// # Errors
/// The refusal that the command would get.
pub fn lockouts(state: &State, level: Level, command: &Administer, bound: usize) -> Result<Lockouts, Refusal> {
    let decided = decide(state, level, state.stamp(), &Command::Administer(command.clone()))?;
    if let Outcome::ChangeRefused { refusal, .. } = decided.outcome {
        return Err(refusal);
    }
    let mut after = state.clone();
    decided.events.iter().for_each(|event| evolve(&mut after, level, event));
    let doors = doors(state);
    let mut found = Lockouts::default();
    let mut look = |user: &User| {
        let lost = doors.iter().find(|door| {
            let then = after.user(user.id);
            opens(state, **door, user) && !then.is_some_and(|user| opens(&after, **door, user))
        });
        if let Some(door) = lost {
            found.users += 1;
            if found.first.len() < bound {
                found.first.push((user.id, door.application));
            }
        }
    };
    match concerned(state, &command.changes) {
        Some(users) => users
            .iter()
            .filter_map(|id| state.user(*id))
            .for_each(|user| look(user)),
        None => state.users_after(None).for_each(|user| look(user)),
    }
    Ok(found)
}

/// The users whom changes are about; none if that may be everybody.
fn concerned(state: &State, changes: &[Change]) -> Option<BTreeSet<UserId>> {
    let owner = |id: TokenId| state.token(id).map_or(UserId(0), |token| token.user);
    changes
        .iter()
        .map(|change| match change {
            Change::SetUserAccess(change) => Some(change.user),
            Change::DisableUser(change) => Some(change.user),
            Change::DeleteUser(change) => Some(change.user),
            Change::SetPassword(change) => Some(change.user),
            Change::CreateToken(change) => Some(change.user),
            Change::DisableToken(change) => Some(owner(change.token)),
            Change::DeleteToken(change) => Some(owner(change.token)),
            Change::LoseToken(change) => Some(owner(change.token)),
            _ => None,
        })
        .collect()
}

/// Every way in that there is now.
fn doors(state: &State) -> BTreeSet<Door> {
    let clients = state.clients().filter(|client| client.enabled);
    clients
        .map(|client| Door {
            application: client.application,
            client_checks_password: client.modes.passcode_only,
        })
        .collect()
}

/// Whether a user can come in here, with the right password and codes.
fn opens(state: &State, door: Door, user: &User) -> bool {
    let Some(application) = state
        .application(door.application)
        .filter(|application| application.enabled)
    else {
        return false;
    };
    let enough = !user.needs_mfa(state.policy()) || is_multi_factor(&application.factors, door.client_checks_password);
    user.enabled && user.is_active() && enough && can_prove(state, door, application, user)
}

fn can_prove(state: &State, door: Door, application: &Application, user: &User) -> bool {
    let asks_for_password = application.asks_for_password() && !door.client_checks_password;
    let codes: Vec<Factor> = application
        .factors
        .iter()
        .copied()
        .filter(|factor| *factor != Factor::Password)
        .collect();
    if !asks_for_password && codes.is_empty() {
        return false;
    }
    let tokens = method::usable(state.tokens_of(user.id), state.stamp().ms);
    let tokens: Vec<&Token> = tokens.into_iter().map(|token| &**token).collect();
    (!asks_for_password || has_password(state, user)) && has_tokens(&codes, &tokens)
}

/// Of somebody whom a directory keeps, the directory knows; it has to be asked.
fn has_password(state: &State, user: &User) -> bool {
    match &user.origin {
        Some(origin) => state
            .directory(origin.directory)
            .is_some_and(|directory| directory.enabled),
        None => user.password.is_some(),
    }
}

/// Whether there is a token for each factor, none of them twice. There are three factors at most, so trying costs nothing.
fn has_tokens(factors: &[Factor], tokens: &[&Token]) -> bool {
    let Some((factor, rest)) = factors.split_first() else {
        return true;
    };
    (0..tokens.len()).any(|place| {
        let mut others = tokens.to_vec();
        let token = others.remove(place);
        factor.takes(token.kind.code_kind()) && has_tokens(rest, &others)
    })
}
