//! Facility and severity (RFC 5424 §6.2.1).

use serde::{Deserialize, Serialize};

/// What a message is about. The numbers are those of RFC 5424, table 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(
    missing_docs,
    reason = "the words of syslog.conf; local0 to local7 mean what a site makes of them"
)]
pub enum Facility {
    User = 1,
    Daemon = 3,
    Auth = 4,
    Syslog = 5,
    Authpriv = 10,
    Audit = 13,
    Alert = 14,
    Local0 = 16,
    Local1 = 17,
    Local2 = 18,
    Local3 = 19,
    Local4 = 20,
    Local5 = 21,
    Local6 = 22,
    Local7 = 23,
}

impl Facility {
    /// Every facility that can be configured.
    pub const ALL: [Facility; 15] = [
        Facility::User,
        Facility::Daemon,
        Facility::Auth,
        Facility::Syslog,
        Facility::Authpriv,
        Facility::Audit,
        Facility::Alert,
        Facility::Local0,
        Facility::Local1,
        Facility::Local2,
        Facility::Local3,
        Facility::Local4,
        Facility::Local5,
        Facility::Local6,
        Facility::Local7,
    ];

    /// Its word in a configuration.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Facility::User => "user",
            Facility::Daemon => "daemon",
            Facility::Auth => "auth",
            Facility::Syslog => "syslog",
            Facility::Authpriv => "authpriv",
            Facility::Audit => "audit",
            Facility::Alert => "alert",
            Facility::Local0 => "local0",
            Facility::Local1 => "local1",
            Facility::Local2 => "local2",
            Facility::Local3 => "local3",
            Facility::Local4 => "local4",
            Facility::Local5 => "local5",
            Facility::Local6 => "local6",
            Facility::Local7 => "local7",
        }
    }
}

/// How bad it is. The numbers are those of RFC 5424, table 2; nothing that Quorate reports is an emergency (0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of RFC 5424")]
pub enum Severity {
    Alert = 1,
    Critical = 2,
    Error = 3,
    Warning = 4,
    Notice = 5,
    Informational = 6,
}

/// PRI: both in one number.
pub(super) fn priority(facility: Facility, severity: Severity) -> u8 {
    facility as u8 * 8 + severity as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_rfc() {
        assert_eq!(priority(Facility::Local4, Severity::Notice), 165);
        assert_eq!(priority(Facility::Authpriv, Severity::Informational), 86);
        assert_eq!(priority(Facility::Local7, Severity::Informational), 190);
    }

    #[test]
    fn words_in_files_are_the_labels() {
        for facility in Facility::ALL {
            assert_eq!(serde_json::to_value(facility).unwrap(), facility.label());
        }
    }
}
