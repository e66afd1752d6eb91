//! One operation, tried at one controller after the other until one does it, all within one deadline.
//!
//! Each controller that may still be tried gets an equal share of the time that is left, so the first cannot use up all of it. What no
//! other controller would do better ends the operation. A kept connection that turns out to be dead is no reason to blame the
//! controller: the same is tried once more over a fresh one.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::{
    bulkhead::Bulkhead,
    connection::{Answer, Connection},
    controller::{ControllerStatus, Lease, Station, Use},
    directory::Unavailable,
    failure::{Failure, Operation},
    limits::SHARE_MIN,
    settings::{Controller, ServiceAccount, Timeouts},
    transport::{self, Resolver, Tls},
};

/// What an operation does at one controller.
pub(crate) type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// The controllers of a directory, and what is needed to ask them.
pub(crate) struct Stations {
    name: String,
    all: Vec<Arc<Station>>,
    shared: Arc<Shared>,
    bulkhead: Bulkhead,
    /// Which answered last; beyond the end if none did.
    active: AtomicUsize,
}

struct Shared {
    tls: Tls,
    account: ServiceAccount,
    timeouts: Timeouts,
}

/// One try at one controller, until some time.
#[derive(Clone)]
pub(crate) struct Attempt {
    station: Arc<Station>,
    shared: Arc<Shared>,
    until: Instant,
    /// A kept connection was used.
    reused: Arc<AtomicBool>,
}

impl Stations {
    pub(crate) fn new(
        name: String,
        controllers: Vec<Controller>,
        tls: Tls,
        account: ServiceAccount,
        timeouts: Timeouts,
        width: usize,
    ) -> Self {
        Self {
            name,
            all: controllers.into_iter().map(Station::new).map(Arc::new).collect(),
            shared: Arc::new(Shared { tls, account, timeouts }),
            bulkhead: Bulkhead::new(width),
            active: AtomicUsize::new(usize::MAX),
        }
    }

    /// Does `work` at the first controller that can, within the bulkhead.
    pub(crate) async fn run<'a, T>(
        &self,
        deadline: Instant,
        work: impl Fn(Attempt) -> Work<'a, T>,
    ) -> Result<T, Unavailable> {
        let _place = self.bulkhead.enter(deadline).await?;
        let mut failures = Vec::new();
        for (index, station) in self.all.iter().enumerate() {
            let now = Instant::now();
            let Some(_turn) = station.turn(now, self.is_alone()) else {
                failures.extend(station.reason().map(|reason| (station.at.to_string(), reason)));
                continue;
            };
            let share = deadline.saturating_duration_since(now) / self.left(index);
            if share < SHARE_MIN {
                break;
            }
            let failure = match self.once(station, now + share, &work).await {
                Ok(done) => {
                    self.answered(index, station);
                    return Ok(done);
                }
                Err(failure) => failure,
            };
            self.note(index, station, &failure);
            if !failure.next_may_help() {
                return Err(Unavailable::Refused(station.at.to_string(), failure));
            }
            failures.push((station.at.to_string(), failure));
        }
        match Instant::now() < deadline {
            true => Err(Unavailable::Controllers(failures)),
            false => Err(Unavailable::TimedOut(failures)),
        }
    }

    /// A try at this controller, whatever is known of it.
    pub(crate) fn attempt(&self, station: &Arc<Station>, until: Instant) -> Attempt {
        Attempt {
            station: Arc::clone(station),
            shared: Arc::clone(&self.shared),
            until,
            reused: Arc::default(),
        }
    }

    pub(crate) fn all(&self) -> &[Arc<Station>] {
        &self.all
    }

    pub(crate) fn tls(&self) -> &Tls {
        &self.shared.tls
    }

    pub(crate) fn account(&self) -> &ServiceAccount {
        &self.shared.account
    }

    pub(crate) fn bulkhead(&self) -> &Bulkhead {
        &self.bulkhead
    }

    pub(crate) fn status(&self) -> Vec<ControllerStatus> {
        let (active, alone, now) = (self.active.load(Ordering::Relaxed), self.is_alone(), Instant::now());
        let all = self.all.iter().enumerate();
        all.map(|(index, station)| station.status(index == active, alone, now))
            .collect()
    }

    async fn once<'a, T>(
        &self,
        station: &Arc<Station>,
        until: Instant,
        work: &impl Fn(Attempt) -> Work<'a, T>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        let attempt = self.attempt(station, until);
        let mut done = timeout_at(until, work(attempt.clone())).await;
        let was_dead = matches!(done, Ok(Err(Failure::Closed(_) | Failure::Busy { .. })));
        if was_dead && attempt.reused.swap(false, Ordering::Relaxed) {
            station.forget_idle();
            done = timeout_at(until, work(attempt)).await;
        }
        done.unwrap_or_else(|_| Err(Failure::TimedOut(begun.elapsed())))
    }

    /// How many of the controllers from this one on may be tried.
    fn left(&self, index: usize) -> u32 {
        let others = self.all.iter().skip(index + 1).filter(|station| station.is_well());
        u32::try_from(1 + others.count()).unwrap_or(u32::MAX)
    }

    /// Whether no controller is known to be well.
    fn is_alone(&self) -> bool {
        !self.all.iter().any(|station| station.is_well())
    }

    fn answered(&self, index: usize, station: &Station) {
        if station.succeeded() {
            tracing::info!(directory = self.name, controller = %station.at, "the controller is well again");
        }
        let before = self.active.swap(index, Ordering::Relaxed);
        if before != index {
            tracing::info!(directory = self.name, controller = %station.at, "this controller answers now");
        }
    }

    fn note(&self, index: usize, station: &Station, failure: &Failure) {
        if !failure.blames_controller() {
            return;
        }
        // The active one is what `status` points at; it is not that any more.
        let _ = self
            .active
            .compare_exchange(index, usize::MAX, Ordering::Relaxed, Ordering::Relaxed);
        if station.failed(failure.clone(), Instant::now()) {
            tracing::warn!(directory = self.name, controller = %station.at, %failure, "the controller is down");
        }
    }
}

impl Attempt {
    /// Where.
    pub(crate) fn controller(&self) -> &Controller {
        &self.station.at
    }

    /// Until when one request of it may take.
    pub(crate) fn soon(&self) -> Instant {
        self.until.min(Instant::now() + self.shared.timeouts.operation)
    }

    /// A connection on which the service account is logged in: a kept one, or another.
    pub(crate) async fn service(&self) -> Result<Lease, Failure> {
        match self.kept(Use::Service) {
            Some(kept) => Ok(kept),
            None => self.fresh_service().await,
        }
    }

    /// A connection to bind on as anybody, and for nothing else: a kept one, or another.
    pub(crate) async fn judging(&self) -> Result<Lease, Failure> {
        match self.kept(Use::Judging) {
            Some(kept) => Ok(kept),
            None => {
                let connection = self.fresh().await?;
                Ok(self.station.lease(connection, Use::Judging))
            }
        }
    }

    fn kept(&self, wanted: Use) -> Option<Lease> {
        let kept = self.station.idle(wanted, Instant::now())?;
        self.reused.store(true, Ordering::Relaxed);
        Some(kept)
    }

    /// A connection on which the service account is logged in, and that nobody used before.
    pub(crate) async fn fresh_service(&self) -> Result<Lease, Failure> {
        let mut connection = self.fresh().await?;
        self.log_in(&mut connection).await?;
        Ok(self.station.lease(connection, Use::Service))
    }

    /// A connection on which nobody is logged in.
    pub(crate) async fn fresh(&self) -> Result<Connection, Failure> {
        self.fresh_to(&self.station.at, &self.station.resolver).await
    }

    /// The same to another server, to which this one referred.
    pub(crate) async fn fresh_at(&self, elsewhere: &Controller) -> Result<Connection, Failure> {
        let resolver = Arc::new(Resolver::new(&elsewhere.host, elsewhere.port));
        self.fresh_to(elsewhere, &resolver).await
    }

    /// Logs the service account in.
    pub(crate) async fn log_in(&self, connection: &mut Connection) -> Result<(), Failure> {
        log_in(connection, &self.shared.account, self.soon()).await.map(drop)
    }

    async fn fresh_to(&self, controller: &Controller, resolver: &Arc<Resolver>) -> Result<Connection, Failure> {
        let until = self.until.min(Instant::now() + self.shared.timeouts.connect);
        let opened = transport::open(controller, resolver, &self.shared.tls, until).await?;
        Connection::over(opened).await
    }
}

/// Logs the service account in.
pub(crate) async fn log_in(
    connection: &mut Connection,
    account: &ServiceAccount,
    until: Instant,
) -> Result<Answer, Failure> {
    let password: &Zeroizing<String> = &account.password;
    let answer = connection.bind(&account.name, password, until).await?;
    match answer.code {
        0 => Ok(answer),
        8 | 10 | 13 | 51 | 52 => Err(answer.refusal(Operation::Bind)),
        _ => Err(Failure::ServiceAccount {
            account: account.name.clone(),
            answer: answer.diagnostic(),
        }),
    }
}
