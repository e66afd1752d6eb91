//! Logins signed beforehand, so that firing one costs two system calls and a lookup.
//!
//! Each is a passcode-only Access-Request with a code that is right and was never used: of each user the code of this
//! timestep, then of the next. Both are valid for 30 seconds more, so a magazine has to be fired within that time.

use std::time::{Duration, Instant};

use cluster_tests::{
    Person,
    wire::{Request, Secret},
};

/// A code is valid for 30 seconds after its magazine was filled; the last reply may come late.
const SHELF_LIFE: Duration = Duration::from_secs(25);

/// Signed requests; the Identifier of number `n` is `n % 256`.
pub struct Magazine {
    pub requests: Vec<Request>,
    filled: Instant,
}

impl Default for Magazine {
    fn default() -> Self {
        Self {
            requests: Vec::new(),
            filled: Instant::now(),
        }
    }
}

impl Magazine {
    /// Requests that were signed elsewhere; the Identifier of number `n` has to be `n % 256`.
    pub fn of(requests: Vec<Request>) -> Self {
        let filled = Instant::now();
        Self { requests, filled }
    }

    /// At most `wanted` logins of `people`; fewer when their codes run out.
    pub fn fill(people: &mut [Person], secret: &Secret, wanted: usize) -> Self {
        let filled = Instant::now();
        let mut requests = Vec::with_capacity(wanted.min(people.len() * 2));
        for _ in 0..2 {
            for person in &mut *people {
                if requests.len() >= wanted {
                    return Self { requests, filled };
                }
                if let Some((_, code)) = person.fresh_code() {
                    let identifier = (requests.len() % 256) as u8;
                    requests.push(Request::numbered(secret, identifier, &person.name, code.as_bytes()));
                }
            }
        }
        Self { requests, filled }
    }

    /// Whether its codes are still valid when a measurement of `lasts` ends that begins now.
    pub fn keeps_for(&self, lasts: Duration) -> bool {
        self.filled.elapsed() + lasts < SHELF_LIFE
    }

    /// Takes away the first `sent` requests, and a few more, so that number `n` of the rest has Identifier `n % 256`.
    pub fn spend(&mut self, sent: usize) {
        let sent = sent.next_multiple_of(256).min(self.requests.len());
        self.requests.drain(..sent);
    }
}
