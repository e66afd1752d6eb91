//! Base 32 without padding (RFC 4648 section 6): what people can read to each other and type.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Upper case, no padding.
pub(crate) fn base32(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(5) * 8));
    for group in bytes.chunks(5) {
        let mut wide = [0u8; 8];
        wide[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(wide);
        for place in 0..(group.len() * 8).div_ceil(5) {
            let symbol = (bits >> (35 - 5 * place)) & 31;
            text.push(char::from(ALPHABET[symbol as usize]));
        }
    }
    text
}

/// Reads what [`base32`] wrote, in either case. `None` for anything else.
pub(crate) fn parse_base32(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 5 / 8));
    let (mut bits, mut held) = (0u32, 0);
    for symbol in text.bytes() {
        let value = ALPHABET
            .iter()
            .position(|known| *known == symbol.to_ascii_uppercase())?;
        bits = (bits << 5) | value as u32;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    // What is left over must be the padding bits of the last symbol: fewer than five, all zero.
    (held < 5 && bits == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_section_10_without_padding() {
        for (plain, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(*base32(plain.as_bytes()), text);
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(&*parse_base32(&base32(&bytes)).unwrap(), &bytes);
        }

        #[test]
        fn a_text_that_is_read_is_the_one_that_is_written(text in "[A-Z2-7]{0,20}") {
            if let Some(bytes) = parse_base32(&text) {
                prop_assert_eq!(&*base32(&bytes), &text);
            }
        }
    }
}
