//! What is reported: one audit record, or a word of the reporter about itself.

use super::priority::{Facility, Severity};

/// One thing that happened, before anybody has made it safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When, in ms since 1970.
    pub at_ms: u64,
    /// Decides facility and severity.
    pub kind: Kind,
    /// The MSGID, such as `login_rejected`.
    pub name: String,
    /// Names and values, the most important first: what does not fit into a message is left out from the end.
    pub facts: Vec<(&'static str, String)>,
    /// A sentence for people.
    pub text: String,
    /// Its number among the audit's records, if it is one. Never falls from one record offered to a server to the next.
    pub seq: Option<u64>,
}

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A login was accepted.
    Accepted,
    /// A login was rejected.
    Rejected,
    /// A login was rejected as an attack would be: locked, a used code, too many of them.
    Suspicious,
    /// A code was sent to a user, or a gateway said what became of it.
    Message,
    /// An administrator changed something.
    Changed,
    /// The cluster gained or lost a node.
    Membership,
    /// The cluster looked after itself.
    Housekeeping,
    /// Messages were lost.
    Lost,
    /// An alert was raised.
    Alert,
    /// An alert is over.
    AlertOver,
}

impl Kind {
    /// Where it belongs, unless a server is configured with a facility for everything.
    #[must_use]
    pub fn facility(self) -> Facility {
        match self {
            Kind::Accepted | Kind::Rejected | Kind::Suspicious | Kind::Message => Facility::Authpriv,
            Kind::Changed => Facility::Audit,
            Kind::Membership | Kind::Housekeeping => Facility::Daemon,
            Kind::Lost => Facility::Syslog,
            Kind::Alert | Kind::AlertOver => Facility::Alert,
        }
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Kind::Accepted | Kind::Message | Kind::Housekeeping => Severity::Informational,
            Kind::Rejected | Kind::Changed | Kind::AlertOver => Severity::Notice,
            Kind::Suspicious | Kind::Membership => Severity::Warning,
            Kind::Lost => Severity::Error,
            Kind::Alert => Severity::Alert,
        }
    }
}
