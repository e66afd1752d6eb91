//! `quorate run`: be a node until told to stop.
//!
//! This file owns what surrounds a node: its log, the signals that end it, and the word to systemd
//! that it serves. The node itself is `boot::run`.

use std::{
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

use clap::Args;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::failure;
use crate::{
    boot::{self, Ready},
    cli::{
        Context,
        exit::{Done, Exit, Failure},
    },
    config::{Config, LogLevel},
};

/// After a clean stop nothing of value is running any more; a task that hangs must not hold up a
/// restart for longer than this.
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Run this node in the foreground
///
/// Writes its log to standard error, tells systemd when it is ready, and stops cleanly on SIGTERM
/// or Ctrl-C. The data directory must have been made by `quorate init` or `quorate join`.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  systemctl start quorate
  quorate run --config ./node1.toml
  RUST_LOG=quorate_raft=debug quorate run     # more than `log.level`, for some parts")]
pub struct Run {
    /// Leave when this process, which started the node, ends
    #[arg(long, hide = true, value_name = "PID")]
    die_with_parent: Option<i32>,
}

impl Run {
    pub fn perform(self, context: &Context) -> Done {
        if let Some(parent) = self.die_with_parent {
            die_with(parent)?;
        }
        let config = context.config()?;
        write_log(config.log.level);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("node")
            .build()
            .map_err(|e| Failure::system("cannot start threads", e))?;
        let result = runtime.block_on(serve(config));
        runtime.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
        result
    }
}

async fn serve(config: Config) -> Done {
    let stop = told_to_stop()?;
    boot::run(config, stop, announce).await.map_err(|e| failure(&e))
}

/// Ready when SIGTERM or Ctrl-C came.
fn told_to_stop() -> Done<impl Future<Output = ()> + Send> {
    let cannot = |e| Failure::system("cannot listen for signals", e);
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "Ctrl-C",
        };
        tracing::info!("stopping after {name}");
        notify_systemd("STOPPING=1");
    })
}

fn announce(ready: Ready) {
    tracing::info!(
        node = ready.node_id,
        radius = ?ready.radius,
        https = ?ready.https,
        cluster = %ready.cluster,
        "serving"
    );
    notify_systemd("READY=1");
}

/// The protocol of `sd_notify(3)`: one datagram to the socket in the environment, which may be an
/// abstract one. Without systemd, or when it does not listen, nothing is lost.
fn notify_systemd(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let address = match path.to_string_lossy().strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&path),
    };
    if let (Ok(address), Ok(socket)) = (address, UnixDatagram::unbound()) {
        let _ = socket.send_to_addr(state.as_bytes(), &address);
    }
}

/// A node that a demo started must not outlive it, however it ends. Called on the main thread.
fn die_with(parent: i32) -> Done {
    set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|e| Failure::system("cannot watch the parent process", e))?;
    // It may have ended before the line above took effect; then another process adopted this one.
    match getppid().map(Pid::as_raw_pid) == Some(parent) {
        true => Ok(()),
        false => Err(Failure::new(
            Exit::Failed,
            "the process that started this node has ended",
        )),
    }
}

fn write_log(level: LogLevel) {
    let asked_for = std::env::var("RUST_LOG")
        .ok()
        .and_then(|text| text.parse::<Targets>().ok());
    // openraft and quinn log every heartbeat that a dead peer misses, openraft as an error; what
    // matters of it is in our own log, in `status` and in the metrics.
    let usual = || format!("{},openraft=off,quinn=warn,quinn_proto=warn", level.as_str()).parse();
    let filter = asked_for.unwrap_or_else(|| usual().expect("invariant: our levels are levels of tracing"));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // A second call can only come from a test in the same process; the first one stays.
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colours);
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}
