//! Codes that are sent: one message for one request, whichever node is asked, and none when the node that queued it is gone.

use quorate_core::{Channel, Report, Token, TokenKind};

use super::*;

const ADDRESS: &str = "+49 171 234 56 67";

/// Alice, with a telephone beside her token.
async fn with_mobile() -> (Gateway, Arc<Token>) {
    let gateway = Gateway::new(INTERACTIVE).await;
    let spec = TokenSpec {
        kind: TokenKind::Sent { channel: Channel::Sms },
        material: Material::Address(Zeroizing::new(ADDRESS.to_owned())),
        verified: Some(true),
        ..TokenSpec::default()
    };
    let (token, _) = gateway
        .world
        .admin
        .create_token(ROOT, Some(gateway.alice), spec)
        .await
        .unwrap();
    gateway.world.replica.take_calls();
    (gateway, token)
}

/// The same datagram again.
fn copy(packet: &AccessRequest) -> AccessRequest {
    AccessRequest {
        client: packet.client.clone(),
        user_name: packet.user_name.clone(),
        password: packet.password.clone(),
        state: packet.state.clone(),
        fingerprint: packet.fingerprint,
        calling_station_id: None,
        nas_identifier: None,
        attributes: Vec::new(),
        browser: None,
        ..*packet
    }
}

fn state_of(answer: Answer) -> Vec<u8> {
    match answer.decision {
        Decision::Challenge { state, .. } => state,
        other => panic!("{other:?}"),
    }
}

fn reports(gateway: &Gateway) -> Vec<Report> {
    let state = gateway.world.replica.leader();
    let entry = |bytes: &Arc<[u8]>| AuditRecord::from_bytes(bytes).unwrap().entry;
    state
        .audit()
        .open_records()
        .filter_map(|(_, bytes)| match entry(bytes) {
            Entry::MessageReported(report) => Some(report.report),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn the_same_request_at_every_node_is_one_message_and_its_code_works_once() {
    let (gateway, token) = with_mobile().await;
    let asked = gateway.ask("alice", PASSWORD).await;
    let Decision::Challenge { state, prompt } = asked else {
        panic!("{asked:?}");
    };
    assert_eq!(prompt, "Enter your code, or type 1 for SMS to ···67");
    assert!(
        gateway.world.letters.take().await.is_empty(),
        "nobody asked for a message yet"
    );

    let packet = gateway.packet("alice", "sms", Some(&state));
    let mut states = Vec::new();
    for node in 1..=3 {
        let node = gateway.world.authenticator_at(NodeId(node));
        states.push(state_of(node.authenticate(copy(&packet)).await));
    }
    // The same answer, signed anew.
    states.push(state_of(gateway.answer("alice", "sms", &state).await));
    let mut letters = gateway.world.letters.take().await;
    assert_eq!(letters.len(), 1);
    let letter = letters.remove(0);
    assert_eq!(letter.address.as_str(), "+491712345667");
    assert_eq!((letter.channel, letter.code.len()), (Channel::Sms, 6));
    assert_eq!(reports(&gateway), [Report::Sent { gateway: None }]);

    // Whichever node's challenge is answered, and at whichever node.
    let other = gateway.world.authenticator_at(NodeId(3));
    let accepted = other
        .authenticate(gateway.packet("alice", &letter.code, Some(&states[0])))
        .await;
    assert_eq!(accepted.decision, Decision::Accept);
    assert!(
        gateway.world.replica.leader().sent_code(token.id).is_none(),
        "it is used up"
    );
    let again = gateway.answer("alice", &letter.code, &gateway.challenge().await).await;
    assert_eq!(again.decision, Decision::Reject(Reason::WrongCode));
}

#[tokio::test]
async fn a_lost_answer_sends_once_and_a_lost_node_not_at_all() {
    let (gateway, _) = with_mobile().await;
    let state = gateway.challenge().await;
    // No thread hashes from here on.
    tokio::time::pause();
    // The code was queued, and the node that made it heard so only when it asked again.
    gateway.world.replica.fail_next([Fault::LostAfter]);
    let state = state_of(gateway.answer("alice", "sms", &state).await);
    assert_eq!(gateway.world.letters.take().await.len(), 1);

    // The node is gone before it hears: nobody else knows the code, so nobody sends one for this request.
    let packet = gateway.packet("alice", "sms", Some(&state));
    gateway.world.replica.fail_next(
        [Fault::LostAfter]
            .into_iter()
            .chain(std::iter::repeat_n(Fault::NoLeader, 10_000)),
    );
    let lost = gateway.node.authenticate(copy(&packet)).await;
    assert_eq!(lost.decision, Decision::Silent(Silence::Unknown));
    gateway.world.replica.take_faults();
    let mut packet = copy(&packet);
    packet.received = Instant::now();
    let elsewhere = gateway.world.authenticator_at(NodeId(2));
    let state = state_of(elsewhere.authenticate(packet).await);
    assert!(gateway.world.letters.take().await.is_empty());

    // The user asks again, and has a code.
    let state = state_of(gateway.answer("alice", "1", &state).await);
    let letters = gateway.world.letters.take().await;
    assert_eq!(letters.len(), 1);
    let answer = gateway.answer("alice", &letters[0].code, &state).await;
    assert_eq!(answer.decision, Decision::Accept);
}

#[tokio::test]
async fn what_no_gateway_took_is_in_the_audit() {
    let (gateway, _) = with_mobile().await;
    gateway.world.letters.fail();
    let state = gateway.challenge().await;
    state_of(gateway.answer("alice", "sms", &state).await);
    assert_eq!(gateway.world.letters.take().await.len(), 1);
    assert_eq!(reports(&gateway), [Report::Failed]);
}

#[tokio::test]
async fn an_address_is_verified_by_a_code_that_was_sent_to_it() {
    let (gateway, _) = with_mobile().await;
    let admin = &gateway.world.admin;
    let spec = |address: &str| TokenSpec {
        kind: TokenKind::Sent {
            channel: Channel::Email,
        },
        material: Material::Address(Zeroizing::new(address.to_owned())),
        ..TokenSpec::default()
    };
    let wrong = admin.create_token(ROOT, Some(gateway.alice), spec("alice")).await;
    assert!(matches!(wrong, Err(crate::AdminError::Invalid(_))));
    let (token, _) = admin
        .create_token(ROOT, Some(gateway.alice), spec("alice@example.org"))
        .await
        .unwrap();
    assert_eq!(
        (token.standing.label(), &*token.hint),
        ("unverified", "a···@example.org")
    );
    assert!(admin.verify_token(ROOT, token.id, None, "123456").await.is_err());
    admin.send_code(ROOT, token.id).await.unwrap();
    let letters = gateway.world.letters.take().await;
    assert_eq!(letters[0].address.as_str(), "alice@example.org");
    assert!(admin.verify_token(ROOT, token.id, None, "x").await.is_err());
    let verified = admin
        .verify_token(ROOT, token.id, None, &letters[0].code)
        .await
        .unwrap();
    assert_eq!(verified.standing.label(), "enabled");
    assert!(admin.send_code(ROOT, verified.id).await.is_ok(), "a test, at any time");
}
