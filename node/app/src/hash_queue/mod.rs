//! The hash queue: every Argon2 computation of a node happens here, on threads of its own.
//!
//! One hash costs 30 to 40 ms of a core and 19 MiB. On the threads that serve packets it would stall logins that
//! need no password; unbounded it would be a lever for anybody who can send packets. So: as many threads as cores
//! less one, each with its memory kept between passwords; a bounded queue in front, fair by client and user (see
//! [`fair`]); work whose caller has given up is dropped unhashed.
//!
//! Names of unknown users queue under the digest of what was typed, exactly like known ones.

mod fair;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant as CpuInstant;

use parking_lot::{Condvar, Mutex};
use quorate_core::ClientId;
use quorate_seal::{ForeignHash, HashMemory, PasswordVerifier};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use self::fair::{Bounds, FairQueue, Full};
use crate::limits;

/// Who a computation is for. Administrators' password changes share one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashLane {
    /// The RADIUS client the login came through.
    pub client: ClientId,
    /// A digest of the user's canonical name, known or not.
    pub user: u64,
}

impl HashLane {
    /// The lane of administrative work: no client and no user has these ids.
    pub const ADMINISTRATION: HashLane = HashLane {
        client: ClientId(u64::MAX),
        user: u64::MAX,
    };
}

/// Why a password was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashRefused {
    /// Too much waits for this user or client already: their own doing, answered with a reject.
    #[error("too many passwords of this user or client are waiting")]
    LaneFull,
    /// Too much waits altogether, or it was not its turn before the deadline: overload.
    #[error("the hash queue is full")]
    Overloaded,
}

/// The queue and its threads. The threads end when it is dropped.
pub struct HashQueue {
    shared: Arc<Shared>,
    threads: usize,
    in_place: bool,
}

impl HashQueue {
    /// Starts one thread per core but one, at least one.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_threads(cores.saturating_sub(1).max(1))
    }

    /// Starts this many threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn with_threads(threads: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::new(threads));
        let queue = Self {
            shared: Arc::clone(&shared),
            threads,
            in_place: false,
        };
        for number in 0..threads {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name(format!("argon2-{number}"))
                .spawn(move || shared.work())?;
        }
        Ok(queue)
    }

    /// Computes where it is asked, on the caller's thread: for a simulation, which has but one.
    #[must_use]
    pub fn in_place() -> Self {
        Self {
            shared: Arc::new(Shared::new(1)),
            threads: 0,
            in_place: true,
        }
    }

    /// Whether `password` matches `verifier`.
    ///
    /// # Errors
    /// [`HashRefused`] when it was not computed.
    pub async fn verify(
        &self,
        lane: HashLane,
        verifier: Arc<PasswordVerifier>,
        password: Zeroizing<Vec<u8>>,
        deadline: Instant,
    ) -> Result<bool, HashRefused> {
        let (answer, answered) = oneshot::channel();
        self.submit(
            lane,
            Job::Verify {
                verifier,
                password,
                answer,
            },
        )?;
        finish(answered, deadline).await
    }

    /// The verifier of a new password.
    ///
    /// # Errors
    /// [`HashRefused`] when it was not computed.
    pub async fn compute(
        &self,
        lane: HashLane,
        password: Zeroizing<Vec<u8>>,
        salt: [u8; quorate_seal::limits::SALT_LEN],
        deadline: Instant,
    ) -> Result<PasswordVerifier, HashRefused> {
        let (answer, answered) = oneshot::channel();
        self.submit(lane, Job::Compute { password, salt, answer })?;
        finish(answered, deadline).await
    }

    /// The verifier that wraps what another product made of a password.
    ///
    /// # Errors
    /// [`HashRefused`] when it was not computed.
    pub async fn wrap(
        &self,
        lane: HashLane,
        foreign: ForeignHash,
        salt: [u8; quorate_seal::limits::SALT_LEN],
        deadline: Instant,
    ) -> Result<PasswordVerifier, HashRefused> {
        let (answer, answered) = oneshot::channel();
        self.submit(lane, Job::Wrap { foreign, salt, answer })?;
        finish(answered, deadline).await
    }

    /// What the metrics show.
    #[must_use]
    pub fn figures(&self) -> HashFigures {
        let (waiting, in_flight) = {
            let inner = self.shared.inner.lock();
            (inner.queue.waiting(), inner.queue.out())
        };
        HashFigures {
            threads: self.threads,
            waiting,
            in_flight,
            computed_total: self.shared.computed.load(Ordering::Relaxed),
            busy_us_total: self.shared.busy_us.load(Ordering::Relaxed),
            refused_lane_total: self.shared.refused_lane.load(Ordering::Relaxed),
            refused_overload_total: self.shared.refused_overload.load(Ordering::Relaxed),
        }
    }

    fn submit(&self, lane: HashLane, job: Job) -> Result<(), HashRefused> {
        let pushed = self.shared.inner.lock().queue.push(lane.client, lane.user, job);
        match pushed {
            Ok(()) => {
                if self.in_place {
                    self.shared.work_off();
                } else {
                    self.shared.arrived.notify_one();
                }
                Ok(())
            }
            Err(Full::User | Full::Client) => {
                self.shared.refused_lane.fetch_add(1, Ordering::Relaxed);
                Err(HashRefused::LaneFull)
            }
            Err(Full::Total) => {
                self.shared.refused_overload.fetch_add(1, Ordering::Relaxed);
                Err(HashRefused::Overloaded)
            }
        }
    }
}

impl Drop for HashQueue {
    fn drop(&mut self) {
        self.shared.inner.lock().closed = true;
        self.shared.arrived.notify_all();
    }
}

/// Numbers of a hash queue; totals count since start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashFigures {
    pub threads: usize,
    pub waiting: usize,
    pub in_flight: usize,
    pub computed_total: u64,
    /// Time that threads spent hashing, in microseconds.
    pub busy_us_total: u64,
    /// Refused because one user or client had too much waiting.
    pub refused_lane_total: u64,
    /// Refused because everything was full.
    pub refused_overload_total: u64,
}

enum Job {
    Verify {
        verifier: Arc<PasswordVerifier>,
        password: Zeroizing<Vec<u8>>,
        answer: oneshot::Sender<bool>,
    },
    Compute {
        password: Zeroizing<Vec<u8>>,
        salt: [u8; quorate_seal::limits::SALT_LEN],
        answer: oneshot::Sender<PasswordVerifier>,
    },
    Wrap {
        foreign: ForeignHash,
        salt: [u8; quorate_seal::limits::SALT_LEN],
        answer: oneshot::Sender<PasswordVerifier>,
    },
}

impl Job {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool {
        match self {
            Job::Verify { answer, .. } => answer.is_closed(),
            Job::Compute { answer, .. } | Job::Wrap { answer, .. } => answer.is_closed(),
        }
    }

    fn compute(self, memory: &mut HashMemory) -> Computed {
        match self {
            Job::Verify {
                verifier,
                password,
                answer,
            } => Computed::Verified(answer, verifier.matches(&password, memory)),
            Job::Compute { password, salt, answer } => {
                Computed::Verifier(answer, PasswordVerifier::compute(&password, salt, memory))
            }
            Job::Wrap { foreign, salt, answer } => {
                Computed::Verifier(answer, PasswordVerifier::wrap(foreign, salt, memory))
            }
        }
    }
}

/// A result on its way to who asked for it.
enum Computed {
    Verified(oneshot::Sender<bool>, bool),
    Verifier(oneshot::Sender<PasswordVerifier>, PasswordVerifier),
}

impl Computed {
    /// A failed send means that the caller left meanwhile, which is its right.
    fn deliver(self) {
        match self {
            Computed::Verified(answer, right) => drop(answer.send(right)),
            Computed::Verifier(answer, verifier) => drop(answer.send(verifier)),
        }
    }
}

struct Shared {
    inner: Mutex<Inner>,
    arrived: Condvar,
    computed: AtomicU64,
    busy_us: AtomicU64,
    refused_lane: AtomicU64,
    refused_overload: AtomicU64,
}

struct Inner {
    queue: FairQueue<ClientId, u64, Job>,
    closed: bool,
}

impl Shared {
    fn new(threads: usize) -> Self {
        let bounds = Bounds {
            per_user: limits::HASHES_WAITING_PER_USER,
            per_client: limits::HASHES_WAITING_PER_CLIENT_AND_THREAD * threads,
            total: limits::HASHES_WAITING_PER_THREAD * threads,
        };
        Self {
            inner: Mutex::new(Inner {
                queue: FairQueue::new(bounds),
                closed: false,
            }),
            arrived: Condvar::new(),
            computed: AtomicU64::new(0),
            busy_us: AtomicU64::new(0),
            refused_lane: AtomicU64::new(0),
            refused_overload: AtomicU64::new(0),
        }
    }

    /// The life of one thread. Whoever gets a result finds it counted already, and the user's turn free again.
    fn work(&self) {
        let mut memory = HashMemory::new();
        while let Some((user, job)) = self.next(&mut memory) {
            self.perform(user, job, &mut memory);
        }
    }

    /// Computes everything that waits.
    fn work_off(&self) {
        let mut memory = HashMemory::new();
        loop {
            let next = self.inner.lock().queue.pop();
            let Some((user, job)) = next else { return };
            self.perform(user, job, &mut memory);
        }
    }

    fn perform(&self, user: u64, job: Job, memory: &mut HashMemory) {
        let computed = (!job.is_abandoned()).then(|| self.timed(|| job.compute(memory)));
        self.inner.lock().queue.done(user);
        // Another thread may have passed over this user's next item and gone to sleep.
        self.arrived.notify_one();
        if let Some(computed) = computed {
            computed.deliver();
        }
    }

    fn timed<T>(&self, compute: impl FnOnce() -> T) -> T {
        let started = CpuInstant::now();
        let computed = compute();
        let busy_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.busy_us.fetch_add(busy_us, Ordering::Relaxed);
        self.computed.fetch_add(1, Ordering::Relaxed);
        computed
    }

    /// The next job; nothing once the queue was dropped. When none comes for a while, the memory is wiped and given back.
    fn next(&self, memory: &mut HashMemory) -> Option<(u64, Job)> {
        loop {
            let mut inner = self.inner.lock();
            loop {
                if inner.closed {
                    return None;
                }
                if let Some(next) = inner.queue.pop() {
                    return Some(next);
                }
                if memory.is_empty() {
                    self.arrived.wait(&mut inner);
                } else if self.arrived.wait_for(&mut inner, limits::HASH_MEMORY_KEPT).timed_out() {
                    break;
                }
            }
            drop(inner);
            *memory = HashMemory::new();
        }
    }
}

/// A sender that was dropped unanswered belongs to a queue that is shutting down.
async fn finish<T>(answered: oneshot::Receiver<T>, deadline: Instant) -> Result<T, HashRefused> {
    match timeout_at(deadline, answered).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) | Err(_) => Err(HashRefused::Overloaded),
    }
}
