//! Millions of damaged packets, a few seconds, no panic: and nothing forged passes.
//!
//! Two kinds of damage: octets of a valid packet changed, inserted, cut and doubled (most stay
//! near enough to the truth to reach deep), and packets put together from random attributes. The
//! generator is seeded, so a failure repeats.

#![allow(clippy::unwrap_used)] // a panic here is a failing test

use quorate_radius::client::Request;
use quorate_radius::{AccessRequest, AttributeType, MessageAuthenticator, Packet, Reply, ReplyTo, SharedSecret};

const MUTATED: u32 = 2_000_000;
const COMPOSED: u32 = 500_000;

#[test]
fn two_million_mutations_of_valid_packets_neither_panic_nor_pass_as_signed() {
    let mut random = Random(0x5eed);
    let seeds = valid_packets();
    let secret = SharedSecret::new(b"between us");
    let (mut decoded, mut parsed) = (0_u32, 0_u32);
    let mut datagram = Vec::with_capacity(8192);
    for _ in 0..MUTATED {
        let seed = &seeds[random.below(seeds.len())];
        datagram.clear();
        datagram.extend_from_slice(seed);
        random.damage(&mut datagram);
        let Ok(packet) = Packet::decode(&datagram) else {
            continue;
        };
        decoded += 1;
        let changed = packet.bytes() != &seed[..];
        let signature = packet.message_authenticator(&secret);
        assert!(
            !changed || signature != MessageAuthenticator::Valid,
            "forged: {datagram:02x?}"
        );
        parsed += u32::from(read_everything(&packet, &secret));
    }
    assert!(
        decoded > MUTATED / 5,
        "the damage is too coarse to test anything: {decoded}"
    );
    assert!(
        parsed > MUTATED / 20,
        "hardly anything reached the parser's end: {parsed}"
    );
}

#[test]
fn half_a_million_composed_packets_are_read_without_panic() {
    let mut random = Random(0xc0de);
    let secret = SharedSecret::new(b"s");
    let mut parsed = 0_u32;
    for _ in 0..COMPOSED {
        let datagram = random.composed();
        if let Ok(packet) = Packet::decode(&datagram) {
            parsed += u32::from(read_everything(&packet, &secret));
        }
    }
    assert!(parsed > COMPOSED / 500, "hardly anything parsed: {parsed}");
}

/// Touches every path a packet can take; says whether it parsed.
fn read_everything(packet: &Packet<'_>, secret: &SharedSecret) -> bool {
    let octets: usize = packet.attributes().map(|it| it.value.len() + 2).sum();
    assert_eq!(octets + 20, packet.bytes().len(), "attributes fill the packet exactly");
    let _ = packet.is_signed_status_server(secret);
    if let Ok(datagram) = Reply::reject()
        .message("No")
        .encode_signed(&ReplyTo::of(packet), secret)
    {
        let reply = Packet::decode(&datagram).expect("what we send is legal");
        let states = |it: &Packet<'_>| {
            it.all(AttributeType::PROXY_STATE)
                .map(<[u8]>::to_vec)
                .collect::<Vec<_>>()
        };
        assert_eq!(states(&reply), states(packet), "Proxy-States are echoed");
        let first = reply.attributes().next().expect("it is signed").kind;
        assert_eq!(first, AttributeType::MESSAGE_AUTHENTICATOR);
    }
    match AccessRequest::parse(packet, secret) {
        Ok(request) => {
            assert!((1..=253).contains(&request.user_name.len()));
            assert!(request.password.len() <= 128);
            true
        }
        Err(_) => false,
    }
}

fn valid_packets() -> Vec<Vec<u8>> {
    let secret = SharedSecret::new(b"between us");
    let ada = Request::access(b"ada").password(b"correct horse battery staple");
    let requests = [
        ada.clone(),
        ada.clone().unsigned(),
        ada.clone().state(&[9; 200]).nas_identifier("vpn-1"),
        ada.attribute(AttributeType::PROXY_STATE, b"one")
            .attribute(AttributeType::PROXY_STATE, b""),
        Request::access(b"eve").attribute(AttributeType::CHAP_PASSWORD, &[1; 17]),
        Request::access(b"eve").attribute(AttributeType::EAP_MESSAGE, &[2, 1, 0, 5, 1]),
        Request::status_server(),
    ];
    let encode = |request: &Request| request.encode(1, [42; 16], &secret).unwrap();
    requests
        .iter()
        .map(|request| encode(request).datagram().to_vec())
        .collect()
}

/// xorshift64*: quick, seeded, and random enough to break parsers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 32).unwrap() % bound
    }

    fn octet(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    fn damage(&mut self, datagram: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(datagram.len().max(1)).min(datagram.len().saturating_sub(1));
            match self.below(8) {
                _ if datagram.is_empty() => datagram.push(self.octet()),
                0..=3 => datagram[at] ^= 1 << self.below(8),
                4 => datagram[at] = self.octet(),
                5 => datagram.insert(at, self.octet()),
                6 => datagram.truncate(at),
                _ => datagram.extend_from_within(at..),
            }
        }
        // Half of them get a Length that fits again, so that the damage is not found at once.
        if self.below(2) == 0 && datagram.len() >= 4 {
            let length = u16::try_from(datagram.len()).unwrap();
            datagram[2..4].copy_from_slice(&length.to_be_bytes());
        }
    }

    /// A legal header and attributes of the types that are looked at, with any length and value.
    fn composed(&mut self) -> Vec<u8> {
        const TYPES: [u8; 10] = [1, 2, 3, 4, 24, 31, 32, 33, 79, 80];
        let mut datagram = vec![if self.below(8) == 0 { self.octet() } else { 1 }; 20];
        for _ in 0..self.below(6) {
            let kind = TYPES[self.below(TYPES.len())];
            let value_bytes = match self.below(4) {
                0 => self.below(254),
                1 => 16,
                _ => 16 * self.below(9),
            };
            datagram.extend_from_slice(&[kind, u8::try_from(value_bytes + 2).unwrap()]);
            let filling = self.octet();
            datagram.resize(datagram.len() + value_bytes, filling);
        }
        let length = u16::try_from(datagram.len()).unwrap();
        datagram[2..4].copy_from_slice(&length.to_be_bytes());
        datagram
    }
}
