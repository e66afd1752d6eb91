//! Yubico OTP: 32 letters of modhex are one AES-128 block, and what stands before them is the key's public name.
//!
//! The secret is the AES key (16 bytes) and the private identity (6 bytes). In the block: private identity, a counter of
//! plug-ins, a timer, a counter of codes since the plug-in, noise, and a CRC (Yubico's "YubiKey Manual", section 6.1).
//! The two counters together only ever grow, which makes a code single-use without asking anybody's cloud.

use aes::{
    Aes128,
    cipher::{BlockCipherDecrypt, KeyInit},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::{Method, Moment, Use, hotp};
use crate::{
    outcome::Reason,
    records::{Token, TokenKind, Used},
};

/// The letters that lie in the same place on every keyboard; each stands for four bits.
const LETTERS: &[u8; 16] = b"cbdefghijklnrtuv";

const KEY: usize = 16;
const PRIVATE_ID: usize = 6;
const LETTERS_OF_A_CODE: usize = 44;

/// What CRC-16 (ISO 13239) over a whole block comes to when nothing in it was altered.
const CRC_RESIDUE: u16 = 0xf0b8;

pub(super) struct Yubikey;

impl Method for Yubikey {
    fn lengths(&self, _kind: TokenKind) -> &'static [usize] {
        &[LETTERS_OF_A_CODE]
    }

    fn fits(&self, _kind: TokenKind, typed: &[u8]) -> bool {
        is_code(typed)
    }

    fn find(&self, token: &Token, secret: &[u8], typed: &[u8], _at: Moment) -> Option<Use> {
        let TokenKind::Yubikey { public_id } = token.kind else {
            return None;
        };
        let typed = of_modhex(typed)?;
        let (named, block) = typed.split_at_checked(public_id.len())?;
        if named != public_id {
            return None;
        }
        opened(secret, block).map(Use::Counter)
    }

    fn refuse(&self, token: &Token, used: Use, _at: Moment) -> Option<Reason> {
        match used {
            Use::Counter(counter) => hotp::used_before(token, counter),
            Use::Slot(_) | Use::Once | Use::Pending(_) => Some(Reason::WrongCode),
        }
    }

    fn after(&self, token: &Token, used: Use, _at: Moment) -> Used {
        hotp::counted(token, used)
    }
}

/// Whether these bytes look like a code of some YubiKey.
pub fn is_code(typed: &[u8]) -> bool {
    typed.len() == LETTERS_OF_A_CODE && of_modhex(typed).is_some()
}

/// Plug-ins and codes since, as one number that only grows, if the block was made with this secret.
fn opened(secret: &[u8], block: &[u8]) -> Option<u64> {
    let (key, private_id) = secret.split_at_checked(KEY)?;
    let mut block: [u8; 16] = block.try_into().ok()?;
    let key: &[u8; KEY] = key.try_into().ok()?;
    Aes128::new(key.into()).decrypt_block((&mut block).into());
    let same = block[..PRIVATE_ID].ct_eq(private_id) & crc(&block).ct_eq(&CRC_RESIDUE);
    // The highest bit of the plug-ins says that Caps Lock was on.
    let plugged = u16::from_le_bytes([block[6], block[7]]) & 0x7fff;
    let counter = u64::from(plugged) << 8 | u64::from(block[11]);
    block.zeroize();
    bool::from(same).then_some(counter)
}

/// CRC-16 of ISO 13239: polynomial 0x8408, from all ones.
fn crc(bytes: &[u8]) -> u16 {
    let bit = |crc: u16| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 };
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| bit(crc))
    })
}

/// Bytes as letters that every keyboard has in the same place.
pub fn modhex(bytes: &[u8]) -> String {
    let letter = |nibble: u8| char::from(LETTERS[usize::from(nibble & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [letter(byte >> 4), letter(*byte)])
        .collect()
}

/// The bytes of an even number of such letters, in whichever case.
pub fn of_modhex(letters: &[u8]) -> Option<Vec<u8>> {
    let nibble = |letter: &u8| LETTERS.iter().position(|other| *other == letter.to_ascii_lowercase());
    let (pairs, rest) = letters.as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some((nibble(high)? << 4 | nibble(low)?) as u8);
    rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Yubico's own library (`ykgenerate`, `ykparse` in libyubikey's documentation): key, code, counters.
    #[test]
    fn a_block_opens_under_its_key_alone() {
        let key = of_hex("ecde18dbe76fbd0c33330f1c354871db");
        let block = of_modhex(b"hknhfjbrjnlnldnhcujvddbikngjrtgh").unwrap();
        let mut secret = key.clone();
        secret.extend(of_hex("8792ebfe26cc"));
        assert_eq!(opened(&secret, &block), Some(19 << 8 | 17));
        secret[20] ^= 1;
        assert_eq!(opened(&secret, &block), None, "another private identity");
        secret[20] ^= 1;
        secret[0] ^= 1;
        assert_eq!(opened(&secret, &block), None, "another key");
        assert_eq!(opened(&key, &block), None, "half a secret");
    }

    #[test]
    fn modhex_is_hexadecimal_in_other_letters() {
        assert_eq!(modhex(b"test"), "ifhgieif");
        assert_eq!(of_modhex(b"IFHGieif").unwrap(), b"test");
        assert_eq!(of_modhex(b"ifh"), None);
        assert_eq!(of_modhex(b"ifha"), None);
        assert_eq!(of_modhex(b"").unwrap(), b"");
    }

    fn of_hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }
}
