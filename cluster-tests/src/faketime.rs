//! A clock of its own for one node: Debian's libfaketime, preloaded.
//!
//! The node reads its clocks through the C library, so the library answers instead of the kernel. How far the clocks are off stands in a file,
//! read again every second: it can be changed while the node runs. With [`Clocks::All`] both clocks jump together.
//!
//! Caveats: no kernel sets a monotonic clock back, and a process may rely on that; so a node whose clocks were *both* shifted ahead is started
//! again to set it right. The library leaves a file in /dev/shm behind when its process is killed: see [`FakeClock::tidy`].

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};

/// Which clocks of the node are shifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    /// CLOCK_REALTIME alone.
    Realtime,
    /// CLOCK_MONOTONIC, too.
    All,
}

/// How the library writes no shift at all.
const RIGHT: &str = "+0";

/// The clock of one node.
pub struct FakeClock {
    which: Clocks,
    file: PathBuf,
    environment: BTreeMap<&'static str, String>,
}

impl FakeClock {
    /// A clock that is right, with its file in `home`.
    pub fn new(home: &Path, which: Clocks) -> Result<Self> {
        let library = format!(
            "/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1",
            std::env::consts::ARCH
        );
        anyhow::ensure!(
            Path::new(&library).is_file(),
            "no {library}: install Debian's libfaketime"
        );
        let file = home.join("clock");
        let mut environment = BTreeMap::from([
            ("LD_PRELOAD", library),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
        ]);
        if which == Clocks::Realtime {
            environment.insert("DONT_FAKE_MONOTONIC", "1".to_owned());
        }
        let clock = Self {
            which,
            file,
            environment,
        };
        clock.set_right()?;
        Ok(clock)
    }

    /// What a process needs to live by this clock.
    pub fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment.iter().map(|(name, value)| (*name, &value[..]))
    }

    /// From now on the clock is so far ahead.
    pub fn ahead(&self, by: Duration) -> Result<()> {
        self.write(&format!("+{}", by.as_secs_f64()))
    }

    /// From now on the clock is so far behind.
    pub fn behind(&self, by: Duration) -> Result<()> {
        self.write(&format!("-{}", by.as_secs_f64()))
    }

    /// Whether these are the clocks it shifts.
    pub fn shifts(&self, which: Clocks) -> bool {
        self.which == which
    }

    pub fn is_right(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|shift| shift == RIGHT)
    }

    pub fn set_right(&self) -> Result<()> {
        self.write(RIGHT)
    }

    /// Removes what the library of the process `pid` left behind.
    pub fn tidy(pid: u32) {
        for name in [format!("faketime_shm_{pid}"), format!("sem.faketime_sem_{pid}")] {
            // A clean end has removed it.
            let _ = fs::remove_file(Path::new("/dev/shm").join(name));
        }
    }

    /// In one piece: the node may look at any moment.
    fn write(&self, shift: &str) -> Result<()> {
        let new = self.file.with_extension("new");
        fs::write(&new, shift)
            .and_then(|()| fs::rename(&new, &self.file))
            .context("cannot set a node's clock")
    }
}
