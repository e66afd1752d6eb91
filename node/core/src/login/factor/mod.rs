//! What the conversation asks of a factor, and the registry of factors: to add one, write its file and its line here.

mod local_password;
mod totp;

use std::sync::Arc;

use crate::{
    command::Failure,
    login::{Step, attempt::Account, machine::Machine},
    records::{Factor, Token},
};

/// The registry.
pub(super) fn kind(factor: Factor) -> &'static dyn Kind {
    match factor {
        Factor::LocalPassword => &local_password::LocalPassword,
        Factor::Totp => &totp::Totp,
    }
}

/// What the conversation asks of a factor. Where the account is none, nobody has the name, and everything must
/// look as it does for a user who has the factor and got it wrong.
pub(super) trait Kind {
    /// How many digits it may have at the end of a field that holds other factors before it.
    fn lengths(&self, account: Option<&Account>) -> Vec<usize>;

    /// The step that finds out whether what was typed is right.
    fn ask(&self, machine: Machine) -> Step;

    /// What it means that it is not.
    fn failure(&self, account: Option<&Account>, typed: &[u8]) -> Failure;

    /// Why the user could not prove it, whatever was typed.
    fn missing(&self, account: &Account) -> Option<Failure>;

    /// What a user is asked for in a challenge.
    fn prompt(&self) -> &'static str;
}

/// What was right.
pub(super) enum Proof {
    Password,
    Code { token: Arc<Token>, timestep: u64 },
}
