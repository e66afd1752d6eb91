//! The client's half of RADIUS, as little of it as a login needs (RFC 2865, RFC 3579).
//!
//! Written from the RFCs and not on the product's own codec, for two reasons: a mistake made on both sides would
//! hide itself, and a load generator must cost a microsecond where a server may cost ten. Debian's radclient says
//! the same again in `radclient.rs`, slowly.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};

pub const ACCESS_REQUEST: u8 = 1;
pub const ACCESS_ACCEPT: u8 = 2;
pub const ACCESS_REJECT: u8 = 3;
pub const ACCESS_CHALLENGE: u8 = 11;
pub const STATUS_SERVER: u8 = 12;

pub const USER_NAME: u8 = 1;
pub const USER_PASSWORD: u8 = 2;
pub const REPLY_MESSAGE: u8 = 18;
pub const STATE: u8 = 24;
pub const CALLING_STATION_ID: u8 = 31;
pub const MESSAGE_AUTHENTICATOR: u8 = 80;

const HEADER: usize = 20;

/// A shared secret with its HMAC key schedule, which costs as much as the rest of a request.
#[derive(Clone)]
pub struct Secret {
    text: Vec<u8>,
    mac: Hmac<Md5>,
}

impl Secret {
    pub fn new(text: &str) -> Self {
        let text = text.as_bytes().to_vec();
        let mac = Hmac::new_from_slice(&text).expect("invariant: HMAC takes a key of any length");
        Self { text, mac }
    }

    /// HMAC-MD5 over a packet whose Message-Authenticator is zero.
    fn authenticate(&self, packet: &[u8]) -> [u8; 16] {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.finalize().into_bytes().into()
    }

    /// RFC 2865 section 5.2.
    fn hide(&self, authenticator: &[u8; 16], password: &[u8]) -> Vec<u8> {
        let mut hidden = password.to_vec();
        hidden.resize(password.len().max(1).next_multiple_of(16), 0);
        let mut before = *authenticator;
        for block in hidden.chunks_exact_mut(16) {
            let key: [u8; 16] = Md5::new()
                .chain_update(&self.text)
                .chain_update(before)
                .finalize()
                .into();
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            before.copy_from_slice(block);
        }
        hidden
    }
}

/// A signed request: the datagram, and what its reply is checked against.
#[derive(Clone)]
pub struct Request {
    pub datagram: Vec<u8>,
}

impl Request {
    /// An Access-Request with an Identifier and an Authenticator of its own, its Message-Authenticator first.
    pub fn access(secret: &Secret, user: &str, password: &[u8], state: Option<&[u8]>) -> Self {
        let mut request = Self::begin(ACCESS_REQUEST);
        request.push(USER_NAME, user.as_bytes());
        let hidden = secret.hide(&request.authenticator(), password);
        request.push(USER_PASSWORD, &hidden);
        if let Some(state) = state {
            request.push(STATE, state);
        }
        request.sign(secret);
        request
    }

    /// The same with a chosen Identifier.
    pub fn numbered(secret: &Secret, identifier: u8, user: &str, password: &[u8]) -> Self {
        let mut request = Self::access(secret, user, password, None);
        request.datagram[1] = identifier;
        request.datagram[HEADER + 2..HEADER + 18].fill(0);
        request.sign(secret);
        request
    }

    /// RFC 5997.
    pub fn status_server(secret: &Secret) -> Self {
        let mut request = Self::begin(STATUS_SERVER);
        request.sign(secret);
        request
    }

    pub fn identifier(&self) -> u8 {
        self.datagram[1]
    }

    pub fn authenticator(&self) -> [u8; 16] {
        self.datagram[4..HEADER].try_into().expect("invariant: sixteen bytes")
    }

    fn begin(code: u8) -> Self {
        let random: [u8; 17] = random();
        let mut datagram = Vec::with_capacity(128);
        datagram.extend([code, random[16], 0, 0]);
        datagram.extend(&random[..16]);
        datagram.extend([MESSAGE_AUTHENTICATOR, 18]);
        datagram.extend([0; 16]);
        Self { datagram }
    }

    fn push(&mut self, kind: u8, value: &[u8]) {
        let length = u8::try_from(value.len() + 2).expect("invariant: tests send attributes of at most 253 bytes");
        self.datagram.extend([kind, length]);
        self.datagram.extend(value);
    }

    fn sign(&mut self, secret: &Secret) {
        let length = u16::try_from(self.datagram.len()).expect("invariant: a datagram is shorter than 64 KB");
        self.datagram[2..4].copy_from_slice(&length.to_be_bytes());
        let mac = secret.authenticate(&self.datagram);
        self.datagram[HEADER + 2..HEADER + 18].copy_from_slice(&mac);
    }

    /// The reply in `datagram`, if it is the answer to this request and every check holds.
    pub fn reply(&self, secret: &Secret, datagram: &[u8]) -> Option<Reply> {
        let length = usize::from(u16::from_be_bytes([*datagram.get(2)?, *datagram.get(3)?]));
        let datagram = datagram.get(..length)?;
        if length < HEADER || datagram[1] != self.identifier() || !self.signed_response(secret, datagram) {
            return None;
        }
        let attributes = attributes(&datagram[HEADER..])?;
        self.signed_message(secret, datagram, &attributes).then_some(Reply {
            code: datagram[0],
            attributes,
            datagram: datagram.to_vec(),
        })
    }

    /// The Response Authenticator alone: MD5 over the reply with the request's authenticator in its place.
    pub fn signed_response(&self, secret: &Secret, datagram: &[u8]) -> bool {
        let expected = Md5::new()
            .chain_update(&datagram[..4])
            .chain_update(&self.datagram[4..HEADER])
            .chain_update(&datagram[HEADER..])
            .chain_update(&secret.text)
            .finalize();
        expected[..] == datagram[4..HEADER]
    }

    /// The Message-Authenticator of a reply, which has to be there and to be first (CVE-2024-3596).
    fn signed_message(&self, secret: &Secret, datagram: &[u8], attributes: &[(u8, Vec<u8>)]) -> bool {
        let Some((MESSAGE_AUTHENTICATOR, sent)) = attributes.first().map(|(kind, value)| (*kind, value)) else {
            return false;
        };
        let mut unsigned = datagram.to_vec();
        unsigned[4..HEADER].copy_from_slice(&self.datagram[4..HEADER]);
        unsigned[HEADER + 2..HEADER + 18].fill(0);
        sent[..] == secret.authenticate(&unsigned)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u8,
    attributes: Vec<(u8, Vec<u8>)>,
    pub datagram: Vec<u8>,
}

impl Reply {
    pub fn is_accept(&self) -> bool {
        self.code == ACCESS_ACCEPT
    }

    pub fn is_reject(&self) -> bool {
        self.code == ACCESS_REJECT
    }

    pub fn attribute(&self, kind: u8) -> Option<&[u8]> {
        self.attributes
            .iter()
            .find(|(found, _)| *found == kind)
            .map(|(_, value)| &value[..])
    }

    /// What a reply says, without what differs from reply to reply: identifier, authenticators, signatures.
    pub fn unsigned(&self) -> (u8, Vec<(u8, Vec<u8>)>) {
        let kept = self
            .attributes
            .iter()
            .filter(|(kind, _)| *kind != MESSAGE_AUTHENTICATOR);
        (self.code, kept.cloned().collect())
    }

    /// The State of a challenge; `None` for anything else.
    pub fn state(&self) -> Option<&[u8]> {
        if self.code == ACCESS_CHALLENGE {
            self.attribute(STATE)
        } else {
            None
        }
    }
}

fn attributes(mut rest: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut found = Vec::new();
    while let [kind, length, ..] = *rest {
        let value = rest.get(2..usize::from(length))?;
        found.push((kind, value.to_vec()));
        rest = &rest[usize::from(length)..];
    }
    rest.is_empty().then_some(found)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    bytes
}
