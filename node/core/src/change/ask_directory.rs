//! What a directory is asked to change of one of its people. The cluster holds none of it: here is who may ask, and what the audit says.
//!
//! It is ordered in the log first, where it is decided who may, and concluded there once the directory has answered. An order without a
//! conclusion is one whose node did not live to write it: whether the directory did it, the directory knows.

use minicbor::{Decode, Encode};

use crate::{
    audit::{ChangeKind, Object},
    change::{
        Effect,
        user::{expected_user, saved},
    },
    event::Event,
    ids::{Revision, UserId},
    outcome::Refusal,
    records::User,
    state::State,
};

/// Something that a directory is asked to change of a user, or what it said.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AskDirectory {
    /// Whose.
    #[n(0)]
    pub user: UserId,
    /// The revision the user is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// What.
    #[n(2)]
    pub what: AskedOfDirectory,
    /// How far it is.
    #[n(3)]
    pub stage: AskStage,
}

/// What can be asked of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AskedOfDirectory {
    /// Another password.
    #[n(0)]
    Password,
    /// Another mobile number or mail address.
    #[n(1)]
    Contact,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AskStage {
    /// The directory is asked next.
    #[n(0)]
    Ordered,
    /// It has done it.
    #[n(1)]
    Done,
    /// It has not.
    #[n(2)]
    Refused,
    /// It did not answer, and may have done it.
    #[n(3)]
    Unknown,
}

impl AskDirectory {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = expected_user(state, self.user, self.expected)?;
        let origin = user.origin.as_ref().ok_or(Refusal::NotFound)?;
        let directory = state.directory(origin.directory);
        let may_order = directory.is_some_and(|directory| directory.enabled);
        match (self.stage, self.what) {
            (AskStage::Ordered, _) if !may_order => Err(Refusal::NotAllowed),
            // Whatever comes of it: what was proven by the former password ends here.
            (AskStage::Ordered, AskedOfDirectory::Password) => {
                let mut effect = saved(User {
                    password_revision: revision,
                    remembered: None,
                    revision,
                    ..user.clone()
                });
                effect.events.push(Event::PasswordDelaysForgotten { user: user.id });
                Ok(effect)
            }
            (AskStage::Ordered, AskedOfDirectory::Contact)
            | (AskStage::Done | AskStage::Refused | AskStage::Unknown, _) => Ok(Effect {
                events: Vec::new(),
                object: Object::User(user.id),
                name: user.name.to_string().into(),
            }),
        }
    }

    pub(super) fn kind(&self) -> ChangeKind {
        match (self.what, self.stage) {
            (AskedOfDirectory::Password, AskStage::Ordered) => ChangeKind::OrderDirectoryPassword,
            (AskedOfDirectory::Password, AskStage::Done) => ChangeKind::DirectoryPasswordSet,
            (AskedOfDirectory::Password, AskStage::Refused) => ChangeKind::DirectoryPasswordRefused,
            (AskedOfDirectory::Password, AskStage::Unknown) => ChangeKind::DirectoryPasswordUnknown,
            (AskedOfDirectory::Contact, AskStage::Ordered) => ChangeKind::OrderDirectoryContact,
            (AskedOfDirectory::Contact, AskStage::Done) => ChangeKind::DirectoryContactWritten,
            (AskedOfDirectory::Contact, AskStage::Refused) => ChangeKind::DirectoryContactRefused,
            (AskedOfDirectory::Contact, AskStage::Unknown) => ChangeKind::DirectoryContactUnknown,
        }
    }
}
