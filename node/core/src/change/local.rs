//! What administrators say of a user beside what a directory says.

use minicbor::{Decode, Encode};

use crate::{
    change::{Effect, expect, require, user::saved},
    ids::{Revision, UserId},
    limits, names,
    outcome::{Field, Refusal},
    records::{Local, User},
    state::State,
};

/// Other groups kept here, another date to enrol by, another language. A directory's users have them too.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SetLocal {
    /// Which user.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// All of it, as it is from now on.
    #[n(2)]
    pub local: Local,
}

impl SetLocal {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = state.user(self.user).ok_or(Refusal::NotFound)?;
        expect(user.revision, self.expected)?;
        let groups = &self.local.groups;
        let sorted = groups.is_sorted_by(|former, next| former < next);
        let bounded = groups.len() <= limits::GROUPS_PER_USER && groups.iter().all(|group| names::is_name(group));
        require(sorted && bounded, Field::Groups)?;
        let language = &self.local.language;
        require(language.is_empty() || names::is_language(language), Field::Language)?;
        let is_empty = self.local == Local::default();
        Ok(saved(User {
            local: (!is_empty).then(|| Box::new(self.local.clone())),
            revision,
            ..(**user).clone()
        }))
    }
}
