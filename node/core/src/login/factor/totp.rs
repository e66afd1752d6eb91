//! A time-based one-time code of one of the user's tokens.

use crate::{
    command::Failure,
    login::{MatchCode, Step, attempt::Account, factor::Kind, machine::Machine},
    otp,
    records::TokenKind,
};

pub(super) struct Totp;

impl Kind for Totp {
    fn lengths(&self, account: Option<&Account>) -> Vec<usize> {
        let mut lengths: Vec<usize> = account
            .into_iter()
            .flat_map(|account| account.tokens.iter())
            .map(|token| usize::from(token.kind.digits()))
            .collect();
        lengths.sort_unstable();
        lengths.dedup();
        if lengths.is_empty() {
            vec![usize::from(TokenKind::DEFAULT.digits())]
        } else {
            lengths
        }
    }

    fn ask(&self, machine: Machine) -> Step {
        Step::MatchCode(MatchCode::new(machine))
    }

    /// Only what could have been a code counts as a guess at one.
    fn failure(&self, account: Option<&Account>, typed: &[u8]) -> Failure {
        match account.and_then(|account| self.missing(account)) {
            Some(failure) => failure,
            None if otp::is_code(typed) => Failure::WrongCode,
            None => Failure::MalformedCode,
        }
    }

    fn missing(&self, account: &Account) -> Option<Failure> {
        account.tokens.is_empty().then_some(Failure::NoToken)
    }

    fn prompt(&self) -> &'static str {
        "Enter your one-time code"
    }
}
