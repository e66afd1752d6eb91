//! Starting and stopping: sockets, one receive loop each, and what they share.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::intake::Intake;
use crate::limits::{IN_FLIGHT_MAX, RECEIVE_BUFFER_BYTES, RECEIVE_ERROR_PAUSE, SOCKETS_MAX};
use crate::metrics::Metrics;
use crate::port::Logins;
use crate::socket::{self, Batch, BindError, Door};

/// How RADIUS over UDP is served.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where. `[::]:1812` serves IPv6 and IPv4; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// Sockets per address, at least 1.
    pub sockets: usize,
    /// Asked of the kernel for each socket; what it granted is logged and in the metrics.
    pub receive_buffer_bytes: usize,
    /// Logins judged at once, at least 1; more are dropped and counted as `queue_full`.
    pub in_flight_max: usize,
}

impl Config {
    /// These addresses, and the defaults of [`crate::limits`] for the rest.
    pub fn listening_on(listen: Vec<SocketAddr>) -> Self {
        Self {
            listen,
            sockets: available_parallelism().map_or(1, NonZeroUsize::get).min(SOCKETS_MAX),
            receive_buffer_bytes: RECEIVE_BUFFER_BYTES,
            in_flight_max: IN_FLIGHT_MAX,
        }
    }
}

/// RADIUS being served.
pub struct RadiusServer {
    addresses: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    loops: Vec<JoinHandle<()>>,
    idle: JoinHandle<()>,
}

impl RadiusServer {
    /// Binds every address and begins to serve, on the runtime this is called in.
    ///
    /// # Errors
    /// [`BindError`] for the first address that cannot be had; nothing is served then.
    pub async fn start<L: Logins>(config: Config, logins: L, metrics: Metrics) -> Result<Self, BindError> {
        let mut doors = Vec::new();
        let mut addresses = Vec::new();
        for &address in &config.listen {
            let opened = socket::open(address, config.sockets.max(1), config.receive_buffer_bytes)?;
            let bound = opened
                .first()
                .and_then(|door| door.local_addr().ok())
                .unwrap_or(address);
            report(bound, &opened, config.receive_buffer_bytes, &metrics);
            addresses.push(bound);
            doors.extend(opened);
        }
        let intake = Arc::new(Intake::new(logins, metrics, config.in_flight_max.max(1)));
        let (stop, stopped) = watch::channel(false);
        let serve = |door| tokio::spawn(serve(door, Arc::clone(&intake), stopped.clone()));
        let loops: Vec<_> = doors.into_iter().map(serve).collect();
        let idle = tokio::spawn(async move {
            let mut stopped = stopped;
            // An error means that the server was dropped: then nobody waits for this either.
            if stopped.wait_for(|stop| *stop).await.is_ok() {
                intake.idle().await;
            }
        });
        Ok(Self {
            addresses,
            stop,
            loops,
            idle,
        })
    }

    /// Where it serves, in the order of the configuration, with the ports that were chosen.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes no more packets, then waits until every login in hand was answered: at most
    /// [`crate::limits::REPLY_WITHIN`].
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for receiving in self.loops {
            // A loop that panicked has ended as well.
            let _ = receiving.await;
        }
        let _ = self.idle.await;
    }
}

/// One socket's loop, until it is told to stop or the server is dropped.
async fn serve<L: Logins>(door: Arc<Door>, intake: Arc<Intake<L>>, mut stop: watch::Receiver<bool>) {
    let mut batch = Batch::new();
    loop {
        let received = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            received = door.receive(&mut batch) => received,
        };
        if let Err(error) = received {
            tracing::error!(%error, "cannot receive RADIUS packets; trying on");
            sleep(RECEIVE_ERROR_PAUSE).await;
            continue;
        }
        for (datagram, peer) in batch.datagrams() {
            intake.take(datagram, peer, &door);
        }
    }
}

fn report(address: SocketAddr, doors: &[Arc<Door>], asked_bytes: usize, metrics: &Metrics) {
    let granted_bytes = doors
        .first()
        .and_then(|door| door.receive_buffer_bytes().ok())
        .unwrap_or_default();
    metrics
        .receive_buffer
        .set(i64::try_from(granted_bytes).unwrap_or(i64::MAX));
    tracing::info!(%address, sockets = doors.len(), receive_buffer_bytes = granted_bytes, "serving RADIUS");
    if granted_bytes < asked_bytes {
        tracing::warn!(
            "the kernel grants a receive buffer of {granted_bytes} of {asked_bytes} bytes, so bursts may be lost; \
             raise it with `sysctl net.core.rmem_max={asked_bytes}`"
        );
    }
}
