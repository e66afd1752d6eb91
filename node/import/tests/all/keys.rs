//! Files that need a key: without one, with one of the wrong form, and with another one.

use quorate_import::{ImportError, Options, read};
use zeroize::Zeroizing;

use crate::fixtures::{FIXTURES, Key, bytes};

fn failed(name: &str, key: Option<&[u8]>) -> ImportError {
    let options = Options {
        key_file: key.map(|key| Zeroizing::new(key.to_vec())),
        ..Options::default()
    };
    read(&bytes(name), &options)
        .err()
        .unwrap_or_else(|| panic!("{name} opens"))
}

#[test]
fn an_encrypted_file_asks_for_its_key() {
    for (name, _, key) in FIXTURES {
        if !matches!(key, Key::None) {
            assert!(matches!(failed(name, None), ImportError::KeyMissing { .. }), "{name}");
        }
    }
}

#[test]
fn a_wrong_key_is_called_wrong() {
    let other_fernet = b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_eq!(failed("privacyidea.export", Some(other_fernet)), ImportError::WrongKey);
    for seed in 0..=255u8 {
        // One in 256 wrong keys comes out with right padding; none may pass for that.
        let mut key = [seed; 96];
        assert_eq!(failed("privacyidea.sql", Some(&key)), ImportError::WrongKey, "{seed}");
        assert_eq!(
            failed("privacyidea-tables.csv", Some(&key)),
            ImportError::WrongKey,
            "{seed}"
        );
        // Bytes, and not a key written in base 64.
        key[..2].copy_from_slice(&[0xff, 0]);
        assert_eq!(
            failed("privacyidea.pskc", Some(&key[..16])),
            ImportError::WrongKey,
            "{seed}"
        );
        assert_eq!(
            failed("python-pskc-aes256.pskc", Some(&key[..32])),
            ImportError::WrongKey,
            "{seed}"
        );
    }
    assert_eq!(
        failed("python-pskc-password.pskc", Some(b"invented Password")),
        ImportError::WrongKey
    );
}

#[test]
fn a_key_of_another_form_says_what_is_wanted() {
    for (name, key) in [
        ("privacyidea.export", &b"short"[..]),
        ("privacyidea.sql", b"short"),
        ("privacyidea.sql", &[b'a'; 300]),
        ("privacyidea.pskc", b"short"),
        ("privacyidea.pskc", &[0; 5_000]),
        ("python-pskc-password.pskc", &[0; 5_000]),
    ] {
        assert!(matches!(failed(name, Some(key)), ImportError::KeyForm(_)), "{name}");
    }
}

/// A key of another length is no wrong key: the file says which length it takes.
#[test]
fn a_key_of_another_length_is_refused_with_both_lengths() {
    let error = failed("python-pskc-aes256.pskc", Some(&[7; 16]));
    let sentence = error.to_string();
    assert!(
        sentence.contains("32 bytes") && sentence.contains("has 16"),
        "{sentence}"
    );
}
