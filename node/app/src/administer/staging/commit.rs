//! The one order that makes what was gathered.

use std::collections::BTreeSet;

use quorate_core::{Actor, State, UserId, limits as core_limits};
use tokio::time::Instant;

use super::super::{AdminError, Administrator};
use super::{ImportStanding, Planned, Staged, What};
use crate::limits;

/// What is to be done with a row, by the state of this instant.
enum Fate {
    Make,
    /// It was made by this import: a former answer was lost.
    Made,
    /// Somebody else made it meanwhile.
    There,
    Impossible(&'static str),
}

impl Administrator {
    /// Makes what was gathered, as much as there is time for: with rows left, it is to be ordered again. Nothing is made if a row is wrong
    /// or cannot be made any more, unless those are to be skipped. What is made is made in the order of the rows, in whole rows.
    ///
    /// # Errors
    /// [`AdminError`]; [`AdminError::RowsWrong`] when nothing was made because of some. After any other the same order goes on where it was.
    pub async fn commit_import(
        &self,
        actor: Actor,
        import: &str,
        skip_wrong: bool,
    ) -> Result<ImportStanding, AdminError> {
        let staged = self.find_import(actor, import)?;
        let mut staged = staged.try_lock().map_err(|_| AdminError::Conflict)?;
        if !staged.committing {
            self.judge_again(&mut staged, skip_wrong)?;
        }
        let until = Instant::now() + limits::COMMIT_SLICE;
        while !staged.rows.is_empty() && Instant::now() < until {
            self.make_some(actor, &mut staged).await?;
        }
        Ok(staged.standing.clone())
    }

    /// The last moment at which nothing has been made.
    fn judge_again(&self, staged: &mut Staged, skip_wrong: bool) -> Result<(), AdminError> {
        let (state, now_ms) = (self.state(), self.clock.now_ms());
        let mut coming = BTreeSet::new();
        let mut wrong = staged.standing.wrong;
        for row in &staged.rows {
            match row.fate(&state, &coming, now_ms) {
                Fate::Make => row.announce(&mut coming),
                Fate::Impossible(_) => wrong += 1,
                Fate::Made | Fate::There => (),
            }
        }
        if wrong > 0 && !skip_wrong {
            return Err(AdminError::RowsWrong(wrong));
        }
        staged.committing = true;
        Ok(())
    }

    /// The next rows, as one entry of the log. Without the row that is refused, the others are proposed again.
    async fn make_some(&self, actor: Actor, staged: &mut Staged) -> Result<(), AdminError> {
        let (state, now_ms) = (self.state(), self.clock.now_ms());
        let mut coming = BTreeSet::new();
        let (mut batch, mut bytes): (Vec<Planned>, usize) = (Vec::new(), 0);
        while batch.len() < limits::BULK_USERS_PER_COMMAND && bytes < limits::IMPORT_BYTES_PER_COMMAND {
            let Some(row) = staged.rows.pop_front() else { break };
            match row.fate(&state, &coming, now_ms) {
                Fate::Make => {
                    row.announce(&mut coming);
                    bytes += row.size();
                    batch.push(row);
                }
                Fate::Made => staged.standing.made(&row),
                Fate::There => staged.standing.there(&row),
                Fate::Impossible(why) => staged.standing.leave_out(row.subject, why.to_owned()),
            }
        }
        let outcome = self.make(actor, &mut batch, &mut staged.standing).await;
        match &outcome {
            Ok(()) => batch.iter().for_each(|row| staged.standing.made(row)),
            // Made or not: their ids tell, the next time.
            Err(_) => batch.into_iter().rev().for_each(|row| staged.rows.push_front(row)),
        }
        staged.standing.waiting = staged.rows.len() as u64;
        outcome
    }

    async fn make(
        &self,
        actor: Actor,
        batch: &mut Vec<Planned>,
        standing: &mut ImportStanding,
    ) -> Result<(), AdminError> {
        while !batch.is_empty() {
            let changes = batch.iter().flat_map(|row| row.changes.iter().cloned()).collect();
            let Some((at, refusal)) = self
                .propose_changes(actor, changes, limits::ADMINISTRATION_DEADLINE)
                .await?
            else {
                return Ok(());
            };
            // A former entry with them, whose answer was lost, may have come to its end meanwhile.
            let state = self.state();
            let rows = batch.len();
            batch.retain(|row| {
                let is_made = row.is_made(&state);
                if is_made {
                    standing.made(row);
                }
                !is_made
            });
            if batch.len() < rows {
                continue;
            }
            let Some(place) = place_of(batch, at) else {
                return Err(refusal.into());
            };
            standing.leave_out(batch.remove(place).subject, refusal.to_string());
        }
        Ok(())
    }
}

/// The row that the change at this place of the command belongs to.
fn place_of(batch: &[Planned], at: usize) -> Option<usize> {
    let mut before = 0;
    batch.iter().position(|row| {
        before += row.changes.len();
        at < before
    })
}

impl Planned {
    /// `coming` are the users that are made before it.
    fn fate(&self, state: &State, coming: &BTreeSet<UserId>, now_ms: u64) -> Fate {
        match &self.what {
            _ if self.is_made(state) => Fate::Made,
            What::User { name, .. } if state.user_by_name(name).is_some() => Fate::There,
            What::User { .. } => Fate::Make,
            What::Token { owner, expires_ms, .. } => {
                let free = match (state.user(*owner), owner) {
                    (Some(owner), _) => owner.tokens.len() < core_limits::TOKENS_PER_USER,
                    (None, UserId(0)) => state.stock_count() < core_limits::STOCK,
                    (None, owner) if coming.contains(owner) => true,
                    (None, _) => return Fate::Impossible("its owner is not there any more"),
                };
                let past = expires_ms.is_some_and(|end_ms| end_ms <= now_ms.saturating_add(limits::IMPORT_END_MS));
                match (free, past) {
                    (_, true) => Fate::Impossible("it has ended"),
                    (false, _) => Fate::Impossible("its owner has as many tokens as can be"),
                    (true, false) => Fate::Make,
                }
            }
        }
    }

    /// Ids are the import's own, so it was made by this import.
    fn is_made(&self, state: &State) -> bool {
        match &self.what {
            What::User { id, .. } => state.user(*id).is_some(),
            What::Token { id, .. } => state.token(*id).is_some(),
        }
    }

    /// Bytes in a command.
    fn size(&self) -> usize {
        let bytes = |change| minicbor::to_vec(change).map_or(limits::IMPORT_BYTES_PER_COMMAND, |bytes| bytes.len());
        self.changes.iter().map(bytes).sum()
    }

    fn announce(&self, coming: &mut BTreeSet<UserId>) {
        if let What::User { id, .. } = &self.what {
            coming.insert(*id);
        }
    }
}

impl ImportStanding {
    fn made(&mut self, row: &Planned) {
        match row.what {
            What::User { .. } => self.users_created += 1,
            What::Token { .. } => self.tokens_created += 1,
        }
    }

    fn there(&mut self, row: &Planned) {
        match row.what {
            What::User { .. } => self.users_there += 1,
            What::Token { .. } => self.tokens_there += 1,
        }
    }

    fn leave_out(&mut self, subject: String, why: String) {
        self.left_out += 1;
        if self.first_left_out.len() < limits::IMPORT_LEFT_OUT_SHOWN {
            self.first_left_out.push((subject, why));
        }
    }
}
