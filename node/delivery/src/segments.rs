//! How many messages a text becomes on a telephone network: the alphabet of 3GPP TS 23.038, the parts of TS 23.040 section 9.2.3.24.1.
//!
//! A text of the GSM alphabet has 160 places in one message and 153 in each of several; one character outside of it makes the whole
//! text UCS-2 with 70 and 67. A character of the extension table takes two places, one beyond the basic plane two units, and neither is
//! split between two messages.

use serde::Serialize;
use zeroize::Zeroizing;

/// The alphabet a text is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    /// Seven bits a character.
    Gsm7,
    /// Sixteen bits a unit.
    Ucs2,
}

/// What a text costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Segments {
    /// The alphabet it needs.
    pub alphabet: Alphabet,
    /// Messages it becomes; none for an empty text.
    pub count: usize,
    /// The first character that the GSM alphabet does not have.
    pub odd_one: Option<char>,
}

/// A text in octets, divided as it is counted.
pub(crate) struct Coded {
    pub(crate) alphabet: Alphabet,
    /// One message each; nothing stands before their text.
    pub(crate) parts: Vec<Zeroizing<Vec<u8>>>,
}

/// Octets of the header that each of several parts begins with on the network.
pub(crate) const UDH_BYTES: usize = 6;

/// What a character of the extension table begins with (TS 23.038 section 6.2.1.1).
const ESCAPE: u8 = 0x1B;

const GSM7: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const GSM7_EXTENSION: &str = "\u{c}^{}\\[~]|€";
const GSM7_EXTENSION_OCTETS: [u8; 10] = [0x0A, 0x14, 0x28, 0x29, 0x2F, 0x3C, 0x3D, 0x3E, 0x40, 0x65];

impl Segments {
    /// Counts `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let odd_one = text.chars().find(|character| places(*character).is_none());
        let (alphabet, count) = if odd_one.is_none() {
            let sizes = text.chars().map(|character| places(character).unwrap_or(1));
            (Alphabet::Gsm7, parts(sizes, 160, 153).len())
        } else {
            (Alphabet::Ucs2, parts(text.chars().map(char::len_utf16), 70, 67).len())
        };
        Self {
            alphabet,
            count,
            odd_one,
        }
    }
}

impl Coded {
    /// `text` in the alphabet that it needs, or in UCS-2 although it does not. The GSM alphabet is not packed: an octet has one place.
    pub(crate) fn of(text: &str, always_ucs2: bool) -> Self {
        let is_gsm7 = !always_ucs2 && text.chars().all(|character| places(character).is_some());
        let (alphabet, sizes) = if is_gsm7 {
            let sizes = text.chars().filter_map(places);
            (Alphabet::Gsm7, parts(sizes, 160, 153))
        } else {
            (Alphabet::Ucs2, parts(text.chars().map(char::len_utf16), 70, 67))
        };
        let mut rest = text.chars();
        let mut part = |characters: usize| {
            // Room for all of it: a buffer that grows leaves copies behind.
            let mut part = Zeroizing::new(Vec::with_capacity(4 * characters));
            for character in rest.by_ref().take(characters) {
                match alphabet {
                    Alphabet::Gsm7 => part.extend(gsm7(character)),
                    Alphabet::Ucs2 => part.extend(ucs2(character)),
                }
            }
            part
        };
        let parts = sizes.into_iter().map(&mut part).collect();
        Self { alphabet, parts }
    }

    /// The octets of all parts.
    pub(crate) fn whole(&self) -> Zeroizing<Vec<u8>> {
        let length = self.parts.iter().map(|part| part.len()).sum();
        let mut whole = Zeroizing::new(Vec::with_capacity(length));
        self.parts.iter().for_each(|part| whole.extend_from_slice(part));
        whole
    }
}

/// The octets of a character in the GSM alphabet; none if it is not in there.
fn gsm7(character: char) -> impl Iterator<Item = u8> {
    // The escape stands between Ξ and Æ, and not in the table.
    let code = |place: usize| u8::try_from(place).map_or(0, |place| place + u8::from(place >= ESCAPE));
    let plain = GSM7.chars().position(|one| one == character).map(code);
    let extended = GSM7_EXTENSION.chars().position(|one| one == character);
    let extended = extended.map(|place| [ESCAPE, GSM7_EXTENSION_OCTETS[place]]);
    plain.into_iter().chain(extended.into_iter().flatten())
}

fn ucs2(character: char) -> impl Iterator<Item = u8> {
    let mut units = [0; 2];
    let count = character.encode_utf16(&mut units).len();
    units.into_iter().take(count).flat_map(u16::to_be_bytes)
}

/// Places of a character in the GSM alphabet.
fn places(character: char) -> Option<usize> {
    if GSM7.contains(character) {
        Some(1)
    } else {
        GSM7_EXTENSION.contains(character).then_some(2)
    }
}

/// How many characters each message has, of characters of these sizes.
fn parts(sizes: impl Iterator<Item = usize>, alone: usize, together: usize) -> Vec<usize> {
    let (mut total, mut parts, mut filled) = (0, Vec::new(), together);
    for size in sizes {
        total += size;
        if filled + size > together {
            parts.push(0);
            filled = 0;
        }
        filled += size;
        if let Some(characters) = parts.last_mut() {
            *characters += 1;
        }
    }
    match total <= alone && !parts.is_empty() {
        true => vec![parts.iter().sum()],
        false => parts,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn segments_are_counted_as_networks_do() {
        let count = |text: &str| (Segments::of(text).alphabet, Segments::of(text).count);
        for (text, wanted) in [
            (String::new(), (Alphabet::Gsm7, 0)),
            ("a".repeat(160), (Alphabet::Gsm7, 1)),
            ("a".repeat(161), (Alphabet::Gsm7, 2)),
            ("a".repeat(306), (Alphabet::Gsm7, 2)),
            ("a".repeat(307), (Alphabet::Gsm7, 3)),
            ("€".repeat(80), (Alphabet::Gsm7, 1)),
            ("€".repeat(81), (Alphabet::Gsm7, 2)),
            // 76 of them fill 152 of 153 places: the last place stays empty.
            ("€".repeat(153), (Alphabet::Gsm7, 3)),
            ("ş".repeat(70), (Alphabet::Ucs2, 1)),
            ("ş".repeat(71), (Alphabet::Ucs2, 2)),
            ("ş".repeat(134), (Alphabet::Ucs2, 2)),
            ("ş".repeat(135), (Alphabet::Ucs2, 3)),
            ("😀".repeat(35), (Alphabet::Ucs2, 1)),
            ("😀".repeat(67), (Alphabet::Ucs2, 3)),
        ] {
            assert_eq!(
                count(&text),
                wanted,
                "{} of {:?}",
                text.chars().count(),
                text.chars().next()
            );
        }
        assert_eq!(Segments::of("code ığ").odd_one, Some('ı'));
        assert_eq!(Segments::of("ÄÖÜ ñ @ {}").odd_one, None);
        assert_eq!(GSM7.chars().count(), 127, "the alphabet and its escape make 128");
    }

    #[test]
    fn octets_are_those_of_the_tables() {
        let octets = |text: &str, always_ucs2: bool| Coded::of(text, always_ucs2).whole();
        assert_eq!(octets("@Ξ Æaà€", false).as_slice(), b"\x00\x1A\x20\x1Ca\x7F\x1B\x65");
        assert_eq!(octets("aş😀", false).as_slice(), b"\0a\x01\x5F\xD8\x3D\xDE\x00");
        assert_eq!(octets("a", true).as_slice(), b"\0a");
        assert!(Coded::of("", false).parts.is_empty());
    }

    proptest! {
        #[test]
        fn a_text_is_divided_as_it_is_counted(text in "[a€ş😀]{0,400}") {
            let (coded, counted) = (Coded::of(&text, false), Segments::of(&text));
            prop_assert_eq!((coded.alphabet, coded.parts.len()), (counted.alphabet, counted.count));
            let most = match (coded.alphabet, counted.count) {
                (Alphabet::Gsm7, 1) => 160,
                (Alphabet::Gsm7, _) => 153,
                (Alphabet::Ucs2, 1) => 140,
                (Alphabet::Ucs2, _) => 134,
            };
            prop_assert!(coded.parts.iter().all(|part| (1..=most).contains(&part.len())));
            let all: Vec<u8> = match coded.alphabet {
                Alphabet::Gsm7 => text.chars().flat_map(gsm7).collect(),
                Alphabet::Ucs2 => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            };
            prop_assert_eq!(coded.whole().to_vec(), all);
            prop_assert!(coded.parts.iter().all(|part| is_of_whole_characters(coded.alphabet, part)));
        }
    }

    fn is_of_whole_characters(alphabet: Alphabet, part: &[u8]) -> bool {
        match alphabet {
            Alphabet::Gsm7 => part.last() != Some(&ESCAPE),
            Alphabet::Ucs2 => {
                let units = part.chunks(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
                char::decode_utf16(units).all(|character| character.is_ok())
            }
        }
    }
}
