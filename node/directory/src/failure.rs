//! Why one controller could not do what it was asked, in words that name the thing to look at.
//!
//! Two questions decide what follows: whether another controller may do better, and whether this one is to be left alone for a while.

use std::{io, sync::Arc, time::Duration};

use crate::{
    limits::{BLAMED_AFTER, DIAGNOSTIC_CHARS_MAX},
    transport::CertificateRefused,
};

/// Why one controller could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// Its name has no address.
    #[error("{host} cannot be resolved: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: Arc<io::Error>,
    },
    /// There is no TCP connection to any of its addresses.
    #[error("no connection: {source}")]
    Connect {
        /// What the last address said.
        #[source]
        source: Arc<io::Error>,
    },
    /// It does not want StartTLS.
    #[error("StartTLS was refused: {answer}")]
    StartTls {
        /// What it said.
        answer: Diagnostic,
    },
    /// Its certificate is not believed.
    #[error("the certificate is not believed: {0}")]
    Certificate(#[source] Box<CertificateRefused>),
    /// TLS failed for another reason: no TLS at that port, no common version.
    #[error("no TLS: {source}")]
    Tls {
        /// What failed.
        #[source]
        source: Arc<io::Error>,
    },
    /// It does not accept the service account.
    #[error("the service account {account} cannot log in: {answer}")]
    ServiceAccount {
        /// Its name.
        account: String,
        /// What the controller said.
        answer: Diagnostic,
    },
    /// It did not answer in the time it had.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// It closed the connection.
    #[error("the connection was closed: {0}")]
    Closed(String),
    /// What it sent is not LDAP, or more than anybody asked for.
    #[error("what it sent is not LDAP: {0}")]
    Malformed(&'static str),
    /// It has no time, or shuts down.
    #[error("it is not available: {answer}")]
    Busy {
        /// What it said.
        answer: Diagnostic,
    },
    /// It refers to other servers.
    #[error("it refers to {}", .0.join(", "))]
    Referred(Vec<String>),
    /// The entry under which is searched does not exist.
    #[error("{base} does not exist; {}", exists(.matched))]
    NoBase {
        /// What the settings say.
        base: String,
        /// The part that exists, or nothing.
        matched: String,
    },
    /// The service account may not see all that was found.
    #[error("the controller's size limit: it shows at most {0} entries to the service account")]
    SizeLimit(usize),
    /// It refused.
    #[error("{operation} was refused: {answer}")]
    Refused {
        /// What it was asked.
        operation: Operation,
        /// What it said.
        answer: Diagnostic,
    },
    /// A change was sent, and whether it was made is not known.
    #[error("whether the change was made is not known: {0}")]
    Unknown(#[source] Box<Failure>),
}

/// A request of LDAP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Bind (RFC 4511 §4.2).
    Bind,
    /// Search (§4.5).
    Search,
    /// Modify (§4.6).
    Modify,
    /// Password Modify (RFC 3062).
    PasswordModify,
}

/// Result code and diagnostic message of an answer (RFC 4511 §4.1.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The result code.
    pub code: u32,
    /// The message, shortened and without control characters. Often empty.
    pub text: String,
}

impl Failure {
    /// Whether another controller may do better.
    pub(crate) fn next_may_help(&self) -> bool {
        !matches!(
            self,
            Self::NoBase { .. } | Self::SizeLimit(_) | Self::Refused { .. } | Self::Unknown(_)
        )
    }

    /// Whether it could not be reached, or said nothing of use because it is going down: nobody knows what it would say. One that shows a
    /// wrong certificate, or refuses, is not out of order but something else.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::TimedOut(_)
            | Self::Closed(_)
            | Self::Busy { .. } => true,
            Self::StartTls { .. }
            | Self::Certificate(_)
            | Self::ServiceAccount { .. }
            | Self::Malformed(_)
            | Self::Referred(_)
            | Self::NoBase { .. }
            | Self::SizeLimit(_)
            | Self::Refused { .. } => false,
            Self::Unknown(why) => why.is_outage(),
        }
    }

    /// Whether the controller is to be left alone for a while. Who had hardly time to answer is not to blame.
    pub(crate) fn blames_controller(&self) -> bool {
        match self {
            Self::Referred(_) | Self::NoBase { .. } | Self::SizeLimit(_) | Self::Refused { .. } => false,
            Self::TimedOut(waited) => *waited >= BLAMED_AFTER,
            Self::Unknown(why) => why.blames_controller(),
            _ => true,
        }
    }
}

impl Diagnostic {
    pub(crate) fn new(code: u32, text: &str) -> Self {
        let text = text.trim_matches(['\0', ' ', '\n']).chars();
        let text = text.map(|shown| if shown.is_control() { ' ' } else { shown });
        Self {
            code,
            text: text.take(DIAGNOSTIC_CHARS_MAX).collect(),
        }
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", name(self.code), self.code)?;
        match &self.text[..] {
            "" => Ok(()),
            text => write!(f, ", \u{201c}{text}\u{201d}"),
        }
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bind => "bind",
            Self::Search => "search",
            Self::Modify => "modify",
            Self::PasswordModify => "password modify",
        })
    }
}

fn exists(matched: &str) -> String {
    match matched {
        "" => "not even its last part does".to_owned(),
        matched => format!("what exists is {matched}"),
    }
}

/// The result codes that are met in practice (RFC 4511 §A.1).
fn name(code: u32) -> &'static str {
    match code {
        0 => "success",
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        4 => "sizeLimitExceeded",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        12 => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        16 => "noSuchAttribute",
        17 => "undefinedAttributeType",
        18 => "inappropriateMatching",
        19 => "constraintViolation",
        21 => "invalidAttributeSyntax",
        32 => "noSuchObject",
        34 => "invalidDNSyntax",
        48 => "inappropriateAuthentication",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        65 => "objectClassViolation",
        80 => "other",
        _ => "result code",
    }
}
