//! Logins signed beforehand, so that firing one costs two system calls and a lookup.
//!
//! Each is a passcode-only Access-Request with a code that is right and was never used: of each user the code of this
//! timestep, then of the next. Both are valid for 30 seconds more, so a magazine has to be fired within that time.

use cluster_tests::{
    Person,
    wire::{Request, Secret},
};

/// Signed requests; the Identifier of number `n` is `n % 256`.
#[derive(Default)]
pub struct Magazine {
    pub requests: Vec<Request>,
}

impl Magazine {
    /// At most `wanted` logins of `people`; fewer when their codes run out.
    pub fn fill(people: &mut [Person], secret: &Secret, wanted: usize) -> Self {
        let mut requests = Vec::with_capacity(wanted.min(people.len() * 2));
        for _ in 0..2 {
            for person in &mut *people {
                if requests.len() >= wanted {
                    return Self { requests };
                }
                if let Some((_, code)) = person.fresh_code() {
                    let identifier = (requests.len() % 256) as u8;
                    requests.push(Request::numbered(secret, identifier, &person.name, code.as_bytes()));
                }
            }
        }
        Self { requests }
    }
}
