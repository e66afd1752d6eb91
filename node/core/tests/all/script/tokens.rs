//! Tokens of scripts: the kinds, secrets that follow from a token's name, and the codes that they make.

use aes::{
    Aes128,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use quorate_core::{
    Change, Channel, CodeId, CodeKind, OtpAlgorithm, Sealed, Token, TokenId, TokenKind, UserId,
    change::{AssignToken, CreateToken, ResyncToken, VerifyToken},
    method::{self, Use},
    otp,
};

use super::{
    World,
    words::{Words, digest, duration_ms, id, sealed},
};

const ALGORITHM: OtpAlgorithm = OtpAlgorithm::Sha1;

/// `create-token phone user=alice kind=totp`; `create-token note user=alice kind=static code=445566` for another than the usual code.
pub fn create(words: &Words, name: &str, now_ms: u64) -> Change {
    let digits = words.number("digits", 6) as u8;
    let kind = match words.or("kind", "totp").as_str() {
        "totp" => TokenKind::Totp {
            algorithm: ALGORITHM,
            digits,
            period_s: words.number("period", 30) as u32,
        },
        "hotp" => TokenKind::Hotp {
            algorithm: ALGORITHM,
            digits,
        },
        "yubikey" => TokenKind::Yubikey {
            public_id: public_id(name),
        },
        "recovery" => TokenKind::Recovery {
            codes: words.number("codes", 10) as u8,
        },
        "static" => TokenKind::Static,
        "registration" => TokenKind::Registration,
        "temporary" => TokenKind::Temporary {
            uses: words.number("uses", 2) as u32,
            suspends: words.key("suspends").is_some(),
        },
        channel => TokenKind::Sent {
            channel: Channel::of_label(channel).unwrap_or_else(|| panic!("no such kind: {channel}")),
        },
    };
    Change::CreateToken(CreateToken {
        id: TokenId(id(name)),
        user: words.key("user").map_or(UserId(0), |user| UserId(id(user))),
        name: words.or("name", name).into(),
        kind,
        secret: match (words.key("seed"), words.key("code")) {
            (Some(seed), _) => sealed(seed),
            (None, Some(code)) => Sealed::from(method::verifiers(digest(name), [code.as_bytes()])),
            (None, None) => secret(kind, name),
        },
        verified: words.key("verified") != Some("no"),
        counter: words.number("counter", 0),
        expires_ms: words.key("lasts").map(|lasts| now_ms + duration_ms(lasts)),
        hint: words.or("hint", "").into(),
    })
}

/// `verify-token phone use=now` or `use=7`.
pub fn verify(world: &World, words: &Words, token: TokenId) -> Change {
    let expected = None;
    let used = match words.key("use") {
        Some("sent") => Use::Pending(world.state.sent_code(token).unwrap().id),
        other => used(world, other.unwrap_or("now")),
    };
    Change::VerifyToken(VerifyToken { token, expected, used })
}

/// `resync-token fob counter=50`, `resync-token phone step=now+7`.
pub fn resync(world: &World, words: &Words, token: TokenId) -> Change {
    let used = match words.key("step") {
        Some(step) => method::in_step(world.timestep(step), world.now_ms, 30).unwrap(),
        None => quorate_core::Used::Counter {
            last: Some(words.number("counter", 0)),
        },
    };
    Change::ResyncToken(ResyncToken {
        token,
        expected: None,
        used,
    })
}

/// `assign-token fob user=alice`.
pub fn assign(words: &Words, token: TokenId) -> Change {
    Change::AssignToken(AssignToken {
        token,
        expected: None,
        user: words.key("user").map_or(UserId(0), |user| UserId(id(user))),
    })
}

/// `now-1` or `7` for a counter, `slot2`, `once`, `code3` for the third code that was made.
pub fn used(world: &World, text: &str) -> Use {
    match text.strip_prefix("slot") {
        Some(slot) => Use::Slot(slot.parse().unwrap()),
        None if text == "once" => Use::Once,
        None if text.starts_with("code") => Use::Pending(CodeId(text[4..].parse().unwrap())),
        None => Use::Counter(world.timestep(text)),
    }
}

fn secret(kind: TokenKind, name: &str) -> Sealed {
    match kind.code_kind() {
        CodeKind::Totp | CodeKind::Hotp => sealed(name),
        CodeKind::Yubikey => {
            let mut secret = digest(name).to_vec();
            secret.extend(private_id(name));
            Sealed::from(secret)
        }
        CodeKind::Recovery => Sealed::from(sheet(name).1),
        CodeKind::Static => Sealed::from(method::verifiers(digest(name), [b"112233".as_slice()])),
        CodeKind::Temporary => Sealed::from(method::verifiers(digest(name), [b"11223344".as_slice()])),
        CodeKind::Registration => Sealed::from(method::verifiers(digest(name), [b"55667788".as_slice()])),
        CodeKind::Sms | CodeKind::Email | CodeKind::Voice => sealed("address"),
    }
}

/// The code of a token: `phone` now, `phone-1` a timestep earlier; `fob+2` two counters on; `sheet+2` the third of the sheet.
pub fn code(world: &World, token: &Token, name: &str, offset: &str) -> String {
    let number = |offset: &str| offset.parse::<i64>().unwrap_or(0);
    let next = || {
        let next = token.used.last().map_or(0, |last| last + 1);
        next.checked_add_signed(number(offset)).unwrap()
    };
    match token.kind {
        TokenKind::Totp { algorithm, digits, .. } => {
            let timestep = world.timestep(&format!("now{offset}"));
            let code = otp::hotp(algorithm, token.secret.as_bytes(), timestep, digits);
            otp::code_text(code, digits)
        }
        TokenKind::Hotp { algorithm, digits } => {
            let code = otp::hotp(algorithm, token.secret.as_bytes(), next(), digits);
            otp::code_text(code, digits)
        }
        TokenKind::Yubikey { public_id } => yubikey_code(public_id, name, next()),
        TokenKind::Recovery { .. } => sheet(name).0[number(offset) as usize].clone(),
        TokenKind::Static => "112233".into(),
        TokenKind::Temporary { .. } => "11223344".into(),
        TokenKind::Registration => "55667788".into(),
        TokenKind::Sent { .. } => {
            let codes = &world.sent[&token.id];
            let place = codes.len() as i64 - 1 + number(offset);
            codes[place as usize].clone()
        }
    }
}

fn public_id(name: &str) -> [u8; 6] {
    digest(name)[..6].try_into().unwrap()
}

fn private_id(name: &str) -> [u8; 6] {
    digest(&format!("{name} private"))[..6].try_into().unwrap()
}

fn sheet(name: &str) -> (Vec<String>, Vec<u8>) {
    let random = (0..10).map(|place| id(&format!("{name} {place}")).to_be_bytes());
    let (codes, verifiers) = method::recovery_sheet(digest(name), random);
    (codes.to_vec(), verifiers.to_vec())
}

/// What a YubiKey types: private identity, plug-ins, timer, codes since, noise, and the complement of the CRC.
fn yubikey_code(public_id: [u8; 6], name: &str, counter: u64) -> String {
    let mut block = [0u8; 16];
    block[..6].copy_from_slice(&private_id(name));
    block[6..8].copy_from_slice(&((counter >> 8) as u16).to_le_bytes());
    block[11] = counter as u8;
    block[12..14].copy_from_slice(&[0xaa, 0x55]);
    let crc = !block[..14].iter().fold(0xffffu16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            let carry = crc & 1 == 1;
            if carry { crc >> 1 ^ 0x8408 } else { crc >> 1 }
        })
    });
    block[14..].copy_from_slice(&crc.to_le_bytes());
    Aes128::new((&digest(name)).into()).encrypt_block((&mut block).into());
    format!("{}{}", method::modhex(&public_id), method::modhex(&block))
}
