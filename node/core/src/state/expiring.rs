//! A table whose rows have a time to die, and a queue of them in that order.
//!
//! A row is there until it is pruned, not until its time: pruning happens at the same command on every node, so
//! that the answer is the same everywhere, and remembering a little longer is always safe.

use imbl::{OrdMap, OrdSet};

/// A value and the time from which it may be forgotten, in ms since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mortal<V> {
    pub value: V,
    pub expires_ms: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Expiring<K: Ord, V> {
    rows: OrdMap<K, Mortal<V>>,
    queue: OrdSet<(u64, K)>,
}

impl<K: Ord + Copy, V: Clone> Default for Expiring<K, V> {
    fn default() -> Self {
        Expiring {
            rows: OrdMap::new(),
            queue: OrdSet::new(),
        }
    }
}

impl<K: Ord + Copy, V: Clone> Expiring<K, V> {
    pub fn find(&self, key: &K) -> Option<&V> {
        self.rows.get(key).map(|row| &row.value)
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn insert(&mut self, key: K, row: Mortal<V>) {
        let expires_ms = row.expires_ms;
        if let Some(former) = self.rows.insert(key, row) {
            self.queue.remove(&(former.expires_ms, key));
        }
        self.queue.insert((expires_ms, key));
    }

    pub fn remove(&mut self, key: &K) {
        if let Some(former) = self.rows.remove(key) {
            self.queue.remove(&(former.expires_ms, *key));
        }
    }

    /// Forgets up to `limit` rows whose time has come.
    pub fn prune(&mut self, now_ms: u64, limit: usize) {
        for _ in 0..limit {
            match self.queue.get_min() {
                Some(&(expires_ms, key)) if expires_ms <= now_ms => self.remove(&key),
                _ => return,
            }
        }
    }

    pub fn rows(&self) -> &OrdMap<K, Mortal<V>> {
        &self.rows
    }
}
