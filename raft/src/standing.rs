//! Whether this node may vote and campaign.
//!
//! Three things can stand against it.
//!
//! - *It has just restarted.* What its disk lost (a flush that was acknowledged and never
//!   happened) it cannot know, but those who received the acknowledgement do. So it asks every
//!   other voter first. All must answer, or, after a grace, as many as make a quorum with it.
//! - *Its log ends below what it had acknowledged*, or its vote is older than one it gave. Then it
//!   takes part again once the leader has given it back what it lost.
//! - *It reaches no quorum*, both ways. Then it cannot win, and as a leader it keeps silent, so that followers which hear it and are not
//!   heard by it can elect another ([`Gate::is_out_of_touch`]; openraft's leader would lead for ever).
//!
//! When it campaigns, if it may, says [`crate::campaign`].
//!
//! Caveat: while a quorum that includes every witness of an acknowledgement is down, the first
//! check finds nothing. The log's own watermark is then the only guard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openraft::StoredMembership;
use parking_lot::Mutex;
use quorate_storage::{LogId, Vote};
use tokio::time::{Instant, sleep};

use crate::fence::Fence;
use crate::ledger::Acknowledged;
use crate::ports::Log;
use crate::status::Standing;
use crate::transport::peers::{Peers, Seen};
use crate::transport::wire::{Request, Response};
use crate::types::Engine;
use crate::{Config, NodeInfo, limits};

/// What currently stands against this node's part in elections.
pub struct Gate {
    log: Arc<dyn Log>,
    state: Mutex<State>,
}

struct State {
    asking: bool,
    alone: bool,
    out_of_touch: bool,
    floor: Acknowledged,
    heard: Instant,
    voted: Instant,
}

impl Gate {
    pub fn new(log: Arc<dyn Log>) -> Self {
        // A node with neither log nor vote has acknowledged nothing under this id.
        let asking = log.last().is_some() || log.vote().is_some();
        Self {
            log,
            state: Mutex::new(State {
                asking,
                alone: false,
                out_of_touch: false,
                floor: Acknowledged::default(),
                // Who starts waits for a leader first.
                heard: Instant::now(),
                voted: Instant::now(),
            }),
        }
    }

    pub fn standing(&self) -> Standing {
        let state = self.state.lock();
        if state.asking {
            return Standing::Asking;
        }
        if state.floor.log > self.log.last() || state.floor.vote > self.log.vote() {
            return Standing::Behind {
                until: state.floor.log.map_or(0, |at| at.index),
            };
        }
        if state.alone { Standing::Alone } else { Standing::Full }
    }

    /// Whether a vote may be given now.
    pub fn may_vote(&self) -> bool {
        matches!(self.standing(), Standing::Full | Standing::Alone)
    }

    /// Whether a leader with this vote may be followed: not if a later one was promised, and not while peers are still being
    /// asked whether one was.
    pub fn may_follow(&self, vote: Vote) -> bool {
        let state = self.state.lock();
        let keeps_promise = |floor: Vote| (vote.term, vote.node) >= (floor.term, floor.node);
        !state.asking && state.floor.vote.is_none_or(keeps_promise)
    }

    /// When a leader was last heard, or this node started.
    pub fn heard(&self) -> Instant {
        self.state.lock().heard
    }

    /// Takes note that a leader was heard, now.
    pub fn note_leader(&self) {
        self.state.lock().heard = Instant::now();
    }

    /// When this node last gave its vote, to itself or another, or started.
    pub fn voted(&self) -> Instant {
        self.state.lock().voted
    }

    /// Takes note that this node gives its vote, now.
    pub fn note_vote(&self) {
        self.state.lock().voted = Instant::now();
    }

    /// Whether this node, as a leader, must keep silent: no quorum has acknowledged it, nor answers its probes.
    pub fn is_out_of_touch(&self) -> bool {
        self.state.lock().out_of_touch
    }

    fn raise_floor(&self, by: Acknowledged) {
        let mut state = self.state.lock();
        state.floor.log = state.floor.log.max(by.log);
        state.floor.vote = state.floor.vote.max(by.vote);
    }
}

/// Keeps connections to the members, and what is known of reach and clocks, up to date. Never returns.
pub async fn watch(gate: Arc<Gate>, fence: Arc<Fence>, engine: Engine, peers: Arc<Peers>, id: u64, config: Config) {
    let reach = config.reach();
    let mut known: Option<Option<LogId>> = None;
    loop {
        let membership = engine.metrics().borrow().membership_config.clone();
        let at = membership.log_id().as_ref().map(crate::types::stored_log_id);
        if known != Some(at) && membership.nodes().next().is_some() {
            known = Some(at);
            let nodes: BTreeMap<u64, NodeInfo> = membership.nodes().map(|(id, info)| (*id, info.clone())).collect();
            peers.keep(&nodes);
        }
        let seen = peers.seen_within(reach);
        compare_clocks(&fence, &membership, &seen, id);
        let alone = !is_quorum(&membership, &seen.into_keys().chain([id]).collect());
        let ack_age_ms = engine.metrics().borrow().millis_since_quorum_ack;
        let unheard = ack_age_ms.is_none_or(|age_ms| Duration::from_millis(age_ms) > reach);
        {
            let mut state = gate.state.lock();
            state.alone = alone;
            state.out_of_touch = alone && unheard;
        }
        sleep(Duration::from_millis(limits::STANDING_CHECK_MS)).await;
    }
}

fn compare_clocks(fence: &Fence, membership: &StoredMembership<u64, NodeInfo>, seen: &BTreeMap<u64, Seen>, id: u64) {
    let voters: BTreeSet<u64> = membership.voter_ids().collect();
    let others = seen.iter().filter(|(peer, _)| **peer != id && voters.contains(peer));
    let own = voters.contains(&id).then(|| fence.wall_ms());
    let clocks_ms = others.map(|(_, seen)| seen.wall_now_ms()).chain(own).collect();
    fence.compare(clocks_ms, voters.len());
}

/// Whether these nodes are a majority of every configuration in force.
pub fn is_quorum(membership: &StoredMembership<u64, NodeInfo>, nodes: &BTreeSet<u64>) -> bool {
    let configs = membership.membership().get_joint_config();
    configs
        .iter()
        .all(|voters| voters.intersection(nodes).count() * 2 > voters.len())
}

/// Asks the other voters what this node had acknowledged to them, then lets it vote.
pub async fn ask(gate: Arc<Gate>, engine: Engine, peers: Arc<Peers>, id: u64) {
    if !gate.state.lock().asking {
        return;
    }
    let grace_over = Instant::now() + Duration::from_millis(limits::ASK_GRACE_MS);
    let mut answered = BTreeSet::from([id]);
    loop {
        let membership = engine.metrics().borrow().membership_config.clone();
        let voters: BTreeSet<u64> = membership.voter_ids().collect();
        for peer in voters.difference(&answered.clone()) {
            let patience = Duration::from_millis(limits::ASK_PATIENCE_MS);
            let answer = peers.call(*peer, &Request::Acknowledged, &mut [], patience).await;
            if let Ok((Response::Acknowledged { log, vote }, _)) = answer {
                gate.raise_floor(Acknowledged { log, vote });
                answered.insert(*peer);
            }
        }
        // The engine publishes its membership a moment after its start.
        let all = !voters.is_empty() && voters.is_subset(&answered);
        if all || (!voters.is_empty() && Instant::now() >= grace_over && is_quorum(&membership, &answered)) {
            break;
        }
        sleep(Duration::from_millis(limits::ASK_PAUSE_MS)).await;
    }
    gate.state.lock().asking = false;
    if let Standing::Behind { until } = gate.standing() {
        tracing::warn!(
            until,
            "this node's log ends below what it had acknowledged; it will not vote before it has that again"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use bytes::Bytes;
    use quorate_storage::{DurableLog, LogOptions};

    use super::*;

    fn at(term: u64, index: u64) -> LogId {
        LogId { term, node: 1, index }
    }

    fn append(log: &DurableLog, id: LogId) {
        let (sender, done) = mpsc::channel();
        let entry = (id, Bytes::from_static(&[0]));
        log.append(vec![entry], Box::new(move |result| sender.send(result).unwrap()));
        done.recv().unwrap().unwrap();
    }

    #[test]
    fn a_node_that_lost_what_it_had_acknowledged_votes_only_once_it_has_it_again() {
        let dir = tempfile::tempdir().unwrap();
        let log = DurableLog::open(dir.path(), LogOptions::default()).unwrap();
        append(&log, at(1, 0));
        let gate = Gate::new(Arc::new(log.clone()));
        assert_eq!(gate.standing(), Standing::Asking);
        let any_leader = Vote {
            term: 9,
            node: 1,
            committed: true,
        };
        assert!(!gate.may_vote() && !gate.may_follow(any_leader));

        gate.raise_floor(Acknowledged {
            log: Some(at(1, 2)),
            vote: None,
        });
        gate.state.lock().asking = false;
        assert_eq!(gate.standing(), Standing::Behind { until: 2 });
        assert!(!gate.may_vote());
        append(&log, at(1, 1));
        assert!(!gate.may_vote());
        // Another entry than the one lost, but of a later leader: that one was never committed.
        append(&log, at(2, 2));
        assert_eq!(gate.standing(), Standing::Full);
        assert!(gate.may_vote());
    }

    #[test]
    fn a_forgotten_vote_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let log = DurableLog::open(dir.path(), LogOptions::default()).unwrap();
        let gate = Gate::new(Arc::new(log.clone()));
        let vote = |term, node| Vote {
            term,
            node,
            committed: false,
        };
        gate.raise_floor(Acknowledged {
            log: None,
            vote: Some(vote(5, 2)),
        });
        assert!(!gate.may_vote());
        assert!(!gate.may_follow(vote(5, 1)) && !gate.may_follow(vote(4, 3)));
        assert!(
            gate.may_follow(Vote {
                committed: true,
                ..vote(5, 2)
            }) && gate.may_follow(vote(6, 1))
        );
        log.save_vote(vote(5, 2)).unwrap();
        assert!(gate.may_vote());
    }

    #[test]
    fn a_quorum_is_a_majority_of_every_configuration() {
        let nodes: BTreeMap<u64, NodeInfo> = (1..=5).map(|id| (id, NodeInfo::default())).collect();
        let configs = vec![BTreeSet::from([1, 2, 3]), BTreeSet::from([3, 4, 5])];
        let joint = StoredMembership::new(None, openraft::Membership::new(configs, nodes));
        assert!(is_quorum(&joint, &BTreeSet::from([1, 3, 4])));
        assert!(!is_quorum(&joint, &BTreeSet::from([1, 2, 4])));
    }
}
