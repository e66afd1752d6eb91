//! What etcd and Galera share: codes that never run out, and a client that goes from node to node.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;

use super::{
    system::Client,
    wire::{Code, Connection, Protocol, Verdict},
};

/// Fresh codes: each user in turn, one timestep later each round.
pub struct Codes {
    users: u64,
    given: AtomicU64,
}

impl Codes {
    pub fn of(users: usize) -> Arc<Self> {
        Arc::new(Self {
            users: users as u64,
            given: AtomicU64::new(0),
        })
    }

    pub fn fresh(&self) -> Code {
        let given = self.given.fetch_add(1, Ordering::Relaxed);
        Code {
            user: given % self.users,
            step: given / self.users + 1,
        }
    }
}

/// A client that keeps its connection while the node answers, and goes to the one it is sent to when not.
pub struct Roamer<P> {
    servers: Vec<SocketAddr>,
    codes: Arc<Codes>,
    protocol: fn() -> P,
    code: Code,
    connection: Option<(usize, Connection<P>)>,
}

impl<P: Protocol> Roamer<P> {
    pub fn new(servers: Vec<SocketAddr>, codes: Arc<Codes>, protocol: fn() -> P) -> Self {
        Self {
            servers,
            codes,
            protocol,
            code: Code { user: 0, step: 0 },
            connection: None,
        }
    }
}

impl<P: Protocol + Send> Client for Roamer<P> {
    fn take_code(&mut self) -> Result<()> {
        self.code = self.codes.fresh();
        Ok(())
    }

    fn ask(&mut self, node: usize, patience: Duration) -> Result<Verdict> {
        let mut connection = match self.connection.take() {
            Some((to, connection)) if to == node => connection,
            _ => Connection::open(self.servers[node], (self.protocol)(), patience)?,
        };
        let verdict = connection.ask(self.code, patience)?;
        self.connection = Some((node, connection));
        Ok(verdict)
    }

    /// The peers know no repetition: the same request is a new one.
    fn reuse_code(&mut self) {}
}
