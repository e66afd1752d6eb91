//! User-Password: hidden under the shared secret in blocks of 16 octets (RFC 2865 §5.2).
//!
//! The sender pads with NULs to a whole block and says nowhere how long the password was, so
//! trailing NULs are taken off and a password cannot end in one. NULs inside are kept: cutting at
//! the first would make `abc\0wrong` as good as `abc`.

use zeroize::Zeroizing;

use crate::limits::PASSWORD_MAX_BYTES;
use crate::signature::{Authenticator, SharedSecret};

const BLOCK: usize = 16;

/// The attribute's value for a password of at most 128 octets; `None` for a longer one.
/// An empty password is one block of NULs.
pub(crate) fn hide(password: &[u8], secret: &SharedSecret, request: &Authenticator) -> Option<Vec<u8>> {
    if password.len() > PASSWORD_MAX_BYTES {
        return None;
    }
    let padded_bytes = password.len().next_multiple_of(BLOCK).max(BLOCK);
    let mut hidden = vec![0; padded_bytes];
    hidden[..password.len()].copy_from_slice(password);
    let mut former = *request;
    for block in hidden.chunks_exact_mut(BLOCK) {
        xor(block, &secret.hiding_block(&former));
        former.copy_from_slice(block);
    }
    Some(hidden)
}

/// The password in an attribute's value; `None` where its length is not 16, 32, … 128 octets.
/// A wrong secret reveals noise: only Message-Authenticator says that the secret was right.
pub(crate) fn reveal(hidden: &[u8], secret: &SharedSecret, request: &Authenticator) -> Option<Zeroizing<Vec<u8>>> {
    let legal = BLOCK..=PASSWORD_MAX_BYTES;
    if !legal.contains(&hidden.len()) || !hidden.len().is_multiple_of(BLOCK) {
        return None;
    }
    let mut password = Zeroizing::new(hidden.to_vec());
    let mut former: &[u8] = request;
    for (block, cipher) in password.chunks_exact_mut(BLOCK).zip(hidden.chunks_exact(BLOCK)) {
        xor(block, &secret.hiding_block(former));
        former = cipher;
    }
    let length = password
        .iter()
        .rposition(|&octet| octet != 0)
        .map_or(0, |last| last + 1);
    password.truncate(length);
    Some(password)
}

fn xor(block: &mut [u8], mask: &[u8; BLOCK]) {
    for (octet, mask) in block.iter_mut().zip(mask) {
        *octet ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 2865 §7.1.
    #[test]
    fn the_example_of_rfc_2865_hides_and_reveals() {
        let secret = SharedSecret::new(b"xyzzy5461");
        let request = 0x0f40_3f94_7397_8057_bd83_d5cb_98f4_227a_u128.to_be_bytes();
        let hidden = 0x0dbe_708d_93d4_13ce_3196_e43f_782a_0aee_u128.to_be_bytes();
        assert_eq!(hide(b"arctangent", &secret, &request).unwrap(), hidden);
        assert_eq!(&reveal(&hidden, &secret, &request).unwrap()[..], b"arctangent");
    }

    #[test]
    fn octets_after_an_inner_nul_still_count() {
        let secret = SharedSecret::new(b"s");
        let hidden = hide(b"abc\0wrong", &secret, &[7; 16]).unwrap();
        assert_eq!(&reveal(&hidden, &secret, &[7; 16]).unwrap()[..], b"abc\0wrong");
    }

    #[test]
    fn lengths_outside_the_rfc_are_refused() {
        let secret = SharedSecret::new(b"s");
        for bytes in [0, 1, 15, 17, 127, 129, 144, 253] {
            assert!(reveal(&vec![0; bytes], &secret, &[7; 16]).is_none(), "{bytes}");
        }
        assert!(hide(&[b'x'; 129], &secret, &[7; 16]).is_none());
    }

    proptest! {
        #[test]
        fn what_is_hidden_is_revealed(
            password in proptest::collection::vec(any::<u8>(), 0..=128),
            secret in proptest::collection::vec(any::<u8>(), 0..80),
            request: [u8; 16],
        ) {
            let secret = SharedSecret::new(&secret);
            let hidden = hide(&password, &secret, &request).unwrap();
            let kept = password.iter().rposition(|&it| it != 0).map_or(0, |last| last + 1);
            prop_assert_eq!(&reveal(&hidden, &secret, &request).unwrap()[..], &password[..kept]);
        }
    }
}
