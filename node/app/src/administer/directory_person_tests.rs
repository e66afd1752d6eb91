#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::IpAddr;
use std::sync::Arc;

use quorate_core::audit::{AuditRecord, Entry};
use quorate_core::{Directory, Failure, User};
use zeroize::Zeroizing;

use super::{AdminError, DirectorySpec, OwnPasswordChange, SyncOrder, UserChange};
use crate::ports::{Allowed, Contact};
use crate::testing::{ROOT, World};

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

/// A cluster whose directory has alice, with the password "former".
async fn office() -> (World, Arc<Directory>, Arc<User>) {
    let world = World::founded();
    let spec = DirectorySpec {
        name: "office".to_owned(),
        domain: "example.org".to_owned(),
        aliases: Vec::new(),
        is_default: false,
        remember_h: 0,
        settings: Zeroizing::new(b"ldap".to_vec()),
    };
    let directory = world.admin.create_directory(ROOT, spec).await.unwrap();
    world.directories.put("alice", "former", None);
    world
        .admin
        .sync_directory(&directory, SyncOrder::default())
        .await
        .unwrap();
    let alice = world.admin.find_user("alice@example.org").unwrap();
    (world, directory, alice)
}

fn allow(world: &World, allowed: Allowed) {
    *world.directories.allowed.lock() = allowed;
}

/// What the audit says was done to users since some record.
fn written(world: &World, since: u64) -> Vec<&'static str> {
    let state = world.replica.leader();
    let records = state.audit().open_records().filter(|(seq, _)| *seq >= since);
    records
        .filter_map(|(_, bytes)| match AuditRecord::from_bytes(bytes).unwrap().entry {
            Entry::Changed(change) => Some(change.kind.label()),
            _ => None,
        })
        .collect()
}

fn now(world: &World) -> u64 {
    world.replica.leader().audit().next_seq()
}

async fn reset(world: &World, alice: &User, password: &str) -> Result<Arc<User>, AdminError> {
    let password = Some(secret(password));
    world.admin.set_password(ROOT, alice.id, None, password, false).await
}

#[tokio::test]
async fn an_administrator_sets_a_password_in_the_directory_if_its_settings_allow_it() {
    let (world, _, alice) = office().await;
    let begun = now(&world);
    let refused = reset(&world, &alice, "brand new").await;
    assert!(matches!(refused, Err(AdminError::OfDirectory)), "{refused:?}");
    assert!(written(&world, begun).is_empty(), "nobody was asked");

    let reset_passwords = true;
    allow(
        &world,
        Allowed {
            reset_passwords,
            ..Allowed::default()
        },
    );
    let after = reset(&world, &alice, "brand new").await.unwrap();
    assert_eq!(world.directories.password_of("alice"), "brand new");
    assert!(after.password.is_none(), "nothing of it is kept here");
    assert_ne!(after.password_revision, alice.password_revision, "challenges are void");
    assert_eq!(
        written(&world, begun),
        ["order_directory_password", "directory_password_set"]
    );

    let begun = now(&world);
    let short = reset(&world, &alice, "ab").await;
    assert!(
        matches!(&short, Err(AdminError::Invalid(errors)) if errors[0].field == "password"),
        "{short:?}"
    );
    let lost = reset(&world, &alice, "lost").await;
    assert!(matches!(lost, Err(AdminError::Unknown)), "{lost:?}");
    *world.directories.is_down.lock() = true;
    let down = reset(&world, &alice, "brand newer").await;
    assert!(matches!(down, Err(AdminError::Directory(_))), "{down:?}");
    assert_eq!(
        written(&world, begun),
        [
            "order_directory_password",
            "directory_password_refused",
            "order_directory_password",
            "directory_password_unknown",
            "order_directory_password",
            "directory_password_refused",
        ]
    );
    assert_eq!(world.directories.password_of("alice"), "brand new");
    let removed = world.admin.set_password(ROOT, alice.id, None, None, false).await;
    assert!(matches!(removed, Err(AdminError::OfDirectory)), "{removed:?}");
}

#[tokio::test]
async fn somebody_changes_the_own_password_in_the_directory_and_waits_after_wrong_ones() {
    let (world, _, alice) = office().await;
    let change = |old: &str, new: &str| {
        world.admin.change_own_password(OwnPasswordChange {
            name: "alice@example.org".to_owned(),
            old: secret(old),
            new: secret(new),
            source: SOURCE,
        })
    };
    let refused = change("former", "brand new").await;
    assert!(matches!(refused, Err(AdminError::OfDirectory)), "{refused:?}");
    let change_passwords = true;
    allow(
        &world,
        Allowed {
            change_passwords,
            ..Allowed::default()
        },
    );
    // One that is due is changed all the same.
    world.directories.put("alice", "former", Some(Failure::PasswordExpired));
    let begun = now(&world);
    let wrong = change("not it", "brand new").await;
    assert!(matches!(wrong, Err(AdminError::WrongPassword)), "{wrong:?}");
    let after = change("former", "brand new").await.unwrap();
    assert_ne!(after.password_revision, alice.password_revision);
    assert_eq!(world.directories.password_of("alice"), "brand new");
    assert_eq!(written(&world, begun), ["own_password_wrong", "change_own_password"]);

    for _ in 0..4 {
        let wrong = change("not it", "brand new").await;
        assert!(matches!(wrong, Err(AdminError::WrongPassword)), "{wrong:?}");
    }
    let delayed = change("brand new", "another one").await;
    assert!(matches!(delayed, Err(AdminError::TooManyTries)), "{delayed:?}");
    assert_eq!(
        world.directories.password_of("alice"),
        "brand new",
        "it was not passed on"
    );

    world.clock.advance_ms(600_000);
    world.admin.disable_user(ROOT, alice.id, None).await.unwrap();
    let disabled = change("brand new", "another one").await;
    assert!(matches!(disabled, Err(AdminError::NotAllowed)), "{disabled:?}");
}

#[tokio::test]
async fn where_somebody_is_reached_is_written_into_the_directory_and_taken_over_from_there() {
    let (world, _, alice) = office().await;
    let contact = |mobile: Option<&str>, mail: Option<&str>| UserChange {
        contact: Contact {
            mobile: mobile.map(str::to_owned),
            mail: mail.map(str::to_owned),
        },
        ..UserChange::default()
    };
    let admin = &world.admin;
    let refused = admin
        .change_user(ROOT, alice.id, None, contact(Some("+491711111111"), None))
        .await;
    assert!(matches!(refused, Err(AdminError::OfDirectory)), "{refused:?}");
    let write_contacts = true;
    allow(
        &world,
        Allowed {
            write_contacts,
            ..Allowed::default()
        },
    );
    let begun = now(&world);
    let change = contact(Some("+491711111111"), Some("alice@example.org"));
    let after = admin
        .change_user(ROOT, alice.id, Some(alice.revision), change)
        .await
        .unwrap();
    let origin = after.origin.as_ref().unwrap();
    assert_eq!((&*origin.mobile, &*origin.mail), ("+491711111111", "alice@example.org"));
    assert_eq!(
        written(&world, begun),
        ["order_directory_contact", "directory_contact_written", "sync_person"]
    );
    let after = admin
        .change_user(ROOT, alice.id, None, contact(Some(""), None))
        .await
        .unwrap();
    let origin = after.origin.as_ref().unwrap();
    assert_eq!((&*origin.mobile, &*origin.mail), ("", "alice@example.org"));

    let stale = admin
        .change_user(ROOT, alice.id, Some(alice.revision), contact(None, Some("x@y")))
        .await;
    assert!(matches!(stale, Err(AdminError::Conflict)), "{stale:?}");
    assert_eq!(
        world.directories.find_mail("alice"),
        "alice@example.org",
        "a stale wish is not passed on"
    );

    let local = crate::administer::NewUser {
        name: "carol".to_owned(),
        ..Default::default()
    };
    let (carol, _) = admin.create_user(ROOT, local).await.unwrap();
    let nothing = admin
        .change_user(ROOT, carol.id, None, contact(Some("+491711111111"), None))
        .await;
    assert!(
        matches!(&nothing, Err(AdminError::Invalid(errors)) if errors[0].field == "mobile"),
        "{nothing:?}"
    );
}
