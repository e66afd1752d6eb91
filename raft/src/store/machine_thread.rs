//! The thread that owns the machine, or the place where it is driven when there is but one thread.
//!
//! Everything the machine does happens here, in the order it was asked for: consensus threads
//! only post jobs and await answers, so a long apply delays no heartbeat. When the machine panics
//! the thread ends, every waiting job fails, and the engine stops the node.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use bytes::Bytes;
use parking_lot::Mutex;
use quorate_storage::{LogId, SnapshotFile};
use tokio::sync::{oneshot, watch};

use crate::batch;
use crate::ports::Waiting;
use crate::{Frozen, Machine};

/// One committed entry, as the machine gets it.
pub enum Committed {
    /// A batch of commands, encoded.
    Batch(Bytes),
    /// Nothing for the machine.
    Blank,
    /// A new membership, in its stored form.
    Membership(Vec<u8>),
}

/// The state at one moment, ready to be written.
pub struct View {
    pub applied: Option<LogId>,
    pub membership: Vec<u8>,
    pub frozen: Box<dyn Frozen>,
}

type Reply<T> = oneshot::Sender<io::Result<T>>;

enum Job {
    Apply(Vec<(LogId, Committed)>, Reply<Vec<Vec<Bytes>>>),
    Applied(Reply<(Option<LogId>, Vec<u8>)>),
    Freeze(Reply<View>),
    Install(Arc<SnapshotFile>, Vec<u8>, Reply<()>),
    Close(Reply<()>),
}

/// A handle to the machine's thread.
#[derive(Clone)]
pub struct MachineThread {
    home: Home,
    applied: watch::Receiver<u64>,
}

#[derive(Clone)]
enum Home {
    Thread(mpsc::Sender<Job>, Arc<Mutex<Option<JoinHandle<()>>>>),
    Here(Arc<Mutex<Driver>>),
}

/// The machine, and whom to tell how far it has come.
struct Driver {
    /// None once closed.
    machine: Option<Box<dyn Machine>>,
    applied: watch::Sender<u64>,
    at_fixed_indexes: FixedIndexes,
}

/// Who gets to see the state after each entry whose index is a multiple of a number.
pub struct FixedIndexes {
    pub every: u64,
    pub see: Box<dyn Fn(LogId, Box<dyn Frozen>) + Send>,
}

impl MachineThread {
    /// Starts the thread, if there is to be one.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(machine: Box<dyn Machine>, at_fixed_indexes: FixedIndexes, waiting: Waiting) -> io::Result<Self> {
        let (tell_applied, applied) = watch::channel(index_of(machine.applied().0));
        let mut driver = Driver {
            machine: Some(machine),
            applied: tell_applied,
            at_fixed_indexes,
        };
        let home = match waiting {
            Waiting::InPlace => Home::Here(Arc::new(Mutex::new(driver))),
            Waiting::OnThreads => {
                let (jobs, inbox) = mpsc::channel::<Job>();
                let thread = std::thread::Builder::new()
                    .name("quorate-machine".into())
                    // When nobody is left to ask, and nobody closed, that is no orderly stop: the machine is only dropped.
                    .spawn(move || {
                        while driver.machine.is_some()
                            && let Ok(job) = inbox.recv()
                        {
                            driver.run(job);
                        }
                    })?;
                Home::Thread(jobs, Arc::new(Mutex::new(Some(thread))))
            }
        };
        Ok(Self { home, applied })
    }

    /// Index last applied *and published*; 0 stands for none as well as for the first entry,
    /// which carries no command.
    pub fn watch_applied(&self) -> watch::Receiver<u64> {
        self.applied.clone()
    }

    pub async fn apply(&self, entries: Vec<(LogId, Committed)>) -> io::Result<Vec<Vec<Bytes>>> {
        self.ask(|reply| Job::Apply(entries, reply)).await
    }

    pub async fn applied(&self) -> io::Result<(Option<LogId>, Vec<u8>)> {
        self.ask(Job::Applied).await
    }

    pub async fn freeze(&self) -> io::Result<View> {
        self.ask(Job::Freeze).await
    }

    pub async fn install(&self, file: Arc<SnapshotFile>, membership: Vec<u8>) -> io::Result<()> {
        self.ask(|reply| Job::Install(file, membership, reply)).await
    }

    /// Closes the machine and ends the thread. Does nothing the second time.
    pub async fn close(&self) {
        let _ = self.ask(Job::Close).await;
        if let Home::Thread(_, thread) = &self.home {
            let thread = thread.lock().take();
            if let Some(thread) = thread {
                // The machine is closed already; the thread has nothing left but to return.
                let _ = tokio::task::spawn_blocking(move || thread.join()).await;
            }
        }
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> io::Result<T> {
        let (reply, answer) = oneshot::channel();
        match &self.home {
            Home::Thread(jobs, _) => jobs.send(job(reply)).map_err(|_| stopped())?,
            Home::Here(driver) => driver.lock().run(job(reply)),
        }
        answer.await.map_err(|_| stopped())?
    }
}

fn stopped() -> io::Error {
    io::Error::other("the state machine has stopped")
}

fn index_of(id: Option<LogId>) -> u64 {
    id.map_or(0, |id| id.index)
}

impl Driver {
    /// Does one job. A closed machine does none: whoever asked hears that it has stopped.
    fn run(&mut self, job: Job) {
        let Some(machine) = &mut self.machine else { return };
        match job {
            Job::Apply(entries, reply) => {
                let outcomes = apply(machine.as_mut(), entries, &self.at_fixed_indexes);
                machine.publish();
                self.applied.send_replace(index_of(machine.applied().0));
                let _ = reply.send(outcomes);
            }
            Job::Applied(reply) => {
                let _ = reply.send(Ok(machine.applied()));
            }
            Job::Freeze(reply) => {
                let (at, membership) = machine.applied();
                let _ = reply.send(Ok(View {
                    applied: at,
                    membership,
                    frozen: machine.freeze(),
                }));
            }
            Job::Install(file, membership, reply) => {
                let done = install(machine.as_mut(), &file, &membership);
                machine.publish();
                self.applied.send_replace(index_of(machine.applied().0));
                let _ = reply.send(done);
            }
            Job::Close(reply) => {
                if let Some(machine) = self.machine.take() {
                    machine.close();
                }
                let _ = reply.send(Ok(()));
            }
        }
    }
}

fn apply(
    machine: &mut dyn Machine,
    entries: Vec<(LogId, Committed)>,
    fixed: &FixedIndexes,
) -> io::Result<Vec<Vec<Bytes>>> {
    let mut outcomes = Vec::with_capacity(entries.len());
    for (at, entry) in entries {
        outcomes.push(match entry {
            Committed::Blank => {
                machine.note(at, None);
                Vec::new()
            }
            Committed::Membership(bytes) => {
                machine.note(at, Some(&bytes));
                Vec::new()
            }
            Committed::Batch(encoded) => {
                let (stamp_ms, commands) = batch::decode(&encoded).map_err(io::Error::other)?;
                let answers = machine.apply(at, stamp_ms, &commands);
                if answers.len() != commands.len() {
                    return Err(io::Error::other("the machine did not answer each command once"));
                }
                answers
            }
        });
        if at.index.is_multiple_of(fixed.every) {
            (fixed.see)(at, machine.freeze());
        }
    }
    Ok(outcomes)
}

fn install(machine: &mut dyn Machine, file: &Arc<SnapshotFile>, membership: &[u8]) -> io::Result<()> {
    let records = file.records().map_err(io::Error::other)?;
    let mut records = records.map(|record| record.map_err(io::Error::other));
    machine.install(file.last(), membership, &mut records)
}
