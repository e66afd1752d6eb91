//! When this node campaigns: the election timer, and before each election a *pre-vote* (Ongaro, "Consensus: bridging theory and
//! practice", §9.6).
//!
//! openraft has neither, as far as we use it: its own timer is off, because it would raise the term of a node that merely does not hear
//! the leader, and depose a leader whom everybody else follows. Here a node first asks the others whether they would vote for it, which
//! changes nothing anywhere. They would not while they hear a leader. So a node that is cut off, from all or from the leader alone, raises
//! no term, and a node that starts or comes back deposes nobody.
//!
//! The timer: one lease without a leader, and a little more, different for each node and attempt, so that two seldom campaign at once.
//! Nothing is drawn by chance: a simulation must be able to repeat it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use quorate_storage::LogId;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::shared::Shared;
use crate::standing::is_quorum;
use crate::transport::wire::{Request, Response};

/// Campaigns whenever it is time. Never returns.
pub async fn run(shared: Arc<Shared>) {
    let pause = Duration::from_millis(shared.config.heartbeat_ms);
    let mut not_before = Instant::now();
    let mut attempt = 0;
    loop {
        let due = due(&shared, attempt).max(not_before);
        if Instant::now() < due {
            // Only a guess: a heartbeat or a vote may come meanwhile.
            sleep_until(due).await;
            continue;
        }
        attempt += 1;
        if may_campaign(&shared) && would_win(&shared).await && may_campaign(&shared) {
            shared.gate.note_vote();
            let _ = shared.engine.trigger().elect().await;
        }
        not_before = Instant::now() + pause;
    }
}

/// When this node has waited long enough for a leader, and for the candidate it voted for last.
fn due(shared: &Shared, attempt: u64) -> Instant {
    if shared.membership().voter_ids().eq([shared.id]) {
        // Nobody else could lead.
        return shared.gate.voted();
    }
    let lease = Duration::from_millis(shared.config.election_max_ms);
    let for_candidate = Duration::from_millis(shared.config.election_min_ms);
    let apart = shared.config.election_max_ms - shared.config.election_min_ms;
    let apart = Duration::from_millis(scattered(shared.id, attempt) % apart);
    let heard = shared.gate.heard() + lease;
    heard.max(shared.gate.voted() + for_candidate) + apart
}

/// A number that has nothing to do with that of another node or attempt: the finalizer of splitmix64.
fn scattered(id: u64, attempt: u64) -> u64 {
    let mut mixed = id.rotate_left(32) ^ attempt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Whether this node is fit to lead, and does not yet.
pub fn may_campaign(shared: &Shared) -> bool {
    let votes = shared.membership().voter_ids().any(|voter| voter == shared.id);
    let in_time = shared.fence.is_anchored() && shared.fence.standing().in_time;
    votes && in_time && shared.disk.standing().in_order() && shared.gate.may_vote() && !shared.leads()
}

/// Whether a quorum of every configuration in force would vote for this node.
async fn would_win(shared: &Arc<Shared>) -> bool {
    let membership = shared.membership();
    let last = shared.log.last();
    #[cfg(feature = "mutants")]
    let last = claimed(last);
    let mut willing = BTreeSet::from([shared.id]);
    let mut answers = JoinSet::new();
    for voter in membership.voter_ids().filter(|voter| *voter != shared.id) {
        let peers = shared.peers.clone();
        let patience = Duration::from_millis(shared.config.election_min_ms);
        answers.spawn(async move {
            let answer = peers.call(voter, &Request::PreVote { last }, &mut [], patience).await;
            matches!(answer, Ok((Response::PreVote(true), _))).then_some(voter)
        });
    }
    while !is_quorum(&membership, &willing) {
        match answers.join_next().await {
            Some(voter) => willing.extend(voter.ok().flatten()),
            None => return false,
        }
    }
    true
}

/// Where a candidate says that its log ends, with the bug planted that it says more than it has.
#[cfg(feature = "mutants")]
pub fn claimed(last: Option<LogId>) -> Option<LogId> {
    let exaggerates = quorate_mutants::is_planted(quorate_mutants::Mutant::ElectedWithAShorterLog);
    last.map(|last| LogId {
        term: if exaggerates { u64::MAX } else { last.term },
        ..last
    })
}

/// Whether this node would vote for a candidate whose log ends there.
pub fn would_vote(shared: &Shared, candidate: u64, last: Option<LogId>) -> bool {
    let lease = Duration::from_millis(shared.config.election_max_ms);
    let led = if shared.leads() {
        !shared.gate.is_out_of_touch()
    } else {
        shared.gate.heard().elapsed() <= lease
    };
    // A stalled disk would not let the vote out.
    let may_vote = shared.gate.may_vote() && !shared.disk.standing().stalled;
    // Not the term: a candidate whose term is lower learns ours from the election itself, and wins the next.
    !led && may_vote && last >= shared.log.last() && last >= shared.ledger.of(candidate).log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_wait_differently_long_each_time() {
        let waits = |id| (0..100).map(move |attempt| scattered(id, attempt) % 150);
        let alike = waits(1)
            .zip(waits(2))
            .filter(|(one, other)| one.abs_diff(*other) < 5)
            .count();
        assert!(alike < 20, "{alike} of 100 within 5 ms of each other");
        let early = waits(3).filter(|wait| *wait < 75).count();
        assert!((30..70).contains(&early), "{early} of 100 in the first half");
    }
}
