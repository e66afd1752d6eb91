//! What an operator says about one directory, as plain data. [`Settings::check`] names every field that is wrong, not only the first;
//! [`Settings::warnings`] names what works and should not stay so.

mod check;

use std::{fmt, time::Duration};

use zeroize::Zeroizing;

pub use self::check::{Complaint, Problem};

/// One directory. It has no `Debug`: it holds the service account's password.
pub struct Settings {
    /// What operators call it; it stands in logs and reports.
    pub name: String,
    /// The domain under which its people are known here.
    pub domain: String,
    /// What speaks at the other end.
    pub kind: Kind,
    /// Where it is asked, in this order; the next is asked when one fails.
    pub controllers: Vec<Controller>,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// Who searches and changes.
    pub account: ServiceAccount,
    /// Under which entry people are searched for.
    pub base: String,
    /// A filter (RFC 4515) that finds one person; `{name}` stands for the name, which is escaped.
    pub user_filter: String,
    /// A second filter that must hold as well: who is to be a member of Quorate at all.
    pub member_filter: Option<String>,
    /// Which attribute holds what.
    pub attributes: Attributes,
    /// How groups are found; nothing, if nobody asks for groups.
    pub groups: Option<Groups>,
    /// Whether search references and referrals to other servers are followed. They are sent the service account's password.
    pub referrals: bool,
    /// How long is waited for what.
    pub timeouts: Timeouts,
    /// Operations at once: the bulkhead's width.
    pub width: usize,
}

/// What speaks at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// OpenLDAP, 389 Directory Server and the like: RFC 4511 with draft-behera-ldap-password-policy.
    Ldap,
    /// Active Directory, or Samba in its place.
    ActiveDirectory,
}

/// One controller of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Controller {
    /// A name or an address. Its certificate has to be for exactly this.
    pub host: String,
    /// 636 for `ldaps`, 389 else.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// TLS from the first byte.
    Ldaps,
    /// TLS after the StartTLS operation (RFC 4511 §4.14), before anything else is sent.
    StartTls,
    /// Not at all: every password can be read on the way. Passwords are not changed over such a connection.
    Plain,
}

/// Whose certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that the system trusts.
    System,
    /// These authorities and no others; certificates as PEM.
    Authority(String),
    /// Controllers that show exactly one of these certificates, by the SHA-256 of their DER form; neither name nor date nor issuer count.
    Pinned(Vec<[u8; 32]>),
}

/// Who searches and changes.
pub struct ServiceAccount {
    /// A distinguished name or, in Active Directory, a user principal name.
    pub name: String,
    /// Its password.
    pub password: Zeroizing<String>,
}

/// Which attribute holds what; nothing for what the directory has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// The name a person logs in with, in its canonical spelling.
    pub name: String,
    /// What identifies a person through every renaming: `entryUUID`, `objectGUID`.
    pub unique_id: Option<String>,
    /// What a person is called.
    pub display_name: Option<String>,
    /// Where mail reaches them.
    pub mail: Option<String>,
    /// Where text messages reach them.
    pub mobile: Option<String>,
    /// Where calls reach them.
    pub phone: Option<String>,
    /// Their language, as a tag of BCP 47.
    pub language: Option<String>,
    /// The distinguished name of who approves for them.
    pub manager: Option<String>,
}

/// How groups are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// Under which entry; the directory's base if it is not said.
    pub base: Option<String>,
    /// What is a group, as a filter without a placeholder.
    pub filter: String,
    /// The attribute of a group that holds its members.
    pub member_attribute: String,
    /// What the values of that attribute are.
    pub member_is: MemberIs,
    /// Whether a member of a group is a member of the groups that it is in.
    pub nested: bool,
    /// How long the groups of a person are remembered. Zero: never.
    pub remember: Duration,
}

/// What a group's member attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberIs {
    /// Distinguished names: `member`, `uniqueMember`.
    Dn,
    /// Login names: `memberUid`. Such groups hold no groups.
    Name,
}

/// How long is waited for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection to be there: name, TCP, TLS.
    pub connect: Duration,
    /// For the answer to one request.
    pub operation: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            operation: Duration::from_secs(4),
        }
    }
}

impl Attributes {
    /// The usual names in a directory of this kind.
    #[must_use]
    pub fn usual(kind: Kind) -> Self {
        let some = |name: &str| Some(name.to_owned());
        let (name, unique_id, display_name) = match kind {
            Kind::Ldap => ("uid", "entryUUID", "cn"),
            Kind::ActiveDirectory => ("sAMAccountName", "objectGUID", "displayName"),
        };
        Self {
            name: name.to_owned(),
            unique_id: some(unique_id),
            display_name: some(display_name),
            mail: some("mail"),
            mobile: some("mobile"),
            phone: some("telephoneNumber"),
            language: some("preferredLanguage"),
            manager: some("manager"),
        }
    }

    /// Every name, with the word for what it holds.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let optional = [
            ("unique_id", &self.unique_id),
            ("display_name", &self.display_name),
            ("mail", &self.mail),
            ("mobile", &self.mobile),
            ("phone", &self.phone),
            ("language", &self.language),
            ("manager", &self.manager),
        ];
        let optional = optional
            .into_iter()
            .filter_map(|(what, name)| name.as_deref().map(|name| (what, name)));
        std::iter::once(("name", self.name.as_str())).chain(optional)
    }
}

impl Groups {
    /// The usual way in a directory of this kind, nested, and not remembered.
    #[must_use]
    pub fn usual(kind: Kind) -> Self {
        let filter = match kind {
            Kind::Ldap => "(objectClass=groupOfNames)",
            Kind::ActiveDirectory => "(objectClass=group)",
        };
        Self {
            base: None,
            filter: filter.to_owned(),
            member_attribute: "member".to_owned(),
            member_is: MemberIs::Dn,
            nested: true,
            remember: Duration::ZERO,
        }
    }
}

impl Security {
    /// Whether nobody on the way can read or change anything.
    #[must_use]
    pub const fn is_private(self) -> bool {
        !matches!(self, Self::Plain)
    }
}

/// As an URL; StartTLS has none of its own and is named behind it.
impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.security {
            Security::Ldaps => "ldaps",
            Security::StartTls | Security::Plain => "ldap",
        };
        let bracketed = self.host.contains(':') && !self.host.starts_with('[');
        match bracketed {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port)?,
            false => write!(f, "{scheme}://{}:{}", self.host, self.port)?,
        }
        match self.security {
            Security::StartTls => f.write_str(" (StartTLS)"),
            Security::Ldaps | Security::Plain => Ok(()),
        }
    }
}
