//! The state as rows of bytes: what a snapshot is written of, and what is digested.
//!
//! A key is one byte of table and the big-endian key within it, so that rows sort as the maps do. Indexes, queues and
//! closed audit segments are no rows. Two states with equal rows answer every command alike.

use std::{cmp::Ordering, sync::Arc};

use imbl::OrdMap;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::{
    audit::{Chain, Checkpoint, Head, HeadSignature, Seal},
    codec,
    ids::{
        ApiTokenId, ApplicationId, ClientId, ConversationId, DeviceId, DirectoryId, Fingerprint, GatewayId,
        JoinTokenId, NodeId, PendingId, Revision, RuleId, Stamp, TokenId, UserId,
    },
    records::{
        ApiToken, Application, Channel, Client, Cluster, DefaultLanguage, Device, Directory, Dispatch, Gateway,
        JoinToken, MessageText, Node, Pending, Policy, Retention, Rule, SentCode, Token, User,
    },
    state::{
        Delay, Offer, Remembered, SendCount, SourceDigest, State,
        expiring::{Expiring, Mortal},
        memory::Spent,
    },
};

/// Rows are not those of a state.
#[derive(Debug, thiserror::Error)]
pub enum DamagedImage {
    /// A key that no table has.
    #[error("the image has a row of an unknown table or with a malformed key")]
    Key,
    /// A value that its table cannot read.
    #[error("the image has an unreadable row: {0}")]
    Value(#[from] codec::Undecodable),
    /// The row that says how far the state had come is missing.
    #[error("the image has no head row")]
    NoHead,
}

/// The tables, by the first byte of their keys. A number is never used again.
mod table {
    pub const HEAD: u8 = 1;
    pub const CLUSTER: u8 = 2;
    pub const USERS: u8 = 3;
    pub const TOKENS: u8 = 4;
    pub const CLIENTS: u8 = 5;
    pub const APPLICATIONS: u8 = 6;
    pub const API_TOKENS: u8 = 7;
    pub const JOIN_TOKENS: u8 = 8;
    pub const NODES: u8 = 9;
    pub const VERDICTS: u8 = 10;
    pub const CONVERSATIONS: u8 = 11;
    pub const DELAYS: u8 = 12;
    pub const ANSWERS: u8 = 13;
    pub const AUDIT: u8 = 14;
    pub const SEALS: u8 = 15;
    pub const SIGNATURES: u8 = 16;
    pub const DIRECTORIES: u8 = 17;
    pub const SENT_CODES: u8 = 18;
    pub const DISPATCHES: u8 = 19;
    pub const SEND_COUNTS: u8 = 20;
    pub const GATEWAYS: u8 = 21;
    pub const RULES: u8 = 22;
    pub const PENDING: u8 = 23;
    pub const TEXTS: u8 = 24;
    pub const DEVICES: u8 = 25;
    pub const TRUST_OFFERS: u8 = 26;
}

/// The one row that moves with every command.
#[derive(Encode, Decode)]
struct HeadRow {
    #[n(0)]
    stamp: Stamp,
    #[n(1)]
    revision: Revision,
    #[n(2)]
    policy: Policy,
    #[cbor(n(3), with = "minicbor::bytes")]
    audit_head: Head,
    #[n(4)]
    audit_next_seq: u64,
    #[cbor(n(5), with = "minicbor::bytes")]
    checkpoint_head: Head,
    #[n(6)]
    checkpoint_segment: u64,
    #[n(7)]
    retention: Retention,
    #[n(8)]
    default_language: DefaultLanguage,
}

/// A row that expires.
#[derive(Encode, Decode)]
struct MortalRow<V> {
    #[n(0)]
    expires_ms: u64,
    #[n(1)]
    value: V,
}

type Row = (Vec<u8>, Vec<u8>);

impl State {
    /// Every row, in the order of the keys.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        std::iter::once(self.head_row())
            .chain(self.cluster.iter().map(|cluster| cluster_row(cluster)))
            .chain(table_rows(table::USERS, &self.users))
            .chain(table_rows(table::TOKENS, &self.tokens))
            .chain(table_rows(table::CLIENTS, &self.clients))
            .chain(table_rows(table::APPLICATIONS, &self.applications))
            .chain(table_rows(table::API_TOKENS, &self.api_tokens))
            .chain(table_rows(table::JOIN_TOKENS, &self.join_tokens))
            .chain(table_rows(table::NODES, &self.nodes))
            .chain(table_rows(table::VERDICTS, self.memory.verdicts.rows()))
            .chain(table_rows(table::CONVERSATIONS, self.memory.conversations.rows()))
            .chain(table_rows(table::DELAYS, self.memory.delays.rows()))
            .chain(table_rows(table::ANSWERS, self.memory.answers.rows()))
            .chain(table_rows(table::AUDIT, self.audit.open_table()))
            .chain(table_rows(table::SEALS, self.audit.seal_table()))
            .chain(table_rows(table::SIGNATURES, self.audit.signature_table()))
            .chain(table_rows(table::DIRECTORIES, &self.directories))
            .chain(table_rows(table::SENT_CODES, self.memory.sent_codes.rows()))
            .chain(table_rows(table::DISPATCHES, self.memory.dispatches.rows()))
            .chain(table_rows(table::SEND_COUNTS, self.memory.send_counts.rows()))
            .chain(table_rows(table::GATEWAYS, &self.gateways))
            .chain(table_rows(table::RULES, &self.rules))
            .chain(table_rows(table::PENDING, &self.pending))
            .chain(table_rows(table::TEXTS, &self.texts))
            .chain(table_rows(table::DEVICES, self.devices.rows()))
            .chain(table_rows(table::TRUST_OFFERS, self.memory.offers.rows()))
    }

    /// The state in these rows, in whatever order they come.
    pub fn from_rows<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        rows: impl IntoIterator<Item = (K, V)>,
    ) -> Result<State, DamagedImage> {
        let mut builder = StateBuilder::default();
        for (key, value) in rows {
            builder.row(key.as_ref(), value.as_ref())?;
        }
        builder.finish()
    }

    /// SHA-256 over all rows with their lengths: equal on every node at the same log index.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (key, value) in self.rows() {
            hash.update((key.len() as u64).to_be_bytes());
            hash.update(&key);
            hash.update((value.len() as u64).to_be_bytes());
            hash.update(&value);
        }
        hash.finalize().into()
    }

    fn head_row(&self) -> Row {
        let row = HeadRow {
            stamp: self.stamp,
            revision: self.revision,
            policy: self.policy,
            audit_head: self.audit.head(),
            audit_next_seq: self.audit.next_seq(),
            checkpoint_head: self.audit.checkpoint().head,
            checkpoint_segment: self.audit.checkpoint().segment,
            retention: self.retention,
            default_language: self.default_language.clone(),
        };
        (vec![table::HEAD], codec::to_bytes(&row))
    }
}

fn cluster_row(cluster: &Cluster) -> Row {
    (vec![table::CLUSTER], codec::to_bytes(cluster))
}

fn table_rows<K: Key, V: Value>(table: u8, map: &OrdMap<K, V>) -> impl Iterator<Item = Row> + '_ {
    map.iter()
        .map(move |(key, value)| (row_key(table, key), value.to_value()))
}

fn row_key<K: Key>(table: u8, key: &K) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(33);
    bytes.push(table);
    key.write(&mut bytes);
    bytes
}

/// Makes a state of its rows, one at a time and in any order: for readers whose rows can fail to come.
#[derive(Debug, Default)]
pub struct StateBuilder {
    state: State,
    head: Option<(Stamp, Revision, Chain)>,
}

impl StateBuilder {
    /// Takes one row.
    ///
    /// # Errors
    /// The row is not one that [`State::rows`] writes.
    pub fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), DamagedImage> {
        let (table, key) = key.split_first().ok_or(DamagedImage::Key)?;
        let state = &mut self.state;
        match *table {
            table::HEAD => self.take_head(codec::from_bytes(value)?),
            table::CLUSTER => state.put_cluster(codec::from_bytes(value)?),
            table::USERS => state.put_user(Arc::new(codec::from_bytes(value)?)),
            table::TOKENS => state.put_token(Arc::new(codec::from_bytes(value)?)),
            table::CLIENTS => state.put_client(Arc::new(codec::from_bytes(value)?)),
            table::APPLICATIONS => state.put_application(codec::from_bytes(value)?),
            table::API_TOKENS => state.put_api_token(codec::from_bytes(value)?),
            table::JOIN_TOKENS => state.put_join_token(codec::from_bytes(value)?),
            table::NODES => state.put_node(codec::from_bytes(value)?),
            table::DIRECTORIES => state.put_directory(codec::from_bytes(value)?),
            table::VERDICTS => take_mortal(&mut state.memory.verdicts, key, value)?,
            table::CONVERSATIONS => take_mortal(&mut state.memory.conversations, key, value)?,
            table::DELAYS => take_mortal(&mut state.memory.delays, key, value)?,
            table::ANSWERS => take_mortal(&mut state.memory.answers, key, value)?,
            table::SENT_CODES => {
                let key = TokenId::read(key).ok_or(DamagedImage::Key)?;
                let MortalRow { expires_ms, value } = codec::from_bytes::<MortalRow<SentCode>>(value)?;
                let value = Arc::new(value);
                state.memory.sent_codes.insert(key, Mortal { value, expires_ms });
            }
            table::DISPATCHES => take_mortal(&mut state.memory.dispatches, key, value)?,
            table::SEND_COUNTS => take_mortal(&mut state.memory.send_counts, key, value)?,
            table::GATEWAYS => state.put_gateway(codec::from_bytes(value)?),
            table::RULES => state.put_rule(Arc::new(codec::from_bytes(value)?)),
            table::PENDING => state.put_pending(Arc::new(codec::from_bytes(value)?)),
            table::TEXTS => state.put_text(Arc::new(codec::from_bytes(value)?)),
            table::DEVICES => state.devices_mut().put(Arc::new(codec::from_bytes(value)?)),
            table::TRUST_OFFERS => take_mortal(&mut state.memory.offers, key, value)?,
            table::AUDIT => {
                state
                    .audit
                    .restore_record(u64::read(key).ok_or(DamagedImage::Key)?, value.into());
            }
            table::SEALS => {
                let segment = u64::read(key).ok_or(DamagedImage::Key)?;
                state.audit_mut().restore_seal(segment, codec::from_bytes(value)?);
            }
            table::SIGNATURES => {
                let key = <(u64, NodeId)>::read(key).ok_or(DamagedImage::Key)?;
                state.audit_mut().restore_signature(key, codec::from_bytes(value)?);
            }
            _ => return Err(DamagedImage::Key),
        }
        Ok(())
    }

    /// The state of all rows taken.
    ///
    /// # Errors
    /// The head row is missing.
    pub fn finish(mut self) -> Result<State, DamagedImage> {
        let (stamp, revision, chain) = self.head.ok_or(DamagedImage::NoHead)?;
        let audit = chain.with_rows_of(std::mem::take(self.state.audit_mut()));
        self.state.restore_head(stamp, revision, audit);
        Ok(self.state)
    }

    fn take_head(&mut self, row: HeadRow) {
        let HeadRow {
            stamp,
            revision,
            policy,
            audit_head,
            audit_next_seq,
            checkpoint_head,
            checkpoint_segment,
            retention,
            default_language,
        } = row;
        let checkpoint = Checkpoint {
            segment: checkpoint_segment,
            head: checkpoint_head,
        };
        self.state.put_policy(policy);
        self.state.put_retention(retention);
        self.state.put_default_language(default_language);
        self.head = Some((stamp, revision, Chain::restore(audit_head, audit_next_seq, checkpoint)));
    }
}

fn take_mortal<K: Key + Copy, V>(table: &mut Expiring<K, V>, key: &[u8], value: &[u8]) -> Result<(), DamagedImage>
where
    V: Copy + for<'b> Decode<'b, ()>,
{
    let key = K::read(key).ok_or(DamagedImage::Key)?;
    let MortalRow { expires_ms, value } = codec::from_bytes(value)?;
    table.insert(key, Mortal { value, expires_ms });
    Ok(())
}

/// A key of a table: its bytes sort as it does.
trait Key: Ord + Clone {
    fn write(&self, bytes: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl Key for u64 {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(u64::from_be_bytes)
    }
}

macro_rules! wrapped_key {
    ($($name:ident),*) => {$(
        impl Key for $name {
            fn write(&self, bytes: &mut Vec<u8>) {
                self.0.write(bytes);
            }

            fn read(bytes: &[u8]) -> Option<Self> {
                Key::read(bytes).map($name)
            }
        }
    )*};
}

wrapped_key!(
    UserId,
    TokenId,
    ClientId,
    ApplicationId,
    ApiTokenId,
    JoinTokenId,
    DirectoryId,
    NodeId,
    GatewayId,
    RuleId,
    PendingId,
    DeviceId
);
wrapped_key!(Fingerprint, ConversationId, SourceDigest, SendCount);

impl Key for [u8; 16] {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

impl Key for (Channel, Box<str>) {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.0 as u8);
        bytes.extend(self.1.bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (channel, language) = bytes.split_first()?;
        let channel = Channel::ALL.into_iter().find(|one| *one as u8 == *channel)?;
        Some((channel, std::str::from_utf8(language).ok()?.into()))
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    /// Such keys are (user, source) and (records, node): eight bytes and the rest.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (first, second) = bytes.split_at_checked(8)?;
        Some((A::read(first)?, B::read(second)?))
    }
}

/// A value of a table.
trait Value {
    fn to_value(&self) -> Vec<u8>;
}

macro_rules! shared_value {
    ($($name:ident),*) => {$(
        impl Value for Arc<$name> {
            fn to_value(&self) -> Vec<u8> {
                codec::to_bytes::<$name>(self)
            }
        }
    )*};
}

shared_value!(
    User,
    Token,
    Client,
    Application,
    ApiToken,
    JoinToken,
    Node,
    Directory,
    HeadSignature,
    Gateway,
    Rule,
    Pending,
    MessageText,
    Device
);

impl Value for Seal {
    fn to_value(&self) -> Vec<u8> {
        codec::to_bytes(self)
    }
}

macro_rules! mortal_value {
    ($($name:ident),*) => {$(
        impl Value for Mortal<$name> {
            fn to_value(&self) -> Vec<u8> {
                codec::to_bytes(&MortalRow { expires_ms: self.expires_ms, value: self.value })
            }
        }
    )*};
}

mortal_value!(Remembered, Spent, Delay, Revision, Dispatch, Offer, u32);

impl Value for Mortal<Arc<SentCode>> {
    fn to_value(&self) -> Vec<u8> {
        codec::to_bytes(&MortalRow {
            expires_ms: self.expires_ms,
            value: &*self.value,
        })
    }
}

impl Value for Arc<[u8]> {
    fn to_value(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl PartialEq for State {
    /// Equal rows, which is all that answers depend on. For tests and checks: it reads everything.
    fn eq(&self, other: &Self) -> bool {
        self.rows().cmp(other.rows()) == Ordering::Equal
    }
}
