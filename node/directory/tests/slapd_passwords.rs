//! Against OpenLDAP: new passwords and written-back contacts, and every reason against them.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use quorate_directories::{PASSWORD, SUFFIX, Slapd, person};
use quorate_directory::{
    AuthenticateError, ChangeError, Contact, Denied, Directory, PasswordRefused, Security, WriteBackError,
};
use support::{controller, directory, secret, settings, slapd, soon};

const NEW: &str = "another-Passw0rd";

async fn can_log_in(directory: &Directory, name: &str, password: &str) -> bool {
    match directory.authenticate(name, &secret(password), soon()).await {
        Ok(_) => true,
        Err(AuthenticateError::Denied(Denied::WrongPassword)) => false,
        other => panic!("{other:?}"),
    }
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

fn add(slapd: &Slapd, name: &str, policy: &str) {
    slapd
        .add(&person(
            name,
            &format!("pwdPolicySubentry: cn={policy},ou=policies,{SUFFIX}\n"),
        ))
        .unwrap();
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_the_old_one() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 2).unwrap();
    add(&slapd, "fixed", "fixed");
    add(&slapd, "young", "young");
    let directory = directory(&authority, &[&slapd]);
    directory
        .change_password("p1", &secret(PASSWORD), &secret(NEW), soon())
        .await
        .unwrap();
    assert!(can_log_in(&directory, "p1", NEW).await);
    assert!(!can_log_in(&directory, "p1", PASSWORD).await);
    assert!(
        can_log_in(&directory, "p2", PASSWORD).await,
        "nobody else's was changed"
    );

    assert_eq!(
        refused(&directory, "p1", "wrong", "yet-another-1").await,
        PasswordRefused::WrongOld
    );
    assert_eq!(
        refused(&directory, "p1", "", "yet-another-1").await,
        PasswordRefused::WrongOld
    );
    assert_eq!(refused(&directory, "p1", NEW, "short").await, PasswordRefused::TooShort);
    assert_eq!(
        refused(&directory, "p1", NEW, PASSWORD).await,
        PasswordRefused::InHistory
    );
    assert_eq!(refused(&directory, "p1", NEW, "").await, PasswordRefused::TooLong);
    assert_eq!(
        refused(&directory, "fixed", PASSWORD, NEW).await,
        PasswordRefused::NotAllowed
    );
    assert_eq!(
        refused(&directory, "young", PASSWORD, NEW).await,
        PasswordRefused::TooYoung
    );
    let nobody = directory
        .change_password("nobody", &secret(PASSWORD), &secret(NEW), soon())
        .await;
    assert!(matches!(nobody, Err(ChangeError::Denied(Denied::NotFound))));
    assert!(can_log_in(&directory, "p1", NEW).await);
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_the_service_account() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 2).unwrap();
    let directory = directory(&authority, &[&slapd]);
    directory.reset_password("p1", &secret(NEW), soon()).await.unwrap();
    assert!(can_log_in(&directory, "p1", NEW).await && !can_log_in(&directory, "p1", PASSWORD).await);
    assert!(can_log_in(&directory, "p2", PASSWORD).await);
    let short = directory.reset_password("p1", &secret("short"), soon()).await;
    assert!(
        matches!(short, Err(ChangeError::Refused(PasswordRefused::TooShort))),
        "{short:?}"
    );
}

#[tokio::test]
async fn who_must_change_the_password_can_do_that_and_nothing_else() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 1).unwrap();
    let directory = directory(&authority, &[&slapd]);
    let reset = format!("dn: uid=p1,ou=people,{SUFFIX}\nchangetype: modify\nreplace: pwdReset\npwdReset: TRUE\n");
    slapd.modify(&reset).unwrap();
    let denied = directory.authenticate("p1", &secret(PASSWORD), soon()).await;
    assert!(
        matches!(denied, Err(AuthenticateError::Denied(Denied::MustChangePassword))),
        "{denied:?}"
    );
    directory
        .change_password("p1", &secret(PASSWORD), &secret(NEW), soon())
        .await
        .unwrap();
    assert!(can_log_in(&directory, "p1", NEW).await);
}

#[tokio::test]
async fn passwords_are_not_sent_in_clear() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 1).unwrap();
    let mut plain = settings(&authority, &[&slapd]);
    plain.controllers = vec![controller(slapd.address(), Security::Plain)];
    assert!(!plain.is_private());
    let plain = Directory::new(plain).unwrap();
    let changed = plain
        .change_password("p1", &secret(PASSWORD), &secret(NEW), soon())
        .await;
    assert!(matches!(changed, Err(ChangeError::NotPrivate)), "{changed:?}");
    let reset = plain.reset_password("p1", &secret(NEW), soon()).await;
    assert!(matches!(reset, Err(ChangeError::NotPrivate)), "{reset:?}");
    assert!(can_log_in(&plain, "p1", PASSWORD).await);
}

#[tokio::test]
async fn contacts_are_written_back_and_nothing_else_is() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 1).unwrap();
    let directory = directory(&authority, &[&slapd]);
    let contact = Contact {
        mobile: Some("+49 151 1"),
        mail: None,
    };
    directory.write_back("p1", contact, soon()).await.unwrap();
    let person = directory.find("p1", soon()).await.unwrap();
    assert_eq!(person.mobile.as_deref(), Some("+49 151 1"));
    assert_eq!(person.mail.as_deref(), Some("p1@example.org"));
    let contact = Contact {
        mobile: Some(""),
        mail: Some("new@example.org"),
    };
    directory.write_back("p1", contact, soon()).await.unwrap();
    let person = directory.find("p1", soon()).await.unwrap();
    assert_eq!((person.mobile, person.mail.as_deref()), (None, Some("new@example.org")));

    let wrong = Contact {
        mobile: Some("1\n2"),
        mail: None,
    };
    let refused = directory.write_back("p1", wrong, soon()).await;
    assert!(matches!(refused, Err(WriteBackError::Value("mobile"))), "{refused:?}");
    let mut none = settings(&authority, &[&slapd]);
    none.attributes.mobile = None;
    let refused = Directory::new(none).unwrap().write_back("p1", contact, soon()).await;
    assert!(
        matches!(refused, Err(WriteBackError::NoAttribute("mobile"))),
        "{refused:?}"
    );
    let mut powerless = settings(&authority, &[&slapd]);
    slapd.add(&person_who_reads()).unwrap();
    powerless.account.name = format!("uid=reader,ou=people,{SUFFIX}");
    powerless.account.password = secret(PASSWORD);
    let refused = Directory::new(powerless)
        .unwrap()
        .write_back("p1", contact, soon())
        .await;
    match refused {
        Err(WriteBackError::NotPossible(answer)) => assert_eq!(answer.code, 50),
        other => panic!("{other:?}"),
    }
}

fn person_who_reads() -> String {
    person("reader", "")
}
