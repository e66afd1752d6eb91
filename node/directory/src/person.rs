//! Somebody in a directory, in the words of this crate whatever the directory calls them.

use crate::{
    active_directory,
    connection::Entry,
    settings::{Attributes, Kind},
};

/// Somebody in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name of the entry. It changes when the person is renamed or moved.
    pub dn: String,
    /// What identifies the person for ever.
    pub unique_id: Option<String>,
    /// The name to log in with, in its canonical spelling.
    pub name: String,
    /// What the person is called.
    pub display_name: Option<String>,
    /// Where mail reaches the person.
    pub mail: Option<String>,
    /// Where text messages reach the person.
    pub mobile: Option<String>,
    /// Where calls reach the person.
    pub phone: Option<String>,
    /// The person's language.
    pub language: Option<String>,
    /// The entry of who approves for the person.
    pub manager: Option<String>,
    /// Groups, if the settings say how to find them. Empty for people on a page.
    pub groups: Vec<Group>,
    /// There are more groups than are followed (`limits::GROUPS_MAX`), or they are nested deeper.
    pub groups_are_cut: bool,
    /// Whether the account can be used.
    pub state: AccountState,
    /// What the directory says of the password when somebody logs in.
    pub password_warning: Option<PasswordWarning>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    /// The name of its entry.
    pub dn: String,
    /// Its common name.
    pub cn: String,
}

/// Whether an account can be used, as far as its entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// It can.
    Enabled,
    /// An administrator has closed it.
    Disabled,
    /// Too many wrong passwords.
    Locked,
    /// Its time is over.
    Expired,
    /// Its password is too old.
    PasswordExpired,
    /// Its password has to be changed first.
    MustChangePassword,
}

/// What a directory says of a right password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordWarning {
    /// It expires in so many seconds.
    ExpiresInSeconds(u32),
    /// It has expired, and is accepted so many times more.
    GraceLoginsLeft(u32),
}

impl std::fmt::Display for AccountState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Locked => "locked",
            Self::Expired => "expired",
            Self::PasswordExpired => "enabled, but its password has expired",
            Self::MustChangePassword => "enabled, but its password must be changed",
        })
    }
}

/// Attributes by which the state of an account outside of Active Directory is known: OpenLDAP's ppolicy, 389 Directory Server, eDirectory,
/// and the shadow password suite.
const STATE_ATTRIBUTES: [&str; 5] = [
    "pwdAccountLockedTime",
    "pwdReset",
    "nsAccountLock",
    "loginDisabled",
    "shadowExpire",
];

/// pwdAccountLockedTime of who is locked for ever, by an administrator (draft-behera-ldap-password-policy §5.3.3).
const LOCKED_FOR_EVER: &str = "000001010000Z";

const DAY_S: i64 = 86_400;

/// Every attribute to ask for.
pub(crate) fn wanted(attributes: &Attributes, kind: Kind) -> Vec<&str> {
    let state: &[&str] = match kind {
        Kind::Ldap => &STATE_ATTRIBUTES,
        Kind::ActiveDirectory => &active_directory::STATE_ATTRIBUTES,
    };
    attributes
        .named()
        .map(|(_, name)| name)
        .chain(state.iter().copied())
        .collect()
}

/// The person of an entry; nothing, if it has no name to log in with.
pub(crate) fn person(entry: &Entry, attributes: &Attributes, kind: Kind, now_s: i64) -> Option<Person> {
    let text = |name: &Option<String>| entry.text(name.as_deref()?).map(str::to_owned);
    Some(Person {
        dn: entry.dn.clone(),
        unique_id: attributes.unique_id.as_deref().and_then(|name| unique_id(entry, name)),
        name: entry.text(&attributes.name)?.to_owned(),
        display_name: text(&attributes.display_name),
        mail: text(&attributes.mail),
        mobile: text(&attributes.mobile),
        phone: text(&attributes.phone),
        language: text(&attributes.language),
        manager: text(&attributes.manager),
        groups: Vec::new(),
        groups_are_cut: false,
        state: match kind {
            Kind::Ldap => state(entry, now_s),
            Kind::ActiveDirectory => active_directory::state(entry, now_s),
        },
        password_warning: None,
    })
}

/// Text as it is, a GUID as a GUID, other bytes in hexadecimal.
fn unique_id(entry: &Entry, name: &str) -> Option<String> {
    let bytes = entry
        .bytes(name)
        .filter(|bytes| !bytes.is_empty() && bytes.len() <= 128)?;
    if name.eq_ignore_ascii_case("objectGUID") {
        return active_directory::guid(bytes);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => Some(text.to_owned()),
        _ => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}

fn state(entry: &Entry, now_s: i64) -> AccountState {
    let locked = entry.text("pwdAccountLockedTime");
    let ends_s = entry
        .number("shadowExpire")
        .filter(|day| *day >= 0)
        .map(|day| day.saturating_mul(DAY_S));
    if entry.is_true("nsAccountLock") || entry.is_true("loginDisabled") || locked == Some(LOCKED_FOR_EVER) {
        AccountState::Disabled
    } else if locked.is_some() {
        AccountState::Locked
    } else if ends_s.is_some_and(|ends_s| ends_s <= now_s) {
        AccountState::Expired
    } else if entry.is_true("pwdReset") {
        AccountState::MustChangePassword
    } else {
        AccountState::Enabled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(attributes: &[(&str, &[u8])]) -> Option<Person> {
        let usual = Attributes::usual(Kind::Ldap);
        person(
            &Entry::with("uid=alice,dc=x", attributes),
            &usual,
            Kind::Ldap,
            1_700_000_000,
        )
    }

    #[test]
    fn attributes_are_found_whatever_their_case() {
        let alice = read(&[("UID", b"alice"), ("Mail", b" a@x "), ("mobile", b"\xff"), ("cn", b"")]).unwrap();
        assert_eq!((alice.name.as_str(), alice.mail.as_deref()), ("alice", Some("a@x")));
        assert_eq!((alice.mobile, alice.display_name), (None, None));
        assert_eq!(read(&[("cn", b"nobody")]), None);
    }

    #[test]
    fn states_are_told_apart() {
        let state = |name: &str, value: &[u8]| read(&[("uid", b"a"), (name, value)]).unwrap().state;
        assert_eq!(state("pwdAccountLockedTime", b"000001010000Z"), AccountState::Disabled);
        assert_eq!(state("pwdAccountLockedTime", b"20260101000000Z"), AccountState::Locked);
        assert_eq!(state("shadowExpire", b"19000"), AccountState::Expired);
        assert_eq!(state("shadowExpire", b"-1"), AccountState::Enabled);
        assert_eq!(state("pwdReset", b"TRUE"), AccountState::MustChangePassword);
        assert_eq!(state("nsAccountLock", b"true"), AccountState::Disabled);
    }
}
