//! A sheet of codes, each good once. The secret is their verifiers.
//!
//! A code is twelve letters and digits that are hard to confuse, in groups of four: 60 bits. How it is grouped and in
//! which case it is typed does not matter.

use zeroize::Zeroizing;

use super::{
    Method, Moment, Use,
    verifier::{self, SALT_BYTES},
};
use crate::{
    outcome::Reason,
    records::{Token, TokenKind, Used},
};

/// Digits and letters without I, L, O and U (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const LENGTH: usize = 12;
const GROUP: usize = 4;

pub(super) struct Recovery;

impl Method for Recovery {
    fn lengths(&self, _kind: TokenKind) -> &'static [usize] {
        &[LENGTH + LENGTH / GROUP - 1, LENGTH]
    }

    fn fits(&self, _kind: TokenKind, typed: &[u8]) -> bool {
        plain(typed).is_some()
    }

    fn find(&self, _token: &Token, secret: &[u8], typed: &[u8], _at: Moment) -> Option<Use> {
        verifier::place(secret, &plain(typed)?).map(Use::Slot)
    }

    fn refuse(&self, token: &Token, used: Use, _at: Moment) -> Option<Reason> {
        match (bit(used), token.used) {
            (Some(bit), Used::Slots { spent }) => (spent & bit != 0).then_some(Reason::CodeUsed),
            _ => Some(Reason::WrongCode),
        }
    }

    fn after(&self, token: &Token, used: Use, _at: Moment) -> Used {
        match (bit(used), token.used) {
            (Some(bit), Used::Slots { spent }) => Used::Slots { spent: spent | bit },
            _ => token.used,
        }
    }
}

/// The bit of a place; none if there is no such place on any sheet.
fn bit(used: Use) -> Option<u32> {
    match used {
        Use::Slot(place) => 1u32.checked_shl(u32::from(place)),
        Use::Counter(_) | Use::Once | Use::Pending(_) => None,
    }
}

/// The code as its verifier was made of it, if it has the shape of one.
fn plain(typed: &[u8]) -> Option<Vec<u8>> {
    let plain: Vec<u8> = typed
        .iter()
        .filter(|byte| **byte != b'-')
        .map(u8::to_ascii_uppercase)
        .collect();
    let fits = typed.len() < 2 * LENGTH && plain.len() == LENGTH && plain.iter().all(|byte| LETTERS.contains(byte));
    fits.then_some(plain)
}

/// A sheet: a code for each of these random numbers, and the verifiers to seal.
pub fn recovery_sheet(
    salt: [u8; SALT_BYTES],
    random: impl IntoIterator<Item = [u8; 8]>,
) -> (Zeroizing<Vec<String>>, Zeroizing<Vec<u8>>) {
    let codes: Zeroizing<Vec<String>> = Zeroizing::new(random.into_iter().map(code).collect());
    let plain: Zeroizing<Vec<Vec<u8>>> =
        Zeroizing::new(codes.iter().filter_map(|code| plain(code.as_bytes())).collect());
    let verifiers = verifier::verifiers(salt, plain.iter().map(Vec::as_slice));
    (codes, Zeroizing::new(verifiers))
}

/// A code as it stands on the sheet, made of 60 of these bits.
fn code(random: [u8; 8]) -> String {
    let bits = u64::from_be_bytes(random);
    let letter = |at: usize| char::from(LETTERS[(bits >> (5 * at)) as usize & 31]);
    let group = |first: usize| (first..first + GROUP).map(letter).collect::<String>();
    (0..LENGTH).step_by(GROUP).map(group).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_twelve_letters_however_they_are_typed() {
        let (codes, verifiers) = recovery_sheet([7; SALT_BYTES], [[1; 8], [2; 8], [3; 8]]);
        for (at, code) in (0u8..).zip(codes.iter()) {
            assert_eq!(code.len(), 14);
            let typed = code.to_lowercase().replace('-', "");
            assert_eq!(verifier::place(&verifiers, &plain(typed.as_bytes()).unwrap()), Some(at));
        }
        for wrong in [
            "",
            "-",
            "0123-4567-89A",
            "0123-4567-89AU",
            "0123-4567-89AB-",
            "------------------------",
        ] {
            let fits = Recovery.fits(TokenKind::Recovery { codes: 10 }, wrong.as_bytes());
            assert_eq!(fits, wrong == "0123-4567-89AB-", "{wrong}");
        }
    }
}
