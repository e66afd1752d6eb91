//! The nodes as child processes.
//!
//! A child dies with the demo in every case: on a clean end it gets SIGTERM and time to stop; when
//! the demo is killed, the kernel sends the same (`--die-with-parent`, see `node/run.rs`).

use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, getpid, kill_process};
use tokio::process::{Child, Command};

use super::plan::{Home, Plan};
use crate::cli::exit::{Done, Exit, Failure};

/// A clean stop writes the state image; after this long it is not worth waiting for, because a
/// killed node rebuilds it.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// Of a log, when a node does not start: the last words are the telling ones.
const LOG_TAIL_LINES: usize = 12;

pub struct Children {
    exe: PathBuf,
    slots: Vec<Slot>,
}

struct Slot {
    settings: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

impl Children {
    /// None running yet.
    pub fn of(home: &Home) -> Done<Children> {
        let exe = std::env::current_exe().map_err(|e| Failure::system("cannot find this program's own file", e))?;
        let slot = |index| Slot {
            settings: home.settings_file(index),
            log: home.node_dir(index).join("node.log"),
            child: None,
        };
        Ok(Children {
            exe,
            slots: (0..3).map(slot).collect(),
        })
    }

    /// Runs a command of this binary with a node's settings to its end.
    ///
    /// # Errors
    /// What the command printed, and its exit code.
    pub async fn command(&self, index: usize, words: &[&str], environment: &[(&str, &str)]) -> Done {
        let mut command = self.base(index);
        command
            .args(words)
            .envs(environment.iter().copied())
            .stdin(Stdio::null());
        let output = command
            .output()
            .await
            .map_err(|e| Failure::system(format!("cannot run quorate {}", words[0]), e))?;
        match output.status.success() {
            true => Ok(()),
            false => Err(Failure::new(
                Exit::Failed,
                format!("quorate {} failed for node {}", words[0], index + 1),
            )
            .advise(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        }
    }

    /// Starts `quorate run` for a node; its log is appended to.
    pub fn start(&mut self, plan: &Plan, index: usize) -> Done {
        let log = &self.slots[index].log;
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(|e| Failure::system(format!("cannot open {}", log.display()), e))?;
        let mut command = self.base(index);
        command
            .args(["run", "--die-with-parent", &getpid().as_raw_nonzero().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            // Its own group: Ctrl-C at the terminal reaches the demo alone, which stops its nodes in order.
            .process_group(0)
            .kill_on_drop(true);
        let child = command
            .spawn()
            .map_err(|e| Failure::system(format!("cannot start {}", plan.nodes[index].name), e))?;
        self.slots[index].child = Some(child);
        Ok(())
    }

    fn base(&self, index: usize) -> Command {
        let mut command = Command::new(&self.exe);
        command.arg("--config").arg(&self.slots[index].settings);
        // What the caller has set for another node must not reach these.
        for name in ["QUORATE_SOCKET", "QUORATE_SERVER", "QUORATE_CONFIG", "NOTIFY_SOCKET"] {
            command.env_remove(name);
        }
        command
    }

    /// While it runs.
    pub fn pid(&self, index: usize) -> Option<u32> {
        self.slots[index].child.as_ref().and_then(Child::id)
    }

    /// How many run.
    pub fn running(&self) -> usize {
        (0..self.slots.len()).filter(|index| self.pid(*index).is_some()).count()
    }

    pub fn exe(&self) -> &Path {
        &self.exe
    }

    pub fn log_of(&self, index: usize) -> &Path {
        &self.slots[index].log
    }

    /// While the cluster is being made, a node that ends is a failure.
    ///
    /// # Errors
    /// It has ended: with the end of its log.
    pub fn must_live(&mut self, index: usize) -> Done {
        let Some(child) = &mut self.slots[index].child else {
            return Ok(());
        };
        match child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                let log = fs::read_to_string(&self.slots[index].log).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let tail = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
                Err(Failure::new(
                    Exit::Failed,
                    format!("node {} {} before it was ready", index + 1, how_it_ended(status)),
                )
                .advise(tail.join("\n"))
                .advise(format!("its log: {}", self.slots[index].log.display())))
            }
            Err(e) => Err(Failure::system("cannot watch a node", e)),
        }
    }

    /// Waits for the next node that ends, and says how.
    pub async fn next_end(&mut self) -> (usize, String) {
        loop {
            for (index, slot) in self.slots.iter_mut().enumerate() {
                let Some(child) = &mut slot.child else { continue };
                if let Ok(Some(status)) = child.try_wait() {
                    slot.child = None;
                    return (index, how_it_ended(status));
                }
            }
            tokio::time::sleep(super::POLL).await;
        }
    }

    /// SIGTERM to all, time to stop, SIGKILL to the rest.
    pub async fn stop_all(&mut self) {
        for slot in &self.slots {
            let pid = slot
                .child
                .as_ref()
                .and_then(Child::id)
                .and_then(|pid| i32::try_from(pid).ok());
            if let Some(pid) = pid.and_then(Pid::from_raw) {
                // It may have ended meanwhile, which is what is wanted.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        let deadline = tokio::time::Instant::now() + STOP_TIMEOUT;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Some(mut child) = slot.child.take() else { continue };
            if tokio::time::timeout_at(deadline, child.wait()).await.is_err() {
                eprintln!(
                    "node {} did not stop within {} s and was killed",
                    index + 1,
                    STOP_TIMEOUT.as_secs()
                );
                let _ = child.kill().await;
            }
        }
    }
}

fn how_it_ended(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(9), _) => "was killed (SIGKILL)".to_owned(),
        (Some(signal), _) => format!("was ended by signal {signal}"),
        (None, Some(0)) => "has stopped".to_owned(),
        (None, code) => format!("ended with exit code {}", code.unwrap_or_default()),
    }
}
