//! What slapd does by itself: simple binds over TLS, on connections that are kept, as a node has them, or on a new one for each.
//!
//! One message there and one back is all of LDAP that a bind needs, so it is written out here (RFC 4511 §4.2) over rustls: no library's
//! time is taken for slapd's. Caveat: a login has a search of the service account before its bind, over a connection that is kept.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use quorate_directories::{PASSWORD, SUFFIX};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use super::Office;
use crate::generator::{Outcome, Pace};

/// Connections at once when the pace is given: more than slapd ever has at work.
const AT_ONCE: usize = 64;

/// A bind that takes longer is lost, as for a node.
const PATIENCE: Duration = Duration::from_secs(4);

/// Whether a connection serves for the next bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    Kept,
    New,
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

pub struct Binder {
    server: SocketAddr,
    tls: Arc<ClientConfig>,
    people: usize,
}

impl Binder {
    /// Binds as the people `p1` to `p{people}`.
    pub fn new(office: &Office, people: usize) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(office.authority.pem.as_bytes())?)?;
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            server: office.slapd.tls_address(),
            tls: Arc::new(tls),
            people,
        })
    }

    pub fn drive(&self, connections: Connections, pace: Pace, lasts: Duration) -> Result<Outcome> {
        self.bind(&mut self.connect()?, 1)?;
        let threads = match pace {
            Pace::Closed { in_flight } => in_flight,
            Pace::Open { .. } => AT_ONCE,
        };
        let (next, begun) = (AtomicUsize::new(0), Instant::now());
        let mut all = Outcome::default();
        std::thread::scope(|scope| {
            let work: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| self.work(connections, pace, begun + lasts, begun, &next)))
                .collect();
            for thread in work {
                let one = thread.join().expect("invariant: no binder panics");
                all.sent += one.sent;
                all.accepted += one.accepted;
                all.lost += one.lost;
                all.latencies.extend(one.latencies);
            }
        });
        all.elapsed = begun.elapsed();
        all.latencies.sort_unstable();
        Ok(all)
    }

    fn work(
        &self,
        connections: Connections,
        pace: Pace,
        until: Instant,
        begun: Instant,
        next: &AtomicUsize,
    ) -> Outcome {
        let (mut outcome, mut kept) = (Outcome::default(), None);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let due = match pace {
                Pace::Closed { .. } => Instant::now(),
                Pace::Open { per_second } => begun + Duration::from_secs_f64(number as f64 / per_second),
            };
            if due >= until {
                return outcome;
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            outcome.sent += 1;
            let connection = kept.take().map_or_else(|| self.connect(), Ok);
            let bound =
                connection.and_then(|mut stream| self.bind(&mut stream, 1 + number % self.people).map(|()| stream));
            match bound {
                Ok(stream) => {
                    kept = (connections == Connections::Kept).then_some(stream);
                    outcome.accepted += 1;
                    outcome.latencies.push(due.elapsed());
                }
                Err(_) => outcome.lost += 1,
            }
        }
    }

    fn connect(&self) -> Result<Stream> {
        let tcp = TcpStream::connect_timeout(&self.server, PATIENCE)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::from(self.server.ip());
        Ok(StreamOwned::new(
            ClientConnection::new(Arc::clone(&self.tls), name)?,
            tcp,
        ))
    }

    fn bind(&self, stream: &mut Stream, person: usize) -> Result<()> {
        stream.write_all(&request(&format!("uid=p{person},ou=people,{SUFFIX}"), PASSWORD)?)?;
        let mut head = [0; 2];
        stream.read_exact(&mut head)?;
        ensure!(head[0] == 0x30 && head[1] < 0x80, "no short LDAP message");
        let mut message = vec![0; head[1].into()];
        stream.read_exact(&mut message)?;
        // messageID 1, bindResponse, resultCode success.
        let is_success = message.starts_with(&[2, 1, 1, 0x61]) && message.get(5..8) == Some(&[0x0a, 1, 0]);
        ensure!(is_success, "a bind was answered {message:02x?}");
        Ok(())
    }
}

/// LDAPMessage 1: bindRequest of version 3 with a simple password. Every length fits into its one byte.
fn request(name: &str, password: &str) -> Result<Vec<u8>> {
    let mut bind = vec![2, 1, 3];
    for (tag, text) in [(4, name), (0x80, password)] {
        bind.extend([tag, u8::try_from(text.len())?]);
        bind.extend(text.as_bytes());
    }
    let length = u8::try_from(bind.len())?;
    let whole = length.checked_add(5).filter(|whole| *whole < 0x80);
    let mut message = vec![0x30, whole.context("a name too long for this")?, 2, 1, 1, 0x60, length];
    message.extend(bind);
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_as_rfc_4511_has_it() {
        let bytes = request("cn=a", "pw").unwrap_or_default();
        assert_eq!(bytes, b"\x30\x12\x02\x01\x01\x60\x0d\x02\x01\x03\x04\x04cn=a\x80\x02pw");
        assert!(request(&"a".repeat(100), &"b".repeat(50)).is_err());
    }
}
