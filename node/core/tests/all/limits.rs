//! Bounded things refuse at their bound, and take one less.

use crate::script;
use quorate_core::{
    Actor, Change, Channel, Command, NodeId, Outcome, Refusal, change::UnlockUser, command::Administer, limits,
};
use script::{World, words};

fn founded() -> World {
    let mut world = World::new();
    world.run_line("genesis");
    world.run_line("admin create-application app ; create-client vpn");
    world.run_line("admin create-user alice password=pw");
    world
}

#[test]
fn a_user_has_so_many_tokens_and_no_more() {
    let mut world = founded();
    for token in 0..limits::TOKENS_PER_USER + 3 {
        world.run_line(&format!("admin create-token token{token} user=alice"));
    }
    assert_eq!(world.state.token_count(), limits::TOKENS_PER_USER);
}

/// One gives way for each that is one too many, and it is the oldest.
#[test]
fn a_user_trusts_so_many_devices_and_the_oldest_give_way() {
    let mut world = founded();
    world.run_line("admin create-token phone user=alice");
    for device in 0..limits::DEVICES_PER_USER + 3 {
        world.run_line("wait 30s");
        world.run_line(&format!("consume vpn alice phone browser=yes request=login{device}"));
        world.run_line(&format!("trust device{device} after=login{device}"));
    }
    let alice = world.state.users_after(None).next().unwrap().id;
    let names: Vec<&str> = world.state.devices_of(alice).map(|device| &*device.name).collect();
    assert_eq!(names.len(), limits::DEVICES_PER_USER);
    assert_eq!((names[0], *names.last().unwrap()), ("device3", "device18"));
}

#[test]
fn a_network_has_so_many_clients_and_no_more() {
    let mut world = founded();
    for client in 0..limits::CLIENTS_PER_NETWORK + 3 {
        world.run_line(&format!("admin create-client client{client} networks=10.0.0.0/8"));
    }
    let candidates = world.state.client_candidates("10.1.2.3".parse().unwrap()).count();
    assert_eq!(candidates, limits::CLIENTS_PER_NETWORK);
}

#[test]
fn a_command_has_so_many_changes_and_no_more() {
    let mut world = founded();
    let user = world.state.users_after(None).next().unwrap().id;
    let mut unlock = |request: &str, count: usize| {
        let change = Change::UnlockUser(UnlockUser { user, expected: None });
        let (request, actor, node) = (words::fingerprint(request), Actor::Root { uid: 0 }, NodeId(1));
        world.apply(&Command::Administer(Administer {
            request,
            actor,
            node,
            changes: vec![change; count],
        }))
    };
    assert_eq!(
        unlock("more", limits::CHANGES_PER_COMMAND + 1),
        Outcome::Refused(Refusal::LimitReached)
    );
    assert!(matches!(
        unlock("most", limits::CHANGES_PER_COMMAND),
        Outcome::Done { .. }
    ));
}

/// What expires is forgotten by and by, faster than commands can add to it.
#[test]
fn a_flood_is_forgotten_while_it_goes_on() {
    let mut world = founded();
    for _ in 0..3_000 {
        world.run_line("wait 100ms");
        world.run_line("fail vpn mallory UnknownUser");
    }
    // 1,200 are younger than 120 s.
    assert!(
        world.state.fingerprint_count() <= 1_200,
        "{}",
        world.state.fingerprint_count()
    );
    assert!(world.state.fingerprint_count() >= 1_199);
}

#[test]
fn there_are_so_many_texts_of_so_many_bytes_and_no_more() {
    let mut world = founded();
    for number in 0..limits::TEXTS + 3 {
        world.run_line(&format!("admin set-text sms de-{number}"));
    }
    assert_eq!(world.state.texts().count(), limits::TEXTS);
    let revision = |world: &World| world.state.text(Channel::Sms, "de-0").map(|text| text.revision);
    let first = revision(&world);
    world.run_line(&format!(
        "admin set-text sms de-0 text={}",
        "x".repeat(limits::TEXT_BYTES + 1)
    ));
    assert_eq!(
        revision(&world),
        first,
        "one that is there is changed within the bounds alone"
    );
    world.run_line(&format!(
        "admin set-text sms de-0 text={}",
        "x".repeat(limits::TEXT_BYTES)
    ));
    assert_ne!(revision(&world), first);
}
