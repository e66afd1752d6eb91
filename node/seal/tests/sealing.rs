//! What a sealed value promises: it opens as what it was sealed as, and as nothing else.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use proptest::prelude::*;
use quorate_seal::{
    Aad, Argon2idParts, Field, HashMemory, Key, KeyId, KeyRing, KeyTextError, PasswordVerifier, SEAL_OVERHEAD,
    SealError, StateBinding, limits,
};
use zeroize::Zeroizing;

const NONCE: [u8; 24] = [7; 24];

fn key(id: u32, byte: u8) -> Key {
    Key {
        id: KeyId(id),
        bytes: Zeroizing::new([byte; 32]),
    }
}

fn ring() -> KeyRing {
    KeyRing::from_keys(vec![key(1, 1)]).unwrap()
}

fn seed_of(record: u64) -> Aad {
    Aad {
        field: Field::TokenSecret,
        record,
    }
}

proptest! {
    #[test]
    fn what_was_sealed_opens(plain in proptest::collection::vec(any::<u8>(), 0..300), record: u64, nonce: [u8; 24]) {
        let sealed = ring().seal(nonce, seed_of(record), &plain);
        prop_assert_eq!(sealed.len(), plain.len() + SEAL_OVERHEAD);
        prop_assert_eq!(&*ring().open(seed_of(record), &sealed).unwrap(), &plain);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed(plain in proptest::collection::vec(any::<u8>(), 1..80), at: prop::sample::Index, bit in 0..8u32) {
        let mut sealed = ring().seal(NONCE, seed_of(1), &plain);
        let at = at.index(sealed.len());
        sealed[at] ^= 1u8 << bit;
        prop_assert!(ring().open(seed_of(1), &sealed).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_open(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(ring().open(seed_of(1), &bytes).is_err());
        prop_assert!(PasswordVerifier::decode(&bytes).is_err() || bytes.len() == 56);
    }
}

#[test]
fn a_sealed_field_does_not_open_elsewhere() {
    let sealed = ring().seal(NONCE, seed_of(1), b"seed");
    let password = Aad {
        field: Field::UserPassword,
        record: 1,
    };
    assert_eq!(ring().open(seed_of(2), &sealed), Err(SealError::NotAuthentic));
    assert_eq!(ring().open(password, &sealed), Err(SealError::NotAuthentic));
}

#[test]
fn an_old_key_opens_and_only_the_current_one_seals() {
    let sealed = ring().seal(NONCE, seed_of(1), b"seed");
    let rotated = KeyRing::from_keys(vec![key(2, 2), key(1, 1)]).unwrap();
    assert_eq!(&**rotated.open(seed_of(1), &sealed).unwrap(), b"seed");
    let resealed = rotated.seal(NONCE, seed_of(1), b"seed");
    assert_eq!(KeyRing::key_of(&resealed), Some(KeyId(2)));
    assert_eq!(ring().open(seed_of(1), &resealed), Err(SealError::UnknownKey(KeyId(2))));
}

#[test]
fn a_state_opens_only_for_its_cluster_client_and_user_name() {
    let binding = StateBinding {
        cluster: [9; 16],
        client: 5,
        user_name: b"alice",
    };
    let sealed = ring().seal_state(NONCE, &binding, b"conversation").unwrap();
    assert_eq!(&**ring().open_state(&binding, &sealed).unwrap(), b"conversation");
    for other in [
        StateBinding {
            cluster: [8; 16],
            ..binding
        },
        StateBinding { client: 6, ..binding },
        StateBinding {
            user_name: b"bob",
            ..binding
        },
    ] {
        assert_eq!(ring().open_state(&other, &sealed), Err(SealError::NotAuthentic));
    }
    // A field is sealed under another sub-key: it can never pass for a State.
    assert!(
        ring()
            .open_state(&binding, &ring().seal(NONCE, seed_of(5), b"x"))
            .is_err()
    );
}

#[test]
fn a_state_that_would_not_fit_one_attribute_is_refused() {
    let binding = StateBinding {
        cluster: [9; 16],
        client: 5,
        user_name: b"alice",
    };
    let fits = limits::MAX_STATE_ATTRIBUTE_LEN - SEAL_OVERHEAD;
    assert_eq!(ring().seal_state(NONCE, &binding, &vec![0; fits]).unwrap().len(), 253);
    assert_eq!(
        ring().seal_state(NONCE, &binding, &vec![0; fits + 1]),
        Err(SealError::TooLong { len: 254, max: 253 })
    );
}

#[test]
fn proofs_differ_by_conversation_client_and_answer() {
    let ring = ring();
    let proof = ring.digest_proof(&[1; 16], 2, b"123456");
    assert_eq!(proof, ring.digest_proof(&[1; 16], 2, b"123456"));
    assert_ne!(proof, ring.digest_proof(&[2; 16], 2, b"123456"));
    assert_ne!(proof, ring.digest_proof(&[1; 16], 3, b"123456"));
    assert_ne!(proof, ring.digest_proof(&[1; 16], 2, b"123457"));
}

#[test]
fn a_key_file_comes_back_and_says_which_line_is_wrong() {
    let ring = KeyRing::from_keys(vec![key(2, 0xab), key(1, 1)]).unwrap();
    let text = ring.to_text();
    let read = KeyRing::from_text(&text).unwrap();
    assert_eq!(read.current_id(), KeyId(2));
    let sealed = ring.seal(NONCE, seed_of(1), b"seed");
    assert_eq!(&**read.open(seed_of(1), &sealed).unwrap(), b"seed");

    let mistyped = text.replacen("abab", "abac", 1);
    assert_eq!(
        KeyRing::from_text(&mistyped).err(),
        Some(KeyTextError::Checksum { line: 2 })
    );
    assert_eq!(
        KeyRing::from_text("hello").err(),
        Some(KeyTextError::NotAKey { line: 1 })
    );
    assert_eq!(KeyRing::from_text("# nothing\n").err(), Some(KeyTextError::NoKeys));
}

#[test]
fn a_ring_takes_no_duplicate_ids_and_no_ninth_key() {
    assert!(KeyRing::from_keys(vec![key(1, 1), key(1, 2)]).is_none());
    assert!(KeyRing::from_keys((0..9).map(|id| key(id, 1)).collect()).is_none());
    assert!(KeyRing::from_keys(Vec::new()).is_none());
}

#[test]
fn a_password_verifies_and_survives_encoding() {
    let mut memory = HashMemory::new();
    let verifier = PasswordVerifier::compute(b"correct horse", [3; 16], &mut memory);
    let stored = PasswordVerifier::decode(&verifier.encode()).unwrap();
    assert!(stored.matches(b"correct horse", &mut memory));
    assert!(!stored.matches(b"correct horsf", &mut memory));
    assert!(!PasswordVerifier::dummy().matches(b"", &mut memory));
}

#[test]
fn a_verifier_cannot_ask_for_unbounded_work() {
    let mut memory = HashMemory::new();
    let sound = PasswordVerifier::compute(b"x", [3; 16], &mut memory).encode();
    let with = |at: usize, byte: u8| {
        let mut bytes = sound.to_vec();
        bytes[at] = byte;
        bytes
    };
    assert!(PasswordVerifier::decode(&with(1, 0xff)).is_err(), "memory");
    assert!(PasswordVerifier::decode(&with(5, 0xff)).is_err(), "passes");
    assert!(PasswordVerifier::decode(&with(7, 0)).is_err(), "no lane");
    assert!(PasswordVerifier::decode(&with(0, 2)).is_err(), "format");
}

#[test]
fn a_verifier_goes_elsewhere_and_comes_back_in_its_parts_within_limits() {
    let mut memory = HashMemory::new();
    let verifier = PasswordVerifier::compute(b"correct horse", [7; 16], &mut memory);
    let back = PasswordVerifier::from_parts(verifier.parts().unwrap()).unwrap();
    assert!(back.matches(b"correct horse", &mut memory) && !back.matches(b"battery staple", &mut memory));
    let with = |memory_kib, passes, lanes| Argon2idParts {
        memory_kib,
        passes,
        lanes,
        ..verifier.parts().unwrap()
    };
    assert!(PasswordVerifier::from_parts(with(64 * 1024, 16, 1)).is_ok());
    for beyond in [
        with(64 * 1024 + 1, 2, 1),
        with(19_456, 17, 1),
        with(19_456, 2, 0),
        with(7, 2, 1),
    ] {
        assert!(PasswordVerifier::from_parts(beyond).is_err());
    }
}
