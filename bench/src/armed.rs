//! A cluster, its people, and their logins signed beforehand.

use std::time::Duration;

use anyhow::Result;
use cluster_tests::{Cluster, Person, cluster::SECRET, wire::Secret};

use crate::{
    generator::{self, Outcome, Pace},
    magazine::Magazine,
};

/// Signed at once, as a multiple of what the next measurement may need: what it leaves is for those after it.
const AHEAD: usize = 3;

pub struct Armed {
    pub cluster: Cluster,
    pub people: Vec<Person>,
    magazine: Magazine,
    secret: Secret,
}

impl Armed {
    pub fn new(cluster: Cluster, people: Vec<Person>) -> Self {
        Self {
            cluster,
            people,
            magazine: Magazine::default(),
            secret: Secret::new(SECRET),
        }
    }

    /// Has logins ready for `per_second` during `lasts`: what is left of former ones, or newly signed ones.
    pub fn load(&mut self, per_second: f64, lasts: Duration) {
        let wanted = (per_second * lasts.as_secs_f64()) as usize;
        if self.magazine.requests.len() < wanted || !self.magazine.keeps_for(lasts) {
            self.wait_for_codes(wanted);
            self.magazine = Magazine::fill(&mut self.people, &self.secret, wanted * AHEAD);
        }
    }

    pub fn fire(&mut self, pace: Pace, lasts: Duration) -> Result<Outcome> {
        let (source, servers) = (self.cluster.sources.passcode, self.cluster.servers());
        let outcome = generator::fire(&self.magazine, &self.secret, source, &servers, pace, lasts)?;
        self.magazine.spend(outcome.sent);
        Ok(outcome)
    }

    /// Waits until people have `wanted` fresh codes between them, but at most for one each: half a minute.
    pub fn wait_for_codes(&self, wanted: usize) {
        let wanted = wanted.min(self.people.len());
        while self.people.iter().map(Person::fresh_codes).sum::<usize>() < wanted {
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}
