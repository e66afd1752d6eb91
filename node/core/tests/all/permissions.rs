//! The table of permissions, as text under review, and what must hold of it whoever edits it.

use std::{collections::BTreeSet, fmt::Write, fs};

use quorate_core::{Permission, Role};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/permissions.txt");

fn table() -> String {
    let mut text = format!("{:<22}", "permission");
    Role::ALL
        .iter()
        .for_each(|role| write!(text, "{:<13}", role.label()).unwrap());
    let mut lines = vec![text.trim_end().to_owned()];
    for permission in Permission::ALL {
        let mut line = format!("{:<22}", permission.label());
        for role in Role::ALL {
            let has = if role.has(permission) { "yes" } else { "." };
            write!(line, "{has:<13}").unwrap();
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_table_is_the_one_that_was_reviewed() {
    let now = table();
    if std::env::var("QUORATE_GOLDEN").is_ok_and(|mode| mode == "write") {
        fs::write(TABLE, &now).unwrap();
    }
    let reviewed = fs::read_to_string(TABLE).unwrap();
    assert_eq!(
        reviewed, now,
        "QUORATE_GOLDEN=write writes it; then look at the difference"
    );
}

fn of(role: Role) -> BTreeSet<&'static str> {
    role.permissions().map(Permission::label).collect()
}

#[test]
fn roles_grow_only_as_stated() {
    assert_eq!(of(Role::User).len(), 0, "a user administers nothing");
    for (lesser, greater) in [
        (Role::Helpdesk, Role::Admin),
        (Role::Auditor, Role::Admin),
        (Role::Admin, Role::SuperAdmin),
    ] {
        let missing: Vec<_> = of(lesser).difference(&of(greater)).copied().collect();
        assert_eq!(missing, Vec::<&str>::new(), "{lesser:?} may what {greater:?} may not");
    }
    assert_eq!(
        of(Role::SuperAdmin).len(),
        Permission::ALL.len(),
        "everything can be done by somebody"
    );
    let writing: Vec<_> = Role::Auditor
        .permissions()
        .filter(|permission| !permission.is_reading())
        .collect();
    assert_eq!(writing, Vec::new(), "an auditor changes nothing");
    let unread: Vec<_> = Permission::ALL
        .into_iter()
        .filter(|permission| permission.is_reading() && !Role::Auditor.has(*permission))
        .collect();
    assert_eq!(unread, Vec::new(), "an auditor reads everything");
}

#[test]
fn every_permission_and_role_has_a_word_of_its_own() {
    let labels: BTreeSet<_> = Permission::ALL.into_iter().map(Permission::label).collect();
    assert_eq!(labels.len(), Permission::ALL.len());
    let declared = include_str!("../../src/permissions.rs");
    let body = declared
        .split_once("pub enum Permission {\n")
        .unwrap()
        .1
        .split_once("\n}")
        .unwrap()
        .0;
    assert_eq!(body.matches("#[n(").count(), Permission::ALL.len(), "one is not in ALL");
    for role in Role::ALL {
        assert_eq!(Role::of_label(role.label()), Some(role));
    }
    assert_eq!(Role::of_label("root"), None, "what is unknown is no role");
}
