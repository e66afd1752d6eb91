//! How many messages a text becomes on a telephone network: the alphabet of 3GPP TS 23.038, the parts of TS 23.040 section 9.2.3.24.1.
//!
//! A text of the GSM alphabet has 160 places in one message and 153 in each of several; one character outside of it makes the whole
//! text UCS-2 with 70 and 67. A character of the extension table takes two places, one beyond the basic plane two units, and neither is
//! split between two messages.

use serde::Serialize;

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

const GSM7: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const GSM7_EXTENSION: &str = "\u{c}^{}\\[~]|€";

impl Segments {
    /// Counts `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let odd_one = text.chars().find(|character| places(*character).is_none());
        let (alphabet, count) = if odd_one.is_none() {
            let sizes = text.chars().map(|character| places(character).unwrap_or(1));
            (Alphabet::Gsm7, parts(sizes, 160, 153))
        } else {
            (Alphabet::Ucs2, parts(text.chars().map(char::len_utf16), 70, 67))
        };
        Self {
            alphabet,
            count,
            odd_one,
        }
    }
}

/// Places of a character in the GSM alphabet.
fn places(character: char) -> Option<usize> {
    if GSM7.contains(character) {
        Some(1)
    } else {
        GSM7_EXTENSION.contains(character).then_some(2)
    }
}

fn parts(sizes: impl Iterator<Item = usize>, alone: usize, together: usize) -> usize {
    let (mut total, mut count, mut filled) = (0, 0, together);
    for size in sizes {
        total += size;
        if filled + size > together {
            count += 1;
            filled = 0;
        }
        filled += size;
    }
    if total <= alone { count.min(1) } else { count }
}

#[cfg(test)]
mod tests {
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
}
