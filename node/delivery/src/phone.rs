//! Telephone numbers: one normal form (E.164, `+905321234567`) from what people type.
//!
//! Understood are spaces, dashes, dots, slashes and parentheses anywhere; a leading `+` or `00` for an international number; a leading `0`, or
//! nothing, for a national one, which then gets the default country's code; the `(0)` of `+44 (0)20 …`.
//!
//! Caveats
//! - A number without `+`, `00` and `0` that has eleven digits or more and begins with the default country's code is taken as international:
//!   `905321234567` is what many directories hold.
//! - The digit for trunk calls is `0`, as almost everywhere. Numbers of Russia written with its `8` have to be entered with `+7`.
//! - Whether a number exists, and belongs to the person, only a message shows.

use std::fmt;

use thiserror::Error;

use crate::limits::{PHONE_DIGITS, PHONE_DIGITS_MIN, PHONE_INPUT_CHARS};

/// A telephone number in the form of E.164, `+` and at most 15 digits. `Debug` shows it masked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

/// Why something is not a telephone number. Holds two of its digits at the most.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PhoneError {
    /// Nothing was entered.
    #[error("no digit in it")]
    Empty,
    /// Longer than anything a person types as a number.
    #[error("more than {PHONE_INPUT_CHARS} characters")]
    Endless,
    /// Something that is neither a digit nor a separator.
    #[error("{found:?} at position {position} is neither a digit nor a separator")]
    Character {
        /// The character.
        found: char,
        /// Where it stands, from one.
        position: usize,
    },
    /// A national number, and no default country to complete it.
    #[error("no country code: begin with + and the code of the country")]
    NoCountry,
    /// The default country is not one.
    #[error("the default country code has to be one to three digits that are assigned to a country, such as 90")]
    DefaultCountry,
    /// No country has this code.
    #[error("no country has a code that begins with {0}")]
    UnknownCountry(String),
    /// Too few digits.
    #[error("{0} digits with the country code; the shortest numbers have {PHONE_DIGITS_MIN}")]
    TooShort(usize),
    /// Too many digits.
    #[error("{0} digits with the country code; E.164 allows {PHONE_DIGITS}")]
    TooLong(usize),
}

/// Countries whose numbers keep a leading zero after the country code: Italy with San Marino, Ivory Coast, the Republic of the Congo, Gabon.
const KEEP_THE_ZERO: [&str; 5] = ["39", "378", "225", "242", "241"];

impl Phone {
    /// Brings `input` into its normal form. `default_country` is the code of the country whose numbers are written without one (`"90"`), or
    /// empty if there is none.
    ///
    /// # Errors
    ///
    /// Why it is not a number; see [`PhoneError`].
    pub fn parse(input: &str, default_country: &str) -> Result<Self, PhoneError> {
        let written = Written::read(input)?;
        let digits = written.international(default_country)?;
        match digits.len() {
            length if length < PHONE_DIGITS_MIN => Err(PhoneError::TooShort(length)),
            length if length > PHONE_DIGITS => Err(PhoneError::TooLong(length)),
            _ if calling_code(&digits).is_none() => Err(PhoneError::UnknownCountry(digits[..2].to_owned())),
            _ => Ok(Self(format!("+{digits}"))),
        }
    }

    /// With its plus: `+905321234567`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without its plus, as most gateways want it.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }

    /// The country code alone: `90`.
    #[must_use]
    pub fn country_code(&self) -> &str {
        calling_code(self.digits()).unwrap_or_default()
    }

    /// For logs: country code and the last two digits.
    #[must_use]
    pub fn masked(&self) -> String {
        let (code, digits) = (self.country_code(), self.digits());
        let hidden = digits.len().saturating_sub(code.len() + 2);
        format!("+{code}{}{}", "*".repeat(hidden), &digits[digits.len() - 2..])
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

/// What somebody typed, without its separators.
struct Written {
    plus: bool,
    digits: String,
}

impl Written {
    fn read(input: &str) -> Result<Self, PhoneError> {
        let input = input.trim();
        if input.chars().nth(PHONE_INPUT_CHARS).is_some() {
            return Err(PhoneError::Endless);
        }
        let (mut plus, mut digits) = (false, String::new());
        for (index, found) in input.chars().enumerate() {
            match found {
                '0'..='9' => digits.push(found),
                '+' if digits.is_empty() && !plus => plus = true,
                _ if is_separator(found) => {}
                _ => {
                    let position = index + 1;
                    return Err(PhoneError::Character { found, position });
                }
            }
        }
        let international = plus || digits.starts_with("00");
        if international && input.contains("(0)") {
            return Self::read(&input.replacen("(0)", "", 1));
        }
        if digits.is_empty() {
            Err(PhoneError::Empty)
        } else {
            Ok(Self { plus, digits })
        }
    }

    /// The digits with their country code.
    fn international(&self, default_country: &str) -> Result<String, PhoneError> {
        let default = default_country.trim_start_matches('+');
        if !default.is_empty() && calling_code(default) != Some(default) {
            return Err(PhoneError::DefaultCountry);
        }
        if self.plus {
            return Ok(without_trunk_zero(&self.digits, default));
        }
        if let Some(international) = self.digits.strip_prefix("00") {
            return Ok(without_trunk_zero(international, default));
        }
        if default.is_empty() {
            return Err(PhoneError::NoCountry);
        }
        if self.digits.len() >= 11 && self.digits.starts_with(default) {
            return Ok(self.digits.clone());
        }
        Ok(without_trunk_zero(&format!("{default}{}", self.digits), default))
    }
}

/// `90 0532 …` as `90 532 …`, for the country at home; abroad nothing is assumed.
fn without_trunk_zero(digits: &str, default: &str) -> String {
    let national = digits.strip_prefix(default).filter(|_| !default.is_empty());
    match national.and_then(|national| national.strip_prefix('0')) {
        Some(rest) if !KEEP_THE_ZERO.contains(&default) => format!("{default}{rest}"),
        _ => digits.to_owned(),
    }
}

/// Separators, and the invisible marks of direction that come along when a number is copied from an address book.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || "-./()\u{2010}\u{2011}\u{2012}\u{2013}\u{200E}\u{200F}\u{202A}\u{202C}\u{2066}\u{2069}".contains(character)
}

/// The country code with which `digits` begin, by the list of ITU-T E.164: codes have one digit (1, 7), two, or three, and none is the
/// beginning of another.
pub(crate) fn calling_code(digits: &str) -> Option<&str> {
    const TWO: [&str; 44] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
        "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84",
        "86", "90", "91", "92", "93", "94", "95", "98",
    ];
    /// The first two digits of those with three.
    const THREE: [&str; 23] = [
        "21", "22", "23", "24", "25", "26", "29", "35", "37", "38", "42", "50", "59", "67", "68", "69", "80", "85",
        "87", "88", "96", "97", "99",
    ];
    if digits.starts_with(['1', '7']) {
        return digits.get(..1);
    }
    let two = digits.get(..2)?;
    if TWO.contains(&two) {
        return Some(two);
    }
    let assigned = THREE.contains(&two);
    digits
        .get(..3)
        .filter(|code| assigned && code.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_type_becomes_e164() {
        for (input, country, wanted) in [
            ("0532 123 45 67", "90", "+905321234567"),
            ("532-123-4567", "90", "+905321234567"),
            ("(0532) 123.45.67", "90", "+905321234567"),
            ("+90 532 123 45 67", "", "+905321234567"),
            ("+90 (0)532 123 45 67", "", "+905321234567"),
            ("+90 0532 123 45 67", "90", "+905321234567"),
            ("00905321234567", "49", "+905321234567"),
            ("905321234567", "90", "+905321234567"),
            ("\u{202A}+90\u{A0}532\u{2011}123 45 67\u{202C}", "", "+905321234567"),
            ("12125550123", "1", "+12125550123"),
            ("(212) 555-0123", "1", "+12125550123"),
            ("06 6982", "39", "+39066982"),
            ("+225 07 12 34 56 78", "90", "+2250712345678"),
            ("030 / 123456", "+49", "+4930123456"),
            ("00 49 (0) 30 123456", "90", "+4930123456"),
        ] {
            assert_eq!(Phone::parse(input, country).unwrap().as_str(), wanted, "{input}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_the_reason() {
        for (input, country, wanted) in [
            ("", "90", PhoneError::Empty),
            ("+ -", "90", PhoneError::Empty),
            (
                "532 12x",
                "90",
                PhoneError::Character {
                    found: 'x',
                    position: 7,
                },
            ),
            (
                "532+123",
                "90",
                PhoneError::Character {
                    found: '+',
                    position: 4,
                },
            ),
            (
                "++90532",
                "90",
                PhoneError::Character {
                    found: '+',
                    position: 2,
                },
            ),
            (
                "٠٥٣٢",
                "90",
                PhoneError::Character {
                    found: '٠',
                    position: 1,
                },
            ),
            ("0532 123 45 67", "", PhoneError::NoCountry),
            ("0532 123 45 67", "TR", PhoneError::DefaultCountry),
            ("0532 123 45 67", "9", PhoneError::DefaultCountry),
            ("+0532 123 45 67", "90", PhoneError::UnknownCountry("05".to_owned())),
            ("+2801234567", "90", PhoneError::UnknownCountry("28".to_owned())),
            ("123", "90", PhoneError::TooShort(5)),
            ("+90532123456789012", "90", PhoneError::TooLong(17)),
            ("+", "90", PhoneError::Empty),
        ] {
            assert_eq!(Phone::parse(input, country), Err(wanted), "{input}");
        }
        assert_eq!(Phone::parse(&"1".repeat(65), "90"), Err(PhoneError::Endless));
    }

    #[test]
    fn a_masked_number_shows_country_and_two_digits() {
        let phone = Phone::parse("+905321234567", "").unwrap();
        assert_eq!(phone.masked(), "+90********67");
        assert_eq!(format!("{phone:?}"), "Phone(+90********67)");
        assert_eq!(phone.country_code(), "90");
        assert_eq!(Phone::parse("+355 69 123 4567", "").unwrap().country_code(), "355");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(input in "\\PC{0,80}", numberish in "[-+0-9 ().]{0,40}", country in "[0-9+a]{0,4}") {
            for input in [input, numberish] {
                if let Ok(phone) = Phone::parse(&input, &country) {
                    prop_assert!(phone.as_str().len() <= 16 && phone.digits().bytes().all(|byte| byte.is_ascii_digit()));
                    prop_assert!(!phone.country_code().is_empty());
                    let _ = phone.masked();
                }
            }
        }

        #[test]
        fn the_normal_form_is_its_own_normal_form(input in "[+]?[0-9 ]{5,20}", country in "90|49|1|39|225|") {
            if let Ok(phone) = Phone::parse(&input, &country) {
                // With the default country's rules about zeros an explicit zero may go, once.
                let again = Phone::parse(phone.as_str(), "").unwrap();
                prop_assert_eq!(again, phone);
            }
        }
    }
}
