//! Password hashes as the tools of others make them: read here, verified by `quorate-seal`.
//!
//! Made with `openssl passwd` 3.0, crypt(3) of libxcrypt 4.4, `slappasswd` of OpenLDAP 2.5 with pw-sha2, `smbencrypt` of FreeRADIUS 3.2
//! and passlib 1.7; the two of FreeRADIUS' and 389 Directory Server's own PBKDF2 with Python's hashlib.

use quorate_import::{ForeignScheme, ImportedPassword, Options, PasswordHash};
use quorate_seal::{ForeignHash, HashMemory, PasswordVerifier};

const PASSWORD: &str = "Grün-7-Tee";

const HASHES: [&str; 31] = [
    "$5$saltstring$1xbplwfsxUtyHly8ewZCztnbHtMaZovjE0CjAycX343",
    "$6$saltstring$w.Vgx4P7bIvLg5GUwkQFKaRkn2CgB7G2uQZH4fYTSwC6uxLcWqxd11u6Kf5Al/J5iO27siPwcgJoKJCt1uMge/",
    "$5$rounds=1400$anotherlongsalts$t4pzlt9rAEQhg6dvEjc1yxN9OStGFTb4amWEamBfb8.",
    "{CRYPT}$6$rounds=1400$anotherlongsalts$K3CwGIHp63G8F2Q6sCYXutTGV.IBP.X.lV39dQab0NzXXhTH0Yb73TMFXffaw0D/sUUg7w986Q9KRM7pam9Hn1",
    "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$eS89RFY1Tp2NFIuOBEbp/3EDTVwHMH2b.uif9DOu1y4",
    "{CRYPT}$y$j8T$F5Jx5fExrKuPp53xLKQ..1$MV1MFsfLnFk3ySFZ1lkEbwrTm8ob0Iv/mnKtRRqy0o5",
    "$y$jBT$F5Jx5fExrKuPp53xLKQ..1$ojJPF1R98iTcIkxxtN2Nz4eDEEEzmQRVgBd0eE/I752",
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.YA1.ePPTuxTffYnFanKqUFLjjM4h2RK",
    "$2b$05$CCCCCCCCCCCCCCCCCCCCC.YA1.ePPTuxTffYnFanKqUFLjjM4h2RK",
    "{CRYPT}$2y$05$CCCCCCCCCCCCCCCCCCCCC.YA1.ePPTuxTffYnFanKqUFLjjM4h2RK",
    "{SSHA}iy4zaMHxVPrywmynU9Ohd4vFmM9jtPtS",
    "{ssha}iy4zaMHxVPrywmynU9Ohd4vFmM9jtPtS",
    "{SHA}FNBPEl9wM+82vp0/Pu6XLBBj0MM=",
    "{SMD5}UZqCcfCS2AZaWHfZau0rlUHzay0=",
    "{MD5}QgkbQx2Pfsgh3dmi+T1pKw==",
    "{SSHA256}AHe4Ca7dfdBT6sMH7ns5GaNRu1C4Lywlxy9zW3FjKRkyLjpTMaHQoQ==",
    "{SSHA384}X9MKymO6k5dlbxIvDFt4KNJkcViXaypLus9NAxmvPpA2dA6Hh6BPZuchnm6dzJVAY+rpUc3DCaM=",
    "{SSHA512}eLKVLm4EXkH/Kkn6wX9Dx/LTV3yUFBcF9Hg8WTDAEwAfZs9NAmM0BrOtfAbYOUp2F14Yl/iiCJccu9tBQqZBscE+xDuey1Nu",
    "{SHA256}GwIc2ITfWDqCDg+hV9/W/PtT0+zVU4O44lcfmwJCMLw=",
    "{SHA384}lFh3Nhcy9mXHMEW24xAPVn08BPqlvdvJVyZx9ZYGZ7a4po4ANPzVP/d64zA6yvYj",
    "{SHA512}xIWweo2wIj8do7qD4qNzgsCMA2KHIQQM/XFJmxoRVfHS0htqYYKLEaz5+UYVfSjBVDJ/UvOQu4x9BsM7Ax6VtQ==",
    "{NT}6A04D4CF4F766A5259BDC4854B61EDF0",
    "{NTHASH}6a04d4cf4f766a5259bdc4854b61edf0",
    "$pbkdf2$1000$uneOsTaG8N6bU0pJCcH4vw$ae8vVLgUmmIWA70A2jJvRh.lPyg",
    "$pbkdf2-sha256$1000$w9i7t5ZSSslZi9F6L0VI6Q$4p1RtQXfIfESxD981Slkr95UL0YoTws/J5HjjqrqcwQ",
    "$pbkdf2-sha512$1000$MSaEkPKek5LSem9Nae3d2w$cYnyagPyBowaWcjPjQhPOyPDzC4KSJ2Cenb3ztKT/XAH56PP76lJCf95ctJX1sQTfKfBhQj6eI0OI4.U31FNOA",
    "{PBKDF2}1000$uneOsTaG8N6bU0pJCcH4vw$ae8vVLgUmmIWA70A2jJvRh.lPyg",
    "{PBKDF2-SHA256}1000$4jxHyNn7v3fOWct5T.k9Rw$WRaU/T/ocq.I.IV0AjlPZZTxddkE0kluPqzLI61ybe0",
    "{PBKDF2-SHA512}1000$MSaEkPKek5LSem9Nae3d2w$cYnyagPyBowaWcjPjQhPOyPDzC4KSJ2Cenb3ztKT/XAH56PP76lJCf95ctJX1sQTfKfBhQj6eI0OI4.U31FNOA",
    "{PBKDF2}HMACSHA2+256:AAAD6A:MDEyMzQ1Njc4OWFiY2RlZg==:H2kkvV44HZolSeHXk9u2ZqwIePtzrcVhTegrGZv1ZWA=",
    "{PBKDF2_SHA256}AAAIAAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8/xlZFElL1eb+cy0aJVJepfMgr9q6gXa9h5ayBzUWuf2h4zwv1qJARlsOUjEg/6iQpT0cuwsFiUJ4t19ddsM5b8Vlmk7OoSgT8pgjZUwQ/x6+DrbRGamuvNTl1nH0Cv4vz3FqxthP87NnezS7iyQjuNNuL4WZY4QZgLMhg+A6ffSsu+I1IhL9XBl++PfKHnTRBYUVgmMz8i+rt9Wp5ABYUveOWlONGo8JQ1jjPXatzCz6iQ08C5ZfTnCa2oeIOlLIkhTyV6qNPT0gMCTz8XEQwnT4VCBhFQSgdA431Ja98Caka4my5A61obSVexg7CZP8dsS5kiwTboHWrxCFzPcjo",
];

/// The hash in a column of users, as any reader comes to it.
fn read(text: &str) -> Option<PasswordHash> {
    let file = format!("name;password_hash\nalice;{text}\n");
    let import = quorate_import::read(file.as_bytes(), &Options::default()).expect("a file of users");
    match import.users.into_iter().next()?.password? {
        ImportedPassword::Hash(hash) => Some(hash),
        ImportedPassword::Clear(_) => panic!("{text} is no clear password"),
    }
}

fn verifier(text: &str, memory: &mut HashMemory) -> PasswordVerifier {
    let hash = read(text).unwrap_or_else(|| panic!("{text} is wrong"));
    let foreign = hash.foreign().unwrap_or_else(|| panic!("{text} is not taken"));
    let scheme = match foreign.scheme {
        ForeignScheme::Md5 => quorate_seal::ForeignScheme::Md5,
        ForeignScheme::Sha1 => quorate_seal::ForeignScheme::Sha1,
        ForeignScheme::Sha256 => quorate_seal::ForeignScheme::Sha256,
        ForeignScheme::Sha384 => quorate_seal::ForeignScheme::Sha384,
        ForeignScheme::Sha512 => quorate_seal::ForeignScheme::Sha512,
        ForeignScheme::Nt => quorate_seal::ForeignScheme::Nt,
        ForeignScheme::Pbkdf2Sha1 => quorate_seal::ForeignScheme::Pbkdf2Sha1,
        ForeignScheme::Pbkdf2Sha256 => quorate_seal::ForeignScheme::Pbkdf2Sha256,
        ForeignScheme::Pbkdf2Sha512 => quorate_seal::ForeignScheme::Pbkdf2Sha512,
        ForeignScheme::Sha256Crypt => quorate_seal::ForeignScheme::Sha256Crypt,
        ForeignScheme::Sha512Crypt => quorate_seal::ForeignScheme::Sha512Crypt,
        ForeignScheme::Bcrypt => quorate_seal::ForeignScheme::Bcrypt,
        ForeignScheme::Yescrypt => quorate_seal::ForeignScheme::Yescrypt,
    };
    let digest = foreign.digest.clone();
    let wrapped = ForeignHash::new(scheme, foreign.cost, &foreign.salt, digest);
    let wrapped = wrapped.unwrap_or_else(|_| panic!("both sides have the same limits: {text}"));
    PasswordVerifier::wrap(wrapped, [5; 16], memory)
}

#[test]
fn what_other_tools_made_of_a_password_verifies_it_and_no_other() {
    let mut memory = HashMemory::new();
    for text in HASHES {
        let kept = verifier(text, &mut memory).encode();
        let stored = PasswordVerifier::decode(&kept).unwrap();
        assert!(stored.matches(PASSWORD.as_bytes(), &mut memory), "{text}");
        assert!(!stored.matches("Grün-7-Te".as_bytes(), &mut memory), "{text}");
        assert!(stored.is_replaced_by(PASSWORD.as_bytes()) && stored.parts().is_none());
    }
}

#[test]
fn long_passwords_are_those_of_the_other_tool_and_bcrypt_looks_at_72_bytes() {
    let mut memory = HashMemory::new();
    let long =
        "$6$0123456789abcdef$r.WKz9Zdhlwekw/UyTW6q4PAxAW.u5FxW4z3fqHeN9nQyIvCxGuXjJKP5hViHouec.zpNMalGUgH9zznbtuBL/";
    assert!(verifier(long, &mut memory).matches(&[b'x'; 70], &mut memory));
    let bcrypt = verifier(
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.XxrQqgBi/5Sxuq9soXzDtjIZ7w5pMfK",
        &mut memory,
    );
    let typed = "0123456789".repeat(8);
    assert!(bcrypt.matches(typed.as_bytes(), &mut memory));
    assert!(bcrypt.matches(&typed.as_bytes()[..72], &mut memory));
    assert!(!bcrypt.matches(&typed.as_bytes()[..71], &mut memory));
    assert!(
        !bcrypt.is_replaced_by(typed.as_bytes()) && bcrypt.is_replaced_by(&typed.as_bytes()[..72]),
        "what was not looked at is not taken for the password"
    );
}

/// Recognised, and left: a login would cost too much, or nobody here can compute it.
#[test]
fn what_costs_too_much_is_not_taken() {
    for text in [
        "$2b$14$CCCCCCCCCCCCCCCCCCCCC.YA1.ePPTuxTffYnFanKqUFLjjM4h2RK",
        "$5$rounds=700001$anotherlongsalts$t4pzlt9rAEQhg6dvEjc1yxN9OStGFTb4amWEamBfb8.",
        "$y$jCT$F5Jx5fExrKuPp53xLKQ..1$ojJPF1R98iTcIkxxtN2Nz4eDEEEzmQRVgBd0eE/I752",
        "$pbkdf2-sha256$1000001$w9i7t5ZSSslZi9F6L0VI6Q$4p1RtQXfIfESxD981Slkr95UL0YoTws/J5HjjqrqcwQ",
        "$pbkdf2-sha512$500001$MSaEkPKek5LSem9Nae3d2w$cYnyagPyBowaWcjPjQhPOyPDzC4KSJ2Cenb3ztKT/XAH56PP76lJCf95ctJX1sQTfKfBhQj6eI0OI4.U31FNOA",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.YA1.ePPTuxTffYnFanKqUFLjjM4h2RK",
        "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
        "{CRYPT}abcdefghijklm",
    ] {
        let hash = read(text).unwrap_or_else(|| panic!("{text} is wrong"));
        assert!(!hash.is_verifiable(), "{text}");
    }
}

#[test]
fn a_hash_that_is_damaged_makes_its_row_wrong() {
    for text in HASHES
        .iter()
        .filter(|text| text.contains("$2") || text.contains("$5") || text.contains("$6") || text.contains("$y"))
    {
        let shorter = &text[..text.len() - 2];
        assert!(read(shorter).is_none(), "{shorter}");
        let longer = format!("{text}..");
        assert!(read(&longer).is_none(), "{longer}");
        let (head, tail) = text.split_at(text.len() - 1);
        let foreign = format!("{head}!{}", &tail[1..]);
        assert!(read(&foreign).is_none(), "{foreign}");
    }
    for text in [
        "$5$rounds=999$salt$t4pzlt9rAEQhg6dvEjc1yxN9OStGFTb4amWEamBfb8.",
        "$5$rounds=+5000$salt$t4pzlt9rAEQhg6dvEjc1yxN9OStGFTb4amWEamBfb8.",
        "$5$a salt longer than it$t4pzlt9rAEQhg6dvEjc1yxN9OStGFTb4amWEamBfb8.",
        "$2b$03$CCCCCCCCCCCCCCCCCCCCC.YA1.ePPTuxTffYnFanKqUFLjjM4h2RK",
        "$2b$5$CCCCCCCCCCCCCCCCCCCCC.YA1.ePPTuxTffYnFanKqUFLjjM4h2RKx",
        "{SSHA512}AHe4Ca7dfdBT6sMH7ns5GaNRu1C4Lywlxy9zW3FjKRkyLjpTMaHQoQ==",
    ] {
        assert!(read(text).is_none(), "{text}");
    }
}
