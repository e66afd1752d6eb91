//! Waiting for a condition, with a deadline. No test sleeps for its result.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::limits;

/// Looks until `probe` gives something, at most `limit`; the error says what was waited for.
pub fn until<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("waited {limit:?} in vain for {what}");
        }
        std::thread::sleep(limits::POLL);
    }
}

/// The same for a probe that can fail: the last failure is told when time is up.
pub fn until_ok<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<T>) -> Result<T> {
    let mut last = None;
    let found = until(what, limit, || match probe() {
        Ok(found) => Some(found),
        Err(error) => {
            last = Some(error);
            None
        }
    });
    found.map_err(|late| match last {
        Some(error) => error.context(late.to_string()),
        None => late,
    })
}
