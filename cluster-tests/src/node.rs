//! One node: its configuration, its process, and what is done to it.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::Write,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde_json::Value;

use crate::{api::Api, disk::Disk, faketime::FakeClock, limits, ports, process, wait};

/// A node under test. Its process is killed when this is dropped.
pub struct Node {
    pub name: String,
    /// Holds everything of this node: configuration, data, key, socket, log.
    pub home: PathBuf,
    pub radius: SocketAddr,
    pub https: SocketAddr,
    pub cluster: SocketAddr,
    /// Where the other nodes dial it, if not at [`Node::cluster`]: a relay.
    pub advertise: Option<SocketAddr>,
    /// What its data directory is on, if not on the machine's own disk.
    pub disk: Option<Disk>,
    /// Its clock, if it has one of its own.
    pub clock: Option<FakeClock>,
    /// The network namespace it lives in, if not in ours.
    pub namespace: Option<String>,
    /// Whether it may go on under a new number when its files are damaged.
    pub replace_damaged: bool,
    /// Further sections of its configuration.
    pub sections: String,
    child: Option<Child>,
}

impl Node {
    /// Writes the configuration of a node that will listen on `ip`, and starts nothing.
    pub fn prepare(home: &Path, name: &str, ip: IpAddr, namespace: Option<String>) -> Result<Self> {
        fs::create_dir_all(home)?;
        let node = Self {
            name: name.to_owned(),
            home: home.to_owned(),
            radius: ports::free_for(ip),
            https: ports::free_for(ip),
            cluster: ports::free_for(ip),
            advertise: None,
            disk: None,
            clock: None,
            namespace,
            replace_damaged: true,
            sections: String::new(),
            child: None,
        };
        node.write_config()?;
        Ok(node)
    }

    /// Writes the configuration again, after something in it was changed.
    pub fn write_config(&self) -> Result<()> {
        fs::write(self.config_file(), self.config()).context("cannot write a node's configuration")
    }

    /// The text of its configuration file.
    pub fn config(&self) -> String {
        let home = self.home.display();
        let Self {
            name,
            radius,
            https,
            cluster,
            replace_damaged,
            sections,
            ..
        } = self;
        let dialled = self.advertise.unwrap_or(*cluster);
        // A test's disk is in memory, and so is what is reserved on it.
        let limits = self.disk.as_ref().map_or("", |_| "\n[limits]\ndisk_reserve_mib = 8\n");
        format!(
            "[node]\nname = \"{name}\"\ndata_dir = \"{home}/data\"\n\n\
             [radius]\nlisten = [\"{radius}\"]\n\n[https]\nlisten = [\"{https}\"]\n\n\
             [cluster]\nlisten = \"{cluster}\"\nadvertise = \"{dialled}\"\nreplace_damaged = {replace_damaged}\n\n[key]\nfile = \"{home}/application.key\"\n\n\
             [api]\nsocket = \"{home}/quorate.sock\"\n{limits}{sections}"
        )
    }

    pub fn config_file(&self) -> PathBuf {
        self.home.join("quorate.toml")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.home.join("data")
    }

    pub fn api(&self) -> Api {
        Api::at(&self.home.join("quorate.sock"))
    }

    /// `quorate ARGUMENTS` with this node's configuration, in this node's namespace.
    pub fn command(&self, arguments: &[&str]) -> Result<Command> {
        self.command_by(None, arguments)
    }

    /// The same, by this clock. It is `quorate` alone that is to have it, and not what starts it.
    fn command_by(&self, clock: Option<&FakeClock>, arguments: &[&str]) -> Result<Command> {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(namespace) = &self.namespace {
            words.extend(["ip", "netns", "exec", namespace].map(OsString::from));
        }
        if let Some(clock) = clock {
            words.push("env".into());
            words.extend(
                clock
                    .environment()
                    .map(|(name, value)| format!("{name}={value}").into()),
            );
        }
        words.push(process::quorate()?.into());
        words.extend(arguments.iter().map(OsString::from));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("QUORATE_CONFIG", self.config_file());
        Ok(command)
    }

    /// Runs such a command; it has to succeed. Gives its standard output.
    pub fn quorate(&self, arguments: &[&str]) -> Result<String> {
        process::succeed(self.command(arguments)?)
    }

    /// Runs such a command, whatever becomes of it.
    pub fn try_quorate(&self, arguments: &[&str]) -> Result<Output> {
        process::finish(self.command(arguments)?)
    }

    /// Runs such a command and reads the JSON it prints.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let said = self.quorate(arguments)?;
        serde_json::from_str(&said).with_context(|| format!("{arguments:?} printed no JSON: {said}"))
    }

    /// `quorate run`. Returns as soon as the process exists; [`Node::ready`] waits for more.
    pub fn start(&mut self) -> Result<()> {
        if self.child.is_some() {
            bail!("{} is running already", self.name);
        }
        let mut log = File::options().create(true).append(true).open(self.log_file())?;
        writeln!(log, "--- started by the test")?;
        let mut command = self.command_by(self.clock.as_ref(), &["run"])?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().context("cannot start quorate run")?);
        Ok(())
    }

    /// Waits until the node says that it can judge logins.
    pub fn ready(&self) -> Result<()> {
        self.ready_within(limits::READY)
    }

    /// The same with another patience.
    pub fn ready_within(&self, limit: Duration) -> Result<()> {
        wait::until_ok(&format!("{} to be ready", self.name), limit, || {
            let answer = self.api().ask("GET", "/readyz", None)?;
            if answer.status == 200 {
                Ok(())
            } else {
                bail!("/readyz said {}: {}", answer.status, answer.body)
            }
        })
    }

    /// The cluster as this node sees it.
    pub fn status(&self) -> Result<Value> {
        self.api().get("/api/v1/cluster")
    }

    /// The sum of a metric over its labels, as the node tells it now.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let answer = self.api().ask("GET", "/metrics", None)?;
        let text = answer.body.as_str().context("metrics are text")?;
        let of_this_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        Ok(text
            .lines()
            .filter(of_this_name)
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    /// The number it got when it was made or joined.
    pub fn id(&self) -> Result<u64> {
        self.status()?["node"].as_u64().context("status names no node")
    }

    pub fn applied(&self) -> Result<u64> {
        self.status()?["applied_index"]
            .as_u64()
            .context("status has no applied_index")
    }

    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Whether its process has ended by itself. If so, it can be started again.
    pub fn has_ended(&mut self) -> Result<bool> {
        let Some(child) = &mut self.child else { return Ok(false) };
        let ended = child.try_wait()?.is_some();
        if ended {
            FakeClock::tidy(child.id());
            self.child = None;
        }
        Ok(ended)
    }

    pub fn pid(&self) -> Result<u32> {
        self.child
            .as_ref()
            .map(Child::id)
            .with_context(|| format!("{} does not run", self.name))
    }

    /// kill -9, and waits for the end: from here on its ports and files are free.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self
            .child
            .take()
            .with_context(|| format!("{} does not run", self.name))?;
        child.kill()?;
        if let Some(disk) = &self.disk {
            // A process that waits for its disk does not even die.
            disk.abandon();
        }
        child.wait()?;
        FakeClock::tidy(child.id());
        Ok(())
    }

    /// SIGTERM, and waits for a clean end.
    pub fn stop(&mut self) -> Result<()> {
        self.stop_within(limits::STOP)
    }

    /// The same with another patience.
    pub fn stop_within(&mut self, limit: Duration) -> Result<()> {
        let mut child = self
            .child
            .take()
            .with_context(|| format!("{} does not run", self.name))?;
        process::signal(child.id(), Signal::TERM)?;
        let ended = wait::until("quorate run to end", limit, || child.try_wait().ok().flatten());
        if ended.is_err() {
            child.kill()?;
            child.wait()?;
        }
        FakeClock::tidy(child.id());
        let status = ended?;
        if status.success() {
            Ok(())
        } else {
            bail!("quorate run ended with {status} on SIGTERM")
        }
    }

    /// Waits for a process that ends by itself.
    pub fn ended(&mut self) -> Result<()> {
        let mut child = self
            .child
            .take()
            .with_context(|| format!("{} does not run", self.name))?;
        let ended = wait::until("quorate run to end by itself", limits::STOP, || {
            child.try_wait().ok().flatten()
        });
        if ended.is_err() {
            child.kill()?;
            child.wait()?;
        }
        FakeClock::tidy(child.id());
        ended.map(drop)
    }

    /// SIGSTOP; returns when the kernel has stopped it.
    pub fn pause(&self) -> Result<()> {
        let pid = self.pid()?;
        process::signal(pid, Signal::STOP)?;
        wait::until("SIGSTOP to take effect", limits::STOP, || {
            process::is_stopped(pid).then_some(())
        })
    }

    /// SIGCONT.
    pub fn resume(&self) -> Result<()> {
        process::signal(self.pid()?, Signal::CONT)
    }

    pub fn log_file(&self) -> PathBuf {
        self.home.join("quorate.log")
    }

    /// Whether it has ever said `words`, in its log.
    pub fn has_said(&self, words: &str) -> bool {
        fs::read_to_string(self.log_file()).is_ok_and(|log| log.contains(words))
    }

    /// The end of its log, for a test that failed.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log_file()).unwrap_or_default();
        // The harness's own questions, answered "not yet", are not what is looked for.
        let lines: Vec<&str> = log.lines().filter(|line| !line.contains("/readyz")).collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.is_running() {
            let _ = self.kill();
        }
    }
}
