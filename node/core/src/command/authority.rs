//! Whether an actor may make a change, by the state that the change finds in the log: every node comes to the same answer,
//! whatever the node that was asked believed.

use crate::{
    change::Change,
    command::Actor,
    event::Event,
    ids::{TokenId, UserId},
    outcome::Refusal,
    permissions::Permission,
    records::{Mfa, Role, Trust},
    state::State,
};

impl Actor {
    /// Whether the actor still is who it was when it was checked.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`]: its token is gone, disabled, or was changed after it was checked.
    pub(crate) fn authorize(&self, state: &State) -> Result<(), Refusal> {
        match self {
            Actor::Root { .. } | Actor::ApiToken { .. } => self.role(state).map(|_| ()).ok_or(Refusal::NotAllowed),
            Actor::Directory { id } => {
                let directory = state.directory(*id).filter(|directory| directory.enabled);
                directory.map(|_| ()).ok_or(Refusal::NotAllowed)
            }
            Actor::Owner { .. } => Err(Refusal::NotAllowed),
        }
    }

    /// The role that the actor has now; none if it is no administrator, or none any more.
    pub fn role(&self, state: &State) -> Option<Role> {
        match self {
            Actor::Root { .. } => Some(Role::SuperAdmin),
            Actor::ApiToken { id, revision, .. } => state
                .api_token(*id)
                .filter(|token| token.enabled && token.revision == *revision)
                .map(|token| token.role),
            Actor::Directory { .. } | Actor::Owner { .. } => None,
        }
    }

    /// Whether the actor has this permission.
    ///
    /// # Errors
    /// [`Refusal::Missing`], or [`Refusal::NotAllowed`] of somebody who is no administrator at all.
    pub fn permit(&self, state: &State, permission: Permission) -> Result<(), Refusal> {
        match self.role(state).ok_or(Refusal::NotAllowed)?.has(permission) {
            true => Ok(()),
            false => Err(Refusal::Missing(permission)),
        }
    }

    /// Whether the actor may touch what belongs to this role.
    ///
    /// # Errors
    /// [`Refusal::AboveRole`], or [`Refusal::NotAllowed`] of somebody who is no administrator at all.
    pub fn reach(&self, state: &State, concerned: Option<Role>) -> Result<(), Refusal> {
        let own = self.role(state).ok_or(Refusal::NotAllowed)?;
        match concerned.is_none_or(|role| role <= own) {
            true => Ok(()),
            false => Err(Refusal::AboveRole),
        }
    }

    /// Whether the actor may make this change. Administrators may make all that their role permits but what only a directory
    /// can know; a directory changes its own people and nothing else.
    ///
    /// # Errors
    /// As [`Actor::permit`] and [`Actor::reach`].
    pub(super) fn may(&self, state: &State, change: &Change) -> Result<(), Refusal> {
        match self {
            Actor::Root { .. } | Actor::ApiToken { .. } => {
                if matches!(change, Change::SyncPerson(_)) {
                    return Err(Refusal::NotAllowed);
                }
                self.permit(state, change.permission())?;
                if departs_from_policy(state, change) {
                    self.permit(state, Permission::OverridePolicy)?;
                }
                self.reach(state, concerned(state, change))
            }
            Actor::Directory { id } => match directory_of(state, change) == Some(*id) {
                true => Ok(()),
                false => Err(Refusal::NotAllowed),
            },
            Actor::Owner { .. } => Err(Refusal::NotAllowed),
        }
    }
}

/// The directory whose person a change is about.
fn directory_of(state: &State, change: &Change) -> Option<crate::ids::DirectoryId> {
    match change {
        Change::SyncPerson(sync) => Some(sync.origin.directory),
        Change::LeaveDirectory(leave) => {
            let user = state.user(leave.user)?;
            user.origin.as_ref().map(|origin| origin.directory)
        }
        _ => None,
    }
}

/// The highest role of an account or API token that a change touches, as it was or as it would be.
fn concerned(state: &State, change: &Change) -> Option<Role> {
    let of_user = |id: UserId| state.user(id).map(|user| user.role);
    let of_token = |id: TokenId| state.token(id).and_then(|token| of_user(token.user));
    match change {
        Change::ChangeUser(change) => of_user(change.user),
        Change::SetLocal(change) => of_user(change.user),
        Change::SetPassword(change) => of_user(change.user),
        Change::SetPin(change) => of_user(change.user),
        Change::RequirePasswordChange(change) => of_user(change.user),
        Change::DisableUser(change) => of_user(change.user),
        Change::EnableUser(change) => of_user(change.user),
        Change::UnlockUser(change) => of_user(change.user),
        Change::DeleteUser(change) => of_user(change.user),
        Change::LeaveDirectory(change) => of_user(change.user),
        Change::AskDirectory(change) => of_user(change.user),
        Change::SetUserAccess(change) => of_user(change.user).max(change.role),
        Change::CreateToken(change) => of_user(change.user),
        Change::ChangeToken(change) => of_token(change.token),
        Change::DisableToken(change) => of_token(change.token),
        Change::EnableToken(change) => of_token(change.token),
        Change::DeleteToken(change) => of_token(change.token),
        Change::VerifyToken(change) => of_token(change.token),
        Change::ResyncToken(change) => of_token(change.token),
        Change::LoseToken(change) => of_token(change.token),
        Change::ExportPassword(change) => of_user(change.user),
        Change::ExportToken(change) => of_token(change.token),
        Change::AssignToken(change) => of_token(change.token).max(of_user(change.user)),
        Change::RevokeDevice(change) => state.device(change.device).and_then(|device| of_user(device.user)),
        Change::RevokeDevices(change) => of_user(change.user),
        Change::CreateApiToken(change) => Some(change.role),
        Change::DeleteApiToken(change) => state.api_token(change.token).map(|token| token.role),
        Change::CreateUser(_)
        | Change::ExportUser(_)
        | Change::ForgetPasswords(_)
        | Change::SyncPerson(_)
        | Change::CreateClient(_)
        | Change::ChangeClient(_)
        | Change::DisableClient(_)
        | Change::EnableClient(_)
        | Change::DeleteClient(_)
        | Change::CreateApplication(_)
        | Change::ChangeApplication(_)
        | Change::DisableApplication(_)
        | Change::EnableApplication(_)
        | Change::DeleteApplication(_)
        | Change::CreateDirectory(_)
        | Change::ChangeDirectory(_)
        | Change::DisableDirectory(_)
        | Change::EnableDirectory(_)
        | Change::DeleteDirectory(_)
        | Change::CreateGateway(_)
        | Change::ChangeGateway(_)
        | Change::DisableGateway(_)
        | Change::EnableGateway(_)
        | Change::DeleteGateway(_)
        | Change::CreateRule(_)
        | Change::ChangeRule(_)
        | Change::DisableRule(_)
        | Change::EnableRule(_)
        | Change::DeleteRule(_)
        | Change::SetPolicy(_)
        | Change::SetRoleRule(_)
        | Change::SetText(_)
        | Change::RemoveText(_)
        | Change::SetDefaultLanguage(_)
        | Change::SetRetention(_) => None,
    }
}

/// Whether a change makes an exception from what the policy says of a role.
fn departs_from_policy(state: &State, change: &Change) -> bool {
    let Change::SetUserAccess(change) = change else {
        return false;
    };
    let former = state.user(change.user);
    let role = change.role.or(former.map(|user| user.role)).unwrap_or_default();
    let trusted = change.trust == Some(Trust::Allowed) && !state.policy().role(role).may_trust;
    change.mfa == Some(Mfa::Exempt) || trusted
}

/// Whether these events leave nobody who may do everything, where there was somebody. On a node, root always may; but who
/// has only the API must not saw off the branch.
pub(super) fn takes_last_super_admin(state: &State, events: &[Event]) -> bool {
    let taken = events.iter().filter(|event| takes_super_admin(state, event)).count();
    taken > 0 && taken >= state.super_admin_count()
}

fn takes_super_admin(state: &State, event: &Event) -> bool {
    let stands = |id: &UserId| state.user(*id).is_some_and(|user| user.is_standing_super_admin());
    match event {
        Event::UserSaved(user) => stands(&user.id) && !user.is_standing_super_admin(),
        Event::UserDeleted(id) => stands(id),
        Event::ApiTokenDeleted(id) => state
            .api_token(*id)
            .is_some_and(|token| token.is_standing_super_admin()),
        _ => false,
    }
}
