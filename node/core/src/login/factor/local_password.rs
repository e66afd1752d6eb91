//! The password kept here.

use crate::{
    command::Failure,
    login::{CheckPassword, Step, attempt::Account, factor::Kind, machine::Machine},
};

pub(super) struct LocalPassword;

impl Kind for LocalPassword {
    /// A password has no length of its own, so it is always the first factor of a field.
    fn lengths(&self, _account: Option<&Account>) -> Vec<usize> {
        Vec::new()
    }

    fn ask(&self, machine: Machine) -> Step {
        Step::CheckPassword(CheckPassword::new(machine))
    }

    fn failure(&self, _account: Option<&Account>, _typed: &[u8]) -> Failure {
        Failure::WrongPassword
    }

    /// A user without a password fails like one who typed it wrong: the check runs against a stand-in.
    fn missing(&self, _account: &Account) -> Option<Failure> {
        None
    }

    fn prompt(&self) -> &'static str {
        "Enter your password"
    }
}
