//! A peer's process: started in a directory of its own, its words kept in a file, ended by its process id.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use cluster_tests::{process, wait};
use rustix::process::Signal;

/// A clean end: MariaDB leaves its group and writes its buffers.
const STOP: Duration = Duration::from_secs(60);

pub struct Daemon {
    log: PathBuf,
    child: Option<Child>,
}

impl Daemon {
    /// A daemon that does not run yet.
    pub fn new(log: PathBuf) -> Self {
        Self { log, child: None }
    }

    pub fn start(&mut self, mut command: Command) -> Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn();
        self.child = Some(child.with_context(|| format!("cannot start {:?}", command.get_program()))?);
        Ok(())
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// kill -9, and waits for the end.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        process::signal(child.id(), Signal::TERM)?;
        let ended = wait::until("a peer to end", STOP, || child.try_wait().ok().flatten());
        if ended.is_err() {
            child.kill()?;
            child.wait()?;
        }
        ended.map(drop).with_context(|| self.last_words())
    }

    /// The end of what it said.
    pub fn last_words(&self) -> String {
        let said = std::fs::read(&self.log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        let lines: Vec<&str> = said.lines().collect();
        format!(
            "{} ends:\n{}",
            self.log.display(),
            lines[lines.len().saturating_sub(12)..].join("\n")
        )
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Where a program is: in `PATH`, or where Debian puts what only root calls.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The same, or a sentence that says what to install.
pub fn need(program: &str, peer: &str) -> Result<PathBuf> {
    find(program)
        .with_context(|| format!("{program} is not installed: run `ops/peers {peer}`, or leave it out with --only"))
}

/// A folder that may be entered by a server under another account, removed at the end.
pub fn folder(peer: &str) -> Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix(&format!("bench-{peer}-")).tempdir()?;
    open_to_others(folder.path())?;
    Ok(folder)
}

fn open_to_others(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}
