//! The oracle of code use: is there one order of events that explains everything the clients were told?
//!
//! A token is a register that only rises: a code of a timestep above the register is accepted and lifts the register
//! to it, any other is rejected. [`History::check`] asks of each token whether its uses are *linearizable* to that: whether each
//! can be given one moment between its first datagram and its answer, so that the answers are what the register would have said.
//! From this follow: a code is accepted at most once; no code is accepted that began after one of the same or a later timestep had
//! been accepted; and a fresh, right code is not rejected without another use that explains it. A use that was never answered
//! is *unknown*: it may have lifted the register at any moment after it began, even long after its client gave up, or never.
//!
//! Not `porcupine-rs`, though that would do: it searches, for any model whatever, and its search doubles with every
//! unanswered use, of which a fault makes many. For a register that only rises no search is needed. Accepted uses can stand only in the order
//! of their timesteps; each is put as late as possible, and when a rejection must be explained the register is lifted no further than
//! to the nearest use that does it, because lifting it further forbids more and explains nothing more. So one walk through the
//! answers in the order of time decides, in `n log n`. The tests hold that against a search through every order.
//!
//! Caveat: only codes within the window belong into a history: a rejection because a code was too old explains itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

/// What the client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted(Instant),
    Rejected(Instant),
    /// No answer: used or not.
    Unknown,
}

/// One use of a code: one request, however often it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// RFC 6238: Unix time divided by the period.
    pub timestep: u64,
    /// When its first datagram was sent.
    pub begun: Instant,
    pub outcome: Outcome,
}

/// What no order explains.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("{token}: the code of timestep {timestep} was accepted twice")]
    Twice { token: String, timestep: u64 },
    #[error("{token}: the code of timestep {timestep} was accepted after one of a later timestep")]
    Backwards { token: String, timestep: u64 },
    #[error("{token}: the right code of timestep {timestep} was rejected, and no other use explains it")]
    Unexplained { token: String, timestep: u64 },
}

/// All uses of all tokens.
#[derive(Clone, Debug, Default)]
pub struct History {
    tokens: BTreeMap<String, Vec<Use>>,
}

impl History {
    pub fn note(&mut self, token: &str, one: Use) {
        match self.tokens.get_mut(token) {
            Some(uses) => uses.push(one),
            None => drop(self.tokens.insert(token.to_owned(), vec![one])),
        }
    }

    /// Uses that ended as `which` says.
    pub fn count(&self, which: impl Fn(Outcome) -> bool) -> usize {
        self.tokens.values().flatten().filter(|one| which(one.outcome)).count()
    }

    /// Every token and its uses.
    pub fn tokens(&self) -> impl Iterator<Item = (&str, &[Use])> {
        self.tokens.iter().map(|(token, uses)| (&token[..], &uses[..]))
    }

    /// Everything that is wrong, at most one finding for each token.
    pub fn check(&self) -> Vec<Violation> {
        self.tokens()
            .filter_map(|(token, uses)| check(token, uses).err())
            .collect()
    }
}

/// Something that happened, as the walk meets it.
#[derive(Clone, Copy)]
enum Event {
    Began(Use),
    Answered(Use),
}

fn check(token: &str, uses: &[Use]) -> Result<(), Violation> {
    let mut accepted = BTreeSet::new();
    for one in uses {
        if matches!(one.outcome, Outcome::Accepted(_)) && !accepted.insert(one.timestep) {
            return Err(Violation::Twice {
                token: token.to_owned(),
                timestep: one.timestep,
            });
        }
    }
    let mut register = Register {
        token,
        last: None,
        accepted,
        waiting: BTreeSet::new(),
        possible: BTreeSet::new(),
    };
    for event in in_order(uses) {
        match event {
            Event::Began(one) => register.began(one)?,
            Event::Answered(one) => register.answered(one)?,
        }
    }
    Ok(())
}

/// By time; what began at the same moment as something was answered began before it.
fn in_order(uses: &[Use]) -> Vec<Event> {
    let mut events: Vec<(Instant, u8, Event)> = Vec::new();
    for one in uses {
        events.push((one.begun, 0, Event::Began(*one)));
        if let Outcome::Accepted(at) | Outcome::Rejected(at) = one.outcome {
            events.push((at, 1, Event::Answered(*one)));
        }
    }
    events.sort_by_key(|(at, kind, _)| (*at, *kind));
    events.into_iter().map(|(_, _, event)| event).collect()
}

/// One token on the way through its history.
struct Register<'a> {
    token: &'a str,
    /// The timestep it holds now, no higher than it has to be.
    last: Option<u64>,
    /// Timesteps that were or will be accepted.
    accepted: BTreeSet<u64>,
    /// Begun, will be accepted, and not placed yet.
    waiting: BTreeSet<u64>,
    /// Begun and never answered, and could still lift the register.
    possible: BTreeSet<u64>,
}

impl Register<'_> {
    fn began(&mut self, one: Use) -> Result<(), Violation> {
        let above = Some(one.timestep) > self.last;
        match one.outcome {
            Outcome::Accepted(_) if !above => Err(Violation::Backwards {
                token: self.token.to_owned(),
                timestep: one.timestep,
            }),
            Outcome::Accepted(_) => {
                self.waiting.insert(one.timestep);
                Ok(())
            }
            // A timestep is used once: if another use of it is accepted, this one did nothing.
            Outcome::Unknown if above && !self.accepted.contains(&one.timestep) => {
                self.possible.insert(one.timestep);
                Ok(())
            }
            Outcome::Unknown | Outcome::Rejected(_) => Ok(()),
        }
    }

    fn answered(&mut self, one: Use) -> Result<(), Violation> {
        match one.outcome {
            Outcome::Accepted(_) => {
                if self.waiting.contains(&one.timestep) {
                    self.lift(one.timestep);
                }
                Ok(())
            }
            Outcome::Rejected(_) if Some(one.timestep) <= self.last => Ok(()),
            Outcome::Rejected(_) => match self.nearest(one.timestep) {
                Some(timestep) => {
                    self.lift(timestep);
                    Ok(())
                }
                None => Err(Violation::Unexplained {
                    token: self.token.to_owned(),
                    timestep: one.timestep,
                }),
            },
            Outcome::Unknown => Ok(()),
        }
    }

    /// The least timestep from `timestep` on to which the register could be lifted now.
    fn nearest(&self, timestep: u64) -> Option<u64> {
        let certain = self.waiting.range(timestep..).next();
        let possible = self.possible.range(timestep..).next();
        certain.into_iter().chain(possible).min().copied()
    }

    /// What waits below goes first: afterwards it no longer could.
    fn lift(&mut self, timestep: u64) {
        self.last = Some(timestep);
        self.waiting = self.waiting.split_off(&(timestep + 1));
        self.possible = self.possible.split_off(&(timestep + 1));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Told {
        Yes,
        No,
        Nothing,
    }

    /// Uses from (timestep, begun, took, told); times in ms from some moment.
    fn uses(shapes: &[(u64, u64, u64, Told)]) -> Vec<Use> {
        let zero = Instant::now();
        let at = |ms| zero + Duration::from_millis(ms);
        shapes
            .iter()
            .map(|(timestep, begun, took, told)| Use {
                timestep: *timestep,
                begun: at(*begun),
                outcome: match told {
                    Told::Yes => Outcome::Accepted(at(begun + took)),
                    Told::No => Outcome::Rejected(at(begun + took)),
                    Told::Nothing => Outcome::Unknown,
                },
            })
            .collect()
    }

    fn finding(shapes: &[(u64, u64, u64, Told)]) -> Option<Violation> {
        check("t", &uses(shapes)).err()
    }

    #[test]
    fn races_retries_and_lost_answers_are_explained() {
        // Two at once, one wins; a later one of an older timestep loses; a lost answer had used its code.
        assert_eq!(
            finding(&[(7, 0, 9, Told::Yes), (7, 1, 3, Told::No), (6, 20, 1, Told::No)]),
            None
        );
        assert_eq!(finding(&[(7, 0, 0, Told::Nothing), (7, 900, 5, Told::No)]), None);
        assert_eq!(finding(&[(7, 0, 0, Told::Nothing), (7, 900, 5, Told::Yes)]), None);
        // At the same time in either order.
        assert_eq!(finding(&[(8, 0, 9, Told::Yes), (7, 1, 9, Told::Yes)]), None);
    }

    #[test]
    fn what_cannot_be_is_found() {
        let (token, timestep) = ("t".to_owned(), 7);
        assert_eq!(
            finding(&[(7, 0, 9, Told::Yes), (7, 1, 9, Told::Yes)]),
            Some(Violation::Twice {
                token: token.clone(),
                timestep
            })
        );
        assert_eq!(
            finding(&[(8, 0, 9, Told::Yes), (7, 10, 9, Told::Yes)]),
            Some(Violation::Backwards {
                token: token.clone(),
                timestep
            })
        );
        assert_eq!(
            finding(&[(7, 0, 5, Told::No), (7, 9, 5, Told::Yes)]),
            Some(Violation::Unexplained { token, timestep })
        );
    }

    /// Whether some order of some choice of moments explains `uses`: tries them all.
    fn some_order(uses: &[Use], done: u32, last: Option<u64>) -> bool {
        let answered = |one: &Use| match one.outcome {
            Outcome::Accepted(at) | Outcome::Rejected(at) => Some(at),
            Outcome::Unknown => None,
        };
        let open = || (0..uses.len()).filter(|at| done & (1 << at) == 0);
        if open().all(|at| uses[at].outcome == Outcome::Unknown) {
            return true;
        }
        open().any(|at| {
            // None that is still to come may have been answered before this one began.
            let next = &uses[at];
            if open().any(|other| answered(&uses[other]).is_some_and(|answer| answer < next.begun)) {
                return false;
            }
            let lifts = Some(next.timestep) > last;
            let fits = match next.outcome {
                Outcome::Accepted(_) => lifts,
                Outcome::Rejected(_) => !lifts,
                Outcome::Unknown => true,
            };
            fits && some_order(uses, done | 1 << at, last.max(Some(next.timestep)))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn agrees_with_a_search_through_every_order(
            shapes in prop::collection::vec(
                (0..4_u64, 0..12_u64, 0..8_u64, prop_oneof![Just(Told::Yes), Just(Told::No), Just(Told::Nothing)]),
                0..7,
            )
        ) {
            let uses = uses(&shapes);
            prop_assert_eq!(check("t", &uses).is_ok(), some_order(&uses, 0, None));
        }
    }
}
