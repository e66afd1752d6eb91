//! Writing LDIF: people as inetOrgPerson, then their groups as groupOfNames.
//!
//! No version line stands in front, as RFC 2849 has it: OpenLDAP's slapadd takes it for a record, and no reader misses it.
//!
//! Passwords are not written. A disabled user is marked as OpenLDAP's password policy marks one that is locked for good
//! (`pwdAccountLockedTime: 000001010000Z`): loading it takes the relax control, and must, for without the mark a disabled
//! user would be an enabled one there.

use std::collections::BTreeMap;

use crate::{dn, encoding::to_base64, limits, model::ImportedUser};

/// Users and their groups below a base (`dc=example,dc=org`), in `ou=people` and `ou=groups`, which must exist there. A user with
/// a domain has `name@domain` as uid.
#[must_use]
pub fn ldif(users: &[ImportedUser], base: &str) -> String {
    let mut text = String::new();
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for user in users {
        let uid = user.name.to_string();
        let name = format!("uid={},ou=people,{base}", dn::escaped(&uid));
        push_person(&mut text, user, &uid, &name);
        for group in &user.groups {
            groups.entry(group).or_default().push(name.clone());
        }
    }
    for (group, members) in groups {
        text.push('\n');
        push(&mut text, "dn", &format!("cn={},ou=groups,{base}", dn::escaped(group)));
        push(&mut text, "objectClass", "groupOfNames");
        push(&mut text, "cn", group);
        for member in members {
            push(&mut text, "member", &member);
        }
    }
    text
}

fn push_person(text: &mut String, user: &ImportedUser, uid: &str, name: &str) {
    let full_name = user.display_name.as_deref().unwrap_or(uid);
    let surname = full_name.rsplit(' ').next().unwrap_or(full_name);
    if !text.is_empty() {
        text.push('\n');
    }
    push(text, "dn", name);
    push(text, "objectClass", "inetOrgPerson");
    push(text, "uid", uid);
    push(text, "cn", full_name);
    push(text, "sn", surname);
    let optional = [
        ("displayName", &user.display_name),
        ("mail", &user.mail),
        ("mobile", &user.mobile),
        ("preferredLanguage", &user.language),
    ];
    for (attribute, value) in optional {
        if let Some(value) = value {
            push(text, attribute, value);
        }
    }
    if !user.enabled {
        push(text, "pwdAccountLockedTime", "000001010000Z");
    }
}

/// One attribute, folded, and in base 64 where RFC 2849 asks for it.
fn push(text: &mut String, attribute: &str, value: &str) {
    let line = if is_safe(value) {
        format!("{attribute}: {value}")
    } else {
        format!("{attribute}:: {}", &*to_base64(value.as_bytes()))
    };
    // Everything is ASCII now, so that any place is a place to fold at.
    let (mut rest, mut room) = (line.as_str(), limits::LDIF_LINE);
    while rest.len() > room {
        let (head, tail) = rest.split_at(room);
        text.push_str(head);
        text.push_str("\n ");
        (rest, room) = (tail, limits::LDIF_LINE - 1);
    }
    text.push_str(rest);
    text.push('\n');
}

/// SAFE-STRING of RFC 2849, which may not end with a blank either (note 8).
fn is_safe(value: &str) -> bool {
    value
        .bytes()
        .all(|byte| byte.is_ascii() && !matches!(byte, 0 | b'\n' | b'\r'))
        && !value.starts_with([' ', ':', '<'])
        && !value.ends_with(' ')
}
