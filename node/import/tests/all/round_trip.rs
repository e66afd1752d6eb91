//! What is written is read back as it was.

use std::collections::BTreeSet;

use proptest::prelude::*;
use quorate_import::{
    Algorithm, Format, Hashes, Import, ImportedPassword, ImportedToken, ImportedUser, Options, PasswordScheme,
    Protection, PskcWriteError, TokenKind, UserName, YubikeyCounters, detect, ldif, limits, oath_csv, otpauth_uri,
    pskc, read, users_csv,
};
use zeroize::Zeroizing;

use crate::{fixtures, shown};

/// Random enough for a test: a counter, so that no two values are the same.
fn entropy() -> impl FnMut(&mut [u8]) {
    let mut next = 0u64;
    move |bytes| {
        for byte in bytes {
            next = next
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (next >> 56) as u8;
        }
    }
}

fn import(text: &str, format: Format, key: Option<&[u8]>) -> Import {
    let options = Options {
        format: Some(format),
        key_file: key.map(|key| Zeroizing::new(key.to_vec())),
        ..Options::default()
    };
    let import = read(text.as_bytes(), &options).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let wrong: Vec<_> = import.report.wrong().collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{text}");
    import
}

fn text() -> impl Strategy<Value = String> {
    // Everything that some format treats as its own.
    "[a-zA-Zäßλ0-9,;:\"'<>&=+#\\\\|%?{}$.-]([a-zA-Zäßλ0-9 ,;:\"'<>&=+#\\\\|%?{}$.-]{0,20}[a-zäλ,;:\"'<>&=+#\\\\|%?{}$.-])?"
}

fn name() -> impl Strategy<Value = UserName> {
    let part = || "[a-zäλ0-9,;:\"'<>&=+#%?$._-]([a-zäλ0-9 ,;:\"'<>&=+#%?$._-]{0,20}[a-zäλ0-9,;\"'<>&=+#%?$._-])?";
    (proptest::option::of(part()), part()).prop_map(|(domain, name)| UserName { domain, name })
}

fn group() -> impl Strategy<Value = String> {
    "[a-zäλ0-9,:\"'<>&=+#\\\\._-]([a-zäλ0-9 ,:\"'<>&=+#\\\\._-]{0,10}[a-zäλ0-9])?"
}

/// What is imported has no `Debug`, and a failing property wants one.
#[derive(Clone)]
struct Shown<T>(T);

impl std::fmt::Debug for Shown<ImportedUser> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&shown::user(&self.0))
    }
}

impl std::fmt::Debug for Shown<ImportedToken> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&shown::token(&self.0))
    }
}

fn all<T>(shown: Vec<Shown<T>>) -> Vec<T> {
    shown.into_iter().map(|Shown(one)| one).collect()
}

fn users() -> impl Strategy<Value = Vec<Shown<ImportedUser>>> {
    let optional = || proptest::option::of(text());
    let user = (
        name(),
        (optional(), optional(), optional(), optional()),
        proptest::collection::btree_set(group(), 0..4),
        any::<bool>(),
    )
        .prop_map(|(name, (display_name, mail, mobile, language), groups, enabled)| {
            Shown(ImportedUser {
                display_name,
                mail,
                mobile,
                language,
                groups,
                enabled,
                ..ImportedUser::named(name)
            })
        });
    proptest::collection::vec(user, 1..8).prop_map(|users| {
        let mut seen = BTreeSet::new();
        users
            .into_iter()
            .filter(|Shown(user)| seen.insert(user.name.to_string()))
            .collect()
    })
}

fn tokens() -> impl Strategy<Value = Vec<Shown<ImportedToken>>> {
    let algorithm = prop_oneof![Just(Algorithm::Sha1), Just(Algorithm::Sha256), Just(Algorithm::Sha512)];
    let kind = (algorithm, 6..=8u8, 15..=300u32, any::<u64>(), any::<bool>());
    let optional = || proptest::option::of(text());
    let date = || proptest::option::of(-62_135_596_800i64..=253_402_300_799);
    let token = (
        kind,
        proptest::collection::vec(any::<u8>(), 16..=64),
        (optional(), optional(), optional(), proptest::option::of(plain_name())),
        (proptest::option::of(1..u64::MAX), date(), date(), any::<bool>()),
    )
        .prop_map(
            |(kind, secret, (name, issuer, manufacturer, owner), (last, from, until, enabled))| {
                let kind = self::kind(kind);
                let last_timestep = last.filter(|_| matches!(kind, TokenKind::Totp { .. }));
                Shown(ImportedToken {
                    name,
                    issuer,
                    manufacturer,
                    owner,
                    last_timestep,
                    valid_from_s: from,
                    valid_until_s: until,
                    enabled,
                    ..ImportedToken::new(kind, Zeroizing::new(secret))
                })
            },
        );
    proptest::collection::vec(token, 1..6).prop_map(|mut tokens| {
        for (number, Shown(token)) in tokens.iter_mut().enumerate() {
            token.serial = Some(format!("SERIAL <{number}>"));
        }
        tokens
    })
}

fn kind((algorithm, digits, period_s, counter, totp): (Algorithm, u8, u32, u64, bool)) -> TokenKind {
    if totp {
        TokenKind::Totp {
            algorithm,
            digits,
            period_s,
        }
    } else {
        TokenKind::Hotp {
            algorithm,
            digits,
            counter,
        }
    }
}

/// Names that cannot be taken for distinguished names.
fn plain_name() -> impl Strategy<Value = UserName> {
    (proptest::option::of("[a-zä0-9.&<-]{1,10}"), "[a-zäλ0-9.&<_-]{1,20}")
        .prop_map(|(domain, name)| UserName { domain, name })
}

fn same_tokens(found: &[ImportedToken], right: &[ImportedToken]) -> Result<(), TestCaseError> {
    for (found, right) in found.iter().zip(right) {
        prop_assert!(
            found == right,
            "found {}right {}",
            shown::token(found),
            shown::token(right)
        );
    }
    prop_assert_eq!(found.len(), right.len());
    Ok(())
}

proptest! {
    #[test]
    fn users_as_csv(users in users()) {
        let users = all(users);
        let found = import(&users_csv(&users, Hashes::LeftOut), Format::UsersCsv, None).users;
        prop_assert!(found == users, "{}", users_csv(&users, Hashes::LeftOut).as_str());
    }

    #[test]
    fn users_as_ldif(users in users()) {
        let users = all(users);
        let text = ldif(&users, "dc=example,dc=org");
        let mut right = users.clone();
        for user in &mut right {
            // An inetOrgPerson must have a cn; a name that is the display name, too, is not told from one that is none.
            user.display_name.take_if(|display| *display == user.name.to_string());
        }
        let mut found = import(&text, Format::Ldif, None).users;
        for user in &mut found {
            user.display_name.take_if(|display| *display == user.name.to_string());
        }
        prop_assert!(found == right, "{}", text);
        prop_assert!(text.lines().all(|line| line.len() <= limits::LDIF_LINE && line.is_ascii()));
    }

    #[test]
    fn tokens_as_pskc_under_a_key(tokens in tokens(), len in prop_oneof![Just(16u8), Just(24), Just(32)]) {
        let tokens = all(tokens);
        let key: Vec<u8> = (0..len).map(|byte| byte ^ 0x5a).collect();
        let written = pskc(&tokens, &Protection::Key(&key), &mut entropy()).unwrap();
        prop_assert!(written.left_out.is_empty());
        let found = import(&written.xml, Format::Pskc, Some(&key));
        same_tokens(&found.tokens, &tokens)?;
        let other = Options { key_file: Some(Zeroizing::new(vec![1; usize::from(len)])), ..Options::default() };
        prop_assert!(read(written.xml.as_bytes(), &other).is_err_and(|error| error == quorate_import::ImportError::WrongKey));
    }

    #[test]
    fn tokens_as_oath_csv(tokens in tokens()) {
        let mut tokens = all(tokens);
        for token in &mut tokens {
            // What the format has no column for.
            token.manufacturer = None;
            token.last_timestep = None;
            (token.valid_from_s, token.valid_until_s, token.enabled) = (None, None, true);
        }
        let written = oath_csv(&tokens);
        prop_assert!(written.left_out.is_empty());
        prop_assert_eq!(detect(written.text.as_bytes()), Some(Format::OathCsv));
        same_tokens(&import(&written.text, Format::OathCsv, None).tokens, &tokens)?;
    }

    #[test]
    fn tokens_as_uris(tokens in tokens()) {
        let tokens = all(tokens);
        let uris: Vec<String> = tokens.iter().map(|token| otpauth_uri(token).unwrap().to_string()).collect();
        let found = import(&uris.join("\n"), Format::Otpauth, None).tokens;
        prop_assert_eq!(found.len(), tokens.len());
        for (found, right) in found.iter().zip(&tokens) {
            prop_assert!(found.kind == right.kind && found.secret == right.secret);
            if right.issuer.as_ref().is_some_and(|issuer| !issuer.contains(':')) {
                prop_assert_eq!(&found.issuer, &right.issuer);
                if right.owner.is_some() {
                    prop_assert_eq!(&found.owner, &right.owner);
                }
            }
        }
    }
}

#[test]
fn tokens_as_pskc_under_a_password() {
    let mut token = ImportedToken::new(
        TokenKind::Totp {
            algorithm: Algorithm::Sha256,
            digits: 8,
            period_s: 60,
        },
        Zeroizing::new((0..32).collect()),
    );
    token.serial = Some("S1".to_owned());
    let yubikey = ImportedToken::new(
        TokenKind::YubikeyOtp {
            public_id: vec![1; 6],
            private_id: None,
            counters: YubikeyCounters::default(),
        },
        Zeroizing::new(vec![7; 16]),
    );
    let tokens = [token.clone(), yubikey];
    let written = pskc(&tokens, &Protection::Password("correct horse"), &mut entropy()).unwrap();
    assert_eq!(written.left_out, [1]);
    let secret = data_of(&token);
    assert!(!written.xml.contains(&secret) && !written.xml.contains("PlainValue>AAEC"));
    let found = import(&written.xml, Format::Pskc, Some(b"correct horse\n"));
    assert!(found.tokens == [token]);
}

/// The secret in base 64, as a document in clear would have it.
fn data_of(token: &ImportedToken) -> String {
    data_encoding::BASE64.encode(&token.secret)
}

#[test]
fn nothing_is_written_without_protection() {
    let failed = |protection: Protection| pskc(&[], &protection, &mut entropy()).err();
    assert_eq!(failed(Protection::Key(&[0; 15])), Some(PskcWriteError::KeyLength));
    assert_eq!(failed(Protection::Key(&[])), Some(PskcWriteError::KeyLength));
    assert_eq!(failed(Protection::Password("")), Some(PskcWriteError::EmptyPassword));
}

#[test]
fn hashes_are_written_where_they_are_asked_for_and_passwords_never() {
    let import = read(&fixtures::bytes("users.csv"), &Options::default()).unwrap();
    let with = users_csv(&import.users, Hashes::Written);
    let without = users_csv(&import.users, Hashes::LeftOut);
    assert!(with.contains("{SSHA}") && !without.contains("{SSHA}"));
    assert!(!with.contains("correct horse") && !without.contains("correct horse"));
    let again = self::import(&with, Format::UsersCsv, None).users;
    let hash = again
        .iter()
        .find(|user| user.name.name == "bob")
        .and_then(|user| user.password.clone());
    assert!(matches!(hash, Some(ImportedPassword::Hash(hash)) if hash.scheme == PasswordScheme::SaltedSha1));
}
