//! Commands that make a node or are one: `init`, `join`, `run`. They hand over to `boot` and turn
//! its errors into exit codes.

pub mod init;
pub mod join;
pub mod run;

use crate::{
    boot::{BootError, BootErrorKind},
    cli::exit::{Exit, Failure},
};

/// A sentence with its causes, and the exit code that fits.
fn failure(error: &BootError) -> Failure {
    let exit = match error.kind() {
        BootErrorKind::Failed => Exit::Failed,
        BootErrorKind::Refused => Exit::Refused,
        BootErrorKind::Unavailable => Exit::Unavailable,
        BootErrorKind::NotAllowed => Exit::NotAllowed,
    };
    Failure::new(exit, error.to_string())
}
