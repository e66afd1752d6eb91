//! `xs:dateTime` (ISO 8601) and seconds since 1970.

const DAY_S: i64 = 86_400;

/// Reads `2006-05-01T00:00:00Z`, with fractions, which are dropped, and with an offset; without one it is UTC.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, rest) = text.split_once('T')?;
    let (time, offset_s) = zone(rest)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time.split('.').next()?, ':', [2, 2, 2])?;
    let within = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && (0..=23).contains(&hour)
        && (0..=59).contains(&minute)
        && (0..=60).contains(&second);
    within.then(|| days(year, month, day) * DAY_S + hour * 3_600 + minute * 60 + second - offset_s)
}

/// Writes UTC. `None` outside the years 1 to 9999.
pub(crate) fn format(at_s: i64) -> Option<String> {
    let (day, second) = (at_s.div_euclid(DAY_S), at_s.rem_euclid(DAY_S));
    if !(days(1, 1, 1)..=days(9999, 12, 31)).contains(&day) {
        return None;
    }
    // At or before the year that is looked for, and a few dozen years off at most.
    let mut year = (1_970 + day.div_euclid(366)).clamp(1, 9_999);
    while days(year, 1, 1) > day {
        year -= 1;
    }
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days(year, month + 1, 1) <= day {
        month += 1;
    }
    let of_month = day - days(year, month, 1) + 1;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    Some(format!(
        "{year:04}-{month:02}-{of_month:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

/// The time and the offset of its zone in seconds.
fn zone(text: &str) -> Option<(&str, i64)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, 0));
    }
    let Some(at) = text.rfind(['+', '-']) else {
        return Some((text, 0));
    };
    let [hours, minutes] = numbers(&text[at + 1..], ':', [2, 2])?;
    let offset_s = hours * 3_600 + minutes * 60;
    let ahead = text[at..].starts_with('+');
    (hours <= 14 && minutes <= 59).then_some((&text[..at], if ahead { offset_s } else { -offset_s }))
}

/// Numbers of so many digits each.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut found = [0; N];
    let mut parts = text.split(between);
    for (number, digits) in found.iter_mut().zip(digits) {
        let part = parts
            .next()
            .filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// Days from 1970-01-01 to a date: whole years, their leap days, whole months, days.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let year_start = before * 365 + leap_days - 719_162;
    let month_start: i64 = (1..month).map(|month| days_in(year, month)).sum();
    year_start + month_start + day - 1
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times() {
        for (text, right) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2006-05-01T00:00:00Z", 1_146_441_600),
            ("2000-02-29T12:34:56.789+02:00", 951_820_496),
            ("1969-12-31T23:59:59", -1),
        ] {
            assert_eq!(parse(text), Some(right), "{text}");
        }
        for text in [
            "",
            "2006-05-01",
            "2006-13-01T00:00:00Z",
            "2001-02-29T00:00:00Z",
            "2006-05-01T24:00:00Z",
            "T",
            "2006-05-01T00:00:00+2",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(format(1_146_441_600).as_deref(), Some("2006-05-01T00:00:00Z"));
        for at_s in [i64::from(u32::MAX) * 1_000, i64::MAX, i64::MIN] {
            assert_eq!(format(at_s), None);
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(at_s in -62_135_596_800i64..=253_402_300_799) {
            prop_assert_eq!(format(at_s).and_then(|text| parse(&text)), Some(at_s));
        }
    }
}
