//! How a request fails: what the client is told, and what only the operator's log is told.
//!
//! A [`Failure`] becomes an answer in two steps, because only the outermost layer knows the request
//! id: `into_response` puts it into the response's extensions, and [`crate::observe`] writes the
//! body and the log line.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use quorate_api::{FieldProblem, Problem, ProblemKind};
use quorate_core::Permission;

/// A request that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    pub(crate) problem: Box<Problem>,
    /// For the log, never for the client.
    pub(crate) cause: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: ProblemKind) -> Self {
        Self {
            problem: Box::new(Problem::new(kind)),
            cause: None,
        }
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.problem.detail = Some(detail.into());
        self
    }

    /// What happened inside, for the log.
    pub(crate) fn because(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Some fields are wrong.
    pub(crate) fn invalid(errors: Vec<FieldProblem>) -> Self {
        let mut failure = Self::new(ProblemKind::Invalid);
        failure.problem.errors = errors;
        failure
    }

    /// One field is wrong.
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::invalid(vec![FieldProblem {
            field: field.into(),
            problem: problem.into(),
            hint: hint.into(),
        }])
    }

    /// A permission is missing. Nothing else is told.
    pub(crate) fn missing(permission: Permission) -> Self {
        let label = permission.label();
        let mut failure = Self::new(ProblemKind::Forbidden).detail(format!("The permission {label} is missing."));
        failure.problem.permission = Some(label.to_owned());
        failure
    }

    /// There is no such object. `what` is a word for its kind.
    pub(crate) fn not_found(what: &str, name: &str) -> Self {
        Self::new(ProblemKind::NotFound).detail(format!("There is no {what} `{name}`."))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = StatusCode::from_u16(self.problem.status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            .into_response();
        response.extensions_mut().insert(self);
        response
    }
}
