use std::fmt;

use minicbor::{Decode, Encode};

use crate::{
    ids::{Revision, Sealed, TokenId, UserId},
    records::{Local, Mfa, Origin, PasswordRules, Pins, Policy, RememberedPassword, Role, Trust},
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

/// What a password is set with.
pub(crate) struct NewPassword<'a> {
    pub rules: &'a PasswordRules,
    pub revision: Revision,
    pub now_ms: u64,
    pub must_change: bool,
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
    /// What the user may do.
    #[n(16)]
    pub role: Role,
    /// Whether the user needs more than one factor.
    #[n(17)]
    pub mfa: Mfa,
    /// Whether the user may have a device remembered.
    #[n(18)]
    pub trust: Trust,
    /// The sealed verifiers of former local passwords, newest first; as many as the policy had when the last was set.
    #[n(13)]
    pub former_passwords: Box<[Sealed]>,
    /// When the local password was set, in ms since 1970, by replicated time.
    #[n(14)]
    pub password_changed_ms: u64,
    /// The local password has to be changed at the next login.
    #[n(15)]
    pub must_change_password: bool,
    /// What administrators say of the user beside that; none for nothing.
    #[n(19)]
    pub local: Option<Box<Local>>,
    /// What is typed in front of every code, where the policy asks for it.
    #[n(20)]
    pub pin: Option<Box<Pin>>,
    /// A password that the user's directory said was right; see [`crate::Directory::recalled`].
    #[n(21)]
    pub remembered: Option<Box<RememberedPassword>>,
    /// The local password is checked by what another product made of it, until it is right for the first time.
    #[n(22)]
    pub foreign_password: bool,
}

/// Digits that only the user knows.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Pin {
    /// The sealed verifier; what is in it is [`crate::method::verifiers`]' own.
    #[n(0)]
    pub verifier: Sealed,
    /// How many: that is how it is told from the code after it.
    #[n(1)]
    pub digits: u8,
}

impl User {
    /// Somebody who is new: enabled, with nothing to log in by, and no more rights than anybody.
    pub(crate) fn new(id: UserId, name: UserName, display_name: Box<str>, revision: Revision, now_ms: u64) -> User {
        User {
            id,
            name,
            display_name,
            password: None,
            password_revision: revision,
            enabled: true,
            tokens: Box::default(),
            code_failures: 0,
            locked_until_ms: None,
            revision,
            epoch: 0,
            origin: None,
            preferred: None,
            role: Role::User,
            mfa: Mfa::ByRole,
            trust: Trust::ByRole,
            former_passwords: Box::default(),
            password_changed_ms: now_ms,
            must_change_password: false,
            local: None,
            pin: None,
            remembered: None,
            foreign_password: false,
        }
    }

    /// What has to stand in front of this user's codes.
    pub fn pin_by(&self, policy: &Policy) -> Option<&Pin> {
        self.pin.as_deref().filter(|_| policy.pins != Pins::Off)
    }

    /// In which language the user is written to: the directory's word counts before what is kept here. Empty if nobody says one.
    pub fn language(&self) -> &str {
        let of_directory = self.origin.as_ref().map(|origin| &*origin.language);
        let kept_here = self.local.as_ref().map_or("", |local| &*local.language);
        of_directory.filter(|said| !said.is_empty()).unwrap_or(kept_here)
    }

    /// Whether the directory that the user is from, if any, lets the user in.
    pub fn is_active(&self) -> bool {
        self.origin.as_ref().is_none_or(|origin| origin.active)
    }

    /// Whether the local password has to be changed before it lets anybody in.
    pub fn is_password_due(&self, rules: &PasswordRules, now_ms: u64) -> bool {
        let is_past = || {
            rules
                .due_ms(self.password_changed_ms)
                .is_some_and(|due_ms| now_ms >= due_ms)
        };
        self.origin.is_none() && self.password.is_some() && (self.must_change_password || is_past())
    }

    /// The same user with another local password, or none. The former one joins those that are not taken again, also
    /// if it is only taken away.
    pub(crate) fn with_password(&self, password: Option<Sealed>, new: NewPassword<'_>) -> User {
        let former = self.password.iter().chain(&self.former_passwords);
        User {
            former_passwords: former.take(new.rules.former_kept()).cloned().collect(),
            password,
            password_revision: new.revision,
            password_changed_ms: new.now_ms,
            must_change_password: new.must_change,
            foreign_password: false,
            revision: new.revision,
            ..self.clone()
        }
    }

    /// Whether the second factor is locked at this time.
    pub fn locked_at(&self, now_ms: u64) -> bool {
        self.locked_until_ms.is_some_and(|until_ms| now_ms < until_ms)
    }
}
