//! The binary under test, its processes, and what the kernel knows of them.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{limits, wait};

/// The `quorate` to test: `QUORATE_BIN`, or the one beside this test in cargo's target directory.
pub fn quorate() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("QUORATE_BIN") {
        return Ok(named.into());
    }
    let own = std::env::current_exe().context("no path of this process")?;
    let beside = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("quorate"))
        .find(|file| file.is_file());
    beside.context("no quorate binary beside the tests: build it with `cargo build -p quorate`, or set QUORATE_BIN")
}

/// Runs `command` to its end, at most [`limits::COMMAND`].
pub fn finish(mut command: Command) -> Result<Output> {
    let said = format!("{command:?}");
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = child.with_context(|| format!("cannot run {said}"))?;
    let pid = child.id();
    let ended = std::thread::spawn(move || child.wait_with_output());
    let waited = wait::until(&said, limits::COMMAND, || ended.is_finished().then_some(()));
    if waited.is_err() {
        signal(pid, Signal::KILL)?;
    }
    let output = ended.join().expect("invariant: waiting does not panic")?;
    waited.with_context(|| format!("it had said: {}", text(&output)))?;
    Ok(output)
}

/// The standard output of a command that has to succeed.
pub fn succeed(command: Command) -> Result<String> {
    let said = format!("{command:?}");
    let output = finish(command)?;
    if !output.status.success() {
        bail!("{said} failed ({}): {}", output.status, text(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Everything a command printed.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Sends `signal` to one process that this test started.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .context("not a process id")?;
    kill_process(pid, signal).with_context(|| format!("cannot send {signal:?} to {pid:?}"))
}

/// Processor time and memory of a process, from /proc.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub processor: Duration,
    pub resident_bytes: u64,
    pub peak_bytes: u64,
}

impl Usage {
    pub fn of(pid: u32) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .context("no name in stat")?
            .1
            .split_whitespace()
            .collect();
        let ticks = |at: usize| {
            fields
                .get(at)
                .and_then(|field| field.parse::<u64>().ok())
                .context("short stat")
        };
        let hertz = rustix::param::clock_ticks_per_second();
        let processor = Duration::from_millis((ticks(11)? + ticks(12)?) * 1000 / hertz);
        let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the process is gone")?;
        Ok(Self {
            processor,
            resident_bytes: kilobytes(&status, "VmRSS:"),
            peak_bytes: kilobytes(&status, "VmHWM:"),
        })
    }
}

fn kilobytes(status: &str, key: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

/// Whether the kernel has stopped the process (SIGSTOP is delivered some time after it was sent), or it is dead.
pub fn is_stopped(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with(['T', 'Z']))
    })
}
