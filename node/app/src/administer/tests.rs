use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_core::{Command, Factor, Modes, Outcome, Role, TokenKind};
use quorate_seal::PasswordVerifier;
use zeroize::Zeroizing;

use super::*;
use crate::client_secrets::ClientSecrets;
use crate::testing::{Call, Fault, ROOT, World, secret};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn alice() -> NewUser {
    NewUser {
        name: "CORP\\Alice".to_owned(),
        display_name: "Alice".to_owned(),
        ..NewUser::default()
    }
}

#[tokio::test]
async fn a_user_with_password_and_token_is_one_change_and_nothing_of_it_is_in_clear() {
    let world = World::founded();
    let seed = Zeroizing::new(b"twenty bytes of seed".to_vec());
    let new = NewUser {
        password: Some(secret("Correct 9 horse")),
        token: Some(TokenSpec {
            material: Material::Seed(seed.clone()),
            ..TokenSpec::default()
        }),
        ..alice()
    };
    let (user, enrolment) = world.admin.create_user(ROOT, new).await.unwrap();
    let enrolment = enrolment.unwrap();
    assert_eq!(user.name.to_string(), "alice");
    assert_eq!(user.tokens.len(), 1);
    let seed_base32 = enrolment.seed_base32.unwrap();
    assert_eq!(&*seed_base32, "OR3WK3TUPEQGE6LUMVZSA33GEBZWKZLE");
    assert!(enrolment.otpauth_uri.unwrap().contains(&*seed_base32));

    let commands = world.replica.take_commands();
    assert_eq!(commands.len(), 1);
    let bytes = commands[0].to_bytes();
    for clear in [b"Correct 9 horse".as_slice(), &seed] {
        assert!(!bytes.windows(clear.len()).any(|window| window == clear));
    }
    let aad = Aad {
        field: Field::UserPassword,
        record: user.id.0,
    };
    let verifier = world
        .keys
        .open(aad, user.password.as_ref().unwrap().as_bytes())
        .unwrap();
    let verifier = PasswordVerifier::decode(&verifier).unwrap();
    assert!(verifier.matches(b"Correct 9 horse", &mut quorate_seal::HashMemory::new()));
}

#[tokio::test]
async fn every_bad_field_is_reported_and_nothing_is_proposed() {
    let world = World::founded();
    let spec = ClientSpec {
        name: String::new(),
        device_type: "a\nb".to_owned(),
        networks: vec!["192.0.2.1".to_owned(), "192.0.2.1/8".to_owned(), "nonsense".to_owned()],
        nas_identifier: Some(String::new()),
        modes: Modes {
            one_step: true,
            two_step: false,
            passcode_only: true,
        },
        require_message_authenticator: true,
        application: quorate_core::ApplicationId(9),
        retry_timeout_ms: 0,
        retry_tries: 0,
        required_groups: Vec::new(),
        blocked_networks: Vec::new(),
        trusted_networks: Vec::new(),
        cut: quorate_core::Cut::ByToken,
    };
    let error = world.admin.create_client(ROOT, spec, Some(secret("ü"))).await.err();
    let Some(AdminError::Invalid(errors)) = error else {
        panic!("{error:?}")
    };
    let fields: Vec<&str> = errors.iter().map(|error| &*error.field).collect();
    assert_eq!(
        fields,
        [
            "name",
            "device_type",
            "nas_identifier",
            "retry_timeout_ms",
            "retry_tries",
            "modes",
            "application",
            "networks[1]",
            "networks[2]",
            "secret",
            "secret",
        ]
    );
    let new = NewUser {
        name: "a@b@c".to_owned(),
        display_name: " x".to_owned(),
        password: Some(secret("")),
        must_change_password: false,
        token: Some(TokenSpec {
            name: "t".repeat(300),
            kind: TokenKind::Totp {
                algorithm: quorate_core::OtpAlgorithm::Sha1,
                digits: 4,
                period_s: 1,
            },
            material: Material::Seed(Zeroizing::new(vec![0; 3])),
            ..TokenSpec::default()
        }),
        access: AccessChange::default(),
    };
    let Err(AdminError::Invalid(errors)) = world.admin.create_user(ROOT, new).await else {
        panic!("a user like this was created")
    };
    let fields: Vec<&str> = errors.iter().map(|error| &*error.field).collect();
    assert_eq!(
        fields,
        [
            "name",
            "display_name",
            "password",
            "password",
            "password",
            "password",
            "password",
            "token.name",
            "token.digits",
            "token.period_s",
            "token.seed"
        ]
    );
    assert_eq!(world.replica.take_calls(), []);
}

#[tokio::test]
async fn a_name_is_taken_in_every_spelling() {
    let world = World::founded();
    world.admin.create_user(ROOT, alice()).await.unwrap();
    for name in ["alice", "ALICE@Corp", "ａlice"] {
        let new = NewUser {
            name: name.to_owned(),
            ..NewUser::default()
        };
        let error = world.admin.create_user(ROOT, new).await.err();
        assert!(matches!(error, Some(AdminError::NameTaken)), "{name}: {error:?}");
    }
    assert_eq!(world.admin.state().user_count(), 1);
}

#[tokio::test]
async fn a_change_that_expects_another_revision_changes_nothing() {
    let world = World::founded();
    let (user, _) = world.admin.create_user(ROOT, alice()).await.unwrap();
    let read = Some(user.revision);
    let disabled = world.admin.disable_user(ROOT, user.id, read).await.unwrap();
    assert!(!disabled.enabled);
    let error = world.admin.enable_user(ROOT, user.id, read).await.err();
    assert!(matches!(error, Some(AdminError::Conflict)), "{error:?}");
    assert!(!world.admin.find_user("alice").unwrap().enabled);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_resolved_by_the_same_command() {
    let world = World::founded();
    world
        .replica
        .fail_next([Fault::LostAfter, Fault::NoLeader, Fault::LostBefore]);
    let (user, _) = world.admin.create_user(ROOT, alice()).await.unwrap();
    let commands = world.replica.take_commands();
    assert_eq!(commands.len(), 4);
    assert!(commands.iter().all(|command| *command == commands[0]));
    assert_eq!(world.admin.state().user_count(), 1);
    assert_eq!(world.admin.find_user("alice").unwrap().id, user.id);
}

#[tokio::test(start_paused = true)]
async fn without_a_leader_nothing_was_changed_and_with_a_lost_answer_it_is_not_known() {
    let world = World::founded();
    world.replica.fail_next([Fault::NoLeader; 1000]);
    let error = world.admin.create_user(ROOT, alice()).await.err();
    assert!(matches!(error, Some(AdminError::NoQuorum)), "{error:?}");

    let world = World::founded();
    world.replica.fail_next([Fault::LostBefore]);
    world.replica.fail_next([Fault::NoLeader; 1000]);
    let error = world.admin.create_user(ROOT, alice()).await.err();
    assert!(matches!(error, Some(AdminError::Unknown)), "{error:?}");
}

#[tokio::test]
async fn what_was_acknowledged_is_read_back_on_a_node_that_was_behind() {
    let world = World::founded();
    world.replica.fall_behind();
    let (user, _) = world.admin.create_user(ROOT, alice()).await.unwrap();
    assert_eq!(
        world.replica.take_calls(),
        [Call::Propose("administer"), Call::WaitApplied]
    );
    assert!(world.admin.state().user(user.id).is_some());
}

#[tokio::test]
async fn a_secret_is_rotated_and_the_cache_follows() {
    let world = World::founded();
    let application = world.application("vpn", &[Factor::Password, Factor::ANY_CODE]).await;
    let spec = ClientSpec::new("gateway", vec!["192.0.2.0/24".to_owned()], application);
    let (client, generated) = world.admin.create_client(ROOT, spec.clone(), None).await.unwrap();
    let first = generated.unwrap();
    assert_eq!(first.len(), 24);

    let cache = ClientSecrets::new(world.keys.clone());
    let secrets = || -> Vec<String> {
        let candidates = cache.candidates(&world.admin.state(), ADDRESS);
        let secrets = candidates.iter().flat_map(|candidate| candidate.secrets.iter());
        secrets
            .map(|secret| String::from_utf8(secret.to_vec()).unwrap())
            .collect()
    };
    assert_eq!(secrets(), [&**first]);
    let change = |change| world.admin.change_client(ROOT, client.id, None, spec.clone(), change);
    change(SecretChange::Add(secret("second secret"))).await.unwrap();
    assert_eq!(secrets(), [&**first, "second secret"]);
    change(SecretChange::Keep).await.unwrap();
    assert_eq!(secrets().len(), 2);
    change(SecretChange::DropOld).await.unwrap();
    assert_eq!(secrets(), ["second secret"]);
    change(SecretChange::Replace(secret("third secret"))).await.unwrap();
    assert_eq!(secrets(), ["third secret"]);
    world.admin.delete_client(ROOT, client.id, None).await.unwrap();
    assert!(secrets().is_empty());
}

#[tokio::test]
async fn an_application_in_use_stays() {
    let world = World::founded();
    let application = world.application("vpn", &[Factor::ANY_CODE]).await;
    let spec = ClientSpec::new("gateway", vec!["192.0.2.0/24".to_owned()], application);
    let (client, _) = world.admin.create_client(ROOT, spec, None).await.unwrap();
    let error = world.admin.delete_application(ROOT, application, None).await.err();
    assert!(matches!(error, Some(AdminError::InUse)), "{error:?}");
    world.admin.delete_client(ROOT, client.id, None).await.unwrap();
    world.admin.delete_application(ROOT, application, None).await.unwrap();
}

#[tokio::test]
async fn a_bearer_is_who_holds_the_whole_text() {
    let world = World::founded();
    let issued = world
        .admin
        .create_api_token(ROOT, "ci".to_owned(), Role::Admin)
        .await
        .unwrap();
    let actor = world.admin.authenticate_bearer(&issued.text, ADDRESS).unwrap();
    world.admin.create_user(actor, alice()).await.unwrap();

    let tampered = issued.text.replace(&issued.text[22..26], "AAAA");
    let other_id = issued.text.replacen(&issued.text[5..21], "0123456789abcdef", 1);
    for wrong in ["", "qat1", "qat1-0-0", &tampered, &other_id, &issued.text[..70]] {
        assert!(world.admin.authenticate_bearer(wrong, ADDRESS).is_err(), "{wrong}");
    }
    world.admin.delete_api_token(ROOT, issued.token.id, None).await.unwrap();
    assert!(world.admin.authenticate_bearer(&issued.text, ADDRESS).is_err());
    // An actor that was checked before the deletion may do nothing after it.
    let late = world
        .admin
        .create_user(
            actor,
            NewUser {
                name: "bob".to_owned(),
                ..NewUser::default()
            },
        )
        .await;
    assert!(matches!(late, Err(AdminError::NotAllowed)));
}

#[tokio::test]
async fn a_join_token_admits_one_key_until_it_expires() {
    let world = World::founded();
    let hour = Duration::from_secs(3600);
    let issued = world.admin.issue_join_token(ROOT, hour).await.unwrap();
    assert_eq!(world.admin.join_token_secret(issued.id), Some(issued.secret.clone()));
    let node = world.admin.admit_node(issued.id, "two", "", [2; 32]).await.unwrap();
    assert_eq!(node, NodeId(2));
    let again = world.admin.admit_node(issued.id, "two", "", [2; 32]).await.unwrap();
    assert_eq!(again, NodeId(2));
    let other = world.admin.admit_node(issued.id, "three", "", [3; 32]).await.err();
    assert!(matches!(other, Some(AdminError::Refused(_))), "{other:?}");

    let late = world.admin.issue_join_token(ROOT, hour).await.unwrap();
    world.clock.advance_ms(3_600_000);
    assert_eq!(world.admin.join_token_secret(late.id), None);
    let refused = world.admin.admit_node(late.id, "three", "", [3; 32]).await.err();
    assert!(matches!(refused, Some(AdminError::Refused(_))), "{refused:?}");

    world.admin.remove_node(ROOT, node).await.unwrap();
    assert!(world.admin.find_node("two").is_err());
    world.admin.remove_node(ROOT, node).await.unwrap();
}

#[tokio::test]
async fn the_ca_key_comes_back_and_only_under_the_right_ring() {
    let world = World::founded();
    assert_eq!(&**world.admin.ca_key().unwrap(), b"private key");
    let stranger = Administrator {
        keys: Arc::new(KeyRing::new(quorate_seal::KeyId(1), Zeroizing::new([43; 32]))),
        ..world.admin.clone()
    };
    assert!(matches!(stranger.ca_key(), Err(AdminError::Seal(_))));
}

#[tokio::test]
async fn users_in_bulk_are_atomic_commands_and_a_second_run_creates_none() {
    let world = World::founded();
    let users = || {
        (1..=600).map(|number| BulkUser {
            name: format!("u{number:06}"),
            token: TokenKind::DEFAULT,
            seed: Zeroizing::new(vec![7; 20]),
        })
    };
    let calls = std::sync::atomic::AtomicU64::new(0);
    let count = |_| {
        calls.fetch_add(1, Ordering::Relaxed);
    };
    let password = || Some(secret("Same 4 all of us"));
    let done = world
        .admin
        .create_users_in_bulk(ROOT, password(), users(), count)
        .await
        .unwrap();
    assert_eq!((done.created, done.existing), (600, 0));
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    let state = world.admin.state();
    assert_eq!((state.user_count(), state.token_count()), (600, 600));
    for command in world.replica.take_commands() {
        assert!(command.to_bytes().len() < 128 * 1024);
        assert!(
            matches!(world.replica.commit(&command).outcome, Outcome::Done { .. }),
            "replayed"
        );
        assert!(matches!(command, Command::Administer(_)));
    }
    let sealed: std::collections::BTreeSet<_> = state
        .users_after(None)
        .map(|user| user.password.as_ref().unwrap().as_bytes().to_vec())
        .collect();
    assert_eq!(sealed.len(), 600, "the same verifier, sealed anew for each");

    world.replica.take_calls();
    let again = world
        .admin
        .create_users_in_bulk(ROOT, password(), users(), |_| {})
        .await
        .unwrap();
    assert_eq!((again.created, again.existing), (0, 600));
    assert_eq!(world.replica.take_calls(), []);
}
