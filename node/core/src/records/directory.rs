use minicbor::{Decode, Encode};

use crate::{
    ids::{DirectoryId, Revision, Sealed},
    limits,
    records::{Channel, User},
};

/// A directory that other people keep (LDAP, Active Directory): where the users of a domain are looked up and their
/// passwords are judged.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Directory {
    /// Opaque and never used again.
    #[n(0)]
    pub id: DirectoryId,
    /// Unique among directories.
    #[n(1)]
    pub name: Box<str>,
    /// The domain of its users, in canonical form; empty for the default one. Unique among directories.
    #[n(2)]
    pub domain: Box<str>,
    /// Where and how it is asked, sealed as a whole, for it holds a password. Nothing here looks into it.
    #[n(3)]
    pub settings: Sealed,
    /// A disabled directory is not asked, and its users get in nowhere a password is asked for.
    #[n(4)]
    pub enabled: bool,
    /// Moves with every administrative change.
    #[n(5)]
    pub revision: Revision,
    /// How its domain is called beside that.
    #[n(6)]
    pub naming: Naming,
    /// Whether right passwords of its people are remembered for an outage.
    #[n(7)]
    pub memory: PasswordMemory,
}

/// For how long right passwords of a directory's people are remembered, to be asked while none of its controllers answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct PasswordMemory {
    /// Hours; none are remembered for 0.
    #[n(0)]
    pub hours: u16,
    /// What was remembered until then is forgotten, in ms since 1970.
    #[n(1)]
    pub forgotten_ms: u64,
}

/// A password that a directory said was right.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RememberedPassword {
    /// The sealed verifier.
    #[n(0)]
    pub verifier: Sealed,
    /// When, in ms since 1970, by replicated time.
    #[n(1)]
    pub at_ms: u64,
}

/// How the domain of a directory is called, beside its own name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Naming {
    /// Further names of it (the NetBIOS name, other suffixes), in canonical form, sorted. Nobody's user name has one of them.
    #[n(0)]
    pub aliases: Box<[Box<str>]>,
    /// A name without domain means this one, unless a local user has that name. At most one directory's is meant so.
    #[n(1)]
    pub is_default: bool,
}

impl Directory {
    /// Whether its domain is called so, by whichever of its names.
    pub fn is_called(&self, domain: &str) -> bool {
        *self.domain == *domain || self.naming.aliases.iter().any(|alias| **alias == *domain)
    }

    /// For how long a right password is remembered, in ms.
    pub fn memory_ms(&self) -> u64 {
        u64::from(self.memory.hours) * limits::HOUR_MS
    }

    /// The password that is remembered of one of its people, as long as it may be asked: not once it is too old or forgotten, and never
    /// of anybody who is not let in.
    pub fn recalled<'a>(&self, user: &'a User, now_ms: u64) -> Option<&'a RememberedPassword> {
        let remembered = user.remembered.as_deref()?;
        let is_theirs = user.origin.as_ref().is_some_and(|origin| origin.directory == self.id);
        let is_let_in = self.enabled && user.enabled && user.is_active();
        let is_kept =
            remembered.at_ms > self.memory.forgotten_ms && now_ms < remembered.at_ms.saturating_add(self.memory_ms());
        (is_theirs && is_let_in && is_kept).then_some(remembered)
    }

    /// Whether a name without domain may mean somebody of it.
    pub fn is_default(&self) -> bool {
        self.naming.is_default || self.domain.is_empty()
    }
}

/// What a directory says of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Origin {
    /// Which directory.
    #[n(0)]
    pub directory: DirectoryId,
    /// What identifies the person there through every renaming (`entryUUID`, `objectGUID`); empty if nothing does.
    #[n(1)]
    pub unique_id: Box<str>,
    /// Where mail reaches the person; may be empty.
    #[n(2)]
    pub mail: Box<str>,
    /// Where text messages reach the person; may be empty.
    #[n(3)]
    pub mobile: Box<str>,
    /// A tag of BCP 47; may be empty.
    #[n(4)]
    pub language: Box<str>,
    /// Names of the groups the person is in, sorted.
    #[n(5)]
    pub groups: Box<[Box<str>]>,
    /// Whether the directory lets the person in. It does not once the person has left it, or its filter.
    #[n(6)]
    pub active: bool,
}

impl Origin {
    /// What the directory says of where codes on a channel are sent, as it spells it.
    pub fn address(&self, channel: Channel) -> &str {
        match channel {
            Channel::Sms | Channel::Voice => &self.mobile,
            Channel::Email => &self.mail,
        }
    }
}
