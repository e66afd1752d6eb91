//! What is Active Directory's own: the sub-codes in its refusals, account flags, identifiers, and how a password is written.

use std::fmt::Write;

use zeroize::{Zeroize, Zeroizing};

use crate::{
    connection::Entry,
    directory::{Denied, PasswordRefused},
    person::AccountState,
};

/// LDAP_MATCHING_RULE_IN_CHAIN: an attribute's values, and theirs, and so on.
pub(crate) const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

/// Flags of userAccountControl and msDS-User-Account-Control-Computed ([MS-ADTS] §2.2.16).
const DISABLED: i64 = 0x2;
const LOCKED_OUT: i64 = 0x10;
const PASSWORD_NEVER_EXPIRES: i64 = 0x1_0000;
const PASSWORD_EXPIRED: i64 = 0x80_0000;

/// accountExpires of who never ends, in both spellings ([MS-ADA1] §2.3).
const NEVER: [i64; 2] = [0, i64::MAX];

/// 100 ns between 1601 and 1970, and in a second.
const EPOCH_TICKS: i64 = 116_444_736_000_000_000;
const TICKS_PER_SECOND: i64 = 10_000_000;

/// Attributes by which an account's state is known.
pub(crate) const STATE_ATTRIBUTES: [&str; 6] = [
    "userAccountControl",
    "msDS-User-Account-Control-Computed",
    "accountExpires",
    "pwdLastSet",
    "objectSid",
    "primaryGroupID",
];

/// Why a bind was refused, from `data 52e` in its diagnostic message; nothing, if it says nothing of the kind.
pub(crate) fn denied(text: &str) -> Option<Denied> {
    Some(match sub_code(text)? {
        0x525 => Denied::NotFound,
        0x52e => Denied::WrongPassword,
        0x530 => Denied::NotPermittedNow,
        0x52f | 0x531 | 0x569 => Denied::NotPermittedHere,
        0x532 => Denied::PasswordExpired,
        0x533 => Denied::Disabled,
        0x701 => Denied::Expired,
        0x773 => Denied::MustChangePassword,
        0x775 => Denied::Locked,
        _ => return None,
    })
}

fn sub_code(text: &str) -> Option<u32> {
    let (_, behind) = text.split_once("data ")?;
    let digits: String = behind.chars().take_while(char::is_ascii_hexdigit).take(8).collect();
    u32::from_str_radix(&digits, 16).ok()
}

/// Why a new password was refused, from the Win32 error that begins the diagnostic message. Active Directory gives one code for every
/// rule; Samba says which in words.
pub(crate) fn password_refused(text: &str) -> Option<PasswordRefused> {
    let digits = text.split(':').next()?.trim();
    match u32::from_str_radix(digits, 16).ok()? {
        0x56 => Some(PasswordRefused::WrongOld),
        0x775 => Some(PasswordRefused::Denied(Denied::Locked)),
        0x5 => Some(PasswordRefused::NotAllowed),
        0x52d => Some(rule(&text.to_ascii_lowercase())),
        _ => None,
    }
}

fn rule(text: &str) -> PasswordRefused {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["too short"]) {
        PasswordRefused::TooShort
    } else if says(&["history", "already used", "previous"]) {
        PasswordRefused::InHistory
    } else if says(&["too young", "too recent", "minimum password age"]) {
        PasswordRefused::TooYoung
    } else if says(&["complex"]) {
        PasswordRefused::TooSimple
    } else {
        PasswordRefused::Policy
    }
}

/// The state of an account at a time.
pub(crate) fn state(entry: &Entry, now_s: i64) -> AccountState {
    let flags = entry.number("userAccountControl").unwrap_or_default();
    let computed = entry.number("msDS-User-Account-Control-Computed").unwrap_or_default();
    let expires = entry
        .number("accountExpires")
        .filter(|expires| !NEVER.contains(expires));
    let never_expires = flags & PASSWORD_NEVER_EXPIRES != 0;
    if flags & DISABLED != 0 {
        AccountState::Disabled
    } else if computed & LOCKED_OUT != 0 {
        AccountState::Locked
    } else if expires.is_some_and(|expires| expires.saturating_sub(EPOCH_TICKS) / TICKS_PER_SECOND <= now_s) {
        AccountState::Expired
    } else if entry.number("pwdLastSet") == Some(0) && !never_expires {
        AccountState::MustChangePassword
    } else if computed & PASSWORD_EXPIRED != 0 {
        AccountState::PasswordExpired
    } else {
        AccountState::Enabled
    }
}

/// A GUID in the spelling of everybody's tools: its first three parts are little-endian ([MS-DTYP] §2.3.4.2).
pub(crate) fn guid(bytes: &[u8]) -> Option<String> {
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::with_capacity(36);
    for (at, from) in order.into_iter().enumerate() {
        if [4, 6, 8, 10].contains(&at) {
            text.push('-');
        }
        let _ = write!(text, "{:02x}", bytes[from]);
    }
    Some(text)
}

/// The name of the primary group, which holds its members without knowing them: the domain of the person's SID, and the number that the
/// person's entry gives. As Active Directory takes it for the base of a search.
pub(crate) fn primary_group(entry: &Entry) -> Option<String> {
    let number = u32::try_from(entry.number("primaryGroupID")?).ok()?;
    let mut parts = sid(entry.bytes("objectSid")?)?;
    *parts.last_mut()? = number.into();
    let tail: String = parts.iter().map(|part| format!("-{part}")).collect();
    Some(format!("<SID=S-1{tail}>"))
}

/// Authority and sub-authorities of a SID ([MS-DTYP] §2.4.2.2); it has at least one of the latter.
fn sid(bytes: &[u8]) -> Option<Vec<u64>> {
    let (head, tail) = bytes.split_at_checked(8)?;
    let count = usize::from(*head.get(1)?);
    if head.first() != Some(&1) || !(1..=15).contains(&count) || tail.len() != count * 4 {
        return None;
    }
    let authority = head
        .iter()
        .skip(2)
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    let parts = tail
        .chunks_exact(4)
        .map(|part| part.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    Some(std::iter::once(authority).chain(parts).collect())
}

/// A password as unicodePwd takes it: in quotation marks, UTF-16, little-endian ([MS-ADTS] §3.1.1.3.1.5).
pub(crate) fn unicode_password(password: &str) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(password.len() * 2 + 4));
    let mut units: Vec<u16> = "\""
        .encode_utf16()
        .chain(password.encode_utf16())
        .chain("\"".encode_utf16())
        .collect();
    units
        .iter()
        .for_each(|unit| bytes.extend_from_slice(&unit.to_le_bytes()));
    units.zeroize();
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAID: &str = "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data ";

    #[test]
    fn sub_codes_are_told_apart() {
        for (code, expected) in [
            ("525", Denied::NotFound),
            ("52e", Denied::WrongPassword),
            ("530", Denied::NotPermittedNow),
            ("531", Denied::NotPermittedHere),
            ("532", Denied::PasswordExpired),
            ("533", Denied::Disabled),
            ("701", Denied::Expired),
            ("773", Denied::MustChangePassword),
            ("775", Denied::Locked),
        ] {
            assert_eq!(denied(&format!("{SAID}{code}, v2580\0")), Some(expected));
        }
        assert_eq!(denied("Invalid credentials"), None);
        assert_eq!(denied("data ü"), None);
    }

    #[test]
    fn identifiers_are_spelled_as_everywhere() {
        let bytes: Vec<u8> = (0..16).collect();
        assert_eq!(guid(&bytes).as_deref(), Some("03020100-0504-0706-0809-0a0b0c0d0e0f"));
        let sid = [
            1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 80, 4, 0, 0,
        ];
        let entry = Entry::with("cn=a", &[("objectSid", &sid), ("primaryGroupID", b"513")]);
        assert_eq!(primary_group(&entry).as_deref(), Some("<SID=S-1-5-21-1-2-3-513>"));
    }

    #[test]
    fn states_are_told_apart() {
        let state = |attributes: &[(&str, &[u8])]| super::state(&Entry::with("cn=a", attributes), 1_700_000_000);
        assert_eq!(state(&[("userAccountControl", b"512")]), AccountState::Enabled);
        assert_eq!(state(&[("userAccountControl", b"514")]), AccountState::Disabled);
        assert_eq!(
            state(&[("msDS-User-Account-Control-Computed", b"16")]),
            AccountState::Locked
        );
        assert_eq!(
            state(&[("accountExpires", b"132000000000000000")]),
            AccountState::Expired
        );
        assert_eq!(
            state(&[("accountExpires", b"9223372036854775807")]),
            AccountState::Enabled
        );
        assert_eq!(state(&[("pwdLastSet", b"0")]), AccountState::MustChangePassword);
        assert_eq!(
            state(&[("pwdLastSet", b"0"), ("userAccountControl", b"66048")]),
            AccountState::Enabled
        );
        assert_eq!(
            state(&[("msDS-User-Account-Control-Computed", b"8388608")]),
            AccountState::PasswordExpired
        );
    }

    #[test]
    fn a_password_is_quoted_and_wide() {
        assert_eq!(unicode_password("aé")[..], [b'"', 0, b'a', 0, 0xe9, 0, b'"', 0]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..80), text in ".{0,60}") {
            let _ = (sid(&bytes), guid(&bytes), denied(&text), password_refused(&text));
        }
    }
}
