//! Reads the field in one way after the other, and asks about one part of it at a time.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    command::{Failure, Method},
    login::{
        SealState, SendCode, Step,
        attempt::Attempt,
        early, enrolling,
        factor::{self, Proof},
        reading::{Part, Reading, readings},
        renewal, sending,
    },
    records::{Factor, Token},
};

/// An attempt on its way through the readings of its field.
pub(super) struct Machine {
    pub attempt: Attempt,
    due: Vec<Factor>,
    readings: VecDeque<Reading>,
    /// What is right so far in the first of the readings.
    pub proofs: Vec<Proof>,
    /// The field is not as it was typed: codes of former packets are in it.
    is_put_together: bool,
}

impl Machine {
    pub fn begin(mut attempt: Attempt) -> Step {
        if attempt.is_blocked() {
            return attempt.fail(Failure::NetworkBlocked);
        }
        if early::is_early(&attempt) {
            return early::keep(&attempt);
        }
        let due = attempt.due();
        let kept = attempt.take_kept();
        let readings = match kept.is_empty() {
            true => readings(&attempt, &due).into(),
            false => VecDeque::from([early::put_together(&mut attempt, &kept, &due)]),
        };
        Machine {
            attempt,
            due,
            readings,
            proofs: Vec::new(),
            is_put_together: !kept.is_empty(),
        }
        .next()
    }

    /// Takes the answer about the part that was asked about.
    pub fn settle(mut self, proof: Option<Proof>) -> Step {
        match proof {
            Some(proof) => self.proofs.push(proof),
            // Nothing in this reading is right, so perhaps another was meant.
            None if self.proofs.is_empty() && self.readings.len() > 1 => drop(self.readings.pop_front()),
            None => return self.fail_part(),
        }
        self.next()
    }

    /// The part that is asked about, or was answered last.
    pub fn part(&self) -> Option<&Part> {
        self.readings.front()?.get(self.proofs.len())
    }

    /// The bytes of that part.
    pub fn typed(&self) -> &[u8] {
        self.part()
            .map_or(&[], |part| &self.attempt.request.field[part.range.clone()])
    }

    /// Whether what is asked about is all that was typed.
    pub fn is_whole_field(&self) -> bool {
        self.readings.front().is_some_and(|reading| reading.len() == 1)
    }

    /// Has a code sent, because it was asked for in the code's place.
    pub fn send(self, factor: Factor, token: Arc<Token>) -> Step {
        let Machine { attempt, proofs, .. } = self;
        let barred = attempt
            .account
            .as_ref()
            .and_then(|account| attempt.barred(&account.user));
        match barred {
            Some(failure) => attempt.fail(failure),
            // A password that is due is changed before anything else: the next packet does not know of it.
            None if attempt.is_password_due(&proofs) => renewal::begin(attempt, &proofs, Some(factor)),
            None => Step::SendCode(SendCode::new(attempt, proofs, factor, token, true)),
        }
    }

    fn next(mut self) -> Step {
        let Some(reading) = self.readings.front() else {
            return self.attempt.fail(Failure::NothingToProve);
        };
        if reading.len() > 1 && !self.is_put_together {
            self.attempt.method = Method::OneStep;
        } else if self.attempt.method == Method::OneStep {
            self.attempt.method = Method::TwoStep;
        }
        match self.part().map(|part| part.factor) {
            Some(factor) => {
                self.attempt.checked.push(factor);
                factor::ask(factor, self)
            }
            None => self.conclude(),
        }
    }

    /// Every part of a reading is right.
    fn conclude(self) -> Step {
        let Machine {
            attempt, due, proofs, ..
        } = self;
        let missing = due.get(proofs.len()).copied();
        match attempt.is_password_due(&proofs) {
            true => renewal::begin(attempt, &proofs, missing),
            false => go_on(attempt, &proofs, missing),
        }
    }

    fn fail_part(self) -> Step {
        let Some(part) = self.part() else {
            return self.attempt.fail(Failure::NothingToProve);
        };
        let failure = factor::failure(part.factor, self.attempt.account.as_ref(), self.typed());
        self.attempt.fail(failure)
    }
}

/// What comes after all that was typed was right: the accept, a first token, or a challenge for the next factor.
pub(super) fn go_on(attempt: Attempt, proofs: &[Proof], next: Option<Factor>) -> Step {
    match next {
        None if attempt.plan.enrols => enrolling::begin(attempt, proofs),
        None => attempt.succeed(proofs),
        Some(next) => challenge(attempt, proofs, next),
    }
}

/// Asks for the next factor in another packet, unless that is not allowed or could only end in a reject.
fn challenge(attempt: Attempt, proven: &[Proof], next: Factor) -> Step {
    let Some(account) = &attempt.account else {
        return attempt.fail(Failure::UnknownUser);
    };
    let futile = attempt.barred(&account.user).or_else(|| factor::missing(next, account));
    if let Some(failure) = futile {
        return attempt.fail(failure);
    }
    if !attempt.client.modes.two_step {
        let failure = factor::failure(next, Some(account), b"");
        return attempt.fail(failure);
    }
    if let Some(token) = sending::obvious(&attempt, next, proven) {
        return Step::SendCode(SendCode::new(attempt, proven.to_vec(), next, token, false));
    }
    let conversation = attempt.conversation_after(&account.user, proven);
    let prompt = sending::prompt(&attempt, next, proven, None);
    Step::SealState(SealState::new(conversation, prompt))
}
