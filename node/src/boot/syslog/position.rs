//! How far one server has the audit: a small file in the data directory.
//!
//! It never says more than has arrived. If it is damaged, everything that is kept is sent again: rather twice than never.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quorate_alerts::syslog::ServerSettings;

/// The number of the first record that may not have arrived.
pub struct Position {
    file: PathBuf,
    /// What it is about, and so what the file begins with.
    server: String,
    kept: Option<u64>,
    /// The same for those who only look.
    pub reached: Arc<AtomicU64>,
}

/// Where a server's follower begins.
pub enum Start {
    /// It never had anything.
    New,
    /// From this record on.
    From(u64),
}

impl Position {
    /// The position of this server, in the data directory `folder`.
    pub fn of(folder: &Path, settings: &ServerSettings) -> Position {
        let server = format!("{} {}", settings.transport.label(), settings.address);
        // An address holds letters, digits, and what IPv6 and ports need.
        let name: String = server
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' })
            .collect();
        Position {
            file: folder.join(format!("syslog-{name}.position")),
            server,
            kept: None,
            reached: Arc::default(),
        }
    }

    /// What was kept.
    pub fn read(&mut self) -> Start {
        let text = match std::fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Start::New,
            Err(error) => error.to_string(),
        };
        let Some(next) = self.parse(&text) else {
            let file = self.file.display();
            tracing::warn!(%file, "the position in the audit cannot be read; everything that is kept is sent to syslog again");
            return Start::From(0);
        };
        self.kept = Some(next);
        self.reached.store(next, Ordering::Relaxed);
        Start::From(next)
    }

    fn parse(&self, text: &str) -> Option<u64> {
        let rest = text.strip_prefix(&self.server)?.strip_prefix(' ')?;
        rest.strip_suffix('\n')?.parse().ok()
    }

    /// Keeps it, if it is news. A disk that fails is no reason to stop sending.
    pub async fn keep(&mut self, next: u64) {
        self.reached.store(next, Ordering::Relaxed);
        if self.kept == Some(next) {
            return;
        }
        let (file, text) = (self.file.clone(), format!("{} {next}\n", self.server));
        let write = move || quorate_storage::write_whole(&file, &[text.as_bytes()]);
        match tokio::task::spawn_blocking(write).await {
            Ok(Ok(())) => self.kept = Some(next),
            Ok(Err(error)) => tracing::warn!(%error, "syslog's position was not kept; trying again"),
            Err(error) => tracing::warn!(%error, "syslog's position was not kept"),
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_alerts::syslog::Transport;

    use super::*;

    #[tokio::test]
    async fn it_reads_back_what_was_kept_and_takes_damage_for_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let of = |address: &str| Position::of(folder.path(), &ServerSettings::to(address, Transport::Tcp));
        let mut position = of("[2001:db8::1]:514");
        assert!(matches!(position.read(), Start::New));
        position.keep(u64::MAX).await;
        position.keep(77).await;
        let mut again = of("[2001:db8::1]:514");
        assert!(matches!(again.read(), Start::From(77)));
        assert_eq!(again.reached.load(Ordering::Relaxed), 77);
        assert!(matches!(of("[2001:db8::1]:515").read(), Start::New));
        for damaged in ["", "77", "tcp [2001:db8::1]:514 77", "tcp [2001:db8::1]:514 7x\n"] {
            std::fs::write(&again.file, damaged).expect("writable");
            assert!(matches!(of("[2001:db8::1]:514").read(), Start::From(0)), "{damaged:?}");
        }
    }
}
