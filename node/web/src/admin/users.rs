//! Users.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use quorate_api::{
    ChangeOwnPassword, ChangeUser, CreateUser, Nothing, Page, PageQuery, SetPassword, SetPin, User, UserQuery,
};
use quorate_app::{AccessChange, Contact, NewUser, OwnPasswordChange, UserChange};
use quorate_core::Actor;
use quorate_core::plan::has_never_enrolled;

use super::{paging, roles};
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::limits;
use crate::secret::clear;
use crate::site::Site;

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<User>> {
    let UserQuery {
        limit,
        after,
        without_token,
    } = call.query()?;
    let query = PageQuery { limit, after };
    let after = match &query.after {
        Some(name) => Some(fold(&call.site, name)?),
        None => None,
    };
    let state = call.site.replica.state();
    if let Some(without_token) = without_token {
        return by_enrolment(&call.site, &state, after.as_ref(), &query, without_token);
    }
    let users = state.users_after(after.as_ref());
    let page = paging::cut(
        users,
        &query,
        |user| shape(&call.site, user),
        |user| user.name.to_string(),
    )?;
    Ok(Reply::plain(page))
}

/// Of a bounded number of users those who have never had a token in use, or those who have.
fn by_enrolment(
    site: &Site,
    state: &quorate_core::State,
    after: Option<&quorate_core::UserName>,
    query: &PageQuery,
    without_token: bool,
) -> Answer<Page<User>> {
    let limit = paging::limit(query.limit, "limit")?;
    let mut items = Vec::new();
    let mut next = None;
    let mut users = state.users_after(after).enumerate().peekable();
    while let Some((place, user)) = users.next() {
        if has_never_enrolled(state, user) == without_token {
            items.push(shape(site, user));
        }
        if items.len() == limit || place + 1 == limits::USERS_LOOKED_AT {
            next = users.peek().map(|_| user.name.to_string());
            break;
        }
    }
    Ok(Reply::plain(Page { items, next }))
}

fn fold(site: &Site, name: &str) -> Result<quorate_core::UserName, Failure> {
    let folded = site.administrator.names().fold(name);
    folded.map_err(|problem| Failure::field("after", problem.to_string(), "the `next` of the page before"))
}

pub(crate) async fn create(call: Call<CreateUser>) -> Answer<User> {
    let CreateUser {
        name,
        display_name,
        password,
        role,
        must_change_password,
    } = call.body;
    let new = NewUser {
        name,
        display_name,
        password: password.as_ref().map(clear),
        must_change_password,
        token: None,
        access: AccessChange {
            role: role.map(roles::role),
            ..AccessChange::default()
        },
    };
    let (user, _) = call.site.administrator.create_user(call.actor, new).await?;
    Ok(reply(&call.site, &user))
}

pub(crate) async fn show(call: Call<Nothing>) -> Answer<User> {
    let user = call.site.administrator.find_user(call.name())?;
    Ok(reply(&call.site, &user))
}

pub(crate) async fn change(call: Call<ChangeUser>) -> Answer<User> {
    let user = call.site.administrator.find_user(call.name())?.id;
    let change = UserChange {
        name: call.body.name,
        display_name: call.body.display_name,
        must_change_password: call.body.must_change_password,
        groups: call.body.groups,
        enrol_by_ms: call.body.enrol_by_ms.map(|at_ms| (at_ms > 0).then_some(at_ms)),
        language: call.body.language,
        contact: Contact {
            mobile: call.body.mobile,
            mail: call.body.mail,
        },
    };
    let user = call
        .site
        .administrator
        .change_user(call.actor, user, call.expected, change)
        .await?;
    Ok(reply(&call.site, &user))
}

pub(crate) async fn delete(call: Call<Nothing>) -> Answer<Nothing> {
    let user = call.site.administrator.find_user(call.name())?.id;
    call.site
        .administrator
        .delete_user(call.actor, user, call.expected)
        .await?;
    Ok(Reply::plain(Nothing))
}

pub(crate) async fn set_password(call: Call<SetPassword>) -> Answer<User> {
    let user = call.site.administrator.find_user(call.name())?.id;
    let password = call.body.password.as_ref().map(clear);
    let user = call
        .site
        .administrator
        .set_password(
            call.actor,
            user,
            call.expected,
            password,
            call.body.must_change_password,
        )
        .await?;
    Ok(reply(&call.site, &user))
}

pub(crate) async fn set_pin(call: Call<SetPin>) -> Answer<User> {
    let user = call.site.administrator.find_user(call.name())?.id;
    let pin = call.body.pin.as_ref().map(clear);
    let user = call
        .site
        .administrator
        .set_pin(call.actor, user, call.expected, pin)
        .await?;
    Ok(reply(&call.site, &user))
}

pub(crate) async fn change_own_password(call: Call<ChangeOwnPassword>) -> Answer<User> {
    let user = call.site.administrator.find_user(call.name())?;
    let change = OwnPasswordChange {
        name: user.name.to_string(),
        old: clear(&call.body.old_password),
        new: clear(&call.body.new_password),
        source: source(&call.actor),
    };
    let user = call.site.administrator.change_own_password(change).await?;
    Ok(reply(&call.site, &user))
}

/// By whom wrong passwords are counted: the machine itself counts as one.
fn source(actor: &Actor) -> IpAddr {
    match actor {
        Actor::ApiToken { source, .. } => *source,
        Actor::Root { .. } | Actor::Directory { .. } | Actor::Owner { .. } => IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

pub(crate) async fn disable(call: Call<Nothing>) -> Answer<User> {
    let user = call.site.administrator.find_user(call.name())?.id;
    let user = call
        .site
        .administrator
        .disable_user(call.actor, user, call.expected)
        .await?;
    Ok(reply(&call.site, &user))
}

pub(crate) async fn enable(call: Call<Nothing>) -> Answer<User> {
    let user = call.site.administrator.find_user(call.name())?.id;
    let user = call
        .site
        .administrator
        .enable_user(call.actor, user, call.expected)
        .await?;
    Ok(reply(&call.site, &user))
}

pub(crate) async fn unlock(call: Call<Nothing>) -> Answer<User> {
    let user = call.site.administrator.find_user(call.name())?.id;
    let user = call
        .site
        .administrator
        .unlock_user(call.actor, user, call.expected)
        .await?;
    Ok(reply(&call.site, &user))
}

pub(super) fn reply(site: &Site, user: &Arc<quorate_core::User>) -> Reply<User> {
    Reply::revised(shape(site, user), user.revision.0)
}

fn shape(site: &Site, user: &Arc<quorate_core::User>) -> User {
    let policy = *site.replica.state().policy();
    User {
        id: user.id.to_string(),
        name: user.name.to_string(),
        display_name: user.display_name.to_string(),
        enabled: user.enabled,
        has_password: user.password.is_some(),
        foreign_password: user.foreign_password,
        password_changed_ms: user.password.as_ref().map(|_| user.password_changed_ms),
        password_expires_ms: user
            .password
            .as_ref()
            .and_then(|_| policy.passwords.due_ms(user.password_changed_ms)),
        must_change_password: user.must_change_password,
        has_pin: user.pin.is_some(),
        tokens: u32::try_from(user.tokens.len()).unwrap_or(u32::MAX),
        code_failures: user.code_failures,
        // A lock whose time has passed is none, though nobody has cleared it yet.
        locked_until_ms: user.locked_until_ms.filter(|_| user.locked_at(site.clock.now_ms())),
        role: roles::shown(user.role),
        mfa: roles::mfa(user.mfa),
        mfa_needed: user.needs_mfa(&policy),
        trust: roles::trust(user.trust),
        may_trust: user.may_trust(&policy),
        groups: user
            .local
            .iter()
            .flat_map(|local| local.groups.iter())
            .map(ToString::to_string)
            .collect(),
        enrol_by_ms: user.local.as_ref().and_then(|local| local.enrol_by_ms),
        language: user.language().to_owned(),
        revision: user.revision.0,
    }
}
