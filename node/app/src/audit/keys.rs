//! What a record is found by: numbers that an index keeps lists under.
//!
//! A key is the beginning of a SHA-256 over what it stands for. Two things with the same key are unlikely and
//! harmless: what an index finds is compared with the filter again.

use std::fmt::Display;

use quorate_core::audit::AuditRecord;
use quorate_core::{ClientId, NodeId, UserId, UserName};
use sha2::{Digest, Sha256};

use super::filter::{client_of, name_of, node_of, reason_of, user_of};
use crate::names::Names;

/// Moves when other keys are made of the same record: an index of another version is made anew.
const VERSION: u32 = 1;

/// Makes the keys of records, for whoever keeps an index.
#[derive(Debug, Clone, Default)]
pub struct AuditKeys {
    names: Names,
}

/// One thing to find records by.
pub(super) enum Key<'a> {
    User(UserId),
    Name(&'a UserName),
    Client(ClientId),
    Kind(&'a str),
    Reason(&'a str),
    Node(NodeId),
}

impl AuditKeys {
    /// Keys under which names are folded like this.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self { names }
    }

    /// Differs when keys are made differently.
    #[must_use]
    pub fn version(&self) -> u32 {
        let domains = self.names.local_domains().join("\n");
        hash("version", format_args!("{VERSION} {domains}")) as u32
    }

    /// The keys of a record, each once.
    #[must_use]
    pub fn of(&self, record: &AuditRecord) -> Vec<u64> {
        let entry = &record.entry;
        let name = name_of(entry, &self.names);
        let keys = [
            user_of(entry).map(Key::User),
            name.as_ref().map(Key::Name),
            client_of(entry).map(Key::Client),
            Some(Key::Kind(entry.label())),
            reason_of(entry).map(Key::Reason),
            Some(Key::Node(node_of(entry))),
        ];
        keys.into_iter().flatten().map(|key| key.hash()).collect()
    }
}

impl Key<'_> {
    pub(super) fn hash(&self) -> u64 {
        match self {
            Key::User(user) => hash("user", user),
            Key::Name(name) => hash("name", name),
            Key::Client(client) => hash("client", client),
            Key::Kind(kind) => hash("kind", kind),
            Key::Reason(reason) => hash("reason", reason),
            Key::Node(node) => hash("node", node),
        }
    }
}

fn hash(what: &str, of: impl Display) -> u64 {
    let digest: [u8; 32] = Sha256::digest(format!("{what}\0{of}")).into();
    digest[..8]
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
