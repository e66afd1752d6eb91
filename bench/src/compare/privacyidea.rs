//! privacyIDEA from PyPI for the whole login: `/validate/check` of an HOTP token by its serial, every code right and fresh.
//!
//! It runs as its makers tell: `pi-manage` makes keys and tables, gunicorn runs four workers, the database is the primary of
//! the three Galera nodes that were measured before. Tokens have no PIN, so that no password is hashed for nothing.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use cluster_tests::{limits, otp, ports, process, wait};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    daemon::{self, Daemon},
    galera::Galera,
    http,
};
use crate::generator::Outcome;

const WORKERS: &str = "4";
const ADMIN: &str = "admin";
const PASSWORD: &str = "only on loopback";
const SEED: &[u8; 20] = b"12345678901234567890";

/// A login waits for four workers that need half a second each.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct PrivacyIdea {
    // Before the folder, so that it ends before its files go.
    server: Daemon,
    address: SocketAddr,
    tokens: Vec<Token>,
    _folder: TempDir,
}

/// An HOTP token (RFC 4226); its counter is of the next code.
struct Token {
    serial: String,
    counter: u64,
}

/// Where `ops/peers privacyidea` puts it: beside the build.
pub fn installed() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    own.ancestors()
        .map(|folder| folder.join("peers/privacyidea/bin"))
        .find(|bin| bin.join("gunicorn").is_file())
        .context("privacyIDEA is not installed: run `ops/peers privacyidea`, or leave it out with --only")
}

impl PrivacyIdea {
    /// Sets it up on the database of `galera` and starts it, with `tokens` tokens.
    pub fn start(galera: &Galera, tokens: usize) -> Result<Self> {
        let (bin, folder) = (installed()?, daemon::folder("privacyidea")?);
        galera.sql(0, "CREATE DATABASE privacyidea")?;
        configure(folder.path(), galera.address())?;
        let manage = ["setup create_enckey", "setup create_audit_keys", "setup create_tables"];
        for arguments in manage {
            process::succeed(pi_manage(
                &bin,
                folder.path(),
                &arguments.split(' ').collect::<Vec<_>>(),
            ))?;
        }
        process::succeed(pi_manage(&bin, folder.path(), &["admin", "add", ADMIN, "-p", PASSWORD]))?;

        let mut privacyidea = Self {
            server: Daemon::new(folder.path().join("gunicorn.log")),
            address: ports::free_for(Ipv4Addr::LOCALHOST.into()),
            tokens: Vec::new(),
            _folder: folder,
        };
        let mut gunicorn = Command::new(bin.join("gunicorn"));
        gunicorn
            .args(["-w", WORKERS, "-b", &privacyidea.address.to_string(), "app:application"])
            .current_dir(privacyidea._folder.path());
        privacyidea.server.start(gunicorn)?;
        privacyidea
            .enrol(tokens)
            .with_context(|| privacyidea.server.last_words())?;
        Ok(privacyidea)
    }

    fn enrol(&mut self, tokens: usize) -> Result<()> {
        let form = format!("username={ADMIN}&password={}", PASSWORD.replace(' ', "+"));
        let answer = wait::until_ok("privacyIDEA to answer", limits::READY, || {
            http::post(self.address, "/auth", "", &form, PATIENCE)
        })?;
        let answer: Value = serde_json::from_str(&answer)?;
        let token = answer["result"]["value"]["token"]
            .as_str()
            .context("no token for the administrator")?;
        let authorization = format!("Authorization: {token}\r\n");
        let seed: String = SEED.iter().map(|byte| format!("{byte:02x}")).collect();
        for number in 0..tokens {
            let serial = format!("BENCH{number:04}");
            let form = format!("type=hotp&genkey=0&otplen=6&pin=&serial={serial}&otpkey={seed}");
            let answer = http::post(self.address, "/token/init", &authorization, &form, PATIENCE)?;
            let answer: Value = serde_json::from_str(&answer)?;
            ensure!(answer["result"]["value"] == true, "no token was made: {answer}");
            self.tokens.push(Token { serial, counter: 0 });
        }
        let mut first = self.tokens.swap_remove(0);
        let accepted = self.check(&mut first)?;
        first.counter = 0;
        let again = self.check(&mut first)?;
        ensure!(accepted && !again, "a code was not accepted exactly once");
        self.tokens.push(first);
        Ok(())
    }

    /// One login; true when it was accepted.
    fn check(&self, token: &mut Token) -> Result<bool> {
        let form = format!("serial={}&pass={}", token.serial, otp::code(SEED, token.counter));
        token.counter += 1;
        let answer = http::post(self.address, "/validate/check", "", &form, PATIENCE)?;
        let answer: Value = serde_json::from_str(&answer)?;
        Ok(answer["result"]["value"] == true)
    }

    /// Logs in for `lasts`, `in_flight` at a time, each client with a token of its own.
    pub fn drive(&mut self, in_flight: usize, lasts: Duration) -> Result<Outcome> {
        let mut tokens = std::mem::take(&mut self.tokens);
        ensure!(tokens.len() >= in_flight, "more clients than tokens");
        let (begun, outcome) = (Instant::now(), Mutex::new(Outcome::default()));
        let (this, counted) = (&*self, &outcome);
        let done: Result<()> = std::thread::scope(|scope| {
            let clients: Vec<_> = tokens[..in_flight]
                .iter_mut()
                .map(|token| scope.spawn(move || this.log_in(token, begun, lasts, counted)))
                .collect();
            clients
                .into_iter()
                .try_for_each(|client| client.join().expect("invariant: a client does not panic"))
        });
        self.tokens = tokens;
        done?;
        let mut outcome = outcome.into_inner().expect("invariant: no holder panics");
        outcome.elapsed = lasts;
        outcome.latencies.sort_unstable();
        Ok(outcome)
    }

    fn log_in(&self, token: &mut Token, begun: Instant, lasts: Duration, outcome: &Mutex<Outcome>) -> Result<()> {
        while begun.elapsed() < lasts {
            let sent = Instant::now();
            let accepted = self.check(token)?;
            let mut outcome = outcome.lock().expect("invariant: no holder panics");
            if !accepted {
                outcome.refused += 1;
            } else if begun.elapsed() < lasts {
                outcome.accepted += 1;
                outcome.latencies.push(sent.elapsed());
            }
        }
        Ok(())
    }

    /// gunicorn and its workers.
    pub fn pids(&self) -> Vec<u32> {
        let Some(master) = self.server.pid() else {
            return Vec::new();
        };
        let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap_or_default();
        let workers = children.split_whitespace().flat_map(str::parse);
        std::iter::once(master).chain(workers).collect()
    }

    /// SIGTERM to gunicorn, which ends its workers.
    pub fn stop(mut self) -> Result<()> {
        self.server.stop()
    }
}

fn configure(folder: &Path, database: SocketAddr) -> Result<()> {
    let home = folder.display();
    fs::write(
        folder.join("pi.cfg"),
        format!(
            "SQLALCHEMY_DATABASE_URI = 'mysql+pymysql://root@{database}/privacyidea?charset=utf8mb4'\n\
             SECRET_KEY = 'used on loopback for one measurement'\nPI_PEPPER = 'pepper'\n\
             PI_ENCFILE = '{home}/enckey'\nPI_AUDIT_KEY_PRIVATE = '{home}/private.pem'\n\
             PI_AUDIT_KEY_PUBLIC = '{home}/public.pem'\nPI_LOGFILE = '{home}/privacyidea.log'\nPI_LOGLEVEL = 40\n"
        ),
    )?;
    fs::write(
        folder.join("app.py"),
        format!(
            "from privacyidea.app import create_app\n\
             application = create_app(config_name='production', config_file='{home}/pi.cfg')\n"
        ),
    )?;
    Ok(())
}

fn pi_manage(bin: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(bin.join("pi-manage"));
    command
        .args(arguments)
        .env("PRIVACYIDEA_CONFIGFILE", folder.join("pi.cfg"));
    command
}
