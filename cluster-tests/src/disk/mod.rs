//! A disk for one node that can be slow, stalled, small, failing, lying or forgetful, at the word of a test.
//!
//! The node's data directory is a FUSE mount whose files live in this process, in `tree`: in memory, and not passed through to
//! the real disk, because only so is it known exactly what a power cut leaves, of folders as well as of files. To the node it is a
//! file system like any other: it reads, writes, locks and syncs through the kernel.
//!
//! Needs root and `/dev/fuse`. Caveats: files are opened for direct I/O, so nothing is in the kernel's page cache; a file cannot be mapped.
//! A test that is killed with -9 leaves a dead mount in its temporary folder behind.

mod serve;
mod tree;

use std::{
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result};
use fuser::{BackgroundSession, Config, Errno, MountOption, ReplyEmpty};

use self::{serve::Server, tree::Tree};

/// Large enough for everything that a test writes.
const CAPACITY_BYTES: u64 = 1 << 30;

/// What is left of a full disk: time to notice it.
const LEFT_BYTES: u64 = 256 << 10;

/// How a disk is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    #[default]
    Well,
    /// Every sync takes this much longer.
    Slow(Duration),
    /// Syncs do not return.
    Stalled,
    /// Next to nothing is left: what a node writes in a second or two, and less than it reserves.
    Full,
    /// Every sync fails with EIO; what it was to keep is lost.
    FailsToSync,
    /// Every write fails with EIO.
    FailsToWrite,
    /// Of everything that is read, one bit is wrong; what is stored is right.
    FlipsBits,
}

/// What happened to a disk, for tests that want to know that their fault struck.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub syncs: u64,
    /// Syncs that were held back, by [`Health::Slow`] or [`Health::Stalled`].
    pub held: u64,
    /// Requests that were answered with an error because the disk was not well.
    pub failed: u64,
    /// Reads with a wrong bit.
    pub flipped: u64,
    /// Writes and names that a power cut took back.
    pub lost: u64,
}

/// A mounted disk; it is unmounted when this is dropped. Its node must not run any more then.
pub struct Disk {
    shared: Arc<Shared>,
    clerk: Option<JoinHandle<()>>,
    /// Unmounts when it is dropped.
    _session: BackgroundSession,
}

/// What the mount, the clerk and the test share.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    tree: Tree,
    health: Health,
    counts: Counts,
    held: Vec<Held>,
    closing: bool,
}

/// A sync that waits for its answer.
struct Held {
    ino: u64,
    folder: bool,
    due: Option<Instant>,
    reply: ReplyEmpty,
}

impl Disk {
    /// Mounts an empty disk over the folder `at`.
    pub fn mount(at: &Path) -> Result<Self> {
        let state = State {
            tree: Tree::new(CAPACITY_BYTES, SystemTime::now()),
            health: Health::Well,
            counts: Counts::default(),
            held: Vec::new(),
            closing: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName("quorate-test".into()),
            MountOption::DefaultPermissions,
        ];
        let server = Server(Arc::clone(&shared));
        let session = fuser::spawn_mount(server, at, &config).context("cannot mount a FUSE file system (as root)")?;
        let clerk = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.answer_what_is_due()
        });
        Ok(Self {
            shared,
            clerk: Some(clerk),
            _session: session,
        })
    }

    /// From now on the disk is like this. What was held back is answered.
    pub fn set(&self, health: Health) {
        let mut state = self.shared.lock();
        state.health = health;
        state.tree.capacity = match health {
            Health::Full => state.tree.used() + LEFT_BYTES,
            _ => CAPACITY_BYTES,
        };
        state.held.iter_mut().for_each(|held| held.due = Some(Instant::now()));
        self.shared.changed.notify_all();
    }

    /// Lets go of a process that was killed while it waited for the disk: its syncs fail, and have not happened.
    pub fn abandon(&self) {
        for held in self.shared.lock().held.drain(..) {
            held.reply.error(Errno::EIO);
        }
    }

    /// Loses everything that was never synced. The node must not run.
    pub fn cut_power(&self) {
        let mut state = self.shared.lock();
        state.counts.lost += state.tree.cut_power() as u64;
    }

    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.abandon();
        self.shared.lock().closing = true;
        self.shared.changed.notify_all();
        if let Some(clerk) = self.clerk.take() {
            let _ = clerk.join();
        }
        // The session unmounts as it is dropped. It is not waited for: a process in another namespace may still hold a copy of the mount.
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("invariant: no holder panics")
    }

    /// The clerk: answers syncs that were held back when their time has come.
    fn answer_what_is_due(&self) {
        let mut state = self.lock();
        while !state.closing {
            let now = Instant::now();
            state.answer_until(now);
            let next = state.held.iter().filter_map(|held| held.due).min();
            state = match next {
                Some(next) => {
                    let waited = self.changed.wait_timeout(state, next.saturating_duration_since(now));
                    waited.expect("invariant: no holder panics").0
                }
                None => self.changed.wait(state).expect("invariant: no holder panics"),
            };
        }
    }
}

impl State {
    /// Answers a sync now, or keeps it until it is due.
    fn sync(&mut self, ino: u64, folder: bool, reply: ReplyEmpty) {
        self.counts.syncs += 1;
        let due = match self.health {
            Health::Slow(by) => Some(Instant::now() + by),
            Health::Stalled => None,
            _ => return self.answer(ino, folder, reply),
        };
        self.counts.held += 1;
        self.held.push(Held {
            ino,
            folder,
            due,
            reply,
        });
    }

    fn answer_until(&mut self, now: Instant) {
        let (due, held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| held.due.is_some_and(|due| due <= now));
        self.held = held;
        let due: Vec<Held> = due;
        due.into_iter()
            .for_each(|held| self.answer(held.ino, held.folder, held.reply));
    }

    fn answer(&mut self, ino: u64, folder: bool, reply: ReplyEmpty) {
        let done = match (self.health, folder) {
            (Health::FailsToSync, _) => {
                self.counts.failed += 1;
                // A folder has nothing to forget: its names are simply not kept.
                let _ = self.tree.fail_to_sync(ino);
                Err(rustix::io::Errno::IO)
            }
            (_, true) => self.tree.sync_folder(ino),
            (_, false) => self.tree.sync(ino),
        };
        match done {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(serve::errno(error)),
        }
    }
}
