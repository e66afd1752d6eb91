//! What a directory says of its people. Issued by a node that asked it, on behalf of [`crate::Actor::Directory`].

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, require, user::saved},
    ids::{Revision, UserId},
    limits, names,
    outcome::{Field, Refusal},
    records::{Origin, User, UserName},
    state::State,
};

/// A person as the directory has them: made a user, or brought up to date.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SyncPerson {
    /// Random: the id of the user, if there is none yet.
    #[n(0)]
    pub id: UserId,
    /// Canonical, in the directory's domain.
    #[n(1)]
    pub name: UserName,
    /// What people call the user; may be empty.
    #[n(2)]
    pub display_name: Box<str>,
    /// Everything else that the directory says.
    #[n(3)]
    pub origin: Origin,
}

/// A person whom the directory no longer has, or no longer as a member.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LeaveDirectory {
    /// Which user.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

impl SyncPerson {
    /// Whether the user is so already.
    pub fn changes_nothing(&self, user: &User) -> bool {
        user.name == self.name && user.display_name == self.display_name && user.origin.as_deref() == Some(&self.origin)
    }

    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        self.check(state)?;
        let known = state.person(self.origin.directory, &self.origin.unique_id);
        match known.or_else(|| state.user_by_name(&self.name)) {
            None => self.create(state, revision),
            Some(user) => self.update(state, user, revision),
        }
    }

    fn check(&self, state: &State) -> Result<(), Refusal> {
        let directory = state.directory(self.origin.directory).ok_or(Refusal::NotFound)?;
        require(
            names::is_canonical(&self.name) && self.name.domain == directory.domain,
            Field::Name,
        )?;
        require(names::is_label(&self.display_name), Field::DisplayName)?;
        let Origin {
            unique_id,
            mail,
            mobile,
            language,
            groups,
            ..
        } = &self.origin;
        let bounded = [unique_id, mail, mobile, language]
            .into_iter()
            .chain(groups)
            .all(|text| names::is_label(text));
        let sorted = groups.is_sorted_by(|former, next| former < next);
        require(
            bounded && sorted && groups.len() <= limits::GROUPS_PER_USER,
            Field::Attributes,
        )
    }

    fn create(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        if self.id == UserId(0) || state.user(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        Ok(saved(User {
            id: self.id,
            name: self.name.clone(),
            display_name: self.display_name.clone(),
            password: None,
            password_revision: revision,
            enabled: true,
            tokens: Box::default(),
            code_failures: 0,
            locked_until_ms: None,
            revision,
            epoch: 0,
            origin: Some(Box::new(self.origin.clone())),
            preferred: None,
            local: None,
        }))
    }

    /// A local user of that name, or one of another directory, stays whose it is. Who may no longer get in loses what is
    /// remembered of former accepts.
    fn update(&self, state: &State, user: &User, revision: Revision) -> Result<Effect, Refusal> {
        let former = user
            .origin
            .as_ref()
            .filter(|origin| origin.directory == self.origin.directory);
        let former = former.ok_or(Refusal::NameTaken)?;
        let holder = state.user_by_name(&self.name).map(|holder| holder.id);
        if holder.is_some_and(|holder| holder != user.id) {
            return Err(Refusal::NameTaken);
        }
        if self.changes_nothing(user) {
            return Ok(Effect {
                events: Vec::new(),
                object: Object::User(user.id),
                name: user.name.to_string().into(),
            });
        }
        let leaves = former.active && !self.origin.active;
        Ok(saved(User {
            name: self.name.clone(),
            display_name: self.display_name.clone(),
            origin: Some(Box::new(self.origin.clone())),
            epoch: user.epoch.wrapping_add(u32::from(leaves)),
            revision,
            ..user.clone()
        }))
    }
}

impl LeaveDirectory {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = state.user(self.user).ok_or(Refusal::NotFound)?;
        expect(user.revision, self.expected)?;
        let origin = user.origin.as_ref().ok_or(Refusal::NotFound)?;
        Ok(saved(User {
            origin: Some(Box::new(Origin {
                active: false,
                ..(**origin).clone()
            })),
            epoch: user.epoch.wrapping_add(1),
            revision,
            ..(**user).clone()
        }))
    }
}
