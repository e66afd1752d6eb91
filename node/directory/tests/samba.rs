//! Against Samba as an Active Directory domain controller. Making a domain takes half a minute, so a test here tries many things in one.
//! Needs root, for the network namespace that Samba's fixed ports live in.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use quorate_directories::{
    ADMINISTRATOR, ADMINISTRATOR_PASSWORD, Authority, Certified, DOMAIN_DN, PASSWORD, Samba, account, security_group,
};
use quorate_directory::{
    AccountState, Attributes, AuthenticateError, ChangeError, Contact, Denied, Directory, FindError, Groups, Health,
    Kind, Outcome, PasswordRefused, Person, Security, ServiceAccount, Settings, Step, Timeouts, Trust,
};
use support::{controller, secret, soon, until};

const NEW: &str = "another-Passw0rd";

fn certified(authority: &Authority) -> Certified {
    authority.certify(&["127.0.0.1", "dc1.quorate.test"]).unwrap()
}

fn settings(authority: &Authority, sambas: &[&Samba]) -> Settings {
    let controllers = sambas
        .iter()
        .map(|samba| controller(samba.tls_address().unwrap(), Security::Ldaps));
    Settings {
        name: "domain".to_owned(),
        domain: "quorate.test".to_owned(),
        kind: Kind::ActiveDirectory,
        controllers: controllers.collect(),
        trust: Trust::Authority(authority.pem.clone()),
        account: ServiceAccount {
            name: ADMINISTRATOR.to_owned(),
            password: secret(ADMINISTRATOR_PASSWORD),
        },
        base: DOMAIN_DN.to_owned(),
        user_filter: "(&(objectClass=user)(|(sAMAccountName={name})(userPrincipalName={name})))".to_owned(),
        member_filter: None,
        attributes: Attributes::usual(Kind::ActiveDirectory),
        groups: Some(Groups::usual(Kind::ActiveDirectory)),
        referrals: false,
        timeouts: Timeouts::default(),
        width: 16,
    }
}

/// 168 hours of a week, none of them permitted.
const NO_HOUR: &str = "logonHours:: AAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";

fn populate(samba: &Samba) {
    let more = format!(
        "displayName: Alice of Quorate\nmail: alice@quorate.test\nmobile: +49 170 1\ntelephoneNumber: +49 30 1\npreferredLanguage: de\n\
         manager: CN=Administrator,CN=Users,{DOMAIN_DN}\n"
    );
    for (name, more) in [
        ("alice", more.as_str()),
        ("closed", "userAccountControl: 514\n"),
        ("must", "pwdLastSet: 0\n"),
        ("over", "accountExpires: 132000000000000000\n"),
        ("never", NO_HOUR),
        ("elsewhere", "userWorkstations: somewhere\n"),
        ("aged", ""),
        ("lock", ""),
        ("changes", ""),
        ("forgets", ""),
    ] {
        samba.add(&account(name, PASSWORD, more)).unwrap();
    }
    for (name, members) in [
        ("staff", &["alice"][..]),
        ("everybody", &["staff", "Domain Users"]),
        ("cycle1", &["everybody", "cycle2"]),
        ("others", &["lock"]),
    ] {
        samba
            .add(&security_group(name, members).replace("member: CN=cycle2", "description: CN=cycle2"))
            .unwrap();
    }
    samba.add(&security_group("cycle2", &["cycle1"])).unwrap();
    let add = "changetype: modify\nadd: member\nmember: CN=cycle2,CN=Users";
    samba
        .modify(&format!("dn: CN=cycle1,CN=Users,{DOMAIN_DN}\n{add},{DOMAIN_DN}\n"))
        .unwrap();
    samba.age_password("aged").unwrap();
    let rules =
        "changetype: modify\nreplace: lockoutThreshold\nlockoutThreshold: 3\n-\nreplace: minPwdAge\nminPwdAge: 0\n";
    samba.modify(&format!("dn: {DOMAIN_DN}\n{rules}")).unwrap();
}

async fn denied(directory: &Directory, name: &str, password: &str) -> Denied {
    match directory.authenticate(name, &secret(password), soon()).await {
        Err(AuthenticateError::Denied(denied)) => denied,
        other => panic!("{name} was not denied: {other:?}"),
    }
}

fn names(person: &Person) -> Vec<&str> {
    person.groups.iter().map(|group| group.cn.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_is_asked_for_people_passwords_groups_and_changes() {
    let authority = Authority::new("Quorate Test CA").unwrap();
    let samba = Samba::start(&certified(&authority)).unwrap();
    populate(&samba);
    let directory = Directory::new(settings(&authority, &[&samba])).unwrap();

    people(&directory).await;
    every_denial(&directory).await;
    groups(&authority, &samba, &directory).await;
    passwords(&authority, &samba, &directory).await;
    contacts(&directory).await;
    everybody(&directory).await;
    examined(&authority, &samba, &directory).await;
}

async fn people(directory: &Directory) {
    let alice = directory
        .authenticate("ALICE", &secret(PASSWORD), soon())
        .await
        .unwrap();
    assert_eq!(alice.name, "alice");
    assert_eq!(alice.dn, format!("CN=alice,CN=Users,{DOMAIN_DN}"));
    assert_eq!(alice.display_name.as_deref(), Some("Alice of Quorate"));
    assert_eq!(alice.mail.as_deref(), Some("alice@quorate.test"));
    assert_eq!(alice.mobile.as_deref(), Some("+49 170 1"));
    assert_eq!(alice.unique_id.as_deref().unwrap().len(), 36, "a GUID");
    assert_eq!(alice.state, AccountState::Enabled);
    let by_upn = directory.find("alice@quorate.test", soon()).await.unwrap();
    assert_eq!(by_upn.unique_id, alice.unique_id);
    assert!(matches!(directory.find("*", soon()).await, Err(FindError::NotFound)));
}

async fn every_denial(directory: &Directory) {
    assert_eq!(denied(directory, "nobody", PASSWORD).await, Denied::NotFound);
    assert_eq!(denied(directory, "alice", "wrong").await, Denied::WrongPassword);
    assert_eq!(denied(directory, "alice", "").await, Denied::WrongPassword);
    for (name, expected, state) in [
        ("closed", Denied::Disabled, AccountState::Disabled),
        ("must", Denied::MustChangePassword, AccountState::MustChangePassword),
        ("aged", Denied::PasswordExpired, AccountState::PasswordExpired),
        ("over", Denied::Expired, AccountState::Expired),
        ("never", Denied::NotPermittedNow, AccountState::Enabled),
        ("elsewhere", Denied::NotPermittedHere, AccountState::Enabled),
    ] {
        assert_eq!(denied(directory, name, PASSWORD).await, expected, "{name}");
        assert_eq!(directory.find(name, soon()).await.unwrap().state, state, "{name}");
    }
    for _ in 0..3 {
        assert_eq!(denied(directory, "lock", "wrong").await, Denied::WrongPassword);
    }
    assert_eq!(denied(directory, "lock", PASSWORD).await, Denied::Locked);
    assert_eq!(
        directory.find("lock", soon()).await.unwrap().state,
        AccountState::Locked
    );
}

async fn groups(authority: &Authority, samba: &Samba, directory: &Directory) {
    let alice = directory.find("alice", soon()).await.unwrap();
    // Users is in the domain from the beginning, and holds Domain Users.
    assert_eq!(
        names(&alice),
        ["Domain Users", "Users", "cycle1", "cycle2", "everybody", "staff"],
        "nested, and through the primary group"
    );
    let mut flat = settings(authority, &[samba]);
    flat.groups.as_mut().unwrap().nested = false;
    let flat = Directory::new(flat).unwrap();
    assert!(names(&flat.find("alice", soon()).await.unwrap()).contains(&"staff"));
    assert!(!names(&flat.find("alice", soon()).await.unwrap()).contains(&"cycle1"));
}

async fn refused(directory: &Directory, name: &str, old: &str, new: &str) -> PasswordRefused {
    match directory
        .change_password(name, &secret(old), &secret(new), soon())
        .await
    {
        Err(ChangeError::Refused(refused)) => refused,
        other => panic!("{name}: {other:?}"),
    }
}

async fn passwords(authority: &Authority, samba: &Samba, directory: &Directory) {
    directory
        .change_password("changes", &secret(PASSWORD), &secret(NEW), soon())
        .await
        .unwrap();
    directory.authenticate("changes", &secret(NEW), soon()).await.unwrap();
    assert_eq!(denied(directory, "changes", PASSWORD).await, Denied::WrongPassword);
    assert_eq!(
        refused(directory, "changes", "wrong", "yet-another-Passw0rd").await,
        PasswordRefused::WrongOld
    );
    assert_eq!(
        refused(directory, "changes", NEW, "a1A!").await,
        PasswordRefused::TooShort
    );
    assert_eq!(
        refused(directory, "changes", NEW, "onlylowercaseletters").await,
        PasswordRefused::TooSimple
    );
    assert_eq!(
        refused(directory, "changes", NEW, PASSWORD).await,
        PasswordRefused::InHistory
    );
    directory
        .change_password("must", &secret(PASSWORD), &secret(NEW), soon())
        .await
        .unwrap();
    directory.authenticate("must", &secret(NEW), soon()).await.unwrap();
    directory
        .reset_password("forgets", &secret("Pässwort-für-2026"), soon())
        .await
        .unwrap();
    directory
        .authenticate("forgets", &secret("Pässwort-für-2026"), soon())
        .await
        .unwrap();
    assert_eq!(denied(directory, "forgets", PASSWORD).await, Denied::WrongPassword);

    let mut starttls = settings(authority, &[samba]);
    starttls.controllers = vec![controller(samba.address().unwrap(), Security::StartTls)];
    let starttls = Directory::new(starttls).unwrap();
    starttls.reset_password("forgets", &secret(NEW), soon()).await.unwrap();
    starttls.authenticate("forgets", &secret(NEW), soon()).await.unwrap();
    let mut plain = settings(authority, &[samba]);
    plain.controllers = vec![controller(samba.address().unwrap(), Security::Plain)];
    let plain = Directory::new(plain).unwrap();
    let reset = plain.reset_password("forgets", &secret(PASSWORD), soon()).await;
    assert!(matches!(reset, Err(ChangeError::NotPrivate)), "{reset:?}");
}

async fn contacts(directory: &Directory) {
    let contact = Contact {
        mobile: Some("+49 151 2"),
        mail: Some(""),
    };
    directory.write_back("alice", contact, soon()).await.unwrap();
    let alice = directory.find("alice", soon()).await.unwrap();
    assert_eq!((alice.mobile.as_deref(), alice.mail), (Some("+49 151 2"), None));
}

async fn everybody(directory: &Directory) {
    let (mut people, mut names) = (directory.people(), Vec::new());
    while let Some(page) = people.next(soon()).await.unwrap() {
        names.extend(page.into_iter().map(|person| person.name));
    }
    for name in ["alice", "closed", "Administrator"] {
        assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
    }
}

async fn examined(authority: &Authority, samba: &Samba, directory: &Directory) {
    let reports = directory.examine(Some("alice"), Some(&secret(PASSWORD)), soon()).await;
    let wrong: Vec<_> = reports
        .iter()
        .filter(|report| report.outcome == Outcome::Failed)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(reports.last().unwrap().step, Step::Password);
    let mut plain = settings(authority, &[samba]);
    plain.controllers = vec![controller(samba.address().unwrap(), Security::Plain)];
    let reports = Directory::new(plain).unwrap().examine(None, None, soon()).await;
    let last = reports.last().unwrap();
    assert_eq!(last.step, Step::ServiceAccount, "Samba wants encryption: {reports:?}");
    assert!(last.says.contains("use ldaps or starttls"), "{}", last.says);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_controller_answers_when_the_first_hangs_or_dies() {
    let authority = Authority::new("Quorate Test CA").unwrap();
    let mut first = Samba::start(&certified(&authority)).unwrap();
    first.add(&account("alice", PASSWORD, "")).unwrap();
    let second = first.copy(&certified(&authority)).unwrap();
    let mut quick = settings(&authority, &[&first, &second]);
    quick.timeouts = Timeouts {
        connect: Duration::from_secs(1),
        operation: Duration::from_secs(1),
    };
    let directory = Directory::new(quick).unwrap();
    let log_in = || async {
        directory
            .authenticate("alice", &secret(PASSWORD), soon())
            .await
            .unwrap()
    };
    let active = || {
        directory
            .status()
            .controllers
            .iter()
            .position(|controller| controller.is_active)
    };
    log_in().await;
    assert_eq!(active(), Some(0));
    first.pause().unwrap();
    log_in().await;
    assert_eq!(active(), Some(1));
    first.resume().unwrap();
    until("the first to be well again", || async {
        log_in().await;
        (active() == Some(0)).then_some(())
    })
    .await;
    first.kill();
    log_in().await;
    assert_eq!(active(), Some(1));
    assert!(matches!(directory.status().controllers[0].health, Health::Down { .. }));
}
