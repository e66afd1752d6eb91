//! How long the machine itself stood still: what a host takes from its guests, and a disk that does not answer.
//!
//! A test says "a NAS waits so long, and that is enough for the cluster". It is about the cluster only while the machine gives every process
//! its turn and writes what it is told to write. So a thread of its own beats: it sleeps a moment and forces one block to the disk, which is
//! all that a node needs from the machine to answer. What a beat takes beyond `BEAT_MAX` is time in which nobody could have answered, and a
//! NAS's patience ([`crate::crowd`]) is not used up by it. On a machine that runs, nothing is ever taken off.

use std::{
    fs::File,
    io::{Seek, Write},
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

/// Between two beats.
const REST: Duration = Duration::from_millis(50);

/// A beat on a machine that is merely busy: many times what one takes beside a full load.
const BEAT_MAX: Duration = Duration::from_millis(300);

struct Pulse {
    beat_begun: Instant,
    /// In all beats before this one.
    stood_still: Duration,
}

/// The clock of somebody who waits for the cluster: it stands while the machine does.
pub fn now() -> Instant {
    let (now, lost) = account();
    now.checked_sub(lost).unwrap_or(now)
}

/// Since the first look in this process.
pub fn stood_still() -> Duration {
    account().1
}

fn account() -> (Instant, Duration) {
    static PULSE: OnceLock<Mutex<Pulse>> = OnceLock::new();
    let pulse = PULSE.get_or_init(|| {
        std::thread::spawn(|| beat(&PULSE));
        Mutex::new(Pulse {
            beat_begun: Instant::now(),
            stood_still: Duration::ZERO,
        })
    });
    let pulse = pulse.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    (now, pulse.stood_still + overrun(&pulse, now))
}

fn overrun(pulse: &Pulse, now: Instant) -> Duration {
    now.saturating_duration_since(pulse.beat_begun).saturating_sub(BEAT_MAX)
}

/// For as long as the process lives.
fn beat(pulse: &OnceLock<Mutex<Pulse>>) {
    let mut file = tempfile::tempfile().expect("a file of the tests");
    loop {
        std::thread::sleep(REST);
        write(&mut file).expect("a disk that takes one block");
        if let Some(pulse) = pulse.get() {
            let mut pulse = pulse.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let more = overrun(&pulse, now);
            pulse.stood_still += more;
            pulse.beat_begun = now;
        }
    }
}

fn write(file: &mut File) -> std::io::Result<()> {
    file.rewind()?;
    file.write_all(&[0; 4096])?;
    file.sync_data()
}
