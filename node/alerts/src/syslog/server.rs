//! The servers of a node: offering, status, and the task that keeps each connected.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::link::{Link, LinkError, Reading, Writing};
use super::message::{encode, frame, visible};
use super::queue::{Entry, Gap, Queue, Source};
use super::{Kind, Origin, Record, ServerSettings};
use crate::backoff::{Backoff, Dice};
use crate::limits;
use crate::problem::Problem;
use crate::timestamp::rfc3339;

/// Why reporting does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong.
    #[error("syslog server {address}: {}", problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; "))]
    Settings {
        /// Of which server.
        address: String,
        /// Every wrong field.
        problems: Vec<Problem>,
    },
    /// More servers than [`limits::SERVERS_MAX`].
    #[error("{0} syslog servers are more than a node reports to; {max} are the most", max = limits::SERVERS_MAX)]
    TooMany(usize),
}

/// Several servers at once.
pub struct Syslog {
    servers: Vec<Arc<Server>>,
}

impl Syslog {
    /// Connects to each of them, in the background and as often as need be.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(settings: Vec<ServerSettings>, origin: &Origin, dice: &Dice) -> Result<Syslog, StartError> {
        if settings.len() > limits::SERVERS_MAX {
            return Err(StartError::TooMany(settings.len()));
        }
        let start = |settings| Server::start(settings, origin.clone(), dice.clone()).map(Arc::new);
        Ok(Syslog {
            servers: settings.into_iter().map(start).collect::<Result<_, _>>()?,
        })
    }

    /// Offers a record to all of them; never waits. What a server has no room for is counted there.
    pub fn offer(&self, record: &Record) {
        for server in &self.servers {
            server.offer(record);
        }
    }

    /// Each server by itself, in the order of the settings.
    #[must_use]
    pub fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    /// How each of them stands.
    #[must_use]
    pub fn status(&self) -> Vec<ServerStatus> {
        self.servers.iter().map(|server| server.status()).collect()
    }

    /// Sends what waits, for [`limits::FAREWELL`] at most, and ends.
    pub async fn stop(&self) {
        let deadline = Instant::now() + limits::FAREWELL;
        for server in &self.servers {
            server.close();
        }
        for server in &self.servers {
            server.stop_by(deadline).await;
        }
    }
}

/// How a server stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatus {
    /// As it was configured.
    pub address: String,
    /// `udp`, `tcp` or `tls`.
    pub transport: &'static str,
    /// Whether there is a connection; over UDP, whether nobody has refused.
    pub connected: bool,
    /// Messages that wait.
    pub queued: u64,
    /// Messages handed to the kernel since the start.
    pub sent: u64,
    /// Messages written once more because a connection broke.
    pub repeated: u64,
    /// Messages for which there was no room.
    pub lost: u64,
    /// What went wrong last, and may be long over.
    pub last_error: Option<String>,
}

/// One server.
pub struct Server {
    shared: Arc<Shared>,
    close: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    settings: ServerSettings,
    origin: Origin,
    queue: Mutex<Queue>,
    /// There is something to write.
    wake: Notify,
    /// There is room.
    room: Notify,
    connected: AtomicBool,
    last_error: Mutex<Option<String>>,
}

impl Server {
    /// Connects in the background, as often as need be. Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// [`StartError::Settings`].
    pub fn start(settings: ServerSettings, origin: Origin, dice: Dice) -> Result<Server, StartError> {
        if let Err(problems) = settings.check() {
            let address = settings.address;
            return Err(StartError::Settings { address, problems });
        }
        let repeat_age = match settings.transport.is_stream() {
            true => limits::REPEAT_AGE,
            false => limits::REPEAT_AGE_UDP,
        };
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::new(settings.queue, repeat_age)),
            settings,
            origin,
            wake: Notify::new(),
            room: Notify::new(),
            connected: AtomicBool::new(false),
            last_error: Mutex::new(None),
        });
        let (close, closing) = watch::channel(false);
        let task = tokio::spawn(keep_connected(shared.clone(), dice, closing));
        Ok(Server {
            shared,
            close,
            task: Mutex::new(Some(task)),
        })
    }

    /// What it was started with.
    #[must_use]
    pub fn settings(&self) -> &ServerSettings {
        &self.shared.settings
    }

    /// Puts a record into the queue. Never waits; false if there is no room, and then the record is counted as lost.
    pub fn offer(&self, record: &Record) -> bool {
        let entry = self.shared.entry(record, Source::Offered);
        let report = |gap: &Gap| self.shared.loss(gap);
        let taken = self.shared.queue.lock().offer(entry, record.at_ms, report);
        self.shared.wake.notify_one();
        taken
    }

    /// Waits until there is room for a record: for whoever has it safe elsewhere and would rather be late than lose it.
    pub async fn room(&self) {
        loop {
            let freed = self.shared.room.notified();
            if !self.shared.queue.lock().is_full() {
                return;
            }
            freed.await;
        }
    }

    /// The lowest [`Record::seq`] that was offered, not lost, and may not have arrived yet. None when everything has.
    #[must_use]
    pub fn oldest_unsettled(&self) -> Option<u64> {
        self.shared.queue.lock().oldest_unsettled(Instant::now())
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> ServerStatus {
        let (queued, counts) = {
            let queue = self.shared.queue.lock();
            (queue.len() as u64, queue.counts())
        };
        ServerStatus {
            address: self.shared.settings.address.clone(),
            transport: self.shared.settings.transport.label(),
            connected: self.shared.connected.load(Ordering::Relaxed),
            queued,
            sent: counts.sent,
            repeated: counts.repeated,
            lost: counts.lost,
            last_error: self.shared.last_error.lock().clone(),
        }
    }

    /// Sends what waits, for `patience` at most, and ends. [`Server::oldest_unsettled`] then says what did not arrive.
    pub async fn stop(&self, patience: Duration) {
        self.close();
        self.stop_by(Instant::now() + patience).await;
    }

    fn close(&self) {
        self.close.send_replace(true);
    }

    async fn stop_by(&self, deadline: Instant) {
        let task = self.task.lock().take();
        if let Some(mut task) = task
            && timeout_at(deadline, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}

impl Shared {
    fn entry(&self, record: &Record, origin: Source) -> Entry {
        let message = encode(record, &self.origin, self.settings.facility);
        Entry {
            frame: frame(&message, &self.settings),
            seq: record.seq,
            origin,
        }
    }

    fn loss(&self, gap: &Gap) -> Entry {
        let when = |at_ms| rfc3339(at_ms).unwrap_or_else(|| "-".to_owned());
        let (from, to) = (when(gap.from_ms), when(gap.to_ms));
        let mut facts = vec![
            ("lost", gap.count.to_string()),
            ("from", from.clone()),
            ("to", to.clone()),
        ];
        if let Some((first, last)) = gap.seqs {
            facts.extend([("first_seq", first.to_string()), ("last_seq", last.to_string())]);
        }
        let record = Record {
            at_ms: gap.to_ms,
            kind: Kind::Lost,
            name: "messages_lost".to_owned(),
            facts,
            text: format!("{} messages were lost between {from} and {to}", gap.count),
            seq: None,
        };
        self.entry(&record, Source::Loss)
    }

    fn note(&self, error: &LinkError) {
        let said = error.to_string();
        let said: String = said.chars().map(visible).take(limits::ERROR_BYTES).collect();
        let mut last = self.last_error.lock();
        if last.as_ref() != Some(&said) {
            tracing::warn!(
                server = self.settings.address,
                error = said,
                "syslog is not delivered for now"
            );
        }
        *last = Some(said);
    }
}

/// The server's task.
async fn keep_connected(shared: Arc<Shared>, dice: Dice, mut closing: watch::Receiver<bool>) {
    let mut backoff = Backoff::new(limits::RECONNECT_FIRST, limits::RECONNECT_MAX);
    loop {
        let opened = tokio::select! {
            opened = Link::open(&shared.settings) => opened,
            () = closed(&mut closing), if shared.queue.lock().is_drained() => return,
        };
        let error = match opened {
            Err(error) => error,
            Ok(link) => {
                tracing::info!(server = shared.settings.address, "connected to the syslog server");
                let since = Instant::now();
                shared.connected.store(true, Ordering::Relaxed);
                let ended = serve(&shared, link, &mut closing).await;
                shared.connected.store(false, Ordering::Relaxed);
                if since.elapsed() >= limits::STABLE {
                    backoff.reset();
                }
                match ended {
                    Ok(()) => return,
                    Err(error) => error,
                }
            }
        };
        shared.queue.lock().broken(Instant::now());
        shared.note(&error);
        tokio::select! {
            () = sleep(backoff.pause(dice())) => {}
            () = closed(&mut closing), if shared.queue.lock().is_drained() => return,
        }
    }
}

/// Writes what comes until the connection ends, or until everything is written and the node stops.
async fn serve(shared: &Shared, link: Link, closing: &mut watch::Receiver<bool>) -> Result<(), LinkError> {
    let (mut reading, mut writing) = link.split();
    loop {
        let batch = shared.queue.lock().batch(limits::BATCH_BYTES, |gap| shared.loss(gap));
        if batch.is_empty() {
            tokio::select! {
                error = reading.ended() => return Err(error),
                () = shared.wake.notified() => {}
                () = closed(closing) => return farewell(shared, reading, writing).await,
            }
            continue;
        }
        tokio::select! {
            error = reading.ended() => return Err(error),
            written = timeout(limits::WRITE, writing.write(&batch)) => written.unwrap_or(Err(LinkError::Stuck))?,
        }
        shared.queue.lock().wrote(batch.len(), Instant::now());
        shared.room.notify_waiters();
    }
}

/// Closes our side; a server that then closes its own has read everything.
async fn farewell(shared: &Shared, mut reading: Reading, mut writing: Writing) -> Result<(), LinkError> {
    writing.close().await?;
    if writing.is_stream() {
        match timeout(limits::FAREWELL, reading.ended()).await {
            Ok(LinkError::Closed) => {}
            Ok(error) => return Err(error),
            Err(_) => return Err(LinkError::Stuck),
        }
    }
    shared.queue.lock().arrived();
    Ok(())
}

/// Whether the node stops; waits until it does.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = closing.wait_for(|closing| *closing).await;
}
