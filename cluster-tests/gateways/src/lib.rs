//! Starting real mail servers, message centres (SMPP), HTTP gateways, token servers and proxies, each in a process of its own on free ports
//! of 127.0.0.1.
//!
//! They are stopped when they are dropped; and should the test die without dropping them, they end with their standard input. Needs Debian's
//! `python3`, `python3-aiosmtpd` and `libnet-smpp-perl`. Nothing here knows Quorate.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, reason = "a panic is a failing test")]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddrV4},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// How long a server may take to listen. Python starts in a tenth of a second; a busy machine takes its time.
const START: Duration = Duration::from_secs(60);

/// How long something that has to happen may take.
const SOON: Duration = Duration::from_secs(20);

/// Debian's own, which knows `python3-aiosmtpd`.
const PYTHON: &[&str] = &["/usr/bin/python3", "-B", "-W", "ignore"];

/// Debian's own, which knows `libnet-smpp-perl`.
const PERL: &[&str] = &["/usr/bin/perl"];

/// A server's process, what it recorded, and where it listens.
pub struct Server {
    child: Child,
    ports: Value,
    record: PathBuf,
    _folder: TempDir,
}

impl Server {
    fn start(interpreter: &[&str], script: &str, arguments: &[String]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let record = folder.path().join("record.jsonl");
        let file = folder.path().join("server");
        fs::write(&file, script).expect("a file");
        let mut command = Command::new(interpreter[0]);
        command
            .args(&interpreter[1..])
            .arg(file)
            .arg("--record")
            .arg(&record)
            .args(arguments);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("the interpreter starts");
        let stdout = child.stdout.take().expect("a pipe");
        let (say, hear) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = say.send(line);
        });
        let line = hear.recv_timeout(START).unwrap_or_default();
        let ports = serde_json::from_str(&line);
        if ports.is_err() {
            let _ = child.kill();
        }
        Self {
            child,
            ports: ports.expect("the server says where it listens"),
            record,
            _folder: folder,
        }
    }

    /// The port of this name.
    pub fn port(&self, name: &str) -> u16 {
        let port = self.ports[name].as_u64().expect("the server has such a port");
        u16::try_from(port).expect("a port")
    }

    /// Everything that was recorded so far.
    pub fn recorded(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.record).unwrap_or_default();
        // The last line may be half written.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// Waits until `count` entries were recorded.
    pub fn wait_for(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + SOON;
        loop {
            let recorded = self.recorded();
            if recorded.len() >= count {
                return recorded;
            }
            assert!(
                Instant::now() < deadline,
                "waited in vain for {count} entries: {recorded:?}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it at once; whoever connects from now on is refused.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A mail server; `options` are those of `servers/smtp.py`.
pub fn mail_server(options: &[&str], certificates: Option<&Certificates>) -> Server {
    Server::start(
        PYTHON,
        include_str!("../servers/smtp.py"),
        &with_certificates(options, certificates),
    )
}

/// An HTTP gateway with everything around it; `options` are those of `servers/gateway.py`.
pub fn http_server(options: &[&str], certificates: Option<&Certificates>) -> Server {
    Server::start(
        PYTHON,
        include_str!("../servers/gateway.py"),
        &with_certificates(options, certificates),
    )
}

/// A message centre that speaks SMPP; `options` are those of `servers/smpp.pl`.
pub fn smpp_server(options: &[&str]) -> Server {
    Server::start(
        PERL,
        include_str!("../servers/smpp.pl"),
        &with_certificates(options, None),
    )
}

/// TLS, on the port `tls`, in front of the server at `port`.
pub fn tls_in_front_of(port: u16, certificates: &Certificates) -> Server {
    Server::start(
        PYTHON,
        include_str!("../servers/tls.py"),
        &with_certificates(&["--to", &port.to_string()], Some(certificates)),
    )
}

fn with_certificates(options: &[&str], certificates: Option<&Certificates>) -> Vec<String> {
    let mut arguments: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
    if let Some(certificates) = certificates {
        for (option, file) in [("--certificate", "server.pem"), ("--key", "server.key")] {
            let file = certificates.folder.path().join(file);
            arguments.extend([option.to_owned(), file.display().to_string()]);
        }
    }
    arguments
}

/// A port that refuses connections: bound, so that nobody else gets it, and never listening.
pub struct ClosedPort {
    _socket: rustix::fd::OwnedFd,
    number: u16,
}

impl ClosedPort {
    /// Takes one.
    pub fn new() -> Self {
        use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
        let bound = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&bound, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = getsockname(&bound).expect("an address");
        let address = SocketAddrV4::try_from(address).expect("an IPv4 address");
        Self {
            _socket: bound,
            number: address.port(),
        }
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

impl Default for ClosedPort {
    fn default() -> Self {
        Self::new()
    }
}

/// An authority of its own, and a certificate of a server.
pub struct Certificates {
    folder: TempDir,
    /// The authority's certificate.
    pub ca_pem: String,
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

impl Certificates {
    /// For `localhost` and `127.0.0.1`.
    pub fn new() -> Self {
        Self::for_names(&["localhost", "127.0.0.1"])
    }

    /// For these names and addresses.
    pub fn for_names(names: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let ca_key = rcgen::KeyPair::generate().expect("a key");
        let mut ca = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        ca.distinguished_name.push(rcgen::DnType::CommonName, "Delivery tests");
        let ca_certificate = ca.self_signed(&ca_key).expect("a certificate");
        let issuer = rcgen::Issuer::new(ca, ca_key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = rcgen::CertificateParams::new(names).expect("parameters");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        fs::write(folder.path().join("server.pem"), certificate.pem()).expect("a file");
        fs::write(folder.path().join("server.key"), key.serialize_pem()).expect("a file");
        fs::write(folder.path().join("ca.pem"), ca_certificate.pem()).expect("a file");
        let ca_pem = ca_certificate.pem();
        Self { folder, ca_pem }
    }

    /// The authority's certificate, as a file.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}
