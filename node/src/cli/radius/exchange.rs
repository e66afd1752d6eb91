//! One request to one or several servers, sent again as a NAS does: the same datagram to the same
//! server, then, under a new Identifier and Authenticator, to the next.

use std::{
    fmt,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

use quorate_radius::{
    SharedSecret,
    client::{Answer, ReplyError, Request, Sent},
    limits::PACKET_MAX_BYTES,
};
use tokio::net::UdpSocket;

use crate::cli::exit::{Done, Exit, Failure};

/// RFC 2865 section 3.
const RADIUS_PORT: u16 = 1812;

/// How to ask.
pub struct Exchange {
    pub servers: Vec<Server>,
    pub secret: SharedSecret,
    pub timeout: Duration,
    pub tries: u32,
    pub source: Option<IpAddr>,
    pub signed: bool,
}

/// A server as it was named, and where that is.
#[derive(Debug, Clone)]
pub struct Server {
    pub name: String,
    pub address: SocketAddr,
}

/// A trustworthy answer and where it came from.
#[derive(Debug)]
pub struct Answered {
    pub server: String,
    pub answer: Answer,
    /// How often the request was sent to that server.
    pub sent: u32,
    /// Milliseconds from the first sending.
    pub took_ms: u64,
}

/// A server from which no trustworthy answer came.
#[derive(Debug)]
pub struct Silence {
    pub server: String,
    pub sent: u32,
    pub waited_ms: u64,
    pub cause: Cause,
}

/// What was seen instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nothing at all.
    Nothing,
    /// The machine is there, and says that nobody listens on that port.
    Refused,
    /// The network says that the machine cannot be reached.
    Unreachable(ErrorKind),
    /// An answer, but one that cannot be trusted.
    Untrusted(ReplyError),
}

impl Server {
    /// HOST, HOST:PORT, IPv6 with or without brackets.
    pub async fn resolve(name: &str) -> Done<Server> {
        let target = match (
            name.parse::<SocketAddr>(),
            name.trim_matches(['[', ']']).parse::<IpAddr>(),
        ) {
            (Ok(address), _) => {
                return Ok(Server {
                    name: name.to_owned(),
                    address,
                });
            }
            (_, Ok(ip)) => {
                return Ok(Server {
                    name: name.to_owned(),
                    address: (ip, RADIUS_PORT).into(),
                });
            }
            _ if name.contains(':') => name.to_owned(),
            _ => format!("{name}:{RADIUS_PORT}"),
        };
        let unknown = |why: String| {
            Failure::new(Exit::Refused, format!("cannot find the server \"{name}\": {why}"))
                .advise("write HOST or HOST:PORT, as in 10.0.0.1, mfa-1.example.org:1812 or [2001:db8::1]:1812")
        };
        let mut addresses = tokio::net::lookup_host(&target)
            .await
            .map_err(|e| unknown(e.to_string()))?;
        let address = addresses
            .next()
            .ok_or_else(|| unknown("the name has no address".to_owned()))?;
        Ok(Server {
            name: name.to_owned(),
            address,
        })
    }
}

impl Exchange {
    /// Asks one server after another until one answers.
    ///
    /// # Errors
    /// The outer one where this machine cannot send; the inner one where nobody answered.
    pub async fn ask(&self, request: &Request) -> Done<Result<Answered, Vec<Silence>>> {
        let mut silences = Vec::new();
        for server in &self.servers {
            match self.ask_one(server, request).await? {
                Ok(answered) => return Ok(Ok(answered)),
                Err(silence) => silences.push(silence),
            }
        }
        Ok(Err(silences))
    }

    /// Asks one server, as often as it takes.
    ///
    /// # Errors
    /// As [`Exchange::ask`].
    pub async fn ask_one(&self, server: &Server, request: &Request) -> Done<Result<Answered, Silence>> {
        let socket = self.socket(server).await?;
        let request = if self.signed {
            request.clone()
        } else {
            request.clone().unsigned()
        };
        let sent = request
            .encode(random::<1>()?[0], random()?, &self.secret)
            .map_err(|e| Failure::new(Exit::Refused, format!("this cannot be sent: {e}")))?;
        let begun = Instant::now();
        let mut cause = Cause::Nothing;
        let mut tries = 0;
        while tries < self.tries {
            tries += 1;
            match self.try_once(&socket, &sent).await {
                Ok(answer) => {
                    return Ok(Ok(Answered {
                        server: server.name.clone(),
                        answer,
                        sent: tries,
                        took_ms: ms_since(begun),
                    }));
                }
                Err(Cause::Nothing) => {}
                Err(seen) => cause = seen,
            }
            // Sending again would only be refused again: the next server is the better try.
            if matches!(cause, Cause::Refused | Cause::Unreachable(_)) {
                break;
            }
        }
        Ok(Err(Silence {
            server: server.name.clone(),
            sent: tries,
            waited_ms: ms_since(begun),
            cause,
        }))
    }

    /// Sends once and waits for an answer that holds. Like a careful NAS it drops one that does
    /// not, goes on waiting, and only remembers what was wrong with it.
    async fn try_once(&self, socket: &UdpSocket, sent: &Sent) -> Result<Answer, Cause> {
        socket.send(sent.datagram()).await.map_err(|e| of_network(&e))?;
        let deadline = tokio::time::Instant::now() + self.timeout;
        let mut datagram = [0; PACKET_MAX_BYTES];
        let mut seen = Cause::Nothing;
        loop {
            let length = match tokio::time::timeout_at(deadline, socket.recv(&mut datagram)).await {
                Err(_) => return Err(seen),
                Ok(Err(e)) => return Err(of_network(&e)),
                Ok(Ok(length)) => length,
            };
            let checked = match self.signed {
                true => sent.verify(&datagram[..length], &self.secret),
                false => sent.verify_leniently(&datagram[..length], &self.secret),
            };
            match checked {
                Ok(answer) => return Ok(answer),
                // A late answer to an earlier request of this socket says nothing about this one.
                Err(ReplyError::OtherRequest(_)) => {}
                Err(error) => seen = Cause::Untrusted(error),
            }
        }
    }

    async fn socket(&self, server: &Server) -> Done<UdpSocket> {
        let any = match server.address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let source = self.source.unwrap_or(any);
        let cannot = |e: std::io::Error| Failure::system(format!("cannot send from {source} to {}", server.name), e);
        let socket = UdpSocket::bind((source, 0)).await.map_err(cannot)?;
        socket.connect(server.address).await.map_err(cannot)?;
        Ok(socket)
    }
}

fn of_network(error: &std::io::Error) -> Cause {
    match error.kind() {
        ErrorKind::ConnectionRefused => Cause::Refused,
        kind => Cause::Unreachable(kind),
    }
}

fn random<const N: usize>() -> Done<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| Failure::system("the system gives no random numbers", e))?;
    Ok(bytes)
}

fn ms_since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Cause::Nothing => write!(f, "no answer in {} ms to {} requests", self.waited_ms, self.sent),
            Cause::Refused => write!(f, "refused: nobody listens on that port"),
            Cause::Unreachable(kind) => write!(f, "the network cannot reach it: {kind}"),
            Cause::Untrusted(error) => write!(f, "an answer that cannot be trusted: {error}"),
        }
    }
}
