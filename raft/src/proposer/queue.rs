//! Commands that wait to be proposed, and who waits for their outcome.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::batch::COMMAND_FRAME_BYTES;
use crate::errors::ProposeError;
use crate::limits;

/// Index and outcomes of a group's commands.
pub type GroupResult = Result<(u64, Vec<Bytes>), ProposeError>;

/// Commands that came together and are answered together: one of ours, or another node's batch.
pub struct Group {
    pub commands: Vec<Bytes>,
    pub deadline: Instant,
    /// Another node's: it keeps its own queue, and can be told to ask elsewhere.
    pub foreign: bool,
    ticket: Ticket,
    reply: oneshot::Sender<GroupResult>,
}

impl Group {
    /// A group, the ticket to withdraw it by, and where its outcome will arrive.
    pub fn new(
        commands: Vec<Bytes>,
        deadline: Instant,
        foreign: bool,
    ) -> (Self, Ticket, oneshot::Receiver<GroupResult>) {
        let (reply, outcome) = oneshot::channel();
        let ticket = Ticket::default();
        (
            Self {
                commands,
                deadline,
                foreign,
                ticket: ticket.clone(),
                reply,
            },
            ticket,
            outcome,
        )
    }

    pub fn answer(self, result: GroupResult) {
        // Nobody waits any more when the deadline has passed.
        let _ = self.reply.send(result);
    }

    fn bytes(&self) -> usize {
        self.commands
            .iter()
            .map(|command| command.len() + COMMAND_FRAME_BYTES)
            .sum()
    }
}

/// Decides, without a lock and exactly once, whether a group was sent or withdrawn: the
/// difference between "unknown" and "certainly not proposed".
#[derive(Clone, Default)]
pub struct Ticket(Arc<AtomicU8>);

const WAITING: u8 = 0;
const SENT: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Ticket {
    /// Withdraws a waiting group. False when it was sent already.
    pub fn withdraw(&self) -> bool {
        self.change(WAITING, WITHDRAWN)
    }

    fn claim(&self) -> bool {
        self.change(WAITING, SENT)
    }

    fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire) == WITHDRAWN
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.0
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

#[derive(Default)]
struct Waiting {
    groups: VecDeque<Group>,
    commands: usize,
    bytes: usize,
}

impl Waiting {
    fn has_room_for(&self, group: &Group) -> bool {
        self.commands + group.commands.len() <= limits::MAX_QUEUED_COMMANDS
            && self.bytes + group.bytes() <= limits::MAX_QUEUED_BYTES
    }

    fn count(&mut self, group: &Group) {
        self.commands += group.commands.len();
        self.bytes += group.bytes();
    }

    fn pop(&mut self) -> Option<Group> {
        let group = self.groups.pop_front()?;
        self.commands -= group.commands.len();
        self.bytes -= group.bytes();
        Some(group)
    }

    /// Keeps only some groups, and counts anew.
    fn refill(&mut self, groups: VecDeque<Group>) {
        *self = Self::default();
        groups.iter().for_each(|group| self.count(group));
        self.groups = groups;
    }
}

/// The bounded queue of groups.
#[derive(Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

impl Queue {
    /// Adds a group at the end.
    ///
    /// # Errors
    /// Gives the group back when the queue is full.
    pub fn push(&self, group: Group) -> Result<(), Group> {
        let mut waiting = self.waiting.lock();
        if !waiting.has_room_for(&group) {
            let groups = std::mem::take(&mut waiting.groups);
            waiting.refill(
                groups
                    .into_iter()
                    .filter(|group| !group.ticket.is_withdrawn())
                    .collect(),
            );
            if !waiting.has_room_for(&group) {
                return Err(group);
            }
        }
        waiting.count(&group);
        waiting.groups.push_back(group);
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// Puts groups back in front that were taken and certainly not proposed.
    pub fn put_back(&self, groups: Vec<Group>) {
        let mut waiting = self.waiting.lock();
        for group in groups.into_iter().rev() {
            group.ticket.change(SENT, WAITING);
            waiting.count(&group);
            waiting.groups.push_front(group);
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Waits until something is waiting, then takes as much of it as one entry may hold.
    pub async fn take(&self) -> Vec<Group> {
        loop {
            let arrived = self.arrived.notified();
            let batch = self.take_waiting();
            if !batch.is_empty() {
                return batch;
            }
            arrived.await;
        }
    }

    fn take_waiting(&self) -> Vec<Group> {
        let mut waiting = self.waiting.lock();
        let now = Instant::now();
        let mut batch = Vec::new();
        let (mut bytes, mut commands) = (0, 0);
        while let Some(group) = waiting.groups.front() {
            let fits = bytes + group.bytes() <= limits::MAX_BATCH_BYTES
                && commands + group.commands.len() <= limits::MAX_BATCH_COMMANDS;
            if !batch.is_empty() && !fits {
                // Another permit may be free to take the rest.
                self.arrived.notify_one();
                break;
            }
            let group = waiting.pop().expect("invariant: there is a front");
            if group.deadline <= now {
                group.answer(Err(ProposeError::NoLeader));
            } else if group.ticket.claim() {
                bytes += group.bytes();
                commands += group.commands.len();
                batch.push(group);
            }
        }
        batch
    }

    /// Sends other nodes' groups that still wait back to where they came from.
    pub fn return_foreign(&self) {
        let mut waiting = self.waiting.lock();
        let groups = std::mem::take(&mut waiting.groups);
        let (foreign, own): (VecDeque<_>, VecDeque<_>) = groups.into_iter().partition(|group| group.foreign);
        waiting.refill(own);
        drop(waiting);
        for group in foreign {
            group.answer(Err(ProposeError::NoLeader));
        }
    }

    /// Commands waiting.
    pub fn len(&self) -> usize {
        self.waiting.lock().commands
    }

    /// Answers everything that waits; for the end.
    pub fn fail_all(&self, error: ProposeError) {
        let groups = std::mem::take(&mut *self.waiting.lock()).groups;
        for group in groups {
            group.answer(Err(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn group(bytes: usize) -> (Group, Ticket, oneshot::Receiver<GroupResult>) {
        Group::new(
            vec![Bytes::from(vec![0; bytes])],
            Instant::now() + Duration::from_secs(10),
            false,
        )
    }

    #[tokio::test]
    async fn a_batch_never_exceeds_an_entry_and_keeps_the_order() {
        let queue = Queue::default();
        let mut outcomes = Vec::new();
        for _ in 0..10 {
            let (group, _, outcome) = group(limits::MAX_BATCH_BYTES / 4);
            assert!(queue.push(group).is_ok());
            outcomes.push(outcome);
        }
        let mut taken = 0;
        while taken < 10 {
            let batch = queue.take().await;
            assert!(batch.iter().map(Group::bytes).sum::<usize>() <= limits::MAX_BATCH_BYTES);
            taken += batch.len();
        }
        assert_eq!(queue.len(), 0);
    }

    #[tokio::test]
    async fn what_was_withdrawn_is_never_sent_and_what_was_sent_never_withdrawn() {
        let queue = Queue::default();
        let (first, first_ticket, _first) = group(10);
        let (second, second_ticket, _second) = group(10);
        assert!(queue.push(first).is_ok() && queue.push(second).is_ok());
        assert!(first_ticket.withdraw());
        let batch = queue.take().await;
        assert_eq!(batch.len(), 1);
        assert!(!second_ticket.withdraw());
        queue.put_back(batch);
        assert!(second_ticket.withdraw());
    }

    #[test]
    fn a_full_queue_gives_the_group_back_unless_some_were_withdrawn() {
        let queue = Queue::default();
        let mut tickets = Vec::new();
        for _ in 0..limits::MAX_QUEUED_COMMANDS {
            let (group, ticket, _) = group(1);
            assert!(queue.push(group).is_ok());
            tickets.push(ticket);
        }
        assert!(queue.push(group(1).0).is_err());
        assert!(tickets[0].withdraw());
        assert!(queue.push(group(1).0).is_ok());
    }
}
