//! Whom changes would lock out: the decision on a copy of the state, and who could log in before and could not after.
//!
//! "Could log in" is what can be known without what people type: nobody is barred, and each factor of the login's plan has
//! something to prove it with. Locks and delays pass by themselves and do not count; nor does where somebody comes from, so that a rule or a
//! network that asks for an address or an attribute is one that does not match. It is a reader's question (the whole state is looked
//! through for a change that concerns everybody), so nothing in the log asks it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    change::Change,
    command::{Administer, Command},
    decide::decide,
    event::evolve,
    ids::{ApplicationId, ClientId, Level, TokenId, UserId},
    method,
    outcome::{Outcome, Refusal},
    plan::{Plan, Question, plan},
    records::{Client, Factor, Token, User},
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

/// What users of a client meet, as far as it makes a difference to who gets in: clients that are alike in it are one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    application: ApplicationId,
    modes: [bool; 3],
    enabled: bool,
    required_groups: Box<[Box<str>]>,
    /// The client itself, if a rule names it.
    named: Option<ClientId>,
}

impl Kind {
    fn of(state: &State, client: &Client) -> Self {
        let is_named = state.rules().any(|rule| rule.when.client == Some(client.id));
        let modes = client.modes;
        Kind {
            application: client.application,
            modes: [modes.one_step, modes.two_step, modes.passcode_only],
            enabled: client.enabled,
            required_groups: client.entrance.required_groups.clone(),
            named: is_named.then_some(client.id),
        }
    }
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
    let doors = doors(state, &after);
    let mut found = Lockouts::default();
    let mut look = |user: &User| {
        let then = after.user(user.id);
        let lost = doors.iter().find_map(|door| {
            let application = admits(state, *door, user)?;
            let stays = then.is_some_and(|user| admits(&after, *door, user).is_some());
            (!stays).then_some(application)
        });
        if let Some(application) = lost {
            found.users += 1;
            if found.first.len() < bound {
                found.first.push((user.id, application));
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
            Change::SetPin(change) => Some(change.user),
            Change::CreateToken(change) => Some(change.user),
            Change::DisableToken(change) => Some(owner(change.token)),
            Change::DeleteToken(change) => Some(owner(change.token)),
            Change::LoseToken(change) => Some(owner(change.token)),
            _ => None,
        })
        .collect()
}

/// A client for each way in that there is now, and that becomes of it.
fn doors(state: &State, after: &State) -> Vec<ClientId> {
    let clients = state.clients().filter(|client| client.enabled);
    let mut kinds = BTreeMap::new();
    for client in clients {
        let then = after.client(client.id).map(|client| Kind::of(after, client));
        kinds.entry((Kind::of(state, client), then)).or_insert(client.id);
    }
    kinds.into_values().collect()
}

/// The application that a user comes into here, with the right password and codes.
fn admits(state: &State, door: ClientId, user: &User) -> Option<ApplicationId> {
    let client = state.client(door).filter(|client| client.enabled)?;
    let question = Question {
        client,
        user: Some(user),
        name: Some(&user.name),
        calling_station_id: None,
        nas_identifier: None,
        attributes: &[],
        device: None,
        now_ms: state.stamp().ms,
    };
    let plan = plan(state, &question)?;
    let open = plan.application.enabled && plan.refused.is_none() && user.enabled && user.is_active();
    (open && can_prove(state, &plan, user)).then_some(plan.application.id)
}

fn can_prove(state: &State, plan: &Plan, user: &User) -> bool {
    let is_code = |factor: &Factor| factor.code_kinds().is_some();
    let codes: Vec<Factor> = plan.factors.iter().copied().filter(is_code).collect();
    let tokens = method::usable(state.tokens_of(user.id), state.stamp().ms);
    let tokens: Vec<&Token> = tokens.into_iter().map(|token| &**token).collect();
    let password = !plan.asks_for_password() || has_password(state, user);
    !plan.factors.is_empty() && password && has_tokens(&codes, &tokens)
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
