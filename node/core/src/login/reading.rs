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
    // Codes before the password are those of the first field; later ones come by themselves.
    let side = match attempt.plan.typed_before > 0 && attempt.conversation.is_none() {
        true => Side::Front,
        false => Side::End,
    };
    let whole = 0..attempt.request.field.len();
    let mut readings = match one_step && !rest.is_empty() {
        true => joined(attempt, side, *first, rest, whole.clone()),
        false => Vec::new(),
    };
    if readings.is_empty() || (two_step && side == Side::End) {
        readings.push(vec![Part {
            factor: *first,
            range: whole,
        }]);
    }
    readings
}

/// Where the codes are in a field that holds another factor too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Front,
    End,
}

/// All factors in one field: the first takes what the codes, each cut off as the client says, leave of it.
fn joined(attempt: &Attempt, side: Side, first: Factor, codes: &[Factor], range: Range<usize>) -> Vec<Reading> {
    let outermost = match side {
        Side::Front => codes.split_first(),
        Side::End => codes.split_last(),
    };
    let Some((code, others)) = outermost else {
        return vec![vec![Part { factor: first, range }]];
    };
    let account = attempt.account.as_ref();
    let fits = |range: &Range<usize>| factor::may_be_joined(*code, account, &attempt.request.field[range.clone()]);
    cuts(attempt, side, *code, range)
        .into_iter()
        .filter(|(typed, rest)| !rest.is_empty() && fits(typed))
        .flat_map(|(typed, rest)| {
            let part = Part {
                factor: *code,
                range: typed,
            };
            joined(attempt, side, first, others, rest)
                .into_iter()
                .map(move |mut reading| {
                    let place = match side {
                        Side::Front => 1,
                        Side::End => reading.len(),
                    };
                    reading.insert(place, part.clone());
                    reading
                })
        })
        .collect()
}

/// Where the outermost code may be, and what is left beside it.
fn cuts(attempt: &Attempt, side: Side, code: Factor, range: Range<usize>) -> Vec<(Range<usize>, Range<usize>)> {
    let Range { start, end } = range;
    let field = attempt.request.field.get(range).unwrap_or_default();
    let of_length = |length: usize| {
        let cut = match side {
            Side::Front => start + length,
            Side::End => end.checked_sub(length)?,
        };
        let is_inside = (start..=end).contains(&cut);
        is_inside.then_some(match side {
            Side::Front => (start..cut, cut..end),
            Side::End => (cut..end, start..cut),
        })
    };
    match attempt.client.cut {
        Cut::ByToken => {
            let lengths = factor::lengths(code, attempt.account.as_ref());
            lengths.into_iter().filter_map(of_length).collect()
        }
        Cut::Length(length) => of_length(usize::from(length)).into_iter().collect(),
        Cut::At(character) => {
            let is_it = |byte: &u8| *byte == character;
            let found = match side {
                Side::Front => field.iter().position(is_it),
                Side::End => field.iter().rposition(is_it),
            };
            let parts = found.map(|place| (start..start + place, start + place + 1..end));
            let parts = parts.map(|(before, behind)| match side {
                Side::Front => (before, behind),
                Side::End => (behind, before),
            });
            parts.into_iter().collect()
        }
    }
}
