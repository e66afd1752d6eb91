//! The NAS's side and the server's side agree, whatever is put in; and a reply belongs to one
//! request only.

#![allow(clippy::unwrap_used)] // a panic here is a failing test

use proptest::collection::vec;
use proptest::prelude::*;

use quorate_radius::client::{ReplyError, Request};
use quorate_radius::{
    AccessRequest, AttributeType, EncodeError, MessageAuthenticator, Packet, Reply, ReplyCode, ReplyTo, SharedSecret,
};

proptest! {
    #[test]
    fn a_request_arrives_as_it_was_meant(
        user in vec(any::<u8>(), 1..=253),
        password in "[ -~]{0,128}",
        state in proptest::option::of(vec(any::<u8>(), 0..=253)),
        secret in vec(any::<u8>(), 1..=70),
        identifier: u8,
        authenticator: [u8; 16],
    ) {
        let secret = SharedSecret::new(&secret);
        let mut request = Request::access(&user).password(password.as_bytes());
        if let Some(state) = &state {
            request = request.state(state);
        }
        let sent = request.encode(identifier, authenticator, &secret).unwrap();
        let packet = Packet::decode(sent.datagram()).unwrap();
        prop_assert_eq!(packet.message_authenticator(&secret), MessageAuthenticator::Valid);
        let parsed = AccessRequest::parse(&packet, &secret).unwrap();
        prop_assert_eq!(parsed.user_name, user);
        prop_assert_eq!(&parsed.password[..], password.as_bytes());
        prop_assert_eq!(parsed.state, state);
    }

    #[test]
    fn an_answer_is_believed_for_its_own_request_only(
        message in "\\PC{0,600}",
        state in vec(any::<u8>(), 0..=253),
        other: [u8; 16],
    ) {
        let secret = SharedSecret::new(b"between us");
        let request = Request::access(b"ada").password(b"x");
        let sent = request.encode(1, [42; 16], &secret).unwrap();
        let to = ReplyTo::of(&Packet::decode(sent.datagram()).unwrap());
        let reply = Reply::challenge(&state).message(&message).encode_signed(&to, &secret).unwrap();
        let answer = sent.verify(&reply, &secret).unwrap();
        prop_assert_eq!(answer.code, ReplyCode::Challenge);
        prop_assert_eq!(answer.messages.concat(), message);
        prop_assert_eq!(answer.state, Some(state));
        prop_assume!(other != [42; 16]);
        let stranger = request.encode(1, other, &secret).unwrap();
        prop_assert_eq!(
            stranger.verify(&reply, &secret),
            Err(ReplyError::ResponseAuthenticator)
        );
    }
}

#[test]
fn a_reply_with_any_bit_changed_is_not_believed() {
    let secret = SharedSecret::new(b"between us");
    let sent = Request::access(b"ada")
        .password(b"x")
        .encode(1, [42; 16], &secret)
        .unwrap();
    let to = ReplyTo::of(&Packet::decode(sent.datagram()).unwrap());
    let reply = Reply::reject().message("No").encode_signed(&to, &secret).unwrap();
    for bit in 0..reply.len() * 8 {
        let mut changed = reply.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(sent.verify(&changed, &secret).is_err(), "bit {bit}");
    }
}

/// What BlastRADIUS needs: a reply that is accepted without a Message-Authenticator.
#[test]
fn a_reply_without_message_authenticator_is_refused_unless_asked_for() {
    let secret = SharedSecret::new(b"xyzzy5461");
    let authenticator = 0x0f40_3f94_7397_8057_bd83_d5cb_98f4_227a_u128.to_be_bytes();
    let sent = Request::access(b"nemo").encode(0, authenticator, &secret).unwrap();
    // The Access-Accept of RFC 2865 §7.1.
    let accept = [
        0x02, 0x00, 0x00, 0x26, 0x86, 0xfe, 0x22, 0x0e, 0x76, 0x24, 0xba, 0x2a, 0x10, 0x05, 0xf6, 0xbf, 0x9b, 0x55,
        0xe0, 0xb2, 0x06, 0x06, 0x00, 0x00, 0x00, 0x01, 0x0f, 0x06, 0x00, 0x00, 0x00, 0x00, 0x0e, 0x06, 0xc0, 0xa8,
        0x01, 0x03,
    ];
    assert_eq!(sent.verify(&accept, &secret), Err(ReplyError::Unsigned));
    assert!(!sent.verify_leniently(&accept, &secret).unwrap().signed);
}

#[test]
fn what_is_too_long_is_said_and_not_cut() {
    let secret = SharedSecret::new(b"s");
    let too_long = [b'x'; 254];
    assert_eq!(
        Request::access(&too_long).encode(0, [0; 16], &secret).err(),
        Some(EncodeError::ValueTooLong(AttributeType::USER_NAME))
    );
    assert_eq!(
        Request::access(b"a")
            .password(&too_long[..129])
            .encode(0, [0; 16], &secret)
            .err(),
        Some(EncodeError::PasswordTooLong)
    );
    let mut request = Request::access(b"a");
    for _ in 0..15 {
        request = request.attribute(AttributeType::PROXY_STATE, &too_long[..253]);
    }
    let sent = request.encode(0, [0; 16], &secret).unwrap();
    let to = ReplyTo::of(&Packet::decode(sent.datagram()).unwrap());
    let reply = Reply::challenge(&too_long[..253]).message(&"y".repeat(50));
    assert_eq!(reply.encode_signed(&to, &secret), Err(EncodeError::PacketTooLong));
    assert!(
        Reply::reject().encode_signed(&to, &secret).is_ok(),
        "a bare reject still fits"
    );
    let state = Reply::challenge(&too_long).encode_signed(&to, &secret);
    assert_eq!(state, Err(EncodeError::ValueTooLong(AttributeType::STATE)));
}

/// The fingerprint is taken over these octets.
#[test]
fn a_packet_ends_where_its_length_says_whatever_padding_follows() {
    let secret = SharedSecret::new(b"s");
    let sent = Request::access(b"ada")
        .password(b"x")
        .encode(1, [1; 16], &secret)
        .unwrap();
    let mut padded = sent.datagram().to_vec();
    padded.extend_from_slice(&[0xff; 9]);
    assert_eq!(Packet::decode(&padded).unwrap().bytes(), sent.datagram());
}
