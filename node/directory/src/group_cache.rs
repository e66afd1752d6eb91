//! The groups of people, remembered for a while: walking a tree of groups costs a round trip for each of its levels.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{dn, limits::GROUP_CACHE_PEOPLE_MAX, person::Group};

/// Groups, and whether there are more.
#[derive(Clone)]
pub(crate) struct Groups {
    pub(crate) all: Arc<[Group]>,
    pub(crate) are_cut: bool,
}

pub(crate) struct GroupCache {
    age: Duration,
    known: Mutex<HashMap<String, (Instant, Groups)>>,
}

impl GroupCache {
    /// With an age of zero nothing is remembered.
    pub(crate) fn new(age: Duration) -> Self {
        let known = Mutex::default();
        Self { age, known }
    }

    pub(crate) fn find(&self, person: &str, now: Instant) -> Option<Groups> {
        let known = self.known.lock();
        let (at, groups) = known.get(&dn::key(person))?;
        (now.saturating_duration_since(*at) < self.age).then(|| groups.clone())
    }

    pub(crate) fn remember(&self, person: &str, groups: Groups, now: Instant) {
        if self.age.is_zero() {
            return;
        }
        let mut known = self.known.lock();
        if known.len() >= GROUP_CACHE_PEOPLE_MAX {
            known.retain(|_, (at, _)| now.saturating_duration_since(*at) < self.age);
        }
        if known.len() >= GROUP_CACHE_PEOPLE_MAX {
            // All of them are young. Rather a few more walks than a search for the oldest at every login.
            known.clear();
        }
        known.insert(dn::key(person), (now, groups));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_forgotten_in_time_and_never_too_many() {
        let (cache, begun) = (GroupCache::new(Duration::from_secs(60)), Instant::now());
        let groups = || Groups {
            all: Arc::new([]),
            are_cut: false,
        };
        cache.remember("uid=Alice", groups(), begun);
        assert!(cache.find("uid=alice", begun + Duration::from_secs(59)).is_some());
        assert!(cache.find("uid=alice", begun + Duration::from_secs(60)).is_none());
        for number in 0..3 * GROUP_CACHE_PEOPLE_MAX {
            cache.remember(&number.to_string(), groups(), begun);
            assert!(cache.known.lock().len() <= GROUP_CACHE_PEOPLE_MAX);
        }
    }

    #[test]
    fn without_an_age_nothing_is_remembered() {
        let (cache, now) = (GroupCache::new(Duration::ZERO), Instant::now());
        cache.remember(
            "uid=alice",
            Groups {
                all: Arc::new([]),
                are_cut: false,
            },
            now,
        );
        assert!(cache.find("uid=alice", now).is_none());
    }
}
