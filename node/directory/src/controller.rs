//! One controller of a directory: whether it is well, since when not and why, and the connections to it that nobody uses at the moment.
//!
//! A controller that failed is left alone for a while, twice as long after each failure. When the while is over one operation may find out,
//! and all others go on passing it by until that one knows.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    connection::Connection,
    failure::Failure,
    limits::{BACKOFF_ALONE_MAX, BACKOFF_CREDENTIALS, BACKOFF_FIRST, BACKOFF_MAX, IDLE_CONNECTIONS_MAX},
    settings::Controller,
    transport::Resolver,
};

pub(crate) struct Station {
    pub(crate) at: Controller,
    pub(crate) resolver: Arc<Resolver>,
    standing: Mutex<Standing>,
    /// By their use.
    idle: Mutex<[Vec<Connection>; 2]>,
}

/// What a connection is kept for. None changes its use: on the one the service account is logged in, on the other whoever's password was
/// judged last, and nothing is asked on it but the next bind, by which it is nobody's again (RFC 4511 §4.2.1).
#[derive(Clone, Copy)]
pub(crate) enum Use {
    Service,
    Judging,
}

#[derive(Default)]
struct Standing {
    was_tried: bool,
    down: Option<Down>,
}

struct Down {
    reason: Failure,
    since: Instant,
    last: Instant,
    failures: u32,
    /// Somebody is finding out whether it is well again.
    asked: bool,
}

/// Whether a controller is well.
#[derive(Debug, Clone)]
pub enum Health {
    /// Nobody has asked it yet.
    Untried,
    /// It answered when it was asked last.
    Up,
    /// It failed.
    Down {
        /// Why, the last time.
        reason: Failure,
        /// How long ago it began.
        since: Duration,
        /// Failures since then.
        failures: u32,
        /// When it is tried again at the latest, if somebody wants something.
        again_in: Duration,
    },
}

/// One controller, as operators see it.
#[derive(Debug, Clone)]
pub struct ControllerStatus {
    /// Where it is.
    pub controller: Controller,
    /// Whether it answered the last operation that was answered.
    pub is_active: bool,
    /// Whether it is well.
    pub health: Health,
    /// Connections that are kept.
    pub idle_connections: usize,
}

/// The right to try a controller. Given back when it is dropped.
pub(crate) struct Turn<'a> {
    station: &'a Station,
    finds_out: bool,
}

impl Station {
    pub(crate) fn new(at: Controller) -> Self {
        let resolver = Arc::new(Resolver::new(&at.host, at.port));
        Self {
            at,
            resolver,
            standing: Mutex::default(),
            idle: Mutex::default(),
        }
    }

    /// Whether it may be tried now. `alone`: no controller is known to be well.
    pub(crate) fn turn(&self, now: Instant, alone: bool) -> Option<Turn<'_>> {
        let mut standing = self.standing.lock();
        let finds_out = match &mut standing.down {
            None => false,
            Some(down) if down.asked || now < down.again(alone) => return None,
            Some(down) => {
                down.asked = true;
                true
            }
        };
        Some(Turn {
            station: self,
            finds_out,
        })
    }

    /// Whether nothing is known against it.
    pub(crate) fn is_well(&self) -> bool {
        self.standing.lock().down.is_none()
    }

    /// Why it was passed by.
    pub(crate) fn reason(&self) -> Option<Failure> {
        self.standing.lock().down.as_ref().map(|down| down.reason.clone())
    }

    /// It did what it was asked. True if nobody expected that.
    pub(crate) fn succeeded(&self) -> bool {
        let mut standing = self.standing.lock();
        standing.was_tried = true;
        standing.down.take().is_some()
    }

    /// It did not. True if it was well before.
    pub(crate) fn failed(&self, reason: Failure, now: Instant) -> bool {
        self.forget_idle();
        let mut standing = self.standing.lock();
        standing.was_tried = true;
        let former = standing.down.take();
        let was_well = former.is_none();
        standing.down = Some(Down {
            reason,
            since: former.as_ref().map_or(now, |former| former.since),
            last: now,
            failures: former.as_ref().map_or(0, |former| former.failures).saturating_add(1),
            asked: false,
        });
        was_well
    }

    pub(crate) fn status(&self, is_active: bool, alone: bool, now: Instant) -> ControllerStatus {
        let standing = self.standing.lock();
        let health = match &standing.down {
            None if standing.was_tried => Health::Up,
            None => Health::Untried,
            Some(down) => Health::Down {
                reason: down.reason.clone(),
                since: now.saturating_duration_since(down.since),
                failures: down.failures,
                again_in: down.again(alone).saturating_duration_since(now),
            },
        };
        ControllerStatus {
            controller: self.at.clone(),
            is_active,
            health,
            idle_connections: self.idle.lock().iter().map(Vec::len).sum(),
        }
    }

    /// The connection that was used last, if there is one that can be used.
    pub(crate) fn idle(self: &Arc<Self>, wanted: Use, now: Instant) -> Option<Lease> {
        let mut idle = self.idle.lock();
        while let Some(mut connection) = idle[wanted as usize].pop() {
            if connection.is_fresh(now) && connection.is_fit() {
                return Some(self.lease(connection, wanted));
            }
        }
        None
    }

    pub(crate) fn lease(self: &Arc<Self>, connection: Connection, used: Use) -> Lease {
        Lease {
            connection: Some(connection),
            used,
            station: Arc::clone(self),
        }
    }

    pub(crate) fn forget_idle(&self) {
        let forgotten = std::mem::take(&mut *self.idle.lock());
        drop(forgotten);
    }

    fn keep(&self, mut connection: Connection, used: Use) {
        if !connection.is_fit() {
            return;
        }
        let now = Instant::now();
        let idle = &mut self.idle.lock()[used as usize];
        // The longest unused lie at the beginning; a burst's go when it is over.
        idle.retain(|kept| kept.is_fresh(now));
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push(connection);
        }
    }
}

impl Down {
    /// When it may be tried again.
    fn again(&self, alone: bool) -> Instant {
        let doubled = BACKOFF_FIRST * 2_u32.saturating_pow(self.failures.saturating_sub(1).min(16));
        let most = if alone { BACKOFF_ALONE_MAX } else { BACKOFF_MAX };
        let pause = match self.reason {
            Failure::ServiceAccount { .. } => doubled.max(BACKOFF_CREDENTIALS),
            _ => doubled.min(most),
        };
        self.last + pause
    }
}

/// Who gave up half way has found out nothing.
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.finds_out
            && let Some(down) = &mut self.station.standing.lock().down
        {
            down.asked = false;
        }
    }
}

/// A connection in use; kept for the next one when this is dropped, if nothing is wrong with it.
pub(crate) struct Lease {
    connection: Option<Connection>,
    used: Use,
    station: Arc<Station>,
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("invariant: there until it is dropped")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("invariant: there until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.station.keep(connection, self.used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Security;

    fn station() -> Station {
        let host = "127.0.0.1".to_owned();
        let security = Security::Plain;
        Station::new(Controller {
            host,
            port: 389,
            security,
        })
    }

    fn dead() -> Failure {
        Failure::Closed("dead".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn who_fails_is_left_alone_twice_as_long_each_time() {
        let (station, begun) = (station(), Instant::now());
        assert!(station.failed(dead(), begun));
        assert!(station.turn(begun, false).is_none());
        let mut now = begun;
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            let due = now + Duration::from_secs(pause);
            assert!(station.turn(due - Duration::from_millis(1), false).is_none(), "{pause}");
            assert!(station.turn(due, false).is_some(), "{pause}");
            assert!(!station.failed(dead(), due));
            now = due;
        }
        assert!(
            station.turn(now + BACKOFF_ALONE_MAX, true).is_some(),
            "nobody else is well"
        );
        assert!(station.succeeded());
        assert!(station.turn(now, false).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn one_finds_out_and_all_others_pass_by() {
        let (station, begun) = (station(), Instant::now());
        station.failed(dead(), begun);
        let due = begun + BACKOFF_FIRST;
        let turn = station.turn(due, false);
        assert!(turn.is_some() && station.turn(due, false).is_none());
        drop(turn);
        assert!(station.turn(due, false).is_some(), "the first gave up");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_password_is_not_tried_again_soon() {
        let (station, begun) = (station(), Instant::now());
        let answer = crate::failure::Diagnostic::new(49, "");
        let account = "cn=quorate".to_owned();
        station.failed(Failure::ServiceAccount { account, answer }, begun);
        assert!(station.turn(begun + BACKOFF_MAX, true).is_none());
        assert!(station.turn(begun + BACKOFF_CREDENTIALS, true).is_some());
    }
}
