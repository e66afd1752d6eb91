//! What a local password has to be like, wherever one is set.

use std::net::{IpAddr, Ipv4Addr};

use quorate_core::change::SetPassword;
use quorate_core::command::Administer;
use quorate_core::{Change, Command, Fingerprint, PasswordRules, TokenKind, UserId};

use super::*;
use crate::ports::Clock;
use crate::testing::{ROOT, World, secret};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

fn problems(error: AdminError) -> Vec<(String, String)> {
    match error {
        AdminError::Invalid(errors) => errors.into_iter().map(|error| (error.field, error.problem)).collect(),
        other => panic!("{other:?}"),
    }
}

async fn set(world: &World, user: UserId, password: &str) -> Result<(), AdminError> {
    let set = world
        .admin
        .set_password(ROOT, user, None, Some(secret(password)), false);
    set.await.map(drop)
}

async fn user(world: &World, name: &str, password: &str) -> UserId {
    let new = NewUser {
        name: name.to_owned(),
        password: Some(secret(password)),
        ..NewUser::default()
    };
    world.admin.create_user(ROOT, new).await.unwrap().0.id
}

async fn rules(world: &World, passwords: PasswordRules) {
    let spec = PolicySpec {
        passwords,
        ..PolicySpec::from(world.admin.state().policy())
    };
    world.admin.set_policy(ROOT, None, spec).await.unwrap();
}

#[tokio::test]
async fn every_rule_that_a_password_breaks_is_told_at_once_and_nothing_is_set() {
    let world = World::founded();
    let new = NewUser {
        name: "alice".to_owned(),
        password: Some(secret("alice")),
        ..NewUser::default()
    };
    let said = problems(world.admin.create_user(ROOT, new).await.err().unwrap());
    assert!(said.iter().all(|(field, _)| field == "password"), "{said:?}");
    assert_eq!(said.len(), 5, "{said:?}");
    assert_eq!(world.replica.take_calls(), []);

    let alice = user(&world, "alice", "Correct 9 horse").await;
    assert_eq!(
        problems(set(&world, alice, "correct 9 horse").await.unwrap_err()).len(),
        1
    );
    rules(
        &world,
        PasswordRules {
            upper: false,
            ..PasswordRules::default()
        },
    )
    .await;
    set(&world, alice, "correct 9 horse").await.unwrap();
    let bad = PolicySpec {
        passwords: PasswordRules {
            min_chars: 3,
            history: 25,
            max_age_days: Some(0),
            ..PasswordRules::default()
        },
        ..PolicySpec::from(world.admin.state().policy())
    };
    let said = problems(world.admin.set_policy(ROOT, None, bad).await.unwrap_err());
    let fields: Vec<&str> = said.iter().map(|(field, _)| &**field).collect();
    assert_eq!(
        fields,
        ["passwords.min_chars", "passwords.history", "passwords.max_age_days"]
    );
}

#[tokio::test]
async fn none_of_the_last_passwords_is_taken_again_and_an_older_one_is() {
    let world = World::founded();
    rules(
        &world,
        PasswordRules {
            history: 3,
            ..PasswordRules::default()
        },
    )
    .await;
    let alice = user(&world, "alice", "Old horse, 1").await;
    set(&world, alice, "Old horse, 2").await.unwrap();
    // Taking it away in between is no way around it.
    world.admin.set_password(ROOT, alice, None, None, false).await.unwrap();
    set(&world, alice, "Old horse, 3").await.unwrap();
    for used in ["Old horse, 3", "Old horse, 2", "Old horse, 1"] {
        let said = problems(set(&world, alice, used).await.unwrap_err());
        assert_eq!(said, [("password".to_owned(), "was used before".to_owned())], "{used}");
    }
    set(&world, alice, "Old horse, 4").await.unwrap();
    set(&world, alice, "Old horse, 1").await.unwrap();
    rules(
        &world,
        PasswordRules {
            history: 0,
            ..PasswordRules::default()
        },
    )
    .await;
    set(&world, alice, "Old horse, 1").await.unwrap();
}

#[tokio::test]
async fn a_password_is_judged_by_those_that_are_there_when_it_is_set() {
    let world = World::founded();
    let alice = user(&world, "alice", "Old horse, 1").await;
    world.replica.fall_behind();
    // Another administrator, on another node, sets the same one in between.
    let former = world.replica.leader().user(alice).unwrap().clone();
    world.replica.commit(&Command::Administer(Administer {
        request: Fingerprint([9; 16]),
        actor: ROOT,
        node: NodeId(2),
        changes: vec![Change::SetPassword(SetPassword {
            user: alice,
            expected: None,
            password: former.password.clone(),
            must_change_password: false,
        })],
    }));
    let late = set(&world, alice, "Old horse, 2").await;
    assert!(matches!(late, Err(AdminError::Conflict)), "{late:?}");
}

#[tokio::test]
async fn one_in_normal_form_is_the_same_in_another() {
    let world = World::founded();
    let alice = user(&world, "alice", "Gr\u{fc}n, 7 Tees").await;
    let said = problems(set(&world, alice, "Gru\u{308}n, 7 Tees").await.unwrap_err());
    assert_eq!(said[0].1, "was used before");
}

#[tokio::test]
async fn a_shared_password_is_judged_for_every_row() {
    let world = World::founded();
    let rows = ["bob", "alice"].map(|name| BulkUser {
        name: name.to_owned(),
        token: TokenKind::DEFAULT,
        seed: zeroize::Zeroizing::new(vec![1; 20]),
    });
    let shared = Some(secret("Shared-4-Alice"));
    let done = world.admin.create_users_in_bulk(ROOT, shared, rows, |_| ()).await;
    let said = problems(done.unwrap_err());
    assert_eq!(
        said,
        [(
            "users[alice].password".to_owned(),
            "has the user's name in it".to_owned()
        )]
    );
    assert_eq!(world.admin.state().user_count(), 0);
}

#[tokio::test]
async fn a_mark_needs_a_password_and_goes_with_the_next_one() {
    let world = World::founded();
    let new = NewUser {
        name: "bob".to_owned(),
        must_change_password: true,
        ..NewUser::default()
    };
    let said = problems(world.admin.create_user(ROOT, new).await.err().unwrap());
    assert_eq!(said[0].0, "must_change_password");
    let alice = user(&world, "alice", "Old horse, 1").await;
    let mark = |required| UserChange {
        display_name: Some("Alice".to_owned()),
        must_change_password: Some(required),
        ..UserChange::default()
    };
    let marked = world.admin.change_user(ROOT, alice, None, mark(true)).await.unwrap();
    assert!(marked.must_change_password && &*marked.display_name == "Alice");
    set(&world, alice, "Old horse, 2").await.unwrap();
    assert!(!world.admin.state().user(alice).unwrap().must_change_password);
}

fn own(old: &str, new: &str, source: IpAddr) -> OwnPasswordChange {
    OwnPasswordChange {
        name: "ALICE".to_owned(),
        old: secret(old),
        new: secret(new),
        source,
    }
}

#[tokio::test]
async fn a_user_changes_the_own_password_by_the_former_one_and_waits_after_wrong_ones() {
    let world = World::founded();
    let nobody = world
        .admin
        .change_own_password(own("Old horse, 1", "Old horse, 2", HERE))
        .await;
    assert!(matches!(nobody, Err(AdminError::WrongPassword)), "{nobody:?}");
    let alice = user(&world, "alice", "Old horse, 1").await;
    let change = async |old: &str, new: &str, source| world.admin.change_own_password(own(old, new, source)).await;

    let said = problems(change("Old horse, 1", "old", HERE).await.unwrap_err());
    assert!(said.iter().all(|(field, _)| field == "new_password"), "{said:?}");
    let said = problems(change("Old horse, 1", "Old horse, 1", HERE).await.unwrap_err());
    assert_eq!(said[0].1, "was used before");
    change("Old horse, 1", "Old horse, 2", HERE).await.unwrap();
    assert!(matches!(
        change("Old horse, 1", "Old horse, 3", HERE).await,
        Err(AdminError::WrongPassword)
    ));

    // The rules are told to nobody who does not know the former one.
    for _ in 0..3 {
        let wrong = change("wrong", "x", ELSEWHERE).await;
        assert!(matches!(wrong, Err(AdminError::WrongPassword)), "{wrong:?}");
    }
    let wrong = change("wrong", "x", ELSEWHERE).await;
    assert!(matches!(wrong, Err(AdminError::WrongPassword)), "{wrong:?}");
    let delayed = change("Old horse, 2", "Old horse, 3", ELSEWHERE).await;
    assert!(matches!(delayed, Err(AdminError::TooManyTries)), "{delayed:?}");
    change("Old horse, 2", "Old horse, 3", HERE).await.unwrap();
    let changed = world.admin.state().user(alice).unwrap().clone();
    assert_eq!(changed.former_passwords.len(), 2);
    assert!(changed.password_changed_ms <= world.clock.now_ms());

    world.admin.disable_user(ROOT, alice, None).await.unwrap();
    let disabled = change("Old horse, 3", "Old horse, 4", HERE).await;
    assert!(matches!(disabled, Err(AdminError::NotAllowed)), "{disabled:?}");
}
