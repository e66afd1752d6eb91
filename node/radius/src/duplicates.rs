//! Retransmissions (RFC 5080 §2.2.2): a NAS that hears nothing sends the same packet again.
//!
//! While the first is being judged, its copies are dropped: one answer will come. After it was
//! answered, a copy gets the same octets without judging anything twice.
//!
//! The key is the caller's: the sender's address and port together with a digest of the whole
//! packet ([`crate::Packet::bytes`]). RFC 5080 compares Identifier and Authenticator only;
//! comparing the whole packet is stricter, so a NAS with a poor random generator, which repeats an
//! authenticator for another password, cannot be handed the former login's answer.
//!
//! Caveats:
//! - An answer kept here is as old as the moment it was given. Whoever must not repeat an answer
//!   that may have become void (an Access-Accept after a disable) calls [`DuplicateCache::forget`]
//!   instead of [`DuplicateCache::remember`]; the replicated fingerprint then decides.
//! - Bounded by count: the oldest entry leaves first, in flight or not.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    /// Not seen before: judge it, then `remember` or `forget`.
    New,
    /// Being judged: drop this copy, the first one will be answered.
    InFlight,
    /// Answered: send these octets again.
    Answered(Arc<[u8]>),
}

/// Requests of the last seconds and what became of them. Time is passed in and must not run back.
#[derive(Debug)]
pub struct DuplicateCache<K> {
    entries: HashMap<K, Entry>,
    /// Keys with the serial of their entry, oldest first. A forgotten entry leaves its key here
    /// until its time comes; the serial tells it from a newer entry under the same key.
    order: VecDeque<(K, u64)>,
    next_serial: u64,
    capacity: usize,
    lifetime: Duration,
}

#[derive(Debug)]
struct Entry {
    serial: u64,
    admitted: Instant,
    answer: Option<Arc<[u8]>>,
}

impl<K: Clone + Eq + Hash> DuplicateCache<K> {
    /// A cache of at most `capacity` requests, each kept `lifetime` from its admission. See
    /// [`crate::limits::DUPLICATES_MAX`] and [`crate::limits::DUPLICATE_LIFETIME`].
    pub fn new(capacity: usize, lifetime: Duration) -> Self {
        Self {
            entries: HashMap::new(),
            order: VecDeque::new(),
            next_serial: 0,
            capacity: capacity.max(1),
            lifetime,
        }
    }

    /// Looks a request up, and takes it in if it is new.
    pub fn admit(&mut self, key: K, now: Instant) -> Admission {
        self.expire(now);
        match self.entries.get(&key) {
            Some(Entry {
                answer: Some(answer), ..
            }) => Admission::Answered(Arc::clone(answer)),
            Some(Entry { answer: None, .. }) => Admission::InFlight,
            None => {
                self.insert(key, now);
                Admission::New
            }
        }
    }

    /// Keeps the answer for copies yet to come. Does nothing if the entry has left meanwhile.
    pub fn remember(&mut self, key: &K, answer: Arc<[u8]>) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.answer = Some(answer);
        }
    }

    /// Lets go of a request that was not answered, or whose answer must not be repeated from here:
    /// the next copy is new.
    pub fn forget(&mut self, key: &K) {
        self.entries.remove(key);
    }

    /// How many requests are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn insert(&mut self, key: K, now: Instant) {
        while self.order.len() >= self.capacity {
            self.drop_oldest();
        }
        let serial = self.next_serial;
        self.next_serial += 1;
        self.order.push_back((key.clone(), serial));
        self.entries.insert(
            key,
            Entry {
                serial,
                admitted: now,
                answer: None,
            },
        );
    }

    /// Entries are in order of admission and all live equally long, so the old ones are in front.
    fn expire(&mut self, now: Instant) {
        while let Some((key, serial)) = self.order.front() {
            let expired = match self.entries.get(key).filter(|entry| entry.serial == *serial) {
                Some(entry) => now.saturating_duration_since(entry.admitted) >= self.lifetime,
                None => true,
            };
            if !expired {
                return;
            }
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((key, serial)) = self.order.pop_front() else {
            return;
        };
        if self.entries.get(&key).is_some_and(|entry| entry.serial == serial) {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(30);

    fn answer() -> Arc<[u8]> {
        Arc::from(&b"reply"[..])
    }

    #[test]
    fn a_copy_is_dropped_while_in_flight_and_answered_alike_afterwards() {
        let mut cache = DuplicateCache::new(8, LIFETIME);
        let now = Instant::now();
        assert_eq!(cache.admit("a", now), Admission::New);
        assert_eq!(cache.admit("a", now), Admission::InFlight);
        cache.remember(&"a", answer());
        assert_eq!(cache.admit("a", now + LIFETIME / 2), Admission::Answered(answer()));
        assert_eq!(cache.admit("b", now), Admission::New);
    }

    #[test]
    fn it_ends_with_its_lifetime_whether_answered_or_not() {
        let mut cache = DuplicateCache::new(8, LIFETIME);
        let now = Instant::now();
        let _ = cache.admit("answered", now);
        let _ = cache.admit("lost", now);
        cache.remember(&"answered", answer());
        assert_eq!(cache.admit("answered", now + LIFETIME), Admission::New);
        assert_eq!(cache.admit("lost", now + LIFETIME), Admission::New);
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn what_is_forgotten_is_new_and_its_old_place_in_line_harms_nobody() {
        let mut cache = DuplicateCache::new(8, LIFETIME);
        let now = Instant::now();
        let _ = cache.admit("a", now);
        cache.forget(&"a");
        assert_eq!(cache.admit("a", now + LIFETIME / 2), Admission::New);
        assert_eq!(
            cache.admit("a", now + LIFETIME),
            Admission::InFlight,
            "the second one lives on"
        );
    }

    #[test]
    fn a_flood_pushes_out_the_oldest_and_memory_stays_bounded() {
        let mut cache = DuplicateCache::new(4, LIFETIME);
        let now = Instant::now();
        for key in 0..1_000 {
            assert_eq!(cache.admit(key, now), Admission::New);
            if key % 3 == 0 {
                cache.forget(&key);
            }
            assert!(cache.len() <= 4 && cache.order.len() <= 4);
        }
        assert_eq!(cache.admit(998, now), Admission::InFlight);
        assert_eq!(cache.admit(1, now), Admission::New);
        cache.remember(&2, answer());
        assert!(cache.len() <= 4, "an answer that comes too late is not taken in");
    }
}
