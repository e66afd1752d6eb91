//! What somebody wants to be told about, as plain data.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::Urgency;
use crate::limits;
use crate::problem::{Problem, none_of};

/// One rule. Fields that are left out have the default of their kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it looks at.
    pub rule: RuleKind,
    /// `lockouts`: so many; `failure_rate`: not below so many logins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// `failure_rate`: so many of a hundred logins rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// `lockouts` and `failure_rate`: within so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_s: Option<u64>,
    /// `certificate_expires`: so many days before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// `backup_old`: after so many hours without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
    /// States: only once it has lasted so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_s: Option<u64>,
    /// At most one message about a subject in so many seconds, and one that it is over.
    #[serde(default = "default_interval")]
    pub interval_s: u64,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// Many users' codes are locked.
    Lockouts,
    /// Many logins are rejected.
    FailureRate,
    /// A gateway does not answer.
    GatewayDown,
    /// A directory does not answer.
    DirectoryDown,
    /// A certificate expires soon, or has.
    CertificateExpires,
    /// The node reaches no quorum.
    QuorumLost,
    /// A backup failed.
    BackupFailed,
    /// There was no backup for long.
    BackupOld,
    /// The node stands aside because of its clock.
    ClockFenced,
    /// The audit is not whole.
    AuditDamaged,
}

impl RuleKind {
    /// All of them.
    pub const ALL: [RuleKind; 10] = [
        RuleKind::Lockouts,
        RuleKind::FailureRate,
        RuleKind::GatewayDown,
        RuleKind::DirectoryDown,
        RuleKind::CertificateExpires,
        RuleKind::QuorumLost,
        RuleKind::BackupFailed,
        RuleKind::BackupOld,
        RuleKind::ClockFenced,
        RuleKind::AuditDamaged,
    ];

    /// Its word in a configuration and in an alert.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            RuleKind::Lockouts => "lockouts",
            RuleKind::FailureRate => "failure_rate",
            RuleKind::GatewayDown => "gateway_down",
            RuleKind::DirectoryDown => "directory_down",
            RuleKind::CertificateExpires => "certificate_expires",
            RuleKind::QuorumLost => "quorum_lost",
            RuleKind::BackupFailed => "backup_failed",
            RuleKind::BackupOld => "backup_old",
            RuleKind::ClockFenced => "clock_fenced",
            RuleKind::AuditDamaged => "audit_damaged",
        }
    }

    /// Whether every node is shown the same facts: then one of them should speak for all.
    #[must_use]
    pub fn is_of_the_cluster(self) -> bool {
        matches!(self, RuleKind::Lockouts | RuleKind::FailureRate)
    }

    /// How soon somebody should look.
    #[must_use]
    pub fn urgency(self) -> Urgency {
        match self {
            RuleKind::QuorumLost | RuleKind::AuditDamaged | RuleKind::ClockFenced => Urgency::Critical,
            RuleKind::Lockouts
            | RuleKind::FailureRate
            | RuleKind::GatewayDown
            | RuleKind::DirectoryDown
            | RuleKind::CertificateExpires
            | RuleKind::BackupFailed
            | RuleKind::BackupOld => Urgency::Warning,
        }
    }

    /// The settings that mean something to it beside `interval_s`.
    fn settings(self) -> &'static [&'static str] {
        match self {
            RuleKind::Lockouts => &["count", "within_s"],
            RuleKind::FailureRate => &["count", "percent", "within_s"],
            RuleKind::CertificateExpires => &["days"],
            RuleKind::BackupOld => &["hours"],
            RuleKind::GatewayDown
            | RuleKind::DirectoryDown
            | RuleKind::QuorumLost
            | RuleKind::ClockFenced
            | RuleKind::AuditDamaged => &["after_s"],
            RuleKind::BackupFailed => &[],
        }
    }
}

impl Rule {
    /// A rule of this kind with all defaults.
    #[must_use]
    pub fn of(rule: RuleKind) -> Self {
        Rule {
            rule,
            count: None,
            percent: None,
            within_s: None,
            days: None,
            hours: None,
            after_s: None,
            interval_s: limits::INTERVAL_S,
        }
    }

    /// What a number of this name may be; anything for a name that there is not.
    #[must_use]
    pub fn bounds(field: &str) -> RangeInclusive<u64> {
        match field {
            "count" => 1..=u64::from(limits::EVENTS_MAX),
            "percent" => 1..=100,
            "within_s" => 1..=limits::SPAN_MAX_S,
            "days" => 1..=3_650,
            "hours" => 1..=24 * 365,
            "after_s" => 0..=limits::SPAN_MAX_S,
            "interval_s" => limits::INTERVAL_MIN_S..=limits::SPAN_MAX_S,
            _ => 0..=u64::MAX,
        }
    }

    /// Whether every value is within its bounds and means something to this kind of rule.
    ///
    /// # Errors
    /// Every wrong field, by its name.
    pub fn check(&self) -> Result<(), Vec<Problem>> {
        let whole = |value: Option<u32>| value.map(u64::from);
        let fields: [(&'static str, Option<u64>); 7] = [
            ("count", whole(self.count)),
            ("percent", whole(self.percent)),
            ("within_s", self.within_s),
            ("days", whole(self.days)),
            ("hours", whole(self.hours)),
            ("after_s", self.after_s),
            ("interval_s", Some(self.interval_s)),
        ];
        let meant = self.rule.settings();
        let problem = |(field, value): (&'static str, Option<u64>)| {
            let value = value?;
            if field != "interval_s" && !meant.contains(&field) {
                let problem = format!("means nothing to rule = \"{}\"", self.rule.label());
                return Some(Problem::new(field, problem, "leave the line out"));
            }
            let bounds = Self::bounds(field);
            let right = format!("write a whole number from {} to {}", bounds.start(), bounds.end());
            (!bounds.contains(&value)).then(|| Problem::new(field, format!("{value} is out of range"), right))
        };
        none_of(fields.into_iter().filter_map(problem).collect())
    }

    /// Ten locked users are more than forgetful people; twenty logins say something about a rate.
    pub(super) fn count(&self) -> u32 {
        let default = if self.rule == RuleKind::FailureRate { 20 } else { 10 };
        self.count.unwrap_or(default)
    }

    pub(super) fn percent(&self) -> u32 {
        self.percent.unwrap_or(50)
    }

    pub(super) fn within_ms(&self) -> u64 {
        self.within_s.unwrap_or(300).saturating_mul(1_000)
    }

    /// A month: time to order a certificate.
    pub(super) fn expires_within_ms(&self) -> u64 {
        u64::from(self.days.unwrap_or(30)).saturating_mul(86_400_000)
    }

    /// A nightly backup that was missed.
    pub(super) fn backup_within_ms(&self) -> u64 {
        u64::from(self.hours.unwrap_or(26)).saturating_mul(3_600_000)
    }

    /// Half a minute for what restarts; an election is no news after five seconds without one; what the audit lacks comes from another
    /// node within ten minutes if one has it; nothing for the rest.
    pub(super) fn after_ms(&self) -> u64 {
        let default = match self.rule {
            RuleKind::GatewayDown | RuleKind::DirectoryDown => 30,
            RuleKind::QuorumLost | RuleKind::ClockFenced => 5,
            RuleKind::AuditDamaged => 600,
            _ => 0,
        };
        self.after_s.unwrap_or(default).saturating_mul(1_000)
    }

    pub(super) fn interval_ms(&self) -> u64 {
        self.interval_s.saturating_mul(1_000)
    }
}

fn default_interval() -> u64 {
    limits::INTERVAL_S
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_right_with_its_defaults() {
        for kind in RuleKind::ALL {
            assert_eq!(Rule::of(kind).check(), Ok(()));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.label());
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let wrong = Rule {
            count: Some(0),
            percent: Some(101),
            within_s: Some(u64::MAX),
            days: Some(3),
            interval_s: 0,
            ..Rule::of(RuleKind::FailureRate)
        };
        let problems = wrong.check().unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["count", "percent", "within_s", "days", "interval_s"]);
        assert_eq!(problems[3].problem, "means nothing to rule = \"failure_rate\"");
    }

    #[test]
    fn rules_are_data() {
        let rule: Rule = serde_json::from_str(r#"{"rule":"lockouts","count":3}"#).unwrap();
        assert_eq!((rule.count(), rule.within_ms(), rule.interval_s), (3, 300_000, 900));
        assert!(serde_json::from_str::<Rule>(r#"{"rule":"lockouts","cuont":3}"#).is_err());
    }
}
