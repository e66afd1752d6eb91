//! What an answer says when a request fails: RFC 9457 `application/problem+json`.
//!
//! `type` is `urn:quorate:problem:<kind>`, stable for programs; `title` is a sentence for people;
//! `errors` names each field that is wrong, all of them at once. An answer never tells an outsider
//! what happened inside: that is in the node's log, under the same `request_id`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Lockouts;

/// The media type of every failure (RFC 9457 section 3).
pub const CONTENT_TYPE: &str = "application/problem+json";

/// A failed request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// One sentence, the same for every problem of this type.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// What was wrong with this request, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The fields that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// The permission that was missing, of a request that is forbidden for want of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// Whom the change would lock out, where it was refused because of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockouts: Option<Lockouts>,
    /// Find it in the node's log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// Where: `name`, `networks[1]`, `users[17].token.secret_base32`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
    /// What would be right.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// The kinds of failure. Programs branch on this and on nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum ProblemKind {
    /// 400: not JSON, or not the JSON this endpoint takes.
    #[serde(rename = "urn:quorate:problem:malformed")]
    Malformed,
    /// 401: no bearer token, or one that is not (or no longer) valid.
    #[serde(rename = "urn:quorate:problem:unauthorized")]
    Unauthorized,
    /// 403: known, but not allowed here.
    #[serde(rename = "urn:quorate:problem:forbidden")]
    Forbidden,
    /// 404: no such object or path.
    #[serde(rename = "urn:quorate:problem:not-found")]
    NotFound,
    /// 405: the path exists, the method does not.
    #[serde(rename = "urn:quorate:problem:method-not-allowed")]
    MethodNotAllowed,
    /// 408: the request did not arrive in time.
    #[serde(rename = "urn:quorate:problem:request-timeout")]
    RequestTimeout,
    /// 409: the name is taken, the object is in use, or the cluster is in the wrong state for it.
    #[serde(rename = "urn:quorate:problem:conflict")]
    Conflict,
    /// 409: users who can log in now could not after it; see `lockouts`. Nothing was changed.
    #[serde(rename = "urn:quorate:problem:would-lock-out")]
    WouldLockOut,
    /// 412: `If-Match` named another revision: someone changed it meanwhile.
    #[serde(rename = "urn:quorate:problem:stale")]
    Stale,
    /// 413: the body is larger than [`crate::limits::BODY_MAX_BYTES`].
    #[serde(rename = "urn:quorate:problem:too-large")]
    TooLarge,
    /// 415: a body that is not `application/json`.
    #[serde(rename = "urn:quorate:problem:unsupported-media-type")]
    UnsupportedMediaType,
    /// 422: understood, but one or more fields are wrong; see `errors`.
    #[serde(rename = "urn:quorate:problem:invalid")]
    Invalid,
    /// 429: slower, please.
    #[serde(rename = "urn:quorate:problem:too-many-requests")]
    TooManyRequests,
    /// 500: a fault of the node; its log says which.
    #[serde(rename = "urn:quorate:problem:internal")]
    Internal,
    /// 503: no quorum or no leader now. Nothing was changed. Try again, or another node.
    #[serde(rename = "urn:quorate:problem:no-quorum")]
    NoQuorum,
    /// 503: too much is waiting already. Nothing was changed. Try again later.
    #[serde(rename = "urn:quorate:problem:overloaded")]
    Overloaded,
    /// 504: no answer from the quorum in time. The change **may or may not** have been made: look.
    #[serde(rename = "urn:quorate:problem:outcome-unknown")]
    OutcomeUnknown,
}

impl ProblemKind {
    /// The HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::Conflict | Self::WouldLockOut => 409,
            Self::Stale => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid => 422,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::NoQuorum | Self::Overloaded => 503,
            Self::OutcomeUnknown => 504,
        }
    }

    /// The sentence that goes with it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request could not be understood.",
            Self::Unauthorized => "A valid bearer token is needed.",
            Self::Forbidden => "This is not allowed.",
            Self::NotFound => "There is no such thing.",
            Self::MethodNotAllowed => "This path does not answer that method.",
            Self::RequestTimeout => "The request did not arrive in time.",
            Self::Conflict => "The change conflicts with what is there.",
            Self::WouldLockOut => "The change would lock somebody out.",
            Self::Stale => "The object was changed meanwhile.",
            Self::TooLarge => "The request is too large.",
            Self::UnsupportedMediaType => "Only application/json is understood.",
            Self::Invalid => "Some fields are not valid.",
            Self::TooManyRequests => "There are too many requests.",
            Self::Internal => "The node could not answer; its log says why.",
            Self::NoQuorum => "This node reaches no quorum now; nothing was changed.",
            Self::Overloaded => "The node is overloaded; nothing was changed.",
            Self::OutcomeUnknown => "No answer came in time; the change may or may not have been made.",
        }
    }
}

impl Problem {
    /// A problem of this kind with no detail.
    pub fn new(kind: ProblemKind) -> Self {
        Self {
            kind,
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: None,
            errors: Vec::new(),
            permission: None,
            lockouts: None,
            request_id: String::new(),
        }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldProblem>) -> Self {
        self.errors = errors;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_written_as_rfc_9457_says() {
        let problem = Problem::new(ProblemKind::Invalid).errors(vec![FieldProblem {
            field: "name".into(),
            problem: "is empty".into(),
            hint: "give 1 to 64 characters".into(),
        }]);
        let text = serde_json::to_value(&problem).expect("serialises");
        assert_eq!(text["type"], "urn:quorate:problem:invalid");
        assert_eq!(text["status"], 422);
        assert_eq!(text["errors"][0]["field"], "name");
        assert!(text.get("detail").is_none(), "absent members are not sent as null");
        assert_eq!(serde_json::from_value::<Problem>(text).expect("parses"), problem);
    }
}
