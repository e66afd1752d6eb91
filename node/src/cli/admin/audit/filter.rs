//! What to look for, as it is typed.

use clap::{Args, ValueEnum};
use quorate_api::{AuditQuery, LoginResult, limits::FOLLOW_WAIT_MAX_S};

use crate::cli::{
    exit::{Done, Exit, Failure},
    output::{days_from_civil, now_ms},
};

/// All that is given has to match.
#[derive(Debug, Args)]
pub struct Filter {
    /// Only records of this user, by name (whether or not anybody has it) or by id
    #[arg(long)]
    user: Option<String>,
    /// Only records of this RADIUS client, by name; of a deleted one by id
    #[arg(long)]
    client: Option<String>,
    /// Only logins that came to this
    #[arg(long)]
    result: Option<ResultWord>,
    /// Only logins rejected for this reason, as wrong_code
    #[arg(long)]
    reason: Option<String>,
    /// Only records of this kind, as login_accepted or create_user
    #[arg(long)]
    kind: Option<String>,
    /// Only records from this time on: 90m, 24h or 7d ago, or a date and time in UTC as 2026-11-22T14:05
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only records before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ResultWord {
    Accepted,
    Rejected,
}

impl Filter {
    pub fn query(self, last: u32, before: Option<u64>, after: Option<u64>) -> Done<AuditQuery> {
        Ok(AuditQuery {
            after,
            before,
            last: after.is_none().then_some(last),
            limit: after.is_some().then_some(last),
            ..self.shape()?
        })
    }

    pub fn following(self, after: Option<u64>) -> Done<AuditQuery> {
        Ok(AuditQuery {
            after,
            wait_s: Some(FOLLOW_WAIT_MAX_S),
            ..self.shape()?
        })
    }

    fn shape(self) -> Done<AuditQuery> {
        let now_ms = now_ms();
        let time = |text: Option<String>| text.map(|text| time_ms(&text, now_ms)).transpose();
        Ok(AuditQuery {
            user: self.user,
            client: self.client,
            result: self.result.map(|word| match word {
                ResultWord::Accepted => LoginResult::Accepted,
                ResultWord::Rejected => LoginResult::Rejected,
            }),
            reason: self.reason,
            kind: self.kind,
            since_ms: time(self.since)?,
            until_ms: time(self.until)?,
            ..AuditQuery::default()
        })
    }
}

/// A time of the past, as typed.
pub fn time_ms(text: &str, now_ms: u64) -> Done<u64> {
    ago_ms(text)
        .map(|ago_ms| now_ms.saturating_sub(ago_ms))
        .or_else(|| date_ms(text))
        .ok_or_else(|| {
            Failure::new(Exit::Refused, format!("\"{text}\" is no time")).advise(
                "as 90m, 24h or 7d for so long ago; or in UTC as 2026-11-22, 2026-11-22T14:05 or 2026-11-22T14:05:09",
            )
        })
}

/// A time to come, as typed: so long from now, a date, or `never`, which is 0.
pub fn coming_ms(text: &str) -> Done<u64> {
    if text == "never" {
        return Ok(0);
    }
    ago_ms(text)
        .map(|ahead_ms| now_ms().saturating_add(ahead_ms))
        .or_else(|| date_ms(text))
        .ok_or_else(|| {
            Failure::new(Exit::Refused, format!("\"{text}\" is no time"))
                .advise("as 24h or 90d from now; in UTC as 2027-01-31 or 2027-01-31T18:00; or never")
        })
}

fn ago_ms(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms)
}

fn date_ms(text: &str) -> Option<u64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let date = numbers(date, '-')?;
    let time = if time.is_empty() {
        Vec::new()
    } else {
        numbers(time, ':')?
    };
    let [year, month, day] = date[..] else { return None };
    let (h, m, s) = match time[..] {
        [] => (0, 0, 0),
        [h, m] => (h, m, 0),
        [h, m, s] => (h, m, s),
        _ => return None,
    };
    let in_range = (1970..=9999).contains(&year) && h < 24 && m < 60 && s < 60;
    let days = days_from_civil(year, month, day).filter(|_| in_range)?;
    Some((days * 86_400 + h * 3_600 + m * 60 + s) * 1_000)
}

fn numbers(text: &str, separator: char) -> Option<Vec<u64>> {
    text.split(separator).map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_several_ways() {
        let now_ms = 1_795_356_309_000;
        for (text, expected) in [
            ("2026-11-22T14:05:09Z", Some(now_ms)),
            ("2026-11-22 14:05:09", Some(now_ms)),
            ("2026-11-22T14:05", Some(now_ms - 9_000)),
            ("2000-02-29", Some(951_782_400_000)),
            ("90m", Some(now_ms - 5_400_000)),
            ("2d", Some(now_ms - 172_800_000)),
            ("2026-02-29", None),
            ("2026-13-01", None),
            ("2026-11-22T25:00", None),
            ("yesterday", None),
            ("", None),
            ("ü", None),
        ] {
            assert_eq!(time_ms(text, now_ms).ok(), expected, "{text}");
        }
    }
}
