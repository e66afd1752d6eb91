//! Real receivers in processes of their own, each with a folder and free ports, ended with the test whatever becomes of it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use quorate_alerts::Dice;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// What turns a hang into a failure; every wait ends with its condition.
pub const LIMIT: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(10);

/// Waits for a condition; the error says for what.
pub async fn until<T>(what: impl std::fmt::Display, mut probe: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = probe() {
            return Ok(found);
        }
        ensure!(Instant::now() < deadline, "waited {LIMIT:?} in vain for {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// The middle of the road: tests want no jitter.
pub fn dice() -> Dice {
    Arc::new(|| u32::MAX / 2)
}

/// A port that is free for TCP and UDP now.
pub fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// A process that ends with this value.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let log = fs::File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn();
        Ok(Process(child.with_context(|| {
            format!("cannot run {command:?} (ops/test installs what is missing)")
        })?))
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.0.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("a process id")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Sends the signal and waits for the end.
    pub fn end(mut self, signal: Signal) -> Result<()> {
        self.signal(signal)?;
        self.0.wait()?;
        Ok(())
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A CA, and certificates of it as PEM files.
pub struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Ca {
    pub fn new(folder: &Path, name: &str) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.key_usages = vec![
            rcgen::KeyUsagePurpose::KeyCertSign,
            rcgen::KeyUsagePurpose::DigitalSignature,
        ];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("ca.pem"), issuer.pem())?;
        Ok(Ca { issuer, folder })
    }

    pub fn file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Certificate and key for a name.
    pub fn issue(&self, name: &str) -> Result<(PathBuf, PathBuf)> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            rcgen::ExtendedKeyUsagePurpose::ServerAuth,
            rcgen::ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let (chain_file, key_file) = (
            self.folder.join(format!("{name}.pem")),
            self.folder.join(format!("{name}.key")),
        );
        fs::write(&chain_file, certificate.pem())?;
        fs::write(&key_file, key.serialize_pem())?;
        Ok((chain_file, key_file))
    }
}

/// What an rsyslog of a test listens to.
pub enum Ears {
    /// UDP and TCP on one port.
    Plain,
    /// TLS with a certificate for `localhost` by this CA; `clients` whether they need one by it, too.
    Tls { ca: Box<Ca>, clients: bool },
}

/// Debian's rsyslog with a configuration of its own.
pub struct Rsyslog {
    pub port: u16,
    pub folder: TempDir,
    pub ears: Ears,
    process: Option<Process>,
}

impl Rsyslog {
    /// Writes a configuration on a free port and starts nothing.
    pub fn prepare(ears: impl FnOnce(&Path) -> Result<Ears>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("rsyslog-").tempdir()?;
        let rsyslog = Rsyslog {
            port: free_port(),
            ears: ears(folder.path())?,
            folder,
            process: None,
        };
        fs::write(rsyslog.folder.path().join("rsyslog.conf"), rsyslog.configuration()?)?;
        Ok(rsyslog)
    }

    pub async fn started(ears: impl FnOnce(&Path) -> Result<Ears>) -> Result<Self> {
        let mut rsyslog = Self::prepare(ears)?;
        rsyslog.start().await?;
        Ok(rsyslog)
    }

    pub fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Starts it, and waits until it listens.
    pub async fn start(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let mut command = Command::new("/usr/sbin/rsyslogd");
        command
            .arg("-n")
            .arg("-f")
            .arg(folder.join("rsyslog.conf"))
            .arg("-i")
            .arg(folder.join("pid"));
        self.process = Some(Process::start(&mut command, &folder.join("log"))?);
        let port = self.port;
        let listens = until("rsyslog to listen", || {
            std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        listens.await.map(drop).with_context(|| self.said())
    }

    /// Ends it: SIGTERM as an operator would, SIGKILL as a crash.
    pub fn end(&mut self, signal: Signal) -> Result<()> {
        self.process.take().context("it does not run")?.end(signal)
    }

    pub fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Everything that arrived so far, as rsyslog has parsed it.
    pub fn arrived(&self) -> Vec<Arrived> {
        let text = fs::read_to_string(self.folder.path().join("out")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(Arrived::read).collect()
    }

    fn configuration(&self) -> Result<String> {
        let folder = self.folder.path().display();
        let port = self.port;
        let (global, input) = match &self.ears {
            Ears::Plain => (
                String::new(),
                format!(
                    "module(load=\"imudp\")\nmodule(load=\"imtcp\")\n\
                     input(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\")\n"
                ),
            ),
            Ears::Tls { ca, clients } => {
                let (chain, key) = ca.issue("localhost")?;
                let mode = if *clients { "x509/certvalid" } else { "anon" };
                (
                    format!(
                        "global(defaultNetstreamDriverCAFile=\"{}\" defaultNetstreamDriverCertFile=\"{}\" \
                         defaultNetstreamDriverKeyFile=\"{}\")\n",
                        ca.file().display(),
                        chain.display(),
                        key.display()
                    ),
                    format!(
                        "module(load=\"imtcp\" StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" \
                         StreamDriver.AuthMode=\"{mode}\")\n"
                    ),
                )
            }
        };
        let mut fields = String::new();
        for (out, name) in FIELDS {
            let date = if out == "time" { " dateFormat=\"rfc3339\"" } else { "" };
            fields += &format!("  property(outname=\"{out}\" name=\"{name}\" format=\"jsonf\"{date})\n");
        }
        Ok(format!(
            "global(workDirectory=\"{folder}\" parser.escapeControlCharactersOnReceive=\"off\")\n{global}{input}\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             module(load=\"mmpstrucdata\")\naction(type=\"mmpstrucdata\")\n\
             template(name=\"fields\" type=\"list\" option.jsonf=\"on\") {{\n{fields}}}\n\
             if $inputname == \"imtcp\" or $inputname == \"imudp\" then\n  \
             action(type=\"omfile\" file=\"{folder}/out\" template=\"fields\" asyncWriting=\"off\" flushOnTXEnd=\"on\")\n"
        ))
    }
}

/// Our name and rsyslog's of each property.
const FIELDS: [(&str, &str); 10] = [
    ("pri", "pri"),
    ("version", "protocol-version"),
    ("time", "timereported"),
    ("host", "hostname"),
    ("app", "app-name"),
    ("process", "procid"),
    ("id", "msgid"),
    ("input", "inputname"),
    ("data", "$!rfc5424-sd"),
    ("text", "msg"),
];

/// One message as rsyslog saw it.
#[derive(Debug, Clone)]
pub struct Arrived(pub Value);

impl Arrived {
    /// A server that was killed in the midst of writing leaves a piece of a message, and the next one stands in the same line.
    fn read(line: &str) -> Self {
        let line = line.rfind("{\"pri\":").map_or(line, |begun| &line[begun..]);
        Arrived(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    pub fn field(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    /// A value of the structured data.
    pub fn fact(&self, name: &str) -> Option<String> {
        let data: Value = serde_json::from_str(self.field("data")).ok()?;
        Some(data["quorate@32473"][name].as_str()?.to_owned())
    }

    pub fn seq(&self) -> Option<u64> {
        self.fact("seq")?.parse().ok()
    }
}

/// A receiver of webhooks: `receiver.py` in a Python of its own.
pub struct Receiver {
    pub port: u16,
    pub folder: TempDir,
    tls: Option<(PathBuf, PathBuf)>,
    process: Option<Process>,
}

impl Receiver {
    pub fn prepare(secret: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("webhook-").tempdir()?;
        fs::write(folder.path().join("secret"), format!("{secret}\n"))?;
        let receiver = Receiver {
            port: free_port(),
            folder,
            tls: None,
            process: None,
        };
        receiver.behave("fine")?;
        Ok(receiver)
    }

    pub fn with_certificate(mut self, certificate: (PathBuf, PathBuf)) -> Self {
        self.tls = Some(certificate);
        self
    }

    pub async fn start(&mut self) -> Result<()> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receiver.py");
        let folder = self.folder.path();
        let mut command = Command::new("python3");
        command.arg(script).arg(self.port.to_string()).arg(folder);
        if let Some((chain, key)) = &self.tls {
            command.arg(chain).arg(key);
        }
        self.process = Some(Process::start(&mut command, &folder.join("log"))?);
        let port = self.port;
        let listens = until("the receiver to listen", || {
            std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        listens.await.map(drop)
    }

    pub fn end(&mut self) -> Result<()> {
        self.process.take().context("it does not run")?.end(Signal::KILL)
    }

    /// From the next request on: `fine`, `slow`, or a status.
    pub fn behave(&self, how: &str) -> Result<()> {
        let (next, file) = (self.folder.path().join("next"), self.folder.path().join("behaviour"));
        let mut written = fs::File::create(&next)?;
        written.write_all(how.as_bytes())?;
        Ok(fs::rename(next, file)?)
    }

    /// What it was sent, oldest first, each with what it thinks of it.
    pub fn received(&self) -> Result<Vec<Value>> {
        let text = fs::read_to_string(self.folder.path().join("received")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let read = |line| serde_json::from_str(line).map_err(anyhow::Error::from);
        let received: Vec<Value> = whole.lines().map(read).collect::<Result<_>>()?;
        if let Some(bad) = received.iter().find(|request| request["genuine"] != true) {
            bail!("the receiver does not believe in {bad}");
        }
        Ok(received)
    }
}
