use minicbor::{Decode, Encode};

use crate::{
    audit::{ChangeKind, Object},
    command::Actor,
    ids::{NodeId, PendingId, Revision, RuleId},
    records::{Application, Client, Directory, Policy, Rule},
};

/// A change that is made and taken back by itself unless somebody confirms it in time.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Pending {
    /// Opaque and never used again.
    #[n(0)]
    pub id: PendingId,
    /// Who made the change.
    #[n(1)]
    pub actor: Actor,
    /// The node that was asked.
    #[n(2)]
    pub node: NodeId,
    /// When it was made, in ms since 1970.
    #[n(3)]
    pub changed_ms: u64,
    /// Until when it has to be confirmed, in ms since 1970.
    #[n(4)]
    pub until_ms: u64,
    /// The revision that the change gave.
    #[n(5)]
    pub revision: Revision,
    /// What was done.
    #[n(6)]
    pub kind: ChangeKind,
    /// What the object is called; what it was called, if it is deleted.
    #[n(7)]
    pub name: Box<str>,
    /// What taking it back restores.
    #[n(8)]
    pub former: Former,
}

/// An object as it was before a change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Former {
    /// A rule; none if the change created it.
    #[n(0)]
    Rule {
        /// Which rule.
        #[n(0)]
        id: RuleId,
        /// As it was.
        #[n(1)]
        former: Option<Box<Rule>>,
    },
    /// The policy.
    #[n(1)]
    Policy(#[n(0)] Box<Policy>),
    /// A client.
    #[n(2)]
    Client(#[n(0)] Box<Client>),
    /// An application.
    #[n(3)]
    Application(#[n(0)] Box<Application>),
    /// A directory.
    #[n(4)]
    Directory(#[n(0)] Box<Directory>),
}

impl Former {
    /// Which object it is.
    pub fn object(&self) -> Object {
        match self {
            Former::Rule { id, .. } => Object::Rule(*id),
            Former::Policy(_) => Object::Policy,
            Former::Client(client) => Object::Client(client.id),
            Former::Application(application) => Object::Application(application.id),
            Former::Directory(directory) => Object::Directory(directory.id),
        }
    }
}
