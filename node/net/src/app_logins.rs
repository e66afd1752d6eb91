//! The real house: the use cases of `quorate-app` behind the port.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::RwLock;
use quorate_app::{AccessRequest, Answer, Authenticator, ClientSecrets, Clock, Replica, Role};
use quorate_core::{ClientId, Revision};
use quorate_radius::SharedSecret;

use crate::limits::{QUORUM_FRESH_MS, SIGNING_KEYS_MAX};
use crate::port::{Candidate, Logins};

/// Judges by [`Authenticator`], finds clients in the replicated state.
pub struct AppLogins {
    authenticator: Arc<Authenticator>,
    client_secrets: Arc<ClientSecrets>,
    replica: Arc<dyn Replica>,
    clock: Arc<dyn Clock>,
    signing_keys: SigningKeys,
}

impl AppLogins {
    /// The same replica and clock as the authenticator's.
    pub fn new(
        authenticator: Arc<Authenticator>,
        client_secrets: Arc<ClientSecrets>,
        replica: Arc<dyn Replica>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            authenticator,
            client_secrets,
            replica,
            clock,
            signing_keys: SigningKeys::default(),
        }
    }
}

impl Logins for AppLogins {
    fn candidates(&self, source: IpAddr) -> Vec<Candidate> {
        let state = self.replica.state();
        let opened = self.client_secrets.candidates(&state, source);
        opened
            .into_iter()
            .map(|candidate| self.signing_keys.ready(candidate))
            .collect()
    }

    async fn authenticate(&self, request: AccessRequest) -> Answer {
        self.authenticator.authenticate(request).await
    }

    fn is_serving(&self) -> bool {
        let status = self.replica.status();
        let takes_part = !matches!(status.role, Role::Aside | Role::Candidate);
        // A follower knows that it has a leader; a leader, when it was last confirmed.
        let confirmed = status.quorum_ack_age_ms.is_none_or(|age_ms| age_ms <= QUORUM_FRESH_MS);
        takes_part && status.leader.is_some() && confirmed
    }

    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }
}

/// Clients' secrets with their HMAC key schedule computed, by client and revision.
#[derive(Default)]
struct SigningKeys {
    by_client: RwLock<HashMap<ClientId, Ready>>,
}

type Ready = (Revision, Arc<[SharedSecret]>);

impl SigningKeys {
    fn ready(&self, candidate: quorate_app::Candidate) -> Candidate {
        let quorate_app::Candidate { client, secrets } = candidate;
        if let Some((revision, keys)) = self.by_client.read().get(&client.id)
            && *revision == client.revision
        {
            return Candidate {
                secrets: Arc::clone(keys),
                client,
            };
        }
        let keys: Arc<[SharedSecret]> = secrets.iter().map(|octets| SharedSecret::new(octets)).collect();
        let mut by_client = self.by_client.write();
        if by_client.len() >= SIGNING_KEYS_MAX {
            by_client.clear();
        }
        by_client.insert(client.id, (client.revision, Arc::clone(&keys)));
        Candidate { secrets: keys, client }
    }
}
