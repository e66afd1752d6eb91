use quorate_core::Role;
use tokio::time::{Duration, Instant};

use super::super::{Material, NewUser};
use super::*;
use crate::testing::{Fault, ROOT, World, secret};

fn user(name: &str) -> ImportRow {
    ImportRow::User(ImportedUser {
        name: name.to_owned(),
        ..ImportedUser::default()
    })
}

fn token(owner: Option<&str>, name: &str) -> ImportRow {
    ImportRow::Token(ImportedToken {
        owner: owner.map(str::to_owned),
        spec: TokenSpec {
            name: name.to_owned(),
            material: Material::Seed(Zeroizing::new(vec![7; 20])),
            ..TokenSpec::default()
        },
        disabled: false,
    })
}

async fn gather(world: &World, import: &str, rows: Vec<ImportRow>) -> Vec<RowVerdict> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let gathered = world.admin.gather_rows(ROOT, import, (rows, 0), false, deadline);
    gathered.await.unwrap()
}

fn wrong_fields(verdict: &RowVerdict) -> Vec<&str> {
    match verdict {
        RowVerdict::Wrong(errors) => errors.iter().map(|error| error.field.as_str()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn users_come_with_all_that_belongs_to_them_and_the_next_time_they_are_there() {
    let world = World::founded();
    let rows = || {
        let verifier =
            quorate_seal::PasswordVerifier::compute(b"foreign", [9; 16], &mut quorate_seal::HashMemory::new());
        vec![
            ImportRow::User(ImportedUser {
                name: "CORP\\Alice".to_owned(),
                display_name: "Alice".to_owned(),
                password: Some(ImportedPassword::Clear(secret("Correct 9 horse"))),
                groups: vec!["vpn".to_owned(), "admins".to_owned(), "vpn".to_owned()],
                addresses: vec![
                    (Channel::Sms, secret("+49 171 2345667")),
                    (Channel::Email, secret("alice@example.org")),
                ],
                language: "pt_BR".to_owned(),
                disabled: true,
            }),
            ImportRow::User(ImportedUser {
                password: Some(ImportedPassword::Verifier(verifier)),
                name: "bob".to_owned(),
                ..ImportedUser::default()
            }),
            token(Some("bob"), "phone"),
            token(None, "OATH0001"),
        ]
    };
    let import = world.admin.begin_import(ROOT).unwrap();
    assert_eq!(gather(&world, &import, rows()).await, [const { RowVerdict::New }; 4]);
    assert_eq!(world.admin.state().user_count(), 0, "nothing before it is ordered");
    let done = world.admin.commit_import(ROOT, &import, false).await.unwrap();
    assert_eq!((done.users_created, done.tokens_created, done.waiting), (2, 2, 0));
    let state = world.admin.state();
    let alice = world.admin.find_user("alice").unwrap();
    assert_eq!((alice.enabled, alice.tokens.len()), (false, 2));
    let groups: Vec<&str> = alice
        .local
        .as_ref()
        .unwrap()
        .groups
        .iter()
        .map(|group| &**group)
        .collect();
    assert_eq!(groups, ["admins", "vpn"]);
    assert_eq!(alice.language(), "pt-br");
    assert!(
        state
            .tokens_of(alice.id)
            .all(|token| token.standing == quorate_core::Standing::Enabled)
    );
    assert_eq!(state.stock_count(), 1);
    let taken = world.admin.export_users(ROOT, None, true).await.unwrap();
    assert_eq!(taken[0].mobile.as_ref().unwrap().as_str(), "+491712345667");
    assert_eq!(taken[0].mail.as_ref().unwrap().as_str(), "alice@example.org");
    let bobs = taken[1].verifier.as_ref().unwrap();
    assert!(bobs.matches(b"foreign", &mut quorate_seal::HashMemory::new()));

    let again = world.admin.begin_import(ROOT).unwrap();
    assert_eq!(gather(&world, &again, rows()).await, [const { RowVerdict::There }; 4]);
    let done = world.admin.commit_import(ROOT, &again, false).await.unwrap();
    assert_eq!((done.users_created, done.users_there, done.tokens_there), (0, 2, 2));
}

#[tokio::test]
async fn each_wrong_row_is_named_and_nothing_is_made_unless_they_are_to_be_skipped() {
    let world = World::founded();
    let import = world.admin.begin_import(ROOT).unwrap();
    let rows = vec![
        user("carol"),
        user("CORP\\Carol"),
        ImportRow::User(ImportedUser {
            name: "dora".to_owned(),
            password: Some(ImportedPassword::Clear(secret("dora"))),
            addresses: vec![(Channel::Sms, secret("0171 2345667"))],
            groups: vec![String::new()],
            language: "German".to_owned(),
            ..ImportedUser::default()
        }),
        token(Some("nobody"), "phone"),
    ];
    let verdicts = gather(&world, &import, rows).await;
    assert_eq!(verdicts[0], RowVerdict::New);
    assert_eq!(wrong_fields(&verdicts[1]), ["name"], "another spelling of a former row");
    let of_dora: std::collections::BTreeSet<&str> = wrong_fields(&verdicts[2]).into_iter().collect();
    assert_eq!(
        of_dora.into_iter().collect::<Vec<_>>(),
        ["groups[0]", "language", "password", "sms"]
    );
    assert_eq!(wrong_fields(&verdicts[3]), ["owner"]);
    let refused = world.admin.commit_import(ROOT, &import, false).await;
    assert!(matches!(refused, Err(AdminError::RowsWrong(3))), "{refused:?}");
    assert_eq!(world.admin.state().user_count(), 0);
    let done = world.admin.commit_import(ROOT, &import, true).await.unwrap();
    assert_eq!((done.users_created, done.wrong), (1, 3));
}

#[tokio::test]
async fn a_lost_answer_makes_nothing_twice_and_what_others_made_meanwhile_is_left() {
    let world = World::founded();
    let import = world.admin.begin_import(ROOT).unwrap();
    let rows = vec![
        user("alice"),
        token(Some("alice"), "phone"),
        user("bob"),
        token(Some("bob"), "phone"),
    ];
    gather(&world, &import, rows).await;
    let bob = NewUser {
        name: "bob".to_owned(),
        ..NewUser::default()
    };
    world.admin.create_user(ROOT, bob).await.unwrap();
    // Bob's token is sealed for a user who will never be.
    let refused = world.admin.commit_import(ROOT, &import, false).await;
    assert!(matches!(refused, Err(AdminError::RowsWrong(1))), "{refused:?}");
    world.replica.fail_next([Fault::LostAfter]);
    let mut done = world.admin.commit_import(ROOT, &import, true).await;
    if done.is_err() {
        done = world.admin.commit_import(ROOT, &import, true).await;
    }
    let done = done.unwrap();
    assert_eq!((done.users_created, done.users_there), (1, 1));
    assert_eq!((done.tokens_created, done.left_out), (1, 1));
    assert_eq!(done.first_left_out[0].0, "phone of bob");
    assert_eq!(
        world.admin.commit_import(ROOT, &import, true).await.unwrap(),
        done,
        "again is the same"
    );
    assert_eq!(world.admin.state().token_count(), 1);
}

#[tokio::test]
async fn a_look_keeps_nothing_and_an_import_is_its_owners_for_a_while() {
    let world = World::founded();
    let import = world.admin.begin_import(ROOT).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let rows = vec![user("alice"), token(Some("alice"), "phone")];
    let looked = world
        .admin
        .gather_rows(ROOT, &import, (rows, 0), true, deadline)
        .await
        .unwrap();
    assert_eq!(looked, [const { RowVerdict::New }; 2]);
    let done = world.admin.commit_import(ROOT, &import, false).await.unwrap();
    assert_eq!((done.users_created, world.admin.state().user_count()), (0, 0));

    let issued = world
        .admin
        .create_api_token(ROOT, "script".to_owned(), Role::Admin)
        .await
        .unwrap();
    let source = std::net::IpAddr::from([127, 0, 0, 1]);
    let script = world.admin.authenticate_bearer(&issued.text, source).unwrap();
    let foreign = world.admin.import_standing(script, &import);
    assert!(matches!(foreign, Err(AdminError::NotFound { .. })));
    for _ in 1..limits::IMPORTS {
        world.admin.begin_import(ROOT).unwrap();
    }
    assert!(matches!(world.admin.begin_import(ROOT), Err(AdminError::Overloaded)));
    world.admin.drop_import(ROOT, &import).unwrap();
    world.admin.begin_import(ROOT).unwrap();
}

#[tokio::test(start_paused = true)]
async fn secrets_are_given_when_the_audit_has_them_and_not_before() {
    let world = World::founded();
    let import = world.admin.begin_import(ROOT).unwrap();
    let rows = vec![user("alice"), token(Some("alice"), "phone"), token(None, "OATH0001")];
    gather(&world, &import, rows).await;
    world.admin.commit_import(ROOT, &import, false).await.unwrap();
    let before = world.admin.state().audit().next_seq();
    let taken = world.admin.export_tokens(ROOT, None, None).await.unwrap();
    assert_eq!((taken.tokens.len(), taken.left_out, taken.next), (2, 0, None));
    assert!(taken.tokens.iter().all(|token| token.secret.as_slice() == [7; 20]));
    assert_eq!(world.admin.state().audit().next_seq(), before + 2, "a record of each");
    let alice = world.admin.find_user("alice").unwrap().id;
    let hers = world.admin.export_tokens(ROOT, Some(alice), None).await.unwrap();
    assert_eq!(hers.tokens.len(), 1);

    let issued = world
        .admin
        .create_api_token(ROOT, "script".to_owned(), Role::Admin)
        .await
        .unwrap();
    let source = std::net::IpAddr::from([127, 0, 0, 1]);
    let script = world.admin.authenticate_bearer(&issued.text, source).unwrap();
    let refused = world.admin.export_tokens(script, None, None).await.err();
    assert!(
        matches!(refused, Some(AdminError::Missing(Permission::ExportSecrets))),
        "{refused:?}"
    );
    let refused = world.admin.export_users(script, None, true).await.err();
    assert!(refused.is_none(), "nobody has a password: {refused:?}");
    world.replica.fail_next([Fault::NoLeader; 1000]);
    assert!(
        world.admin.export_tokens(ROOT, None, None).await.is_err(),
        "no audit, no secrets"
    );
}

/// Names are not unique, so of two tokens of one name both come, and each is there the next time.
#[tokio::test]
async fn two_tokens_of_one_name_both_come_and_a_name_means_who_it_means_at_a_login() {
    let world = World::founded();
    let named = NewUser {
        name: "alice".to_owned(),
        ..NewUser::default()
    };
    world.admin.create_user(ROOT, named).await.unwrap();
    let rows = || {
        vec![
            token(Some("alice"), "phone"),
            token(Some("alice"), "phone"),
            token(None, "fob"),
            token(None, "fob"),
        ]
    };
    let import = world.admin.begin_import(ROOT).unwrap();
    assert_eq!(gather(&world, &import, rows()).await, [const { RowVerdict::New }; 4]);
    let done = world.admin.commit_import(ROOT, &import, false).await.unwrap();
    assert_eq!((done.tokens_created, done.left_out), (4, 0));
    let again = world.admin.begin_import(ROOT).unwrap();
    let mut more = rows();
    more.push(token(Some("alice"), "phone"));
    let verdicts = gather(&world, &again, more).await;
    assert_eq!(verdicts[..4], [const { RowVerdict::There }; 4]);
    assert_eq!(verdicts[4], RowVerdict::New, "a third of that name");
    // A user that comes with the same import owns by any spelling, when it is judged and when it is gathered.
    let both = world.admin.begin_import(ROOT).unwrap();
    let rows = vec![user("Bob@Example.ORG"), token(Some("EXAMPLE.ORG\\bob"), "phone")];
    assert_eq!(gather(&world, &both, rows).await, [const { RowVerdict::New }; 2]);
}
