//! Time as RFC 3339 writes it, in UTC and to the millisecond, which is what RFC 5424 §6.2.3 wants.

/// `2026-11-22T08:30:00.250Z`. None after the year 9999, which has no such form.
#[must_use]
pub fn rfc3339(at_ms: u64) -> Option<String> {
    let (days, ms) = (at_ms / 86_400_000, at_ms % 86_400_000);
    let year = year_of(days)?;
    let (month, day) = month_and_day(year, days - days_before(year));
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    let ms = ms % 1_000;
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"
    ))
}

fn year_of(days: u64) -> Option<u64> {
    // No year is longer than 366 days, so this is never too late, and never more than seven years too early before 9999.
    let mut year = 1970 + days / 366;
    if year > 9_999 {
        return None;
    }
    while days >= days_before(year + 1) {
        year += 1;
    }
    (year <= 9_999).then_some(year)
}

/// Days from 1970 to the first of January of `year`.
fn days_before(year: u64) -> u64 {
    let leap_days = |until: u64| until / 4 - until / 100 + until / 400;
    365 * (year - 1970) + leap_days(year - 1) - leap_days(1969)
}

/// Month and day, both from 1, of a day counted from 0 in `year`.
fn month_and_day(year: u64, mut day: u64) -> (usize, u64) {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, 28 + u64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    for (month, length) in lengths.into_iter().enumerate() {
        if day < length {
            return (month + 1, day + 1);
        }
        day -= length;
    }
    (12, 31)
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn known_moments() {
        for (at_s, written) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799, "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(rfc3339(at_s * 1_000).as_deref(), Some(written));
        }
        assert_eq!(rfc3339(1_066_169_655_003).as_deref(), Some("2003-10-14T22:14:15.003Z"));
        assert_eq!(rfc3339(253_402_300_800_000), None);
        assert_eq!(rfc3339(u64::MAX), None);
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let days: Vec<String> = (0..146_097).map(|day| rfc3339(day * 86_400_000).unwrap()).collect();
        assert!(days.is_sorted(), "text sorts as time does");
        assert_eq!(days.iter().filter(|day| day.contains("-02-29T")).count(), 97);
        assert!(days.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
