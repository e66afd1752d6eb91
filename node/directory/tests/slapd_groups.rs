//! Against OpenLDAP: groups, in groups, in cycles, by distinguished name and by login name.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use quorate_directories::{SUFFIX, Slapd};
use quorate_directory::{Directory, Groups, Kind, MemberIs, Person};
use support::{settings, slapd, soon};

fn group(name: &str, members: &[&str]) -> String {
    let members: String = members
        .iter()
        .map(|member| format!("member: {member},{SUFFIX}\n"))
        .collect();
    format!("dn: cn={name},ou=groups,{SUFFIX}\nobjectClass: groupOfNames\ncn: {name}\n{members}\n")
}

fn names(person: &Person) -> Vec<&str> {
    person.groups.iter().map(|group| group.cn.as_str()).collect()
}

/// alice is in `a`, `a` in `b`, `b` in `c`, and `c` in `a`; `d` holds `c`. bob is in `x` alone.
fn add_groups(slapd: &Slapd) {
    slapd.add_people("alice", 1).unwrap();
    slapd.add_people("bob", 1).unwrap();
    slapd
        .add(&group("a", &["uid=alice1,ou=people", "cn=c,ou=groups"]))
        .unwrap();
    slapd.add(&group("b", &["cn=a,ou=groups"])).unwrap();
    slapd.add(&group("c", &["cn=b,ou=groups"])).unwrap();
    slapd.add(&group("d", &["cn=c,ou=groups"])).unwrap();
    slapd.add(&group("x", &["uid=bob1,ou=people"])).unwrap();
}

#[tokio::test]
async fn nested_groups_are_walked_and_cycles_end() {
    let (authority, slapd) = slapd();
    add_groups(&slapd);
    let nested = Directory::new(settings(&authority, &[&slapd])).unwrap();
    let alice = nested.find("alice1", soon()).await.unwrap();
    assert_eq!(names(&alice), ["a", "b", "c", "d"]);
    assert_eq!(alice.groups[0].dn, format!("cn=a,ou=groups,{SUFFIX}"));
    assert!(!alice.groups_are_cut);
    assert_eq!(names(&nested.find("bob1", soon()).await.unwrap()), ["x"]);

    let mut flat = settings(&authority, &[&slapd]);
    flat.groups.as_mut().unwrap().nested = false;
    let flat = Directory::new(flat).unwrap();
    assert_eq!(names(&flat.find("alice1", soon()).await.unwrap()), ["a"]);
}

#[tokio::test]
async fn a_deep_chain_is_cut_and_said_to_be() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 1).unwrap();
    let mut below = "uid=p1,ou=people".to_owned();
    for level in 10..40 {
        let name = format!("g{level}");
        slapd.add(&group(&name, &[&below])).unwrap();
        below = format!("cn={name},ou=groups");
    }
    let directory = Directory::new(settings(&authority, &[&slapd])).unwrap();
    let person = directory.find("p1", soon()).await.unwrap();
    assert_eq!(person.groups.len(), quorate_directory::limits::GROUP_DEPTH_MAX);
    assert!(person.groups_are_cut);
}

#[tokio::test]
async fn groups_of_login_names_are_found() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 1).unwrap();
    let ldif =
        format!("dn: cn=unix,ou=groups,{SUFFIX}\nobjectClass: posixGroup\ncn: unix\ngidNumber: 7\nmemberUid: p1\n");
    slapd.add(&ldif).unwrap();
    let mut posix = settings(&authority, &[&slapd]);
    posix.groups = Some(Groups {
        base: Some(format!("ou=groups,{SUFFIX}")),
        filter: "(objectClass=posixGroup)".to_owned(),
        member_attribute: "memberUid".to_owned(),
        member_is: MemberIs::Name,
        ..Groups::usual(Kind::Ldap)
    });
    let directory = Directory::new(posix).unwrap();
    assert_eq!(names(&directory.find("p1", soon()).await.unwrap()), ["unix"]);
}

#[tokio::test]
async fn groups_are_remembered_as_long_as_they_may() {
    let (authority, slapd) = slapd();
    add_groups(&slapd);
    let remembering = |age| {
        let mut settings = settings(&authority, &[&slapd]);
        settings.groups.as_mut().unwrap().remember = age;
        Directory::new(settings).unwrap()
    };
    let (long, never) = (remembering(Duration::from_secs(3_600)), remembering(Duration::ZERO));
    for directory in [&long, &never] {
        assert_eq!(names(&directory.find("bob1", soon()).await.unwrap()), ["x"]);
    }
    slapd.add(&group("y", &["uid=bob1,ou=people"])).unwrap();
    assert_eq!(names(&long.find("bob1", soon()).await.unwrap()), ["x"]);
    assert_eq!(names(&never.find("bob1", soon()).await.unwrap()), ["x", "y"]);
}

#[tokio::test]
async fn the_member_of_a_group_is_a_member_of_quorate() {
    let (authority, slapd) = slapd();
    add_groups(&slapd);
    let mut members = settings(&authority, &[&slapd]);
    members.member_filter = Some(format!("(memberOf=cn=x,ou=groups,{SUFFIX})"));
    let directory = Directory::new(members).unwrap();
    assert!(directory.find("bob1", soon()).await.is_ok());
    assert!(directory.find("alice1", soon()).await.is_err());
}
