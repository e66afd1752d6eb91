use std::fmt;

use minicbor::{Decode, Encode};

use crate::{
    ids::{Revision, Sealed, TokenId, UserId},
    records::{Local, Origin},
};

/// A user's name: domain and name within it, both canonical already. Folding happens where Unicode tables
/// are allowed (the judging node); here names are only compared and checked by [`crate::names`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct UserName {
    /// The domain; empty for the default one.
    #[n(0)]
    pub domain: Box<str>,
    /// The name within the domain.
    #[n(1)]
    pub name: Box<str>,
}

impl UserName {
    /// Joins two texts that are canonical already.
    pub fn new(domain: &str, name: &str) -> Self {
        UserName {
            domain: domain.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.domain.is_empty() {
            true => f.write_str(&self.name),
            false => write!(f, "{}@{}", self.name, self.domain),
        }
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct User {
    /// Opaque and never used again.
    #[n(0)]
    pub id: UserId,
    /// Unique in the cluster.
    #[n(1)]
    pub name: UserName,
    /// What people call the user; may be empty.
    #[n(2)]
    pub display_name: Box<str>,
    /// The sealed verifier of the local password; none means no local password is ever right.
    #[n(3)]
    pub password: Option<Sealed>,
    /// Moves when the password does.
    #[n(4)]
    pub password_revision: Revision,
    /// A disabled user is refused by every node.
    #[n(5)]
    pub enabled: bool,
    /// The user's tokens, oldest first.
    #[n(6)]
    pub tokens: Box<[TokenId]>,
    /// Wrong codes since the last right one or the last lock.
    #[n(7)]
    pub code_failures: u32,
    /// The second factor is locked until this time, in ms since 1970.
    #[n(8)]
    pub locked_until_ms: Option<u64>,
    /// Moves with every administrative change of the user or of one of its tokens.
    #[n(9)]
    pub revision: Revision,
    /// Counts disables and locks, of the user and of its tokens: an accept remembered under a former epoch is void.
    #[n(10)]
    pub epoch: u32,
    /// What a directory says of the user, and owns; none for a user that is kept here.
    #[n(11)]
    pub origin: Option<Box<Origin>>,
    /// Where the user last chose to have a code sent.
    #[n(12)]
    pub preferred: Option<TokenId>,
    /// What administrators say of the user beside that; none for nothing.
    #[n(20)]
    pub local: Option<Box<Local>>,
}

impl User {
    /// Whether the directory that the user is from, if any, lets the user in.
    pub fn is_active(&self) -> bool {
        self.origin.as_ref().is_none_or(|origin| origin.active)
    }

    /// Whether the second factor is locked at this time.
    pub fn locked_at(&self, now_ms: u64) -> bool {
        self.locked_until_ms.is_some_and(|until_ms| now_ms < until_ms)
    }
}
