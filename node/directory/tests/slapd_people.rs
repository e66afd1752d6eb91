//! Against OpenLDAP: who somebody is, whether a password is theirs, and everybody at once.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use quorate_directories::{PASSWORD, SUFFIX, person};
use quorate_directory::{
    AccountState, AuthenticateError, Denied, Directory, FindError, PasswordWarning, Security, Trust, Unavailable,
};
use support::{controller, directory, secret, settings, slapd, soon, until};

async fn denied(directory: &Directory, name: &str, password: &str) -> Denied {
    match directory.authenticate(name, &secret(password), soon()).await {
        Err(AuthenticateError::Denied(denied)) => denied,
        other => panic!("{name} was not denied: {other:?}"),
    }
}

#[tokio::test]
async fn a_person_is_let_in_with_the_right_password_only() {
    let (authority, slapd) = slapd();
    let manager = format!("manager: uid=boss,ou=people,{SUFFIX}\n");
    slapd.add(&person("alice", &manager)).unwrap();
    let directory = directory(&authority, &[&slapd]);
    let alice = directory
        .authenticate("ALICE", &secret(PASSWORD), soon())
        .await
        .unwrap();
    assert_eq!(alice.name, "alice", "the canonical spelling");
    assert_eq!(alice.dn, format!("uid=alice,ou=people,{SUFFIX}"));
    assert_eq!(alice.display_name.as_deref(), Some("alice of Example"));
    assert_eq!(alice.mail.as_deref(), Some("alice@example.org"));
    assert_eq!(alice.mobile.as_deref(), Some("+49 170 5"));
    assert_eq!(alice.language.as_deref(), Some("de"));
    assert_eq!(alice.manager.unwrap(), format!("uid=boss,ou=people,{SUFFIX}"));
    assert_eq!(alice.unique_id.unwrap().len(), 36, "an entryUUID");
    assert_eq!(alice.state, AccountState::Enabled);
    for wrong in ["wrong", "", "people-passw0rd"] {
        assert_eq!(
            denied(&directory, "alice", wrong).await,
            Denied::WrongPassword,
            "{wrong:?}"
        );
    }
    let long = "x".repeat(100_000);
    assert_eq!(denied(&directory, "alice", &long).await, Denied::WrongPassword);
}

#[tokio::test]
async fn names_are_names_whatever_is_in_them() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 2).unwrap();
    slapd.add(&person("o'hara (ann*)", "")).unwrap();
    let directory = directory(&authority, &[&slapd]);
    for name in [
        "*",
        "p*",
        "p1)(uid=*",
        "(uid=p1)",
        "nobody",
        "p1\0",
        "\\70\\31",
        "",
        "  ",
    ] {
        assert!(
            matches!(directory.find(name, soon()).await, Err(FindError::NotFound)),
            "{name:?}"
        );
        assert_eq!(denied(&directory, name, PASSWORD).await, Denied::NotFound);
    }
    let ann = directory
        .authenticate("o'hara (ann*)", &secret(PASSWORD), soon())
        .await
        .unwrap();
    assert_eq!(ann.name, "o'hara (ann*)");
}

#[tokio::test]
async fn who_is_not_a_member_or_not_unique_is_not_found() {
    let (authority, slapd) = slapd();
    slapd.add(&person("in", "employeeType: mfa\n")).unwrap();
    slapd.add(&person("out", "")).unwrap();
    slapd.add(&person("twin1", "title: twin\n")).unwrap();
    slapd.add(&person("twin2", "title: twin\n")).unwrap();
    slapd.add(&person("twin3", "title: twin\n")).unwrap();
    let mut members = settings(&authority, &[&slapd]);
    members.member_filter = Some("(employeeType=mfa)".to_owned());
    let members = Directory::new(members).unwrap();
    assert!(members.find("in", soon()).await.is_ok());
    assert_eq!(denied(&members, "out", PASSWORD).await, Denied::NotFound);
    let mut titles = settings(&authority, &[&slapd]);
    titles.user_filter = "(title={name})".to_owned();
    let titles = Directory::new(titles).unwrap();
    assert!(matches!(titles.find("twin", soon()).await, Err(FindError::Ambiguous)));
    assert_eq!(denied(&titles, "twin", PASSWORD).await, Denied::Ambiguous);
}

#[tokio::test]
async fn every_cause_of_a_denial_is_told_apart() {
    let (authority, slapd) = slapd();
    let under = |policy: &str| format!("pwdPolicySubentry: cn={policy},ou=policies,{SUFFIX}\n");
    for (name, more) in [
        ("lock", String::new()),
        ("reset", String::new()),
        ("closed", String::new()),
        ("short", under("short-lived")),
        ("grace", under("graceful")),
        ("ends", under("ending")),
        ("over", "objectClass: shadowAccount\nshadowExpire: 1\n".to_owned()),
    ] {
        slapd.add(&person(name, &more)).unwrap();
    }
    let set = |name: &str, attribute: &str, value: &str| {
        let ldif = format!(
            "dn: uid={name},ou=people,{SUFFIX}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n"
        );
        slapd.modify(&ldif).unwrap();
    };
    set("reset", "pwdReset", "TRUE");
    set("closed", "pwdAccountLockedTime", "000001010000Z");
    let directory = directory(&authority, &[&slapd]);
    for _ in 0..3 {
        assert_eq!(denied(&directory, "lock", "wrong").await, Denied::WrongPassword);
    }
    assert_eq!(denied(&directory, "lock", PASSWORD).await, Denied::Locked);
    assert_eq!(
        directory.find("lock", soon()).await.unwrap().state,
        AccountState::Locked
    );
    assert_eq!(denied(&directory, "reset", PASSWORD).await, Denied::MustChangePassword);
    assert_eq!(
        directory.find("reset", soon()).await.unwrap().state,
        AccountState::MustChangePassword
    );
    assert_eq!(
        directory.find("closed", soon()).await.unwrap().state,
        AccountState::Disabled
    );
    assert_eq!(
        denied(&directory, "closed", PASSWORD).await,
        Denied::Locked,
        "as slapd says it"
    );
    assert_eq!(denied(&directory, "over", PASSWORD).await, Denied::Expired);
    until("a password of one second to expire", || async {
        match directory.authenticate("short", &secret(PASSWORD), soon()).await {
            Err(AuthenticateError::Denied(Denied::PasswordExpired)) => Some(()),
            Ok(_) => None,
            other => panic!("{other:?}"),
        }
    })
    .await;
    let warning = until("a grace login", || async {
        directory
            .authenticate("grace", &secret(PASSWORD), soon())
            .await
            .unwrap()
            .password_warning
    })
    .await;
    assert!(
        matches!(warning, PasswordWarning::GraceLoginsLeft(0..=2)),
        "{warning:?}"
    );
    let ends = directory.authenticate("ends", &secret(PASSWORD), soon()).await.unwrap();
    assert!(matches!(
        ends.password_warning,
        Some(PasswordWarning::ExpiresInSeconds(1..=1000))
    ));
}

#[tokio::test]
async fn everybody_comes_page_by_page() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 1_234).unwrap();
    let directory = directory(&authority, &[&slapd]);
    let (mut people, mut names, mut pages) = (directory.people(), Vec::new(), Vec::new());
    while let Some(page) = people.next(soon()).await.unwrap() {
        assert_eq!(directory.status().load.working, 0, "no place is held between pages");
        pages.push(page.len());
        names.extend(page.into_iter().map(|person| person.name));
    }
    assert_eq!(pages, [500, 500, 234]);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 1_234);
    assert!(people.next(soon()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_size_limit_is_named() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 600).unwrap();
    let mut limited = settings(&authority, &[&slapd]);
    limited.account.name = format!("uid=p1,ou=people,{SUFFIX}");
    limited.account.password = secret(PASSWORD);
    let directory = Directory::new(limited).unwrap();
    let mut people = directory.people();
    assert_eq!(people.next(soon()).await.unwrap().unwrap().len(), 500);
    match people.next(soon()).await {
        Err(Unavailable::Refused(_, failure)) => assert!(failure.to_string().contains("500"), "{failure}"),
        other => panic!("{other:?}"),
    }
    let after = people.next(soon()).await;
    assert!(
        matches!(after, Err(Unavailable::BrokenOff)),
        "it came to an end: {after:?}"
    );
}

#[tokio::test]
async fn a_walk_that_breaks_off_in_the_middle_does_not_come_to_its_end() {
    let (authority, mut slapd) = slapd();
    slapd.add_people("p", 600).unwrap();
    let directory = directory(&authority, &[&slapd]);
    let mut people = directory.people();
    assert_eq!(people.next(soon()).await.unwrap().unwrap().len(), 500);
    slapd.kill();
    for _ in 0..2 {
        assert!(people.next(soon()).await.is_err());
    }
}

#[tokio::test]
async fn passwords_go_over_starttls_and_pins_as_well() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 1).unwrap();
    let mut starttls = settings(&authority, &[&slapd]);
    starttls.controllers = vec![controller(slapd.address(), Security::StartTls)];
    let directory = Directory::new(starttls).unwrap();
    directory.authenticate("p1", &secret(PASSWORD), soon()).await.unwrap();
    let mut plain = settings(&authority, &[&slapd]);
    plain.controllers = vec![controller(slapd.address(), Security::Plain)];
    assert_eq!(plain.check(), Ok(()));
    let warnings: Vec<String> = plain.warnings().iter().map(ToString::to_string).collect();
    assert!(
        warnings
            .iter()
            .any(|warning| warning.starts_with("controllers[0].security: is not encrypted")),
        "{warnings:?}"
    );
    Directory::new(plain)
        .unwrap()
        .authenticate("p1", &secret(PASSWORD), soon())
        .await
        .unwrap();

    let other = authority.certify(&["127.0.0.1"]).unwrap();
    let certified = quorate_directories::Slapd::start(&other).unwrap();
    certified.add_people("p", 1).unwrap();
    let mut pinned = settings(&authority, &[&certified]);
    pinned.trust = Trust::Pinned(vec![fingerprint(&other.certificate_der)]);
    Directory::new(pinned)
        .unwrap()
        .authenticate("p1", &secret(PASSWORD), soon())
        .await
        .unwrap();
}

fn fingerprint(der: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(der).into()
}

#[tokio::test]
async fn a_kept_connection_judges_each_password_by_itself() {
    let (authority, mut slapd) = slapd();
    slapd.add_people("p", 2).unwrap();
    let directory = directory(&authority, &[&slapd]);
    for _ in 0..3 {
        directory.authenticate("p1", &secret(PASSWORD), soon()).await.unwrap();
        assert_eq!(denied(&directory, "p2", "not it").await, Denied::WrongPassword);
        directory.authenticate("p2", &secret(PASSWORD), soon()).await.unwrap();
    }
    let kept = directory.status().controllers[0].idle_connections;
    assert_eq!(kept, 2, "one to search on and one to judge on");
    slapd.kill();
    slapd.start_again().unwrap();
    directory.authenticate("p1", &secret(PASSWORD), soon()).await.unwrap();
}
