//! How a receiver knows that an alert is ours, and of now.
//!
//! `t=SECONDS,v1=HEX`: HMAC-SHA-256 under the shared secret over the decimal time, a full stop, and the body as it was sent. A receiver
//! recomputes it, compares in constant time, and turns away what is older than it likes: so a delivery that was listened to cannot be played
//! again later. Each attempt is signed anew.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::limits;

/// What sender and receiver share. Never printed, and wiped when dropped.
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

impl WebhookSecret {
    /// The secret in this text, spaces around it aside. None if it is shorter than [`limits::SECRET_MIN_BYTES`] or longer than
    /// [`limits::SECRET_MAX_BYTES`].
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        let fits = (limits::SECRET_MIN_BYTES..=limits::SECRET_MAX_BYTES).contains(&text.len());
        fits.then(|| WebhookSecret(Zeroizing::new(text.to_vec())))
    }

    fn mac(&self, at_s: u64, body: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("invariant: HMAC takes a key of any length");
        mac.update(at_s.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        mac.finalize().into_bytes().into()
    }
}

/// The value of the header for this body at this time, in seconds since 1970.
#[must_use]
pub fn sign(secret: &WebhookSecret, at_s: u64, body: &[u8]) -> String {
    let mac = data_encoding::HEXLOWER.encode(&secret.mac(at_s, body));
    format!("t={at_s},v1={mac}")
}

/// Whether a header is right for this body and not older, nor more ahead, than [`limits::SIGNATURE_AGE_S`]: what a receiver does.
#[must_use]
pub fn verify(secret: &WebhookSecret, header: &str, body: &[u8], now_s: u64) -> bool {
    let Some((at_s, mac)) = parse(header) else { return false };
    let right = secret.mac(at_s, body).ct_eq(&mac[..]);
    now_s.abs_diff(at_s) <= limits::SIGNATURE_AGE_S && bool::from(right)
}

fn parse(header: &str) -> Option<(u64, Vec<u8>)> {
    let field = |name: &str| {
        header
            .split(',')
            .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let mac = data_encoding::HEXLOWER_PERMISSIVE
        .decode(field("v1")?.as_bytes())
        .ok()?;
    Some((field("t")?.parse().ok()?, mac))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret() -> WebhookSecret {
        WebhookSecret::new(b" a secret of 24 bytes... \n").unwrap()
    }

    #[test]
    fn the_bounds_of_a_secret() {
        assert!(WebhookSecret::new(b"fifteen bytes..").is_none());
        assert!(WebhookSecret::new(b"   sixteen bytes...   \n").is_some_and(|secret| secret.0.len() == 16));
        assert!(WebhookSecret::new(&[b'x'; 1_025]).is_none());
    }

    #[test]
    fn a_known_value() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac 'a secret of 24 bytes...'
        let header = sign(&secret(), 1_700_000_000, b"{}");
        assert_eq!(
            header,
            "t=1700000000,v1=a965312fdbff55c032b6022726b1490cda759655202a257d4d7e02f7b7eb0426"
        );
    }

    #[test]
    fn old_changed_or_foreign_is_refused() {
        let header = sign(&secret(), 1_000, b"body");
        assert!(verify(&secret(), &header, b"body", 1_000));
        assert!(verify(&secret(), &header, b"body", 1_300) && verify(&secret(), &header, b"body", 700));
        assert!(!verify(&secret(), &header, b"body", 1_301) && !verify(&secret(), &header, b"body", 699));
        assert!(!verify(&secret(), &header, b"bodY", 1_000));
        assert!(!verify(&secret(), &header.replace("t=1000", "t=1001"), b"body", 1_001));
        let other = WebhookSecret::new(b"another secret of some bytes").unwrap();
        assert!(!verify(&other, &header, b"body", 1_000));
        for broken in ["", "t=1000", "v1=00", "t=x,v1=00", "t=1000,v1=", "t=1000,v1=zz"] {
            assert!(!verify(&secret(), broken, b"body", 1_000), "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_whatever_makes_it_panic(header in any::<String>(), body in any::<Vec<u8>>(), now_s in any::<u64>()) {
            prop_assert!(!verify(&secret(), &header, &body, now_s));
        }

        #[test]
        fn what_was_signed_verifies(body in any::<Vec<u8>>(), at_s in any::<u64>()) {
            prop_assert!(verify(&secret(), &sign(&secret(), at_s, &body), &body, at_s));
        }
    }
}
