//! Which clients may have sent a packet, with their shared secrets opened.
//!
//! Opening a secret costs a microsecond, and every packet from an address needs it for every client there; so what
//! was opened is kept, by client and revision. A client's next revision replaces it; a deleted client's stays until
//! the cache is swept, and is never handed out, for the state names no such client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::RwLock;
use quorate_core::{Client, ClientId, Revision, State};
use quorate_seal::{KeyRing, SealError};
use zeroize::Zeroizing;

use crate::administer::secret_aad;
use crate::limits;

/// Opened shared secrets of one client: one, or two while it is rotated.
pub type Secrets = Arc<[Zeroizing<Vec<u8>>]>;

/// A client that may have sent a packet.
#[derive(Clone)]
pub struct Candidate {
    pub client: Arc<Client>,
    /// One of them is the packet's, if the client is the right one.
    pub secrets: Secrets,
}

/// The opened secrets of all clients that have sent packets here.
pub struct ClientSecrets {
    keys: Arc<KeyRing>,
    opened: RwLock<HashMap<ClientId, (Revision, Secrets)>>,
}

impl ClientSecrets {
    #[must_use]
    pub fn new(keys: Arc<KeyRing>) -> Self {
        Self {
            keys,
            opened: RwLock::new(HashMap::new()),
        }
    }

    /// Clients whose networks hold the address, longest prefix first; disabled ones are among them. One whose
    /// secrets do not open under this node's key is left out, with an error in the log.
    pub fn candidates(&self, state: &State, source: IpAddr) -> Vec<Candidate> {
        let clients = state.client_candidates(source);
        clients.filter_map(|client| self.candidate(client)).collect()
    }

    fn candidate(&self, client: &Arc<Client>) -> Option<Candidate> {
        match self.secrets(client) {
            Ok(secrets) => Some(Candidate {
                client: Arc::clone(client),
                secrets,
            }),
            Err(error) => {
                tracing::error!(client = %client.id, name = &*client.name, %error, "a client's secret does not open");
                None
            }
        }
    }

    fn secrets(&self, client: &Client) -> Result<Secrets, SealError> {
        if let Some((revision, secrets)) = self.opened.read().get(&client.id)
            && *revision == client.revision
        {
            return Ok(Arc::clone(secrets));
        }
        let aad = secret_aad(client.id);
        let secrets = client
            .secrets
            .iter()
            .map(|sealed| self.keys.open(aad, sealed.as_bytes()));
        let secrets: Secrets = secrets.collect::<Result<Vec<_>, _>>()?.into();
        let mut opened = self.opened.write();
        if opened.len() >= limits::CACHED_CLIENTS {
            opened.clear();
        }
        opened.insert(client.id, (client.revision, Arc::clone(&secrets)));
        Ok(secrets)
    }
}
