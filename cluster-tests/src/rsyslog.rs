//! Debian's rsyslog, listening to UDP and TCP on one port, and what it has understood.
//!
//! It parses RFC 5424 itself, structured data included, and writes one line of JSON for each message: a message that was not what we
//! meant shows in its fields. Control characters would be shown as they came.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::{limits, ports, process, wait};

/// An rsyslog of its own. Its process is killed when this is dropped.
pub struct Rsyslog {
    pub address: SocketAddr,
    folder: TempDir,
    child: Option<Child>,
}

/// Our name of a property, and rsyslog's.
const FIELDS: [(&str, &str); 5] = [
    ("pri", "pri"),
    ("host", "hostname"),
    ("id", "msgid"),
    ("data", "$!rfc5424-sd"),
    ("text", "msg"),
];

impl Rsyslog {
    /// Starts one on a free port and waits until it listens.
    pub fn started() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("quorate-rsyslog-").tempdir()?;
        let mut rsyslog = Self {
            address: ports::free_for(Ipv4Addr::LOCALHOST.into()),
            folder,
            child: None,
        };
        fs::write(rsyslog.folder.path().join("rsyslog.conf"), rsyslog.configuration())?;
        rsyslog.start()?;
        Ok(rsyslog)
    }

    /// One with another configuration, written for its folder and port, and with these files beside it.
    pub fn configured(files: &[(&str, &str)], configuration: impl FnOnce(&Path, u16) -> String) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("quorate-rsyslog-").tempdir()?;
        for (name, text) in files {
            fs::write(folder.path().join(name), text)?;
        }
        let address = ports::free_for(Ipv4Addr::LOCALHOST.into());
        let text = configuration(folder.path(), address.port());
        fs::write(folder.path().join("rsyslog.conf"), text)?;
        let mut rsyslog = Self {
            address,
            folder,
            child: None,
        };
        rsyslog.start()?;
        Ok(rsyslog)
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn start(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let log = File::options().create(true).append(true).open(folder.join("log"))?;
        let child = Command::new("/usr/sbin/rsyslogd")
            .arg("-n")
            .arg("-f")
            .arg(folder.join("rsyslog.conf"))
            .arg("-i")
            .arg(folder.join("pid"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn();
        self.child = Some(child.context("cannot run rsyslogd (ops/test installs it)")?);
        wait::until_ok("rsyslog to listen", limits::READY, || {
            Ok(TcpStream::connect(self.address).map(drop)?)
        })
    }

    /// SIGTERM, as an operator would, and waits for the end.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            bail!("rsyslog does not run")
        };
        process::signal(child.id(), Signal::TERM)?;
        child.wait()?;
        Ok(())
    }

    /// Everything that arrived so far, oldest first; `data` is an object.
    pub fn arrived(&self) -> Result<Vec<Value>> {
        let text = fs::read_to_string(self.folder.path().join("out")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let read = |line: &str| -> Result<Value> {
            let mut message: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
            let data = message["data"].as_str().unwrap_or_default();
            let data: Value = serde_json::from_str(data).with_context(|| format!("no structured data: {line}"))?;
            message["data"] = data["quorate@32473"].clone();
            Ok(message)
        };
        whole.lines().map(read).collect()
    }

    fn configuration(&self) -> String {
        let folder = self.folder.path().display();
        let port = self.address.port();
        let property =
            |(out, name): (&str, &str)| format!("  property(outname=\"{out}\" name=\"{name}\" format=\"jsonf\")\n");
        let fields: String = FIELDS.into_iter().map(property).collect();
        format!(
            "global(workDirectory=\"{folder}\" parser.escapeControlCharactersOnReceive=\"off\")\n\
             module(load=\"imudp\")\nmodule(load=\"imtcp\")\nmodule(load=\"mmpstrucdata\")\n\
             input(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             action(type=\"mmpstrucdata\")\n\
             template(name=\"fields\" type=\"list\" option.jsonf=\"on\") {{\n{fields}}}\n\
             if $inputname == \"imtcp\" or $inputname == \"imudp\" then\n  \
             action(type=\"omfile\" file=\"{folder}/out\" template=\"fields\" asyncWriting=\"off\" flushOnTXEnd=\"on\")\n"
        )
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
