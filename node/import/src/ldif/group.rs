//! Groups, which name their members: by distinguished name (groupOfNames) or by uid (posixGroup). They may stand before or behind
//! their members, so memberships are assigned when the file has ended.

use std::collections::BTreeMap;

use super::entry::Entry;
use crate::{dn, error::ImportError, fields, intake::Intake, quote::quoted, report::Wrong, text::utf8};

const GROUP: [&str; 5] = [
    "groupofnames",
    "groupofuniquenames",
    "groupofmembers",
    "posixgroup",
    "group",
];

/// What is known of groups and of whom they could mean.
#[derive(Default)]
pub(crate) struct Groups {
    groups: Vec<Group>,
    /// Users by key of their distinguished name, and by uid: their number.
    by_dn: BTreeMap<String, usize>,
    by_uid: BTreeMap<String, usize>,
    users: usize,
}

struct Group {
    name: String,
    members: Vec<Member>,
}

enum Member {
    Dn(String),
    Uid(String),
}

pub(crate) fn is_group(entry: &Entry) -> bool {
    let mut classes = entry.values("objectclass");
    classes.any(|class| GROUP.iter().any(|name| class.eq_ignore_ascii_case(name.as_bytes())))
}

impl Groups {
    /// Remembers and reports a group.
    pub(crate) fn read(&mut self, entry: &Entry, subject: &str, intake: &mut Intake) -> Result<(), ImportError> {
        match group(entry) {
            Ok(group) => {
                let summary = format!("group, {} members", group.members.len());
                intake.part(entry.place, subject, summary, Vec::new())?;
                self.groups.push(group);
            }
            Err(wrong) => {
                intake.row(entry.place, subject, Err(wrong.into()))?;
            }
        }
        Ok(())
    }

    /// Remembers the user who was taken last.
    pub(crate) fn remember_user(&mut self, entry: &Entry) {
        let number = self.users;
        self.users += 1;
        if let Ok(Some(name)) = entry.text("dn") {
            self.by_dn.insert(dn::key(name), number);
        }
        if let Ok(Some(uid)) = entry.text("uid") {
            self.by_uid.insert(uid.to_lowercase(), number);
        }
    }

    /// Gives every user the groups that name them.
    pub(crate) fn assign(self, intake: &mut Intake) {
        for group in &self.groups {
            let mut strangers = 0;
            for member in &group.members {
                let user = match member {
                    Member::Dn(name) => self.by_dn.get(name),
                    Member::Uid(uid) => self.by_uid.get(uid),
                };
                match user {
                    Some(user) => intake.add_group(*user, &group.name),
                    None => strangers += 1,
                }
            }
            if strangers > 0 {
                let name = quoted(&group.name);
                intake.note(format!(
                    "group {name}: {strangers} of its members are no user of this file"
                ));
            }
        }
    }
}

fn group(entry: &Entry) -> Result<Group, Wrong> {
    let name = entry.text("cn")?.ok_or_else(|| Wrong::new("cn", "is missing"))?;
    let name = fields::checked_name("cn", name)?.to_owned();
    let mut members = Vec::new();
    for member in entry.values("member") {
        members.push(Member::Dn(dn::key(utf8("member", member)?)));
    }
    for uid in entry.values("memberuid") {
        members.push(Member::Uid(utf8("memberUid", uid)?.trim().to_lowercase()));
    }
    Ok(Group { name, members })
}
