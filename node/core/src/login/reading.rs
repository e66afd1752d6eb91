//! The ways to read one typed field as the factors that are due.

use std::ops::Range;

use crate::{
    login::{attempt::Attempt, factor},
    records::{Cut, Factor, Modes},
};

/// A part of the field and the factor it is taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub factor: Factor,
    pub range: Range<usize>,
}

/// One way to read the field. Factors that are due and not in it have to follow in another packet.
pub(super) type Reading = Vec<Part>;

/// Every way to read the field, the most likely first. There is at least one if anything is due.
pub(super) fn readings(attempt: &Attempt, due: &[Factor]) -> Vec<Reading> {
    let Some((first, rest)) = due.split_first() else {
        return Vec::new();
    };
    let Modes {
        one_step,
        two_step,
        passcode_only: _,
    } = attempt.client.modes;
    let field: &[u8] = &attempt.request.field;
    let mut readings = match one_step && !rest.is_empty() {
        true => joined(attempt, *first, rest, field.len()),
        false => Vec::new(),
    };
    if two_step || readings.is_empty() {
        readings.push(vec![Part {
            factor: *first,
            range: 0..field.len(),
        }]);
    }
    readings
}

/// All factors in one field: the first takes what the others, each cut off as the client says, leave at its front.
fn joined(attempt: &Attempt, first: Factor, rest: &[Factor], len: usize) -> Vec<Reading> {
    let Some((last, between)) = rest.split_last() else {
        return vec![vec![Part {
            factor: first,
            range: 0..len,
        }]];
    };
    let account = attempt.account.as_ref();
    let fits = |range: Range<usize>| factor::may_end(*last, account, &attempt.request.field[range]);
    let ends = |length: usize| len.checked_sub(length).map(|start| (start, start));
    // Where what is before it ends, and where the last begins.
    let cuts: Vec<(usize, usize)> = match attempt.client.cut {
        Cut::ByToken => factor::lengths(*last, account).into_iter().filter_map(ends).collect(),
        Cut::Length(length) => ends(usize::from(length)).into_iter().collect(),
        Cut::At(character) => {
            let field = attempt.request.field.get(..len).unwrap_or_default();
            let place = field.iter().rposition(|byte| *byte == character);
            place.map(|place| (place, place + 1)).into_iter().collect()
        }
    };
    cuts.into_iter()
        .filter(|(end, start)| *end > 0 && fits(*start..len))
        .flat_map(|(end, start)| {
            let part = Part {
                factor: *last,
                range: start..len,
            };
            joined(attempt, first, between, end)
                .into_iter()
                .map(move |mut reading| {
                    reading.push(part.clone());
                    reading
                })
        })
        .collect()
}
