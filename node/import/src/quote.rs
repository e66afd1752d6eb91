//! Text from a file inside a sentence: short, and without characters that would play with a terminal.

use crate::limits;

/// At most `bytes` bytes of a text, with control characters shown as `�`.
pub(crate) fn shortened(text: &str, bytes: usize) -> String {
    let mut short = String::new();
    for symbol in text.chars() {
        if short.len() + symbol.len_utf8() > bytes {
            short.push('…');
            break;
        }
        short.push(if is_unprintable(symbol) { '�' } else { symbol });
    }
    short
}

/// A text in quotation marks, shortened.
pub(crate) fn quoted(text: &str) -> String {
    format!("“{}”", shortened(text, limits::QUOTED_BYTES))
}

/// As [`quoted`], of bytes that may be no text.
pub(crate) fn quoted_bytes(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(4 * limits::QUOTED_BYTES)];
    quoted(&String::from_utf8_lossy(head))
}

/// Control characters, and those that turn the direction of what follows.
fn is_unprintable(symbol: char) -> bool {
    symbol.is_control() || matches!(symbol, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_short_and_harmless() {
        assert_eq!(shortened("alice", 100), "alice");
        assert_eq!(shortened("al\x1b[31mice\n", 100), "al�[31mice�");
        assert_eq!(shortened("a\u{202e}b", 100), "a�b");
        assert_eq!(shortened("ääää", 5), "ää…");
        assert_eq!(quoted_bytes(b"\xff\xfe"), "“��”");
    }
}
