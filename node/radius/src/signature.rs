//! Everything the shared secret proves: Message-Authenticator and the Response Authenticator.
//!
//! Comparison in constant time lives here and nowhere else in this crate.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::limits::PACKET_MIN_BYTES;
use crate::packet::Packet;

/// The 16 octets in a packet's header: random in a request, a digest in a reply (RFC 2865 §3).
pub type Authenticator = [u8; 16];

/// A secret shared with one NAS, ready to sign.
///
/// The HMAC key schedule is computed once, so that a client's packets after the first save two of
/// the five MD5 blocks an ordinary request costs. Wiped when dropped; it has no `Debug` that shows it.
#[derive(Clone)]
pub struct SharedSecret {
    octets: Zeroizing<Box<[u8]>>,
    keyed: Hmac<Md5>,
}

impl SharedSecret {
    /// Takes the secret as configured on both sides. An empty secret works and protects nothing;
    /// refusing it is the configuration's business.
    pub fn new(octets: &[u8]) -> Self {
        let keyed = Hmac::new_from_slice(octets).expect("invariant: HMAC takes keys of any length");
        Self {
            octets: Zeroizing::new(octets.into()),
            keyed,
        }
    }

    /// MD5(secret ‖ block): the stream that hides User-Password (RFC 2865 §5.2).
    pub(crate) fn hiding_block(&self, block: &[u8]) -> Zeroizing<[u8; 16]> {
        Zeroizing::new(
            Md5::new()
                .chain_update(&self.octets)
                .chain_update(block)
                .finalize()
                .into(),
        )
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(…)")
    }
}

/// What a packet's Message-Authenticator says under one secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum MessageAuthenticator {
    /// Made by someone who knows the secret.
    Valid,
    /// Made with another secret, or changed on the way.
    Wrong,
    /// There is none: nothing is known about the sender.
    Absent,
}

impl Packet<'_> {
    /// Verifies a request's Message-Authenticator (RFC 3579 §3.2): HMAC-MD5 over the packet with
    /// the sixteen octets of the attribute taken as zero.
    pub fn message_authenticator(&self, secret: &SharedSecret) -> MessageAuthenticator {
        self.verify_message_authenticator(secret, &self.authenticator())
    }

    /// The same for a reply, whose header holds a Response Authenticator while the signature was
    /// made over the Request Authenticator.
    pub fn reply_message_authenticator(&self, secret: &SharedSecret, request: &Authenticator) -> MessageAuthenticator {
        self.verify_message_authenticator(secret, request)
    }

    /// Whether a reply's Response Authenticator was made with `secret` for the request that
    /// carried `request` (RFC 2865 §3).
    pub fn response_authenticator_is_valid(&self, secret: &SharedSecret, request: &Authenticator) -> bool {
        same(
            &response_authenticator(self.bytes(), secret, request),
            &self.authenticator(),
        )
    }

    fn verify_message_authenticator(&self, secret: &SharedSecret, signed_over: &Authenticator) -> MessageAuthenticator {
        let Some(at) = self.message_authenticator_at else {
            return MessageAuthenticator::Absent;
        };
        let expected = message_authenticator(self.bytes(), at, secret, signed_over);
        if same(&expected, &self.bytes()[at..at + 16]) {
            MessageAuthenticator::Valid
        } else {
            MessageAuthenticator::Wrong
        }
    }
}

/// HMAC-MD5 over `packet`, its header holding `authenticator`, the 16 octets at `at` taken as zero.
pub(crate) fn message_authenticator(
    packet: &[u8],
    at: usize,
    secret: &SharedSecret,
    authenticator: &Authenticator,
) -> [u8; 16] {
    let mut mac = secret.keyed.clone();
    mac.update(&packet[..4]);
    mac.update(authenticator);
    mac.update(&packet[PACKET_MIN_BYTES..at]);
    mac.update(&[0; 16]);
    mac.update(&packet[at + 16..]);
    mac.finalize().into_bytes().into()
}

/// MD5(Code ‖ Identifier ‖ Length ‖ Request Authenticator ‖ Attributes ‖ Secret), RFC 2865 §3.
pub(crate) fn response_authenticator(reply: &[u8], secret: &SharedSecret, request: &Authenticator) -> Authenticator {
    Md5::new()
        .chain_update(&reply[..4])
        .chain_update(request)
        .chain_update(&reply[PACKET_MIN_BYTES..])
        .chain_update(&secret.octets)
        .finalize()
        .into()
}

fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202 §2, test cases 1 and 2: the HMAC underneath is HMAC-MD5.
    #[test]
    fn the_keyed_digest_is_hmac_md5_of_rfc_2202() {
        let cases: [(&[u8], &[u8], u128); 2] = [
            (&[0x0b; 16], b"Hi There", 0x9294_727a_3638_bb1c_13f4_8ef8_158b_fc9d),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                0x750c_783e_6ab0_b503_eaa8_6e31_0a5d_b738,
            ),
        ];
        for (key, text, digest) in cases {
            let mut mac = SharedSecret::new(key).keyed;
            mac.update(text);
            assert_eq!(u128::from_be_bytes(mac.finalize().into_bytes().into()), digest);
        }
    }

    #[test]
    fn a_secret_never_prints_itself() {
        assert_eq!(format!("{:?}", SharedSecret::new(b"xyzzy5461")), "SharedSecret(…)");
    }
}
