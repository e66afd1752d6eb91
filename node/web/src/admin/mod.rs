//! The handlers under `/api/v1`, one file per kind of object. Each reads its call, asks the use case
//! in `quorate-app`, and shows what came of it. No rule lives here.

pub(crate) mod api_tokens;
pub(crate) mod applications;
pub(crate) mod audit;
mod care;
pub(crate) mod clients;
pub(crate) mod cluster;
pub(crate) mod devices;
pub(crate) mod directories;
pub(crate) mod exports;
pub(crate) mod gateways;
pub(crate) mod import;
pub(crate) mod imports;
pub(crate) mod join_tokens;
mod paging;
mod password_rules;
pub(crate) mod pending;
pub(crate) mod plans;
pub(crate) mod policy;
pub(crate) mod roles;
pub(crate) mod rules;
pub(crate) mod texts;
mod token_spec;
pub(crate) mod tokens;
pub(crate) mod users;

use quorate_api::{Examination, ExaminedStep, FieldProblem, ProblemKind};
use quorate_app::{AdminError, FieldError};

use crate::failure::Failure;

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        let said = error.to_string();
        match error {
            AdminError::Invalid(errors) => Failure::invalid(errors.into_iter().map(field_problem).collect()),
            AdminError::NotFound { what } => {
                Failure::new(ProblemKind::NotFound).detail(format!("There is no such {what}."))
            }
            AdminError::NameTaken => {
                let taken = Failure::field("name", "is taken", "choose another name").problem.errors;
                let mut failure = Failure::new(ProblemKind::Conflict).detail("The name is taken.");
                failure.problem.errors = taken;
                failure
            }
            AdminError::Conflict => Failure::new(ProblemKind::Stale).detail("Read it again and repeat the change."),
            AdminError::InUse => Failure::new(ProblemKind::Conflict).detail("Something still refers to it."),
            AdminError::OfDirectory => {
                Failure::new(ProblemKind::Conflict).detail("A directory owns this: change it there.")
            }
            AdminError::WrongPassword => Failure::field("old_password", "is wrong", "the password as it is now"),
            AdminError::TooManyTries => Failure::new(ProblemKind::TooManyRequests).detail(said),
            AdminError::NotAllowed => Failure::new(ProblemKind::Forbidden),
            AdminError::Missing(permission) => Failure::missing(permission),
            AdminError::AboveRole => {
                Failure::new(ProblemKind::Forbidden).detail("It belongs to a role above the one that asks.")
            }
            AdminError::WouldLockOut(found) => {
                // Only the handlers of such changes know the names; see `care::reply`.
                let detail = format!("{} users who can log in now could not after it.", found.users);
                Failure::new(ProblemKind::WouldLockOut).detail(detail)
            }
            // A handler that lets nobody ask has nothing to answer with.
            AdminError::Previewed(_) => Failure::new(ProblemKind::Internal).because(said),
            AdminError::LastSuperAdmin => {
                Failure::new(ProblemKind::Conflict).detail("It is the last super admin; make another one first.")
            }
            AdminError::Waits(_) => Failure::new(ProblemKind::Conflict).detail(format!("Not now: {said}.")),
            AdminError::Refused(refusal) => Failure::new(ProblemKind::Conflict).detail(format!("Refused: {refusal}.")),
            AdminError::NoQuorum => Failure::new(ProblemKind::NoQuorum).because(said),
            AdminError::Overloaded => Failure::new(ProblemKind::Overloaded).because(said),
            AdminError::Unknown => Failure::new(ProblemKind::OutcomeUnknown).because(said),
            AdminError::Directory(why) => {
                Failure::new(ProblemKind::Conflict).detail(format!("The directory cannot be asked: {why}."))
            }
            AdminError::RowsWrong(_) => Failure::new(ProblemKind::Conflict).detail(format!("{said}.")),
            AdminError::DirectoryRefuses(why) => {
                Failure::new(ProblemKind::Conflict).detail(format!("The directory refuses it: {why}."))
            }
            AdminError::TooManyLeave { .. } => Failure::new(ProblemKind::Conflict).detail(format!("{said}.")),
            AdminError::Seal(cause) => Failure::new(ProblemKind::Internal).because(format!("{said}: {cause}")),
        }
    }
}

/// What was tried outside, step by step.
fn examination(steps: Vec<quorate_app::ExaminedStep>) -> Examination {
    let steps = steps.into_iter().map(|step| ExaminedStep {
        step: step.step,
        outcome: step.outcome.to_owned(),
        took_ms: step.took_ms,
        said: step.said,
    });
    Examination { steps: steps.collect() }
}

fn field_problem(error: FieldError) -> FieldProblem {
    FieldProblem {
        field: error.field,
        problem: error.problem,
        hint: error.hint,
    }
}
