//! Administration: every use case that changes users, tokens, clients, applications, policy and access.
//!
//! Each follows the same path, so that nothing half done stays behind:
//!
//! 1. *Validate* every field and report all bad ones at once ([`FieldError`]).
//! 2. *Hash and seal*: passwords through the hash queue, every secret and verifier under the application key.
//! 3. *Propose* one atomic command with the caller's expected revisions. An unknown outcome is proposed again under
//!    the same random request id, which the replicated state recognises.
//! 4. *Wait* until the local state has applied it, and answer from that state: what was acknowledged is read back.
//!
//! Who may do what is decided in replicated code (`Actor`), not here; here is only how a bearer of an API token is
//! told from an impostor ([`Administrator::authenticate_bearer`]).

mod access;
mod applications;
mod bulk;
mod care;
mod clients;
mod devices;
mod directories;
mod directory_person;
#[cfg(test)]
mod directory_person_tests;
mod directory_sync;
mod export;
mod gateways;
mod kept_here;
mod nodes;
mod own_password;
#[cfg(test)]
mod password_tests;
mod pending;
#[cfg(test)]
mod pending_tests;
mod pins;
mod planning;
mod policy;
mod retention;
mod roles;
mod rules;
mod staging;
mod submit;
#[cfg(test)]
mod tests;
mod texts;
#[cfg(test)]
mod texts_tests;
mod token_spec;
mod tokens;
mod users;

use std::sync::Arc;

use quorate_core::{NodeId, Sealed, State};
use quorate_seal::{Aad, Field, KeyRing, NONCE_LEN};
use zeroize::Zeroizing;

pub use self::access::{BearerRefused, IssuedApiToken};
pub use self::applications::ApplicationSpec;
pub use self::bulk::{BulkProgress, BulkUser};
pub use self::care::Care;
pub(crate) use self::clients::secret_aad;
pub use self::clients::{ClientSpec, SecretChange, TrustedSpec};
pub use self::directories::DirectorySpec;
pub use self::directory_sync::{SyncOrder, SyncReport};
pub use self::export::{TakenToken, TakenTokens, TakenUser};
pub use self::gateways::GatewaySpec;
pub use self::nodes::{FoundingNode, IssuedJoinToken, found_cluster};
pub use self::own_password::OwnPasswordChange;
pub use self::pending::PendingKeeper;
pub use self::planning::{ExplainSpec, Explained, Rerouted, WhatIf, WhatIfError, WhatIfSpec};
pub use self::policy::PolicySpec;
pub use self::roles::AccessChange;
pub use self::rules::RuleSpec;
pub use self::staging::{ImportRow, ImportStanding, ImportedPassword, ImportedToken, ImportedUser, RowVerdict};
pub use self::submit::AdminError;
pub use self::texts::TextInUse;
pub use self::token_spec::{Enrolment, Material, TokenSpec};
pub use self::users::{NewUser, UserChange};
use crate::courier::Courier;
use crate::hash_queue::HashQueue;
use crate::names::Names;
use crate::ports::{Clock, Deps, Directories, Entropy, Notifier, Replica, random, random_id};

/// What an administrator's use cases work with.
#[derive(Clone)]
pub struct Administrator {
    replica: Arc<dyn Replica>,
    keys: Arc<KeyRing>,
    hashes: Arc<HashQueue>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    names: Names,
    directories: Arc<dyn Directories>,
    notifier: Arc<dyn Notifier>,
    node: NodeId,
    courier: Courier,
    /// How long changes wait for their confirmation; none if they are made for good.
    within_ms: Option<u64>,
    /// How changes are made that could lock somebody out.
    care: Care,
    imports: Arc<staging::Imports>,
}

impl Administrator {
    #[must_use]
    pub fn new(deps: Deps) -> Self {
        Self {
            courier: Courier::new(&deps),
            imports: Arc::default(),
            replica: deps.replica,
            keys: deps.keys,
            hashes: deps.hashes,
            clock: deps.clock,
            entropy: deps.entropy,
            names: deps.names,
            directories: deps.directories,
            notifier: deps.notifier,
            node: deps.node,
            within_ms: None,
            care: Care::default(),
        }
    }

    /// The local state, for reads. It holds everything that this node has acknowledged.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        self.replica.state()
    }

    /// How user names are folded.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        random(&*self.entropy)
    }

    fn random_id(&self) -> u64 {
        random_id(&*self.entropy)
    }

    fn seal(&self, field: Field, record: u64, plain: &[u8]) -> Sealed {
        let nonce: [u8; NONCE_LEN] = self.random();
        self.keys.seal(nonce, Aad { field, record }, plain).into()
    }

    fn open(&self, field: Field, record: u64, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, AdminError> {
        Ok(self.keys.open(Aad { field, record }, sealed.as_bytes())?)
    }
}
