use minicbor::{Decode, Encode};

use crate::{
    ids::{DirectoryId, Revision, Sealed},
    records::Channel,
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
    #[n(70)]
    pub naming: Naming,
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
