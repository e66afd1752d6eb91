use quorate_core::{Actor, Factor, NodeId, Refusal, Role, RuleId};

use super::*;
use crate::testing::{Fault, ROOT, World};

const MINUTE_MS: u64 = 60_000;

fn guests(refuse: bool) -> RuleSpec {
    RuleSpec {
        name: "guests".to_owned(),
        position: Some(7),
        user: Some("guest-*".to_owned()),
        application: (!refuse).then(|| "vpn".to_owned()),
        refuse,
        ..RuleSpec::default()
    }
}

/// A rule, and the keeper of a node.
async fn world() -> (World, RuleId) {
    let world = World::founded();
    world.application("vpn", &[Factor::Password]).await;
    let rule = world.admin.create_rule(ROOT, guests(false)).await.unwrap().id;
    (world, rule)
}

fn keeper(world: &World, node: u64) -> PendingKeeper {
    PendingKeeper::new(world.replica.clone(), world.clock.clone(), NodeId(node))
}

fn for_a_minute(world: &World) -> Administrator {
    world.admin.until_confirmed(Some(MINUTE_MS))
}

fn refuses(world: &World, rule: RuleId) -> bool {
    world.admin.state().rule(rule).unwrap().then == quorate_core::Then::Refuse
}

#[tokio::test]
async fn what_nobody_confirms_is_taken_back_by_the_leader_and_by_nobody_else() {
    let (world, rule) = world().await;
    for_a_minute(&world)
        .change_rule(ROOT, rule, None, guests(true))
        .await
        .unwrap();
    assert!(refuses(&world, rule), "it holds at once");
    world.clock.advance_ms(MINUTE_MS - 1);
    keeper(&world, 1).look().await;
    assert!(refuses(&world, rule), "and until its time has passed");
    world.clock.advance_ms(1);
    keeper(&world, 2).look().await;
    assert!(refuses(&world, rule), "a follower waits for the leader");
    world.replica.fail_next([Fault::NoLeader]);
    keeper(&world, 1).look().await;
    assert!(refuses(&world, rule), "so does a leader that is none any more");
    keeper(&world, 1).look().await;
    assert!(!refuses(&world, rule));
    assert_eq!(world.admin.state().pending().count(), 0);
    world.replica.take_commands();
    keeper(&world, 1).look().await;
    assert!(world.replica.take_commands().is_empty(), "and that is all");
}

#[tokio::test]
async fn what_is_confirmed_stays_and_what_is_undone_does_not_wait() {
    let (world, rule) = world().await;
    let change = for_a_minute(&world).change_rule(ROOT, rule, None, guests(true)).await;
    change.unwrap();
    let waiting = world.admin.state().pending().next().unwrap().id;
    let other = world.admin.disable_rule(ROOT, rule, None).await;
    assert!(
        matches!(other, Err(AdminError::Waits(id)) if id == waiting),
        "{other:?}"
    );
    assert_eq!(world.admin.find_pending(&waiting.to_string()).unwrap().id, waiting);
    world.admin.confirm_change(ROOT, waiting).await.unwrap();
    world.clock.advance_ms(2 * MINUTE_MS);
    keeper(&world, 1).look().await;
    assert!(refuses(&world, rule));
    let again = world.admin.confirm_change(ROOT, waiting).await;
    assert!(matches!(again, Err(AdminError::NotFound { .. })), "{again:?}");

    for_a_minute(&world).delete_rule(ROOT, rule, None).await.unwrap();
    let waiting = world.admin.state().pending().next().unwrap().id;
    assert!(world.admin.find_rule("guests").is_err());
    world.admin.take_back_change(ROOT, waiting).await.unwrap();
    assert!(refuses(&world, rule));
}

/// Whoever made the change has lost everything meanwhile: nobody is needed for it to be taken back.
#[tokio::test]
async fn it_is_taken_back_though_whoever_made_it_is_locked_out() {
    let (world, rule) = world().await;
    let issued = world
        .admin
        .create_api_token(ROOT, "script".to_owned(), Role::Admin)
        .await
        .unwrap();
    let actor = Actor::ApiToken {
        id: issued.token.id,
        revision: issued.token.revision,
        source: "192.0.2.1".parse().unwrap(),
    };
    let change = for_a_minute(&world).change_rule(actor, rule, None, guests(true)).await;
    change.unwrap();
    let waiting = world.admin.state().pending().next().unwrap().id;
    world.admin.delete_api_token(ROOT, issued.token.id, None).await.unwrap();
    let undo = world.admin.take_back_change(actor, waiting).await;
    assert!(matches!(undo, Err(AdminError::NotAllowed)), "{undo:?}");
    world.clock.advance_ms(MINUTE_MS);
    keeper(&world, 1).look().await;
    assert!(!refuses(&world, rule));
}

#[tokio::test]
async fn what_cannot_wait_and_a_wrong_time_are_named() {
    let (world, rule) = world().await;
    let spec = ApplicationSpec {
        name: "new".to_owned(),
        factors: vec![Factor::Password],
        passthru_until_ms: None,
        enrolment: quorate_core::Enrolment::Off,
    };
    let created = for_a_minute(&world).create_application(ROOT, spec).await.map(drop);
    let short = world.admin.until_confirmed(Some(999));
    let short = short.disable_rule(ROOT, rule, None).await.map(drop);
    let long = world.admin.until_confirmed(Some(86_400_001));
    let long = long.disable_rule(ROOT, rule, None).await.map(drop);
    for refused in [created, short, long] {
        let Err(AdminError::Invalid(errors)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(errors[0].field, "confirm_within_ms");
        assert!(!errors[0].hint.is_empty());
    }
    assert!(world.admin.state().rule(rule).unwrap().enabled);
}

#[tokio::test]
async fn no_more_wait_than_the_limit() {
    let (world, _) = world().await;
    let admin = for_a_minute(&world);
    for place in 0..quorate_core::limits::PENDING {
        let name = format!("rule {place}");
        admin
            .create_rule(ROOT, RuleSpec { name, ..guests(true) })
            .await
            .unwrap();
    }
    let name = "one more".to_owned();
    let refused = admin.create_rule(ROOT, RuleSpec { name, ..guests(true) }).await;
    assert!(
        matches!(refused, Err(AdminError::Refused(Refusal::LimitReached))),
        "{refused:?}"
    );
    world.clock.advance_ms(MINUTE_MS);
    keeper(&world, 1).look().await;
    let left = world.admin.state().rules().count();
    assert_eq!(left, 1, "all of them are taken back in one look");
}
