//! Verifiers that wrap what another product made of a password.

use proptest::prelude::*;
use quorate_seal::{ForeignHash, ForeignScheme, HashMemory, PasswordVerifier, limits};
use zeroize::Zeroizing;

/// MD5 of "password" (RFC 1321's function, as everybody has it).
const MD5: [u8; 16] = [
    0x5f, 0x4d, 0xcc, 0x3b, 0x5a, 0xa7, 0x65, 0xd6, 0x1d, 0x83, 0x27, 0xde, 0xb8, 0x82, 0xcf, 0x99,
];

/// MD4 of "password" in UTF-16, which every table of NT hashes has.
const NT: [u8; 16] = [
    0x88, 0x46, 0xf7, 0xea, 0xee, 0x8f, 0xb1, 0x17, 0xad, 0x06, 0xbd, 0xd8, 0x30, 0xb7, 0x58, 0x6c,
];

fn foreign(scheme: ForeignScheme, cost: u32, salt: &[u8], digest: &[u8]) -> Option<ForeignHash> {
    ForeignHash::new(scheme, cost, salt, Zeroizing::new(digest.to_vec())).ok()
}

fn wrapped(scheme: ForeignScheme, digest: &[u8], memory: &mut HashMemory) -> PasswordVerifier {
    let hash = foreign(scheme, 0, b"", digest).expect("a digest of its length");
    PasswordVerifier::wrap(hash, [3; 16], memory)
}

#[test]
fn nothing_typed_is_never_right_though_its_hash_was_kept() {
    /// MD5 of nothing (RFC 1321, appendix A.5).
    const MD5_OF_NOTHING: [u8; 16] = [
        0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e,
    ];
    let mut memory = HashMemory::new();
    let blank = wrapped(ForeignScheme::Md5, &MD5_OF_NOTHING, &mut memory);
    assert!(!blank.matches(b"", &mut memory));
    assert!(!blank.matches(b"x", &mut memory));
}

#[test]
fn a_wrapped_hash_verifies_and_is_not_in_what_is_kept() {
    let mut memory = HashMemory::new();
    for (scheme, digest) in [(ForeignScheme::Md5, MD5), (ForeignScheme::Nt, NT)] {
        let kept = wrapped(scheme, &digest, &mut memory).encode();
        assert!(!kept.windows(8).any(|part| digest.windows(8).any(|known| known == part)));
        let verifier = PasswordVerifier::decode(&kept).unwrap();
        assert!(verifier.matches(b"password", &mut memory));
        assert!(!verifier.matches(b"passwore", &mut memory));
        assert!(!verifier.matches(&digest, &mut memory), "the hash is no password");
        assert!(verifier.is_replaced_by(b"password") && verifier.parts().is_none());
    }
    assert!(!PasswordVerifier::dummy().is_replaced_by(b"password"));
}

/// bcrypt repeats the password and its NUL: `a` and `a\0a` would be one.
#[test]
fn a_password_that_the_other_product_could_not_take_is_never_right() {
    let mut memory = HashMemory::new();
    // Of "a" with cost 4, by crypt(3) of libxcrypt.
    let bcrypt = [
        0x4a, 0x54, 0xa7, 0x5c, 0x02, 0xc5, 0xf2, 0xa7, 0x1d, 0xbb, 0xec, 0x60, 0x11, 0x5d, 0xb5, 0xc4, 0x74, 0x51,
        0xe6, 0xe8, 0x49, 0x49, 0x44,
    ];
    let hash = foreign(ForeignScheme::Bcrypt, 4, &[0x10; 16], &bcrypt).unwrap();
    let verifier = PasswordVerifier::wrap(hash, [3; 16], &mut memory);
    assert!(verifier.matches(b"a", &mut memory));
    assert!(!verifier.matches(b"a\0a", &mut memory));
    let nt = wrapped(ForeignScheme::Nt, &NT, &mut memory);
    assert!(!nt.matches(b"\xff\xfe", &mut memory));
}

#[test]
fn nobody_chooses_what_a_login_costs() {
    let salt = [0; 16];
    let takes = |scheme: ForeignScheme, cost: u32, salt: &[u8]| {
        foreign(scheme, cost, salt, &vec![0; scheme.digest_len()]).is_some()
    };
    for (scheme, least, most) in [
        (ForeignScheme::Bcrypt, 4, limits::MAX_BCRYPT_COST),
        (ForeignScheme::Yescrypt, 10, limits::MAX_YESCRYPT_LOG2_N),
        (ForeignScheme::Pbkdf2Sha1, 1, limits::MAX_PBKDF2_ROUNDS),
        (ForeignScheme::Pbkdf2Sha256, 1, limits::MAX_PBKDF2_ROUNDS),
        (ForeignScheme::Pbkdf2Sha512, 1, limits::MAX_PBKDF2_SHA512_ROUNDS),
        (ForeignScheme::Sha256Crypt, 1_000, limits::MAX_SHA_CRYPT_ROUNDS),
        (ForeignScheme::Sha512Crypt, 1_000, limits::MAX_SHA_CRYPT_ROUNDS),
        (ForeignScheme::Sha1, 0, 0),
        (ForeignScheme::Sha512, 0, 0),
    ] {
        assert!(takes(scheme, least, &salt) && takes(scheme, most, &salt), "{scheme:?}");
        assert!(!takes(scheme, most + 1, &salt), "{scheme:?}");
        assert!(least == 0 || !takes(scheme, least - 1, &salt), "{scheme:?}");
        assert!(
            !takes(scheme, most, &[0; limits::MAX_FOREIGN_SALT_LEN + 1]),
            "{scheme:?}"
        );
        assert!(foreign(scheme, most, &salt, &[0; 7]).is_none(), "{scheme:?}");
    }
    assert!(!takes(ForeignScheme::Nt, 0, b"salt"));
    assert!(!takes(ForeignScheme::Bcrypt, 4, b"short"));
}

#[test]
fn whatever_is_changed_in_a_wrapped_hash_it_verifies_no_more() {
    let mut memory = HashMemory::new();
    let sound = wrapped(ForeignScheme::Md5, &MD5, &mut memory).encode();
    for at in 0..sound.len() {
        let mut damaged = sound.to_vec();
        damaged[at] ^= 1;
        let verifier = PasswordVerifier::decode(&damaged);
        assert!(
            !verifier.is_ok_and(|verifier| verifier.matches(b"password", &mut memory)),
            "byte {at}"
        );
    }
    assert!(PasswordVerifier::decode(&sound[..sound.len() - 1]).is_err());
}

proptest! {
    /// Bytes that open under the key and are no verifier: damage before sealing, or a newer writer.
    #[test]
    fn no_bytes_panic_and_none_verify(
        format in 1..=2u8,
        rest in proptest::collection::vec(any::<u8>(), 0..140),
        password in proptest::collection::vec(any::<u8>(), 0..130),
    ) {
        // The least that Argon2id takes, so that many of them are computed.
        let mut bytes = vec![format, 0, 0, 0, 8, 0, 1, 1];
        bytes.extend(rest);
        if let Some(scheme) = bytes.get_mut(56) {
            *scheme %= 7;
        }
        if let Some(cost) = bytes.get_mut(57..61) {
            cost.fill(0);
        }
        if let Ok(verifier) = PasswordVerifier::decode(&bytes) {
            prop_assert!(!verifier.matches(&password, &mut HashMemory::new()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_password_is_hashed_by_every_scheme(
        password in proptest::collection::vec(any::<u8>(), 0..130),
        salt in any::<[u8; 16]>(),
    ) {
        for (scheme, cost) in [
            (ForeignScheme::Bcrypt, 4u32),
            (ForeignScheme::Sha256Crypt, 1_000),
            (ForeignScheme::Sha512Crypt, 1_000),
            (ForeignScheme::Pbkdf2Sha1, 1),
            (ForeignScheme::Yescrypt, 10),
        ] {
            let mut kept = vec![2, 0, 0, 0, 8, 0, 1, 1];
            kept.extend([0; 48]);
            kept.push(scheme as u8);
            kept.extend(cost.to_be_bytes());
            kept.extend(salt);
            let verifier = PasswordVerifier::decode(&kept).unwrap();
            prop_assert!(!verifier.matches(&password, &mut HashMemory::new()));
        }
    }
}
