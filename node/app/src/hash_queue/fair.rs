//! The order in which waiting passwords get a thread: a pure queue, fair by client and then by user.
//!
//! Clients take turns, and within a client its users do, so that a flood through one gateway, or at one name, slows
//! nobody else. Of one user only one item is out at a time: parallel guesses at a name gain nothing. Three bounds,
//! told apart because they are answered differently: what is full for one user or one client is that party's own
//! doing (Reject); what is full altogether is overload (silence, and the NAS asks another node).

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) per_user: usize,
    pub(crate) per_client: usize,
    pub(crate) total: usize,
}

/// Which bound refused an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    User,
    Client,
    Total,
}

/// `C` names a client, `U` a user across all clients.
pub(crate) struct FairQueue<C, U, T> {
    bounds: Bounds,
    clients: HashMap<C, ClientLane<U, T>>,
    /// Every client that has something waiting, the next one first.
    turns: VecDeque<C>,
    out: HashSet<U>,
    waiting: usize,
}

struct ClientLane<U, T> {
    users: HashMap<U, VecDeque<T>>,
    /// Every user that has something waiting, the next one first.
    turns: VecDeque<U>,
    waiting: usize,
}

impl<C: Copy + Eq + Hash, U: Copy + Eq + Hash, T> FairQueue<C, U, T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            clients: HashMap::new(),
            turns: VecDeque::new(),
            out: HashSet::new(),
            waiting: 0,
        }
    }

    pub(crate) fn push(&mut self, client: C, user: U, item: T) -> Result<(), Full> {
        self.check_bounds(client, user)?;
        let lane = self.clients.entry(client).or_insert_with(|| {
            self.turns.push_back(client);
            ClientLane::default()
        });
        lane.push(user, item);
        self.waiting += 1;
        Ok(())
    }

    /// The next item whose user has none out. The caller says [`done`](Self::done) when it is finished with it.
    pub(crate) fn pop(&mut self) -> Option<(U, T)> {
        for _ in 0..self.turns.len() {
            let client = self.turns.pop_front()?;
            let lane = self.clients.get_mut(&client)?;
            let popped = lane.pop(&self.out);
            if lane.waiting == 0 {
                self.clients.remove(&client);
            } else {
                self.turns.push_back(client);
            }
            if let Some((user, item)) = popped {
                self.out.insert(user);
                self.waiting -= 1;
                return Some((user, item));
            }
        }
        None
    }

    /// The user's next item may go.
    pub(crate) fn done(&mut self, user: U) {
        self.out.remove(&user);
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(crate) fn out(&self) -> usize {
        self.out.len()
    }

    /// The narrowest bound first: a flood is told that it is one even when it has filled everything.
    fn check_bounds(&self, client: C, user: U) -> Result<(), Full> {
        let lane = self.clients.get(&client);
        let of_user = lane.and_then(|lane| lane.users.get(&user)).map_or(0, VecDeque::len);
        let of_client = lane.map_or(0, |lane| lane.waiting);
        if of_user >= self.bounds.per_user {
            Err(Full::User)
        } else if of_client >= self.bounds.per_client {
            Err(Full::Client)
        } else if self.waiting >= self.bounds.total {
            Err(Full::Total)
        } else {
            Ok(())
        }
    }
}

impl<U: Copy + Eq + Hash, T> ClientLane<U, T> {
    fn push(&mut self, user: U, item: T) {
        self.users
            .entry(user)
            .or_insert_with(|| {
                self.turns.push_back(user);
                VecDeque::new()
            })
            .push_back(item);
        self.waiting += 1;
    }

    /// Passes over users that have an item out; there are never more of those than threads.
    fn pop(&mut self, out: &HashSet<U>) -> Option<(U, T)> {
        let at = self.turns.iter().position(|user| !out.contains(user))?;
        let user = self.turns.remove(at)?;
        let items = self.users.get_mut(&user)?;
        let item = items.pop_front()?;
        if items.is_empty() {
            self.users.remove(&user);
        } else {
            self.turns.push_back(user);
        }
        self.waiting -= 1;
        Some((user, item))
    }
}

impl<U, T> Default for ClientLane<U, T> {
    fn default() -> Self {
        Self {
            users: HashMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WIDE: Bounds = Bounds {
        per_user: 1000,
        per_client: 1000,
        total: 1000,
    };

    fn queue(bounds: Bounds) -> FairQueue<u8, u8, usize> {
        FairQueue::new(bounds)
    }

    fn drain(queue: &mut FairQueue<u8, u8, usize>) -> Vec<usize> {
        let mut order = Vec::new();
        while let Some((user, item)) = queue.pop() {
            queue.done(user);
            order.push(item);
        }
        order
    }

    #[test]
    fn clients_take_turns_and_so_do_their_users() {
        let mut queue = queue(WIDE);
        // Client 1 floods: users 1 and 2. Client 2 asks once.
        for (client, user, item) in [(1, 1, 0), (1, 1, 1), (1, 1, 2), (1, 2, 3), (2, 9, 4)] {
            queue.push(client, user, item).unwrap();
        }
        assert_eq!(drain(&mut queue), [0, 4, 3, 1, 2]);
    }

    #[test]
    fn a_user_has_one_item_out_whichever_client_it_came_through() {
        let mut queue = queue(WIDE);
        queue.push(1, 7, 0).unwrap();
        queue.push(2, 7, 1).unwrap();
        queue.push(2, 8, 2).unwrap();
        assert_eq!(queue.pop(), Some((7, 0)));
        assert_eq!(queue.pop(), Some((8, 2)), "7 has one out: 8 goes first");
        assert_eq!(queue.pop(), None);
        queue.done(7);
        assert_eq!(queue.pop(), Some((7, 1)));
    }

    #[test]
    fn the_narrowest_bound_is_the_one_reported() {
        let mut queue = queue(Bounds {
            per_user: 1,
            per_client: 2,
            total: 3,
        });
        queue.push(1, 1, 0).unwrap();
        assert_eq!(queue.push(1, 1, 1), Err(Full::User));
        queue.push(1, 2, 2).unwrap();
        assert_eq!(queue.push(1, 3, 3), Err(Full::Client));
        queue.push(2, 4, 4).unwrap();
        assert_eq!(queue.push(2, 5, 5), Err(Full::Total));
        assert_eq!(queue.push(1, 1, 6), Err(Full::User));
    }

    proptest! {
        #[test]
        fn everything_comes_out_once_and_each_user_in_order(pushes in proptest::collection::vec((0u8..4, 0u8..4), 0..200)) {
            let mut queue = queue(WIDE);
            for (item, (client, user)) in pushes.iter().enumerate() {
                queue.push(*client, *user, item).unwrap();
            }
            let order = drain(&mut queue);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..pushes.len()).collect::<Vec<_>>());
            for lane in (0..4).flat_map(|client| (0..4).map(move |user| (client, user))) {
                let of_lane: Vec<_> = order.iter().filter(|item| pushes[**item] == lane).collect();
                prop_assert!(of_lane.is_sorted());
            }
            prop_assert_eq!((queue.waiting(), queue.out()), (0, 0));
        }

        /// A newcomer waits for at most one item of every other client before its own first one.
        #[test]
        fn a_flood_delays_a_newcomer_by_one_item_per_client(flood in proptest::collection::vec((0u8..3, 0u8..8), 1..200)) {
            let mut queue = queue(WIDE);
            for (client, user) in &flood {
                queue.push(*client, *user, 0).unwrap();
            }
            queue.push(200, 200, 1).unwrap();
            let position = drain(&mut queue).iter().position(|item| *item == 1).unwrap();
            prop_assert!(position <= 3);
        }
    }
}
