//! Servers that are started, stopped and ended, and commands that have to succeed.

use std::{
    fs,
    io::Write,
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How long is waited for a server to take connections.
const READY: Duration = Duration::from_secs(60);

/// A signal takes effect when the process is scheduled next.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

const POLL: Duration = Duration::from_millis(20);

/// A running server, the first of a process group of its own; the group is killed when this is dropped.
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts it and waits until something listens at `ready`.
    ///
    /// # Errors
    /// It cannot be started, ends at once, or nothing listens in time.
    pub fn start(mut command: Command, ready: &[SocketAddr]) -> Result<Self> {
        use std::os::unix::process::CommandExt;
        let said = format!("{command:?}");
        let child = command.process_group(0).stdin(Stdio::null()).spawn();
        let mut server = Self {
            child: child.with_context(|| format!("cannot run {said}"))?,
        };
        let deadline = Instant::now() + READY;
        for address in ready {
            while TcpStream::connect(address).is_err() {
                if let Some(status) = server.child.try_wait()? {
                    bail!("{said} ended: {status}");
                }
                if Instant::now() > deadline {
                    bail!("{said} does not listen at {address}");
                }
                sleep(POLL);
            }
        }
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// From now on the kernel takes connections for it, and nobody answers.
    /// Returns when it has stopped: the signal takes effect some time after it was sent, and an answer may come before.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)?;
        let deadline = Instant::now() + STOPS_WITHIN;
        while !self.is_stopped()? {
            ensure!(Instant::now() < deadline, "a server does not stop");
            sleep(POLL);
        }
        Ok(())
    }

    /// Whether each of its threads has stopped (proc(5): the state follows the name in brackets).
    fn is_stopped(&self) -> Result<bool> {
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let stat = fs::read_to_string(thread?.path().join("stat"))?;
            let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
            if state != Some('T') {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// To the whole group.
    fn signal(&self, signal: Signal) -> Result<()> {
        kill_process_group(self.group()?, signal).context("cannot signal a server")
    }

    fn group(&self) -> Result<Pid> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        pid.context("not a process id")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.signal(Signal::KILL);
        if let Ok(pid) = self.group() {
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// Runs a command to its end with this for its standard input; what it printed.
///
/// # Errors
/// It failed; with what it said.
pub fn run(mut command: Command, input: &str) -> Result<String> {
    let said = format!("{command:?}");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot run {said}"))?;
    let stdin = child.stdin.take();
    // On a thread of its own: who prints a line for every entry does not read on while nobody takes them. Who reads nothing says why.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        child.wait_with_output()
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        bail!(
            "{said} failed ({}): {}{}",
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        );
    }
    Ok(text(&output.stdout))
}
