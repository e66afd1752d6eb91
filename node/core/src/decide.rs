//! The two pure functions that every node runs in the same order, and the one that runs both.

use crate::{
    codec::Undecodable,
    command::Command,
    event::{Event, evolve},
    ids::{Level, Revision, Stamp},
    outcome::{Outcome, Refusal, Verdict},
    state::State,
};

/// What a command comes to: its outcome, and the events that make it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The answer to whoever proposed it.
    pub outcome: Outcome,
    /// What happens, in order; nothing where a former answer is given again.
    pub events: Vec<Event>,
}

impl Decided {
    pub(crate) fn judged(verdict: Verdict, events: Vec<Event>) -> Self {
        Decided {
            outcome: Outcome::Verdict {
                verdict,
                replayed: false,
            },
            events,
        }
    }

    pub(crate) fn replayed(verdict: Verdict) -> Self {
        Decided {
            outcome: Outcome::Verdict {
                verdict,
                replayed: true,
            },
            events: Vec::new(),
        }
    }

    pub(crate) fn done(revision: Revision, events: Vec<Event>) -> Self {
        Decided {
            outcome: Outcome::Done { revision },
            events,
        }
    }
}

/// Decides what a command comes to. Pure, deterministic and total: any command, any state, no panic.
///
/// # Errors
/// A [`Refusal`]: nothing happens.
pub fn decide(state: &State, level: Level, stamp: Stamp, command: &Command) -> Result<Decided, Refusal> {
    let now_ms = state.stamp().max(stamp).ms;
    if state.cluster().is_none() && !matches!(command, Command::Genesis(_)) {
        return Err(Refusal::NotFounded);
    }
    match command {
        Command::Genesis(genesis) => genesis.decide(state, now_ms),
        Command::ConsumeCode(consume) => consume.decide(state, now_ms),
        Command::AcceptSingleFactor(accept) => accept.decide(state, now_ms),
        Command::RecordFailure(record) => record.decide(state, now_ms),
        Command::SummarizeRejects(summary) => summary.decide(state),
        Command::Administer(administer) => administer.decide(state, level),
        Command::IssueJoinToken(issue) => issue.decide(state, now_ms),
        Command::SpendJoinToken(spend) => spend.decide(state, now_ms),
        Command::RemoveNode(remove) => remove.decide(state),
        Command::SignHead(sign) => sign.decide(state),
        Command::PruneAudit(prune) => prune.decide(state, now_ms),
        Command::AdmitSuccessor(admit) => admit.decide(state, now_ms),
        Command::CompleteReplacement(complete) => complete.decide(state),
        Command::QueueCode(queue) => queue.decide(state, now_ms),
        Command::ReportMessage(report) => report.decide(state),
        Command::RenewPassword(renew) => renew.decide(state, now_ms),
        Command::EnrolToken(enrol) => enrol.decide(state, now_ms),
        Command::ChangeOwnPassword(change) => change.decide(state, now_ms),
        Command::TryChange(attempt) => attempt.decide(state, level, now_ms),
        Command::ConfirmChange(confirm) => confirm.decide(state),
        Command::TakeBack(take_back) => take_back.decide(state),
        Command::TakeBackOverdue(overdue) => overdue.decide(state, now_ms),
        Command::RememberPassword(remember) => remember.decide(state, now_ms),
        Command::TrustDevice(trust) => trust.decide(state, now_ms),
        Command::RehashPassword(rehash) => rehash.decide(state),
    }
}

/// Moves replicated time forward, never back, and forgets a bounded number of expired rows.
pub fn advance(state: &mut State, stamp: Stamp) {
    state.advance(stamp);
}

/// Applies one command from the log: time, decision, events. The one function the replica calls.
///
/// # Errors
/// The bytes are no command of this build. The node must stop: another node may have understood them.
pub fn apply(state: &mut State, level: Level, stamp: Stamp, command: &[u8]) -> Result<Outcome, Undecodable> {
    let command = Command::from_bytes(command)?;
    advance(state, stamp);
    let stamp = state.stamp();
    match decide(state, level, stamp, &command) {
        Ok(decided) => {
            decided.events.iter().for_each(|event| evolve(state, level, event));
            Ok(decided.outcome)
        }
        Err(refusal) => Ok(Outcome::Refused(refusal)),
    }
}
